"""The cart, which lives in a cookie of its own: it works without an identifier, and so without consent."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tailorbird.catalog.items import Item
from tailorbird.demo.shop.shelf import Shelf

MOST_LINES, MOST_OF_ONE = 20, 99
_LINE = re.compile(r"([0-9A-Za-z_-]{1,40})\.([1-9][0-9]?)")


class Line(NamedTuple):
    """Some of one product."""

    item: Item
    quantity: int
    total: float


class Cart:
    """How many of which product. Immutable: a change gives a new one."""

    def __init__(self, quantities: Mapping[str, int] | None = None) -> None:
        self._quantities = dict(quantities or {})

    @classmethod
    def read(cls, cookie: str | None) -> "Cart":
        """From the cookie; what cannot be read is left out, whoever wrote it."""
        matches = [_LINE.fullmatch(part) for part in (cookie or "")[:2_000].split("~")]
        return cls({match[1]: int(match[2]) for match in matches[:MOST_LINES] if match})

    def write(self) -> str:
        """For the cookie."""
        return "~".join(f"{item}.{quantity}" for item, quantity in self._quantities.items())

    @property
    def ids(self) -> list[str]:
        """The products in it, in the order in which they were added."""
        return list(self._quantities)

    @property
    def count(self) -> int:
        """How many pieces are in it."""
        return sum(self._quantities.values())

    def quantity(self, item_id: str) -> int:
        """How many of one product."""
        return self._quantities.get(item_id, 0)

    def holding(self, item_id: str, quantity: int) -> "Cart":
        """With exactly ``quantity`` of a product, within the bounds; 0 takes it out."""
        changed = dict(self._quantities)
        if quantity <= 0:
            changed.pop(item_id, None)
        elif item_id in changed or len(changed) < MOST_LINES:
            changed[item_id] = min(quantity, MOST_OF_ONE)
        return Cart(changed)

    def lines(self, shelf: Shelf) -> list[Line]:
        """With the products, as far as the shop has them."""
        found = [(shelf.find(item_id), quantity) for item_id, quantity in self._quantities.items()]
        return [Line(item, quantity, round((item.price or 0) * quantity, 2)) for item, quantity in found if item]
