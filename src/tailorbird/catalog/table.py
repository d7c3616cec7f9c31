"""The catalog as the fold keeps it: items by id, and a feed of what changed for those who hold copies."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tailorbird.catalog.items import Item
from tailorbird.engine.feed import Feed
from tailorbird.engine.log import Record
from tailorbird.engine.state import META, StateTxn
from tailorbird.profiles.features.extract import number

TABLE, FEED = "items", "items_feed"
_OWN = b"catalog:own"
_TEXT_KEPT = 512

encode = msgspec.msgpack.Encoder().encode
_DECODER = msgspec.msgpack.Decoder(Item)


def decode(payload: bytes) -> Item:
    """The item that ``encode`` wrote."""
    return _DECODER.decode(payload)


class Catalog:
    """The catalog within one fold transaction.

    Until a shop sends its items, they are learnt from its events, so that there is something to recommend from the first day. The
    first item that is sent makes the catalog the shop's own: what had been learnt is then no longer shown.
    """

    def __init__(self, txn: StateTxn) -> None:
        self._txn, self._feed = txn, Feed(txn, FEED)
        self._own = txn.get(META, _OWN) is not None

    def apply(self, record: Record) -> None:
        """Fold: the item as it is now, under its id. Sending the same again changes nothing."""
        if not self._own:
            self._become_own()
        item = record.value if isinstance(record.value, Item) else decode(record.payload)
        self._put(item.id, record.payload)

    def learn(self, item_id: str, properties: Mapping[str, Any]) -> None:
        """Fold: an item met in an event, as the event tells of it; what is known stays."""
        if not self._own and self._txn.get(TABLE, item_key(item_id)) is None:
            self._put(item_id, encode(described(item_id, properties)))

    def flush(self) -> None:
        """Write the feed."""
        self._feed.flush()

    def _put(self, item_id: str, payload: bytes) -> None:
        key = item_key(item_id)
        if self._txn.get(TABLE, key) != payload:
            self._txn.put(TABLE, key, payload)
            self._feed.append(payload)

    def _become_own(self) -> None:
        with self._txn.lmdb.cursor(db=self._txn.tables[TABLE]) as cursor:
            learnt = [decode(value) for _, value in cursor]
        for item in learnt:
            self._put(item.id, encode(msgspec.structs.replace(item, available=False)))
        self._txn.put(META, _OWN, b"")
        self._own = True


def described(item_id: str, properties: Mapping[str, Any]) -> Item:
    """An item by what an event's properties, or the one of its products with this id, say of it."""
    products = properties.get("products")
    told: Mapping[str, Any] = properties
    for product in products if isinstance(products, list) else ():
        if isinstance(product, dict) and item_id in (str(product.get("product_id")), str(product.get("sku"))):
            told = product
            break
    name, category, price = told.get("name"), told.get("category"), number(told.get("price"))
    return Item(
        item_id,
        name[:_TEXT_KEPT] if isinstance(name, str) else "",
        category[:_TEXT_KEPT] if isinstance(category, str) and category else None,
        price,
    )


def item_key(item_id: str) -> bytes:
    """The key of an item; LMDB keys hold at most 511 bytes."""
    return item_id.encode("utf-8", "surrogatepass")[:500]


def find(txn: StateTxn, item_id: str) -> Item | None:
    """The item with this id, or None."""
    value = txn.get(TABLE, item_key(item_id))
    return None if value is None else decode(value)
