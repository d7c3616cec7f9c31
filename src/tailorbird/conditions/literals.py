"""Reading what stands inside quotes: timestamps, intervals, and numbers, each to the value it is bound as."""

import math
import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)
_INTERVAL = re.compile(r"[+-]?\d{1,15}", re.ASCII)

UNITS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000, "WEEK": 604_800_000}
"""Milliseconds in each unit of an INTERVAL. Months and years have no fixed length, so there are none."""

LONGEST_INTERVAL = 36_525 * UNITS["DAY"]
"""A hundred years; sums of such intervals stay far inside DuckDB's range of timestamps."""


def number(text: str) -> float:
    """A number literal as a double. Raises ValueError with what to do."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text} is not a number; write it like 12, 0.5 or 1e6")
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large; numbers end at about 1.8e308")
    return value


def timestamp(text: str) -> int:
    """A TIMESTAMP literal in ms since the epoch; without an offset it is UTC. Raises ValueError with what to do."""
    try:
        moment = datetime.fromisoformat(text) if _TIMESTAMP.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(
            f"'{text}' is not a timestamp; write it like '2026-01-31', '2026-01-31 18:30' or '...18:30:05.250'"
        )
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // _MILLISECOND


def interval(amount: str, unit: str) -> int:
    """An INTERVAL in ms, ``unit`` in singular or plural. Raises ValueError with what to do."""
    length = UNITS.get(unit.removesuffix("S"))
    if length is None:
        raise ValueError(f"an interval is counted in seconds, minutes, hours, days or weeks, not in {unit.lower()}")
    if not _INTERVAL.fullmatch(amount):
        raise ValueError(f"'{amount}' is not a whole number; write INTERVAL '30' MINUTE, or use a smaller unit")
    value = int(amount) * length
    if abs(value) > LONGEST_INTERVAL:
        raise ValueError("an interval may not be longer than a hundred years")
    return value
