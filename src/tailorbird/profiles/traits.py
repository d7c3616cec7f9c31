"""Traits: what a person, or the team's own systems, said about them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from tailorbird.conditions import Kind
from tailorbird.errors import DefinitionError
from tailorbird.events.times import parse_time
from tailorbird.profiles.profile import Profile

TRAITS_KEPT = 200
KINDS: Mapping[str, Kind] = {
    "text": Kind.TEXT, "number": Kind.NUMBER, "boolean": Kind.BOOLEAN, "timestamp": Kind.TIMESTAMP, "list": Kind.LIST,
}  # fmt: skip
STANDARD: Mapping[str, Kind] = {
    "age": Kind.NUMBER, "birthday": Kind.TIMESTAMP, "city": Kind.TEXT, "country": Kind.TEXT, "createdAt": Kind.TIMESTAMP,
    "email": Kind.TEXT, "firstName": Kind.TEXT, "gender": Kind.TEXT, "language": Kind.TEXT, "lastName": Kind.TEXT,
    "name": Kind.TEXT, "phone": Kind.TEXT, "plan": Kind.TEXT, "title": Kind.TEXT, "username": Kind.TEXT, "website": Kind.TEXT,
}  # fmt: skip
"""Segment's reserved traits: these may be used in conditions without being declared."""


def parse_traits(body: object, *, where: str = "") -> dict[str, Kind]:
    """Declared traits (name: type) on top of the standard ones. Raises ``DefinitionError``."""
    if not isinstance(body, Mapping):
        raise DefinitionError("traits: expected a mapping such as {country: text, age: number}", where=where)
    traits = dict(STANDARD)
    for name, kind in body.items():
        if not isinstance(name, str) or kind not in KINDS:
            raise DefinitionError(f"trait {name!r}: its type is one of {', '.join(KINDS)}, not {kind!r}", where=where)
        traits[name] = KINDS[kind]
    return traits


def merged_traits(traits: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """``traits`` with what was said; null unsays. Beyond ``TRAITS_KEPT`` names new ones are passed over."""
    merged = dict(traits)
    for name, value in said.items():
        if value is None:
            merged.pop(name, None)
        elif name in merged or len(merged) < TRAITS_KEPT:
            merged[name] = value
    return merged


def trait_reader(name: str, kind: Kind) -> Callable[[Profile, int], Any]:
    """A function that reads the trait as its declared type; a value of another type reads as None."""
    convert = _CONVERSIONS[kind]
    return lambda profile, now: convert(profile.traits.get(name))


def _number(value: object) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None


def _timestamp(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return parse_time(value)
    except (ValueError, OverflowError):
        return None


_CONVERSIONS: dict[Kind, Callable[[object], Any]] = {
    Kind.TEXT: lambda value: value if isinstance(value, str) else None,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: lambda value: value if isinstance(value, bool) else None,
    Kind.TIMESTAMP: _timestamp,
    Kind.LIST: lambda value: [each for each in value if isinstance(each, str)] if isinstance(value, list) else None,
}
