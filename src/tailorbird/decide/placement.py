"""What a user may write under ``placements:``."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tailorbird.consent.purposes import PERSONALIZATION, mask_of
from tailorbird.errors import DefinitionError, InvalidInput

POLICIES = ("hybrid", "popular")
LARGEST = 100
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_OPTIONS = frozenset({"n", "policy", "exclude", "exclude_categories", "purposes", "explore"})


class Placement(msgspec.Struct, frozen=True):
    """One place on a page that is filled per person."""

    name: str
    n: int = 8
    policy: str = "hybrid"
    """``hybrid``: what the person's doings suggest, popular items for those who may not be personalised; ``popular``: for all."""
    exclude: tuple[str, ...] = ()
    """``bought``, or list features whose members are never shown."""
    exclude_categories: tuple[str, ...] = ()
    purposes: int = PERSONALIZATION
    explore: float = 0.05
    """Probability, per position, of showing a candidate drawn at random, so that other policies can be judged on this traffic."""


def parse_placement(name: str, body: object, list_features: frozenset[str], *, where: str = "") -> Placement:
    """A placement from its YAML. Raises ``DefinitionError`` that says what to write instead."""

    def wrong(message: str) -> DefinitionError:
        return DefinitionError(f"placement {name!r}: {message}", where=where)

    if not _NAME.fullmatch(name):
        raise wrong("a name is letters, digits, _ and -, beginning with a letter")
    body = {} if body is None else body
    if not isinstance(body, Mapping):
        raise wrong("expected a mapping such as {n: 8, policy: hybrid}")
    unknown = sorted(str(key) for key in body if key not in _OPTIONS)
    if unknown:
        raise wrong(f"unknown key {unknown[0]!r}: there are {', '.join(sorted(_OPTIONS))}")
    values: dict[str, Any] = dict(body)
    for key in ("exclude", "exclude_categories"):
        if isinstance(values.get(key), str):
            values[key] = [values[key]]
    for feature in values.get("exclude") or ():
        if feature not in list_features:
            raise wrong(f"exclude names {feature!r}: write 'bought' or a feature of the kinds set, top_k or recent")
    try:
        if "purposes" in values:
            values["purposes"] = mask_of(values["purposes"])
        placement = msgspec.convert({**values, "name": name}, Placement)
    except (InvalidInput, TypeError, msgspec.ValidationError) as error:
        raise wrong(str(error)) from error
    if placement.policy not in POLICIES:
        raise wrong(f"policy is one of {', '.join(POLICIES)}")
    if not 1 <= placement.n <= LARGEST:
        raise wrong(f"n is from 1 to {LARGEST}")
    if not 0 <= placement.explore <= 1:
        raise wrong("explore is a probability, from 0 to 1")
    return placement
