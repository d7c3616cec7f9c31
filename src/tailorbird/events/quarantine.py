"""Quarantine: a bad event is kept, with the reason, and harms nobody."""

import msgspec

from tailorbird.engine.log import Record
from tailorbird.engine.state import StateTxn

TABLE = "quarantine"
_KEPT = 32_768


class Quarantined(msgspec.Struct, frozen=True, array_like=True):
    """An event that could not be accepted."""

    source: str
    received_at: int
    reason: str
    """What is wrong, where in the event, and what to do."""
    body: bytes
    """The event as it was sent, at most 32 KB of it."""


def quarantined(source: str, received_at: int, reason: str, body: bytes) -> Quarantined:
    """A quarantine entry; the body is cut to what is kept."""
    return Quarantined(source, received_at, reason, bytes(body[:_KEPT]))


encode = msgspec.msgpack.Encoder().encode
_DECODER = msgspec.msgpack.Decoder(Quarantined)


def apply(txn: StateTxn, record: Record) -> None:
    """Fold: keep the entry under its offset."""
    txn.put(TABLE, record.offset.to_bytes(8, "big"), record.payload)


def listed(txn: StateTxn, *, before: int | None, limit: int) -> list[tuple[int, Quarantined]]:
    """The newest entries first, ``limit`` of them, those under the offset ``before``: (offset, entry)."""
    found: list[tuple[int, Quarantined]] = []
    with txn.lmdb.cursor(db=txn.tables[TABLE]) as cursor:
        older = before is not None and cursor.set_range(before.to_bytes(8, "big"))
        alive = cursor.prev() if older else cursor.last()
        while alive and len(found) < limit:
            found.append((int.from_bytes(cursor.key(), "big"), _DECODER.decode(cursor.value())))
            alive = cursor.prev()
    return found
