"""What a user may write under ``features:``."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tailorbird.conditions import Kind
from tailorbird.consent.purposes import PERSONALIZATION, needed
from tailorbird.errors import DefinitionError, InvalidInput

AGGREGATIONS = (
    "count", "sum", "mean", "min", "max", "last", "first", "since", "distinct", "set", "top_k", "recent",
)  # fmt: skip
NUMERIC = frozenset({"sum", "mean", "min", "max"})
LISTS = frozenset({"set", "top_k", "recent"})
PATHLESS = frozenset({"count", "since"})
_OPTIONS = frozenset({"window", "k", "half_life", "purposes", "as"})
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(\d{1,9})\s*([smhdw])")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
SHORTEST, LONGEST = 60_000, 365 * 86_400_000
_NUMBERS = frozenset(
    {
        "price",
        "quantity",
        "revenue",
        "total",
        "subtotal",
        "shipping",
        "tax",
        "discount",
        "value",
        "position",
        "rating",
        "age",
    }
)
"""Properties that Segment's e-commerce spec defines as numbers: ``last`` of them is a number without being told."""


class Feature(msgspec.Struct, frozen=True):
    """One feature."""

    name: str
    aggregation: str
    event: str
    """Name of the event it looks at; ``*`` for any."""
    path: tuple[str, ...] = ()
    """Keys into the properties; a key that ends in ``[]`` goes through a list. Empty for counts; ``("timestamp",)`` for the time."""
    window: int | None = None
    """Length of the sliding window, ms; None: all time, or the session."""
    session: bool = False
    k: int = 10
    half_life: int | None = None
    purposes: int = PERSONALIZATION
    kind: Kind = Kind.NUMBER


def parse_duration(text: object) -> int:
    """``30m``, ``12h``, ``90d``, ``2w`` in ms. Raises ``ValueError``."""
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is no duration: write a number and one of s, m, h, d, w, as in 30m or 90d")
    return int(match[1]) * _UNITS[match[2]]


def parse_feature(name: str, body: object, *, where: str = "") -> Feature:
    """A feature from its YAML. Raises ``DefinitionError`` that says what to write instead."""

    def wrong(message: str) -> DefinitionError:
        return DefinitionError(f"feature {name!r}: {message}", where=where)

    if not _NAME.fullmatch(name):
        raise wrong("a name is letters, digits and _, beginning with a letter, at most 64")
    if not isinstance(body, Mapping):
        raise wrong("expected a mapping such as {count: Order Completed, window: 30d}")
    chosen = [key for key in body if key in AGGREGATIONS]
    if len(chosen) != 1:
        raise wrong(f"expected exactly one of {', '.join(AGGREGATIONS)}, found {len(chosen)}")
    unknown = [str(key) for key in body if key not in AGGREGATIONS and key not in _OPTIONS]
    if unknown:
        raise wrong(f"unknown key {unknown[0]!r}: besides {chosen[0]!r} there may be {', '.join(sorted(_OPTIONS))}")
    aggregation = chosen[0]
    event, path = _source(body[aggregation], aggregation, wrong)
    window, session = _window(body.get("window"), wrong)
    if window is not None and aggregation in ("since", "recent"):
        raise wrong(f"{aggregation} takes no sliding window: it already looks at the latest only")
    half_life = None
    if "half_life" in body:
        if aggregation != "top_k" or window is not None:
            raise wrong("half_life belongs to top_k without a window")
        half_life = _duration(body["half_life"], wrong)
    k = body.get("k", 10)
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= 1_000:
        raise wrong("k is a whole number from 1 to 1000")
    try:
        purposes = needed(body["purposes"]) if "purposes" in body else PERSONALIZATION
    except InvalidInput as error:
        raise wrong(str(error)) from error
    return Feature(
        name, aggregation, event, path, window, session, k, half_life, purposes, _kind(aggregation, path, body, wrong)
    )


def _source(text: object, aggregation: str, wrong: Any) -> tuple[str, tuple[str, ...]]:
    if not isinstance(text, str) or not text.strip():
        raise wrong(f"{aggregation} names an event, as in {aggregation}: Order Completed")
    event, dot, rest = text.strip().partition(".")
    path = tuple(part for part in rest.split(".")) if dot else ()
    if dot and not all(part.removesuffix("[]") for part in path):
        raise wrong(f"{text!r} has an empty part: write Event.property or Event.list[].property")
    if not path and aggregation not in PATHLESS:
        raise wrong(f"{aggregation} needs a property: write {aggregation}: {event}.property")
    if path and aggregation == "since":
        raise wrong("since looks at the event's time and takes no property")
    return event, path


def _window(value: object, wrong: Any) -> tuple[int | None, bool]:
    if value is None or value == "all":
        return None, False
    if value == "session":
        return None, True
    window = _duration(value, wrong)
    if not SHORTEST <= window <= LONGEST:
        raise wrong("a window is from 1m to 365d, or 'session', or left out for all time")
    return window, False


def _duration(value: object, wrong: Any) -> int:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise wrong(str(error)) from error


def _kind(aggregation: str, path: tuple[str, ...], body: Mapping[str, Any], wrong: Any) -> Kind:
    if aggregation in LISTS:
        return Kind.LIST
    if aggregation == "since":
        return Kind.ELAPSED
    if aggregation not in ("last", "first"):
        return Kind.NUMBER
    if "as" in body:
        kinds = {"number": Kind.NUMBER, "text": Kind.TEXT, "boolean": Kind.BOOLEAN}
        if body["as"] not in kinds:
            raise wrong("'as' is number, text or boolean")
        return kinds[body["as"]]
    if path == ("timestamp",):
        return Kind.TIMESTAMP
    return Kind.NUMBER if path[-1] in _NUMBERS else Kind.TEXT
