"""LOWER and UPPER exactly as DuckDB has them: one code point to one code point, by Unicode 14's simple mappings.

Python's own ``str.lower`` and ``str.upper`` are full mappings (``ß`` becomes ``SS``, a final sigma differs from others) of
whatever Unicode version the interpreter has. The tables here are derived from them, less what is not one to one and what
came after Unicode 14, plus DuckDB's own choices. A test compares every code point with DuckDB.
"""

import functools
from collections.abc import Callable

_LAST = 0x1E943
"""The last code point that has another case (Adlam)."""

_LATER = frozenset((0x019B, 0x0264, 0x1C89, 0x1C8A, *range(0xA7CB, 0xA7D0), *range(0xA7D2, 0xA7D6), *range(0xA7DA, 0xA7DD),
                    *range(0x10D50, 0x10D86), *range(0x16EA0, 0x16ED4)))  # fmt: skip
"""Code points whose case was defined by Unicode 15 to 17."""

_GREEK_IOTA = {
    low: low + 8
    for start in (0x1F80, 0x1F90, 0x1FA0)
    for low in range(start, start + 8)
} | {0x1FB3: 0x1FBC, 0x1FC3: 0x1FCC, 0x1FF3: 0x1FFC}  # fmt: skip
"""Greek letters with iota below: one code point in title case, two in Python's upper case."""


def lower(text: str) -> str:
    """``text`` in lower case."""
    return text.lower() if text.isascii() else text.translate(_lower_table())


def upper(text: str) -> str:
    """``text`` in upper case."""
    return text.upper() if text.isascii() else text.translate(_upper_table())


def prepare() -> None:
    """Build the tables now, which takes 40 ms, so that no live row has to wait for them."""
    _lower_table()
    _upper_table()


@functools.cache
def _lower_table() -> dict[int, int]:
    return _simple(str.lower) | {0x130: 0x69}


@functools.cache
def _upper_table() -> dict[int, int]:
    return _simple(str.upper) | _GREEK_IOTA | {0xDF: 0x1E9E}


def _simple(full: Callable[[str], str]) -> dict[int, int]:
    pairs = ((point, full(chr(point))) for point in range(_LAST + 1) if point not in _LATER)
    return {point: ord(other) for point, other in pairs if len(other) == 1 and ord(other) != point}
