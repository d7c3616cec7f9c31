"""Rebuild: state from nothing but the archive and the log, and the proof that it equals what stands."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from tailorbird.engine.archive import Archive
from tailorbird.engine.fold import CHUNK, View, fold
from tailorbird.engine.log import Log, Record
from tailorbird.engine.state import Generation

Progress = Callable[[int, int], None]
"""(records done, records in all)"""


class Difference(NamedTuple):
    """The first place at which two states differ."""

    table: str
    key: bytes


def replay(log: Log, archive: Archive, generation: Generation, view: View, progress: Progress | None = None) -> int:
    """Fold everything that ``generation`` has not seen, from the archive and then the log; returns where it stands.

    Raises ``MissingRecords`` when records are in neither.
    """
    while True:
        with generation.read() as txn:
            applied = txn.applied()[0]
        total = max(log.last_offset(), archive.last_offset())
        if applied >= total:
            return applied
        source = _from(log, archive, applied)
        while batch := list(islice(source, CHUNK)):
            applied = fold(generation, view, batch)
            if progress is not None:
                progress(applied, total)


def compare(one: Generation, two: Generation) -> Difference | None:
    """The first difference between two states, byte by byte over every table; None when they are equal."""
    with one.read() as left, two.read() as right:
        for table in one.tables:
            with left.lmdb.cursor(db=left.tables[table]) as first, right.lmdb.cursor(db=right.tables[table]) as second:
                alive, other = first.first(), second.first()
                while alive or other:
                    if not (alive and other) or first.item() != second.item():
                        key = first.key() if alive else second.key()
                        return Difference(table, bytes(key))
                    alive, other = first.next(), second.next()
    return None


def _from(log: Log, archive: Archive, applied: int) -> Iterator[Record]:
    last = applied
    while True:
        for record in archive.scan(last):
            last = record.offset
            yield record
        while (batch := log.read(last, CHUNK)) and batch[0].offset == last + 1:
            yield from batch
            last = batch[-1].offset
        if not batch or archive.last_offset() <= last:  # else they have just gone from the log into the archive
            yield from batch
            return
