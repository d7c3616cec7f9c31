"""The embedded log: an LMDB environment, one synced transaction per group commit, shared by several processes.

A value is eight bytes of clock, one byte of kind, then the payload; the key is the offset, big-endian, so that the B-tree
grows at its right edge only.
"""

import errno
from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb

from tailorbird.engine.log import NewRecord, Record
from tailorbird.errors import Unavailable

_KINDS = [bytes([kind]) for kind in range(256)]


def storage_error(error: Exception, what: str) -> Unavailable:
    """A storage failure as the reader should hear of it; nothing personal, nothing acknowledged."""
    number = getattr(error, "errno", None)
    full = isinstance(error, (lmdb.MapFullError, lmdb.DiskError)) or number in (errno.ENOSPC, errno.EDQUOT)
    reason = "the disk or the map is full" if full or "No space" in str(error) else str(error)
    return Unavailable(
        f"{what} could not be written: {reason}. Nothing was acknowledged; free some space and send again."
    )


class LmdbLog:
    """A log in a folder. Any number of processes may hold it open; LMDB's own lock orders their appends."""

    def __init__(self, directory: Path, map_size: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._env = lmdb.open(str(directory), map_size=map_size, max_dbs=0, max_readers=512, readahead=False)
        self._env.reader_check()

    def append(self, records: Sequence[NewRecord], now: int) -> tuple[int, int]:
        try:
            with self._env.begin(write=True, buffers=False) as txn, txn.cursor() as cursor:
                first, at = 1, now
                if cursor.last():
                    first = int.from_bytes(cursor.key(), "big") + 1
                    at = max(now, int.from_bytes(cursor.value()[:8], "big"))
                head, offset, rows = at.to_bytes(8, "big"), first, []
                for kind, payload, _ in records:
                    rows.append((offset.to_bytes(8, "big"), head + _KINDS[kind] + payload))
                    offset += 1
                cursor.putmulti(rows, append=True)
        except (lmdb.Error, OSError) as error:
            raise storage_error(error, "The log") from error
        return first, at

    def read(self, after: int, limit: int) -> list[Record]:
        found: list[Record] = []
        with self._env.begin() as txn, txn.cursor() as cursor:
            if cursor.set_range((after + 1).to_bytes(8, "big")):
                for key, value in cursor:
                    found.append(_record(key, value))
                    if len(found) >= limit:
                        break
        return found

    def get(self, offset: int) -> Record | None:
        """The record at ``offset``, or None where it never was or has been archived."""
        with self._env.begin() as txn:
            key = offset.to_bytes(8, "big")
            value = txn.get(key)
            return None if value is None else _record(key, value)

    def first_offset(self) -> int:
        with self._env.begin() as txn, txn.cursor() as cursor:
            return int.from_bytes(cursor.key(), "big") if cursor.first() else 0

    def last_offset(self) -> int:
        with self._env.begin() as txn, txn.cursor() as cursor:
            return int.from_bytes(cursor.key(), "big") if cursor.last() else 0

    def scan(self) -> Iterator[Record]:
        after = 0
        while batch := self.read(after, 4096):
            yield from batch
            after = batch[-1].offset

    def drop_through(self, offset: int) -> None:
        # In steps: one huge transaction would need as many free pages as it frees.
        bound = min(offset, self.last_offset() - 1)
        done = False
        while not done:
            with self._env.begin(write=True) as txn, txn.cursor() as cursor:
                alive = cursor.first()
                for _ in range(10_000):
                    if not alive or int.from_bytes(cursor.key(), "big") > bound:
                        done = True
                        break
                    alive = cursor.delete()

    def close(self) -> None:
        """Let go of the files."""
        self._env.close()


def _record(key: bytes, value: bytes) -> Record:
    return Record(int.from_bytes(key, "big"), int.from_bytes(value[:8], "big"), value[8], value[9:])
