"""What a condition may read: named, typed columns of one row of values.

A row is a sequence indexed by ``Column.index``; ``None`` is SQL's NULL. The values behind each kind, live and in DuckDB:

=========  ==================================================  ============
kind       live value                                          DuckDB type
=========  ==================================================  ============
NUMBER     int or float, finite                                DOUBLE
TEXT       str                                                 VARCHAR
BOOLEAN    bool                                                BOOLEAN
TIMESTAMP  int, milliseconds since the epoch, UTC              TIMESTAMP
LIST       list of str, int or float (see :func:`list_text`)   VARCHAR[]
ELAPSED    int, the instant since which time has passed        TIMESTAMP
=========  ==================================================  ============
"""

import enum
import re
from collections.abc import Callable, Sequence

import msgspec

Row = Sequence[object]
"""One row: the value of a column at its index."""

Truth = Callable[[Row, int], bool | None]
"""A predicate over a row at an instant (ms since the epoch): true, false or, as SQL has it, unknown."""

NEVER = 1 << 62
"""An instant that does not come."""

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,307}")


class Kind(enum.Enum):
    """The kind of value a column holds."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    LIST = "list"
    ELAPSED = "elapsed"
    """The time since the instant that the row holds: an interval, that is ``now() - value``."""


class Column(msgspec.Struct, frozen=True):
    """A column that conditions may name; ``index`` is its place in a row."""

    name: str
    index: int
    kind: Kind


def list_text(item: object) -> str:
    """The text a list's item counts as: itself, or a number's shortest decimal spelling (``5``, not ``5.0``).

    Live lists may hold numbers, DuckDB's hold VARCHAR; whoever writes the archive writes items through this function, so
    that ``CONTAINS`` means the same in both.
    """
    if isinstance(item, float):
        return str(int(item)) if item.is_integer() else repr(item)
    return item if isinstance(item, str) else str(item)


def list_number(text: str) -> int | float | None:
    """The number whose :func:`list_text` is ``text``, or None if there is none."""
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number - number == 0 and list_text(number) == text else None
