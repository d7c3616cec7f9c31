"""LIKE patterns: ``%`` is any text, ``_`` any one character, everything else itself; there is no escape.

The common patterns need no regular expression. The others become one without backtracking: between two ``%`` the leftmost
place where a piece fits is always good enough, which an atomic group says. So no text, however long, makes a pattern slow.
"""

import re
from collections.abc import Callable

Matcher = Callable[[str], bool]


def matcher(pattern: str) -> Matcher:
    """A function that says whether a text is like ``pattern``."""
    if "_" not in pattern:
        first, *rest = pattern.split("%")
        if not rest:
            return pattern.__eq__
        if not any(rest[:-1]):
            return _ends(first, rest[-1])
        if not first and len([piece for piece in rest if piece]) == 1 and not rest[-1]:
            return _inside("".join(rest))
    return _regular(pattern)


def _ends(first: str, last: str) -> Matcher:
    """Like ``first%last``, where either may be empty."""
    if not first and not last:
        return lambda text: True
    if not last:
        return lambda text: text.startswith(first)
    if not first:
        return lambda text: text.endswith(last)
    shortest = len(first) + len(last)
    return lambda text: len(text) >= shortest and text.startswith(first) and text.endswith(last)


def _inside(piece: str) -> Matcher:
    return lambda text: piece in text


def _regular(pattern: str) -> Matcher:
    first, *rest = ("".join("." if char == "_" else re.escape(char) for char in piece) for piece in pattern.split("%"))
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    last = f".*{rest[-1]}" if rest else ""
    match = re.compile(first + middle + last, re.DOTALL).fullmatch
    return lambda text: match(text) is not None
