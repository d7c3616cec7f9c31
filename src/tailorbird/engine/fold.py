"""The fold: every record of the log, once and in order, into state.

The contract of a view is that folding records one by one and folding them in any grouping give byte-equal state; a ``Unit`` may
hold what it has read until the transaction closes, and no longer.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tailorbird.engine.log import Log, NewRecord, Record
from tailorbird.engine.state import Generation, StateTxn

CHUNK = 2_000
"""Records per state transaction when much is to be caught up: about 50 ms of work, so that nobody waits long for the lock."""


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
    log: Log, generation: Generation, view: View, group: Group | None = None, *, through: int | None = None
) -> int:
    """Fold what the state has not seen, up to the offset ``through`` (the group's last, else the log's); return where it stands.

    The caller holds the fold lock. Records of ``group`` are folded from memory, anything before them is read from the log.
    Raises ``errors.Unavailable`` when the state cannot be written; the log keeps the records and a later call folds them.
    """
    if through is None:
        through = group.first + len(group.records) - 1 if group else log.last_offset()
    while True:
        with generation.write() as txn:
            applied, clock = txn.applied()
            if applied >= through:
                return applied
            batch = _next_batch(log, group, applied, through)
            unit = view.open(txn)
            for record in batch:
                if record.at > clock:
                    clock = record.at
                    unit.advance(clock)
                unit.apply(record)
            unit.close()
            txn.set_applied(batch[-1].offset, clock)


def _next_batch(log: Log, group: Group | None, applied: int, through: int) -> list[Record]:
    if group is not None and group.first <= applied + 1:
        skip = applied + 1 - group.first
        return [
            Record(group.first + index, group.at, kind, payload, value)
            for index, (kind, payload, value) in enumerate(group.records[skip : skip + CHUNK], skip)
        ]
    bound = min(through, group.first - 1) if group is not None else through
    batch = log.read(applied, min(CHUNK, bound - applied))
    if not batch or batch[0].offset != applied + 1:
        raise RuntimeError(f"the log has a gap after offset {applied}: rebuild needs the archive")
    return batch
