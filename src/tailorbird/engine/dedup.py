"""What has been applied, by message: a repeated messageId is no error, and is applied once.

Two tables take turns, each for ``days``: a message is remembered for at least that long and at most twice as long, and
forgetting is one drop of a table.
"""

from tailorbird.engine.state import StateTxn

TABLES = ("messages_0", "messages_1")
_DAY = 86_400_000


class Seen:
    """The memory of messages, within one fold transaction."""

    def __init__(self, txn: StateTxn, days: int) -> None:
        self._txn, self._span = txn, days * _DAY
        self._tables = [txn.tables[name] for name in TABLES]
        self._generation = -1
        self._older_empty = True

    def advance(self, before: int, until: int) -> None:
        """Let the log's clock go from ``before`` to ``until``: what is too old is forgotten."""
        old, new = before // self._span, until // self._span
        if old != new and before:
            for generation in range(max(old + 1, new - 1), new + 1):
                self._txn.lmdb.drop(self._tables[generation % 2], delete=False)
            self._generation = -1

    def first_time(self, message: bytes, offset: int, at: int) -> bool:
        """Whether ``message`` has not been applied; from now on it has, by the record at ``offset``."""
        generation = at // self._span
        if generation != self._generation:
            self._generation = generation
            self._older_empty = self._txn.lmdb.stat(self._tables[(generation + 1) % 2])["entries"] == 0
        if not self._older_empty and self._txn.lmdb.get(message, db=self._tables[(generation + 1) % 2]) is not None:
            return False
        added: bool = self._txn.lmdb.put(
            message, offset.to_bytes(8, "big"), overwrite=False, db=self._tables[generation % 2]
        )
        return added
