"""The definitions file: features, segments and placements, compiled together. An empty file is a working system."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec
import yaml

from tailorbird.conditions import Kind
from tailorbird.config import Settings
from tailorbird.decide.placement import Placement, parse_placement
from tailorbird.errors import DefinitionError
from tailorbird.profiles.features.definition import Feature, parse_feature
from tailorbird.profiles.plan import Plan
from tailorbird.profiles.traits import parse_traits
from tailorbird.segments.definition import parse_segment
from tailorbird.segments.membership import Membership
from tailorbird.spine import Spine

STATE_FORMAT = 5
"""Raised whenever equal definitions would fold to different bytes; old state is then built anew from the log."""
_SECTIONS = ("traits", "features", "segments", "placements")
_MINUTE = 60_000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml, where it is there: 0.9 ms instead of 28 for the definitions of the benchmark."""


class Definitions(msgspec.Struct, frozen=True):
    """A compiled definitions file."""

    version: str
    """Twelve hex digits: equal for what folds and decides equally."""
    text: str
    spine: Spine
    placements: dict[str, Placement]

    @property
    def plan(self) -> Plan:
        """The compiled features."""
        return self.spine.plan

    @property
    def membership(self) -> Membership:
        """The compiled segments."""
        return self.spine.membership

    def placement(self, name: str) -> Placement | None:
        """The placement called ``name``."""
        return self.placements.get(name)


def load_definitions(text: str, settings: Settings, *, where: str = "definitions.yaml") -> Definitions:
    """Compile a definitions file. Raises ``DefinitionError`` with file, line, what is wrong and what to write."""
    body, lines = _parse_yaml(text, where)
    unknown = [str(key) for key in body if key not in _SECTIONS]
    if unknown:
        raise DefinitionError(
            f"unknown section {unknown[0]!r}: there are {', '.join(_SECTIONS)}", where=where, line=lines[unknown[0],]
        )

    def section(name: str) -> Mapping[str, Any]:
        found = body.get(name)
        if found is None:
            return {}
        if not isinstance(found, Mapping):
            raise DefinitionError(f"{name}: expected a mapping of names to definitions", where=where, line=lines[name,])
        return {str(key): value for key, value in found.items()}

    def place(*path: str) -> str:
        return f"{where}:{lines.get(path, 1)}"

    traits = parse_traits(section("traits"), where=place("traits"))
    features = [parse_feature(name, each, where=place("features", name)) for name, each in section("features").items()]
    if "bought" not in section("features") and _excludes_bought(section("placements")):
        features.append(parse_feature("bought", {"set": "Order Completed.products[].product_id"}))
    taken: dict[str, str] = {}
    for kind, name in [
        *(("traits", name) for name in section("traits")),
        *(("features", each.name) for each in features),
    ]:
        if other := taken.get(name.lower()):
            raise DefinitionError(
                f"{name!r}: there is {other!r} already, and SQL tells no case apart: rename one",
                where=place(kind, name),
            )
        taken[name.lower()] = name
    traits = {name: kind for name, kind in traits.items() if name in section("traits") or name.lower() not in taken}
    plan = Plan(features, traits, settings.session_minutes * _MINUTE)
    segments = [
        parse_segment(name, each, plan.columns, where=place("segments", name))
        for name, each in section("segments").items()
    ]
    lists = frozenset(feature.name for feature in features if feature.kind is Kind.LIST)
    placements = {"home": Placement("home")} | {
        name: parse_placement(name, each, lists, where=place("placements", name))
        for name, each in section("placements").items()
    }
    spine = Spine(
        plan, Membership(plan, segments), dedup_days=settings.dedup_days, attribution_days=settings.attribution_days
    )
    return Definitions(_version(features, segments, placements, traits, settings), text, spine, placements)


def _excludes_bought(placements: Mapping[str, Any]) -> bool:
    return any(isinstance(each, Mapping) and "bought" in (each.get("exclude") or ()) for each in placements.values())


def _version(
    features: list[Feature], segments: list[Any], placements: Mapping[str, Placement], traits: Mapping[str, Kind],
    settings: Settings,
) -> str:  # fmt: skip
    parts = (
        STATE_FORMAT,
        sorted(features, key=lambda each: each.name),
        [(each.name, each.where, each.purposes) for each in segments],
        sorted(placements.values(), key=lambda each: each.name),
        sorted((name, kind.name) for name, kind in traits.items()),
        (settings.session_minutes, settings.dedup_days, settings.attribution_days),
    )
    return blake2b(msgspec.json.encode(parts), digest_size=6).hexdigest()


def _parse_yaml(text: str, where: str) -> tuple[Mapping[str, Any], dict[tuple[str, ...], int]]:
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        body = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        hint = (
            "; within braces a condition with a quote in it stands in double quotes"
            if "flow" in (error.context or "")
            else ""
        )
        raise DefinitionError(f"no YAML: {error.problem}{hint}", where=where, line=line, column=column) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DefinitionError(f"no YAML: {str(error)[:200]}", where=where) from error
    if body is None:
        return {}, {}
    if not isinstance(body, Mapping):
        raise DefinitionError(f"expected sections ({', '.join(_SECTIONS)}) at the top", where=where, line=1)
    lines: dict[tuple[str, ...], int] = {}
    _note_lines(root, (), lines, where)
    return body, lines


def _note_lines(node: Any, path: tuple[str, ...], lines: dict[tuple[str, ...], int], where: str) -> None:
    if isinstance(node, yaml.MappingNode) and len(path) < 3:
        for key, value in node.value:
            name = (*path, str(key.value))
            line = key.start_mark.line + 1
            if name in lines:
                raise DefinitionError(
                    f"{key.value!r} is defined twice: first in line {lines[name]}", where=where, line=line
                )
            lines[name] = line
            _note_lines(value, name, lines, where)
