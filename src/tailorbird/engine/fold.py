"""The fold: every record of the log, once and in order, into state.

The contract of a view is that folding records one by one and folding them in any grouping give byte-equal state; a ``Unit`` may
hold what it has read until the transaction closes, and no longer.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import structlog

from tailorbird.engine.log import Log, NewRecord, Record
from tailorbird.engine.state import META, Generation, StateTxn
from tailorbird.errors import Unavailable

CHUNK = 2_000
"""Records per state transaction when much is to be caught up: about 50 ms of work, so that nobody waits long for the lock."""


ASIDE = b"aside:"
log = structlog.get_logger("tailorbird.fold")


class MissingRecords(RuntimeError):
    """Records that should be folded are neither in the log nor in the archive."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"records {first} to {last} are neither in the log nor in the archive")


class Unit(Protocol):
    """A view's work within one transaction."""

    def advance(self, until: int) -> None:
        """Let time pass: whatever was due up to and with the instant ``until`` happens now, in order."""

    def apply(self, record: Record) -> None:
        """Fold one record in."""

    def close(self) -> None:
        """Write back what is held."""


class View(Protocol):
    """Something that can be thrown away and comes back equal by replay."""

    tables: Sequence[str]

    def open(self, txn: StateTxn) -> Unit:
        """Begin to work within ``txn``."""


class Group(NamedTuple):
    """Records that were just appended by this process, at consecutive offsets from ``first``, with the log's clock ``at``."""

    first: int
    at: int
    records: Sequence[NewRecord]


def catch_up(
    source: Log, generation: Generation, view: View, group: Group | None = None, *, through: int | None = None
) -> int:
    """Fold what the state has not seen, up to the offset ``through`` (the group's last, else the log's); return where it stands.

    The caller holds the fold lock. Records of ``group`` are folded from memory, anything before them is read from the log.
    Raises ``errors.Unavailable`` when the state cannot be written; the log keeps the records and a later call folds them.
    """
    if through is None:
        through = group.first + len(group.records) - 1 if group else source.last_offset()
    while True:
        with generation.read() as txn:
            applied = txn.applied()[0]
        if applied >= through:
            return applied
        fold(generation, view, _next_batch(source, group, applied, through))


def fold(generation: Generation, view: View, batch: Sequence[Record]) -> int:
    """Fold consecutive records, passing over those the state has seen; returns where it stands.

    A record that the view cannot fold, which is a bug, must not stop all that come after it: it is set aside under its offset, loudly
    (``/health`` tells, too), and comes back with the next rebuild. Raises ``errors.Unavailable`` when the state cannot be written,
    ``RuntimeError`` when a record is missing.
    """
    try:
        return _attempt(generation, view, batch)
    except (Unavailable, MissingRecords):
        raise
    except Exception as error:
        if len(batch) == 1:
            return _set_aside(generation, batch[0], error)
    applied = 0
    for record in batch:
        applied = fold(generation, view, [record])
    return applied


def _attempt(generation: Generation, view: View, batch: Sequence[Record]) -> int:
    with generation.write() as txn:
        applied, clock = txn.applied()
        unit = view.open(txn)
        for record in batch:
            if record.offset <= applied:
                continue
            if record.offset != applied + 1:
                raise MissingRecords(applied + 1, record.offset - 1)
            if record.at > clock:
                clock = record.at
                unit.advance(clock)
            unit.apply(record)
            applied = record.offset
        unit.close()
        txn.set_applied(applied, clock)
        return applied


def _set_aside(generation: Generation, record: Record, error: Exception) -> int:
    log.error("record_set_aside", offset=record.offset, kind=record.kind, exc_info=error)
    with generation.write() as txn:
        txn.put(META, ASIDE + record.offset.to_bytes(8, "big"), type(error).__name__.encode())
        txn.set_applied(record.offset, txn.applied()[1])
    return record.offset


def set_aside(txn: StateTxn) -> list[int]:
    """Offsets of the records that could not be folded."""
    found: list[int] = []
    with txn.lmdb.cursor(db=txn.tables[META]) as cursor:
        alive = cursor.set_range(ASIDE)
        while alive and cursor.key().startswith(ASIDE):
            found.append(int.from_bytes(cursor.key()[len(ASIDE) :], "big"))
            alive = cursor.next()
    return found


def _next_batch(source: Log, group: Group | None, applied: int, through: int) -> list[Record]:
    if group is not None and group.first <= applied + 1:
        skip = applied + 1 - group.first
        return [
            Record(group.first + index, group.at, kind, payload, value)
            for index, (kind, payload, value) in enumerate(group.records[skip : skip + CHUNK], skip)
        ]
    bound = min(through, group.first - 1) if group is not None else through
    batch = source.read(applied, min(CHUNK, bound - applied))
    if not batch or batch[0].offset != applied + 1:
        raise MissingRecords(applied + 1, batch[0].offset - 1 if batch else through)
    return batch
