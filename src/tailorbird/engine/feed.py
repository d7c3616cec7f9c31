"""A feed: an append-only table of the state, numbered from 1, that readers follow at their own pace."""

from tailorbird.engine.state import StateTxn


class Feed:
    """A feed within one fold transaction."""

    def __init__(self, txn: StateTxn, table: str) -> None:
        self._txn, self._table = txn, table
        self._rows: list[tuple[bytes, bytes]] = []
        self._next = 0

    def append(self, value: bytes) -> None:
        """Add a row; it is written by ``flush``."""
        if not self._next:
            self._next = last(self._txn, self._table) + 1
        self._rows.append((self._next.to_bytes(8, "big"), value))
        self._next += 1

    def flush(self) -> None:
        """Write what was added."""
        if self._rows:
            with self._txn.lmdb.cursor(db=self._txn.tables[self._table]) as cursor:
                cursor.putmulti(self._rows, append=True)
            self._rows.clear()


def last(txn: StateTxn, table: str) -> int:
    """Number of the newest row, 0 for none."""
    with txn.lmdb.cursor(db=txn.tables[table]) as cursor:
        return int.from_bytes(cursor.key(), "big") if cursor.last() else 0


def read(txn: StateTxn, table: str, after: int, limit: int) -> list[tuple[int, bytes]]:
    """At most ``limit`` rows numbered over ``after``, in order: (number, value)."""
    found: list[tuple[int, bytes]] = []
    with txn.lmdb.cursor(db=txn.tables[table]) as cursor:
        if cursor.set_range((after + 1).to_bytes(8, "big")):
            for key, value in cursor:
                found.append((int.from_bytes(key, "big"), value))
                if len(found) >= limit:
                    break
    return found
