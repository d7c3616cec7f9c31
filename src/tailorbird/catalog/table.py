"""The catalog as the fold keeps it: items by id, and a feed of what changed for those who hold copies."""

import msgspec

from tailorbird.catalog.items import Item
from tailorbird.engine.feed import Feed
from tailorbird.engine.log import Record
from tailorbird.engine.state import StateTxn

TABLE, FEED = "items", "items_feed"

encode = msgspec.msgpack.Encoder().encode
_DECODER = msgspec.msgpack.Decoder(Item)


def decode(payload: bytes) -> Item:
    """The item that ``encode`` wrote."""
    return _DECODER.decode(payload)


def apply(txn: StateTxn, feed: Feed, record: Record) -> None:
    """Fold: the item as it is now, under its id. Sending the same again changes nothing."""
    item = record.value if isinstance(record.value, Item) else decode(record.payload)
    key = item_key(item.id)
    if txn.get(TABLE, key) != record.payload:
        txn.put(TABLE, key, record.payload)
        feed.append(record.payload)


def item_key(item_id: str) -> bytes:
    """The key of an item; LMDB keys hold at most 511 bytes."""
    return item_id.encode("utf-8", "surrogatepass")[:500]


def find(txn: StateTxn, item_id: str) -> Item | None:
    """The item with this id, or None."""
    value = txn.get(TABLE, item_key(item_id))
    return None if value is None else decode(value)
