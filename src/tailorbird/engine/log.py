"""The log port: an ordered, durable sequence of records, shared by every worker."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

import msgspec


class RecordKind(IntEnum):
    """What a record says. Numbers are written to disk: add, never renumber."""

    EVENT = 1
    ITEM = 2
    DECISION = 3
    TICK = 4
    QUARANTINED = 5


class NewRecord(NamedTuple):
    """A record that has no place in the log yet.

    ``value`` is what ``payload`` decodes to, when the writer has it at hand: the fold then need not decode it again.
    """

    kind: int
    payload: bytes
    value: object = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record in the log: its offset, the log's clock when it was appended (ms, never falling), its kind and payload."""

    offset: int
    at: int
    kind: int
    payload: bytes
    value: object = None


class Log(Protocol):
    """What the engine asks of a log. Implementations: ``engine.lmdb_log`` here, Kafka among the adapters."""

    def append(self, records: Sequence[NewRecord], now: int) -> tuple[int, int]:
        """Append all or nothing; durable on return. Returns (offset of the first, the log's clock given to all).

        Raises ``errors.Unavailable`` when they cannot be made durable; then none of them is in the log.
        """

    def read(self, after: int, limit: int) -> list[Record]:
        """At most ``limit`` records with an offset over ``after``, in order."""

    def first_offset(self) -> int:
        """Offset of the oldest record still here; 0 when the log is empty."""

    def last_offset(self) -> int:
        """Offset of the newest record; 0 when there has never been one."""

    def scan(self) -> Iterator[Record]:
        """Every record still here, in order."""

    def drop_through(self, offset: int) -> None:
        """Forget the records up to and with ``offset`` (they are archived). The newest record always stays."""
