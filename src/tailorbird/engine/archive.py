"""The archive port: where old segments of the log go, and can be read again for a replay."""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from tailorbird.engine.log import Log, Record
from tailorbird.engine.state import Generation

_HEAD = struct.Struct(">QQBI")
SEGMENT = 20_000
"""Records per archived segment: some 20 MB before compression."""


class Archive(Protocol):
    """Takes segments of consecutive records, and gives them back in order."""

    def store(self, records: Sequence[Record]) -> None:
        """Keep a segment; durable on return. Storing the same again is harmless."""

    def last_offset(self) -> int:
        """Offset of the newest record kept, 0 for none."""

    def scan(self, after: int) -> Iterator[Record]:
        """Every record kept with an offset over ``after``, in order."""


class LocalArchive:
    """Segments as compressed files in a folder, named by their offsets."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def store(self, records: Sequence[Record]) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        name = f"{records[0].offset:020d}-{records[-1].offset:020d}.log.z"
        packed = b"".join(
            _HEAD.pack(record.offset, record.at, record.kind, len(record.payload)) + record.payload
            for record in records
        )
        temporary = self._directory / (name + ".new")
        with temporary.open("wb") as file:
            file.write(zlib.compress(packed, 6))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._directory / name)
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def last_offset(self) -> int:
        return max((last for _, last, _ in self._segments()), default=0)

    def scan(self, after: int) -> Iterator[Record]:
        for _, last, path in self._segments():
            if last <= after:
                continue
            packed, position = zlib.decompress(path.read_bytes()), 0
            while position < len(packed):
                offset, at, kind, size = _HEAD.unpack_from(packed, position)
                position += _HEAD.size
                if offset > after:
                    yield Record(offset, at, kind, packed[position : position + size])
                position += size

    def _segments(self) -> list[tuple[int, int, Path]]:
        found = []
        for path in sorted(self._directory.glob("*.log.z")):
            first, last = path.name.removesuffix(".log.z").split("-")
            found.append((int(first), int(last), path))
        return found


def archive_older(log: Log, archive: Archive, generation: Generation, before: int) -> int:
    """Hand over the log's records from before the instant ``before`` that have been folded, then let go of them.

    Returns how many. A stop at any point loses nothing: a segment is dropped from the log only when it is durable in the archive.
    """
    with generation.read() as txn:
        folded = txn.applied()[0]
    moved = 0
    while True:
        after = max(archive.last_offset(), log.first_offset() - 1)
        segment = [
            record
            for record in log.read(after, SEGMENT)
            if record.at < before and record.offset <= min(folded, log.last_offset() - 1)
        ]
        if segment:
            archive.store(segment)
            moved += len(segment)
        log.drop_through(archive.last_offset())
        if len(segment) < SEGMENT:
            return moved
