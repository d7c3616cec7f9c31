"""How deep what was sent is nested.

What lies deeper than Python's own stack is refused by the decoder, but what lies just above that could be read here and not by the
fold, which stands deeper in the stack: it would then never get past that record. So the bound is far from it.
"""

from collections.abc import Iterable
from typing import Any

DEEPEST = 64


def too_deep(value: dict[str, Any] | list[Any], levels: int = DEEPEST) -> bool:
    """Whether lists and objects stand in one another over ``levels`` deep."""
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value
    for each in inner:
        kind = each.__class__
        if (kind is dict or kind is list) and (levels <= 1 or too_deep(each, levels - 1)):
            return True
    return False
