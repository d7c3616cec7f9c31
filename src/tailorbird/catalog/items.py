"""An item: what can be recommended."""

from typing import Any

import msgspec


class Item(msgspec.Struct, frozen=True):
    """One thing of the catalog, as it comes in by ``POST /v1/items`` and goes out in a slate.

    ``id`` is the shop's own product id, the one its events carry. ``name`` may be empty; the item is then only
    recommended from behaviour and category. ``price`` is in the shop's own currency. An item that is not ``available``
    stays known (for explanations and as context) and is never shown. ``attributes`` is whatever else the shop wants
    back in a slate: ``description`` (text) is read by the content model, everything else is carried along.
    """

    id: str
    name: str = ""
    category: str | None = None
    price: float | None = None
    available: bool = True
    attributes: dict[str, Any] = {}
