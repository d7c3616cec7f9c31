"""What a Segment e-commerce event (spec v2) says about a person and an item: looked at, put in the cart, ordered."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

VIEW: Final = 1
ADD: Final = 2
ORDER: Final = 3

MAX_ITEM_ID: Final = 200
"""Longest product id in characters that is taken as one (Segment says nothing; a store's key has its limit)."""


class Interaction(msgspec.Struct, frozen=True, array_like=True):
    """One person did something with one item: a record of the append-only feed that recommenders read.

    ``person`` is the 12-byte internal id, ``at`` milliseconds since the epoch (UTC), ``kind`` one of VIEW, ADD, ORDER.
    """

    person: bytes
    item: str
    at: int
    kind: int


def _item_id(product: Any) -> str | None:
    if not isinstance(product, dict):
        return None
    for key in ("product_id", "sku"):
        value = product.get(key)
        if isinstance(value, str):
            value = value.strip()
            if value and len(value) <= MAX_ITEM_ID:
                return value
        elif isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def _of_one(properties: dict[str, Any], kind: int) -> list[tuple[str, int]]:
    item = _item_id(properties)
    return [] if item is None else [(item, kind)]


def _of_products(properties: dict[str, Any], kind: int) -> list[tuple[str, int]]:
    products = properties.get("products")
    if not isinstance(products, list):
        return []
    found = dict.fromkeys(_item_id(product) for product in products)
    found.pop(None, None)
    return [(item, kind) for item in found if item is not None]


_READERS: Final[dict[str, tuple[Callable[[dict[str, Any], int], list[tuple[str, int]]], int]]] = {
    "Product Viewed": (_of_one, VIEW),
    "Product Clicked": (_of_one, VIEW),
    "Product Added": (_of_one, ADD),
    "Order Completed": (_of_products, ORDER),
}


def interactions_of(name: str, properties: dict[str, Any]) -> list[tuple[str, int]]:
    """The ``(item id, kind)`` pairs of an event, each item once, in the event's order; empty for every other event.

    ``product_id`` counts, else ``sku``. What is no text or whole number, is empty or is overlong, is passed over: a
    shop's broken product does not spoil the rest of its order.
    """
    reader = _READERS.get(name)
    return [] if reader is None else reader[0](properties, reader[1])
