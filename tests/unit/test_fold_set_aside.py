"""A record that cannot be folded stops nothing, is told, and comes back with a rebuild."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tailorbird.engine.fold import catch_up, set_aside
from tailorbird.engine.lmdb_log import LmdbLog
from tailorbird.engine.log import NewRecord, Record
from tailorbird.engine.state import Generation, StateTxn


class Adder:
    """A view that counts bytes, and chokes on what it is told to."""

    tables = ("sums",)

    def __init__(self, chokes_on: bytes = b"") -> None:
        self._chokes_on = chokes_on

    def open(self, txn: StateTxn) -> "AdderUnit":
        return AdderUnit(txn, self._chokes_on)


class AdderUnit:
    def __init__(self, txn: StateTxn, chokes_on: bytes) -> None:
        self._txn, self._chokes_on = txn, chokes_on

    def advance(self, until: int) -> None:
        self._txn.put("sums", b"clock", until.to_bytes(8, "big"))

    def apply(self, record: Record) -> None:
        self._txn.put("sums", record.payload, b"before the choking")
        if record.payload == self._chokes_on:
            raise KeyError(record.payload)
        self._txn.put("sums", record.payload, b"folded")

    def close(self) -> None:
        return


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LmdbLog]:
    log = LmdbLog(tmp_path / "log", 1 << 24)
    yield log
    log.close()


def _state(generation: Generation) -> dict[bytes, bytes]:
    with generation.read() as txn, txn.lmdb.cursor(db=txn.tables["sums"]) as cursor:
        return {bytes(key): bytes(value) for key, value in cursor}


def test_one_bad_record_leaves_no_trace_and_the_rest_is_folded(tmp_path: Path, log: LmdbLog) -> None:
    generation = Generation(tmp_path / "one", Adder.tables, 1 << 24)
    log.append([NewRecord(1, payload) for payload in (b"a", b"bad", b"c")], 5)
    assert catch_up(log, generation, Adder(b"bad")) == 3
    assert _state(generation) == {b"a": b"folded", b"c": b"folded", b"clock": (5).to_bytes(8, "big")}
    with generation.read() as txn:
        assert set_aside(txn) == [2]
        assert txn.applied() == (3, 5)
    generation.close()


def test_it_comes_back_with_a_rebuild_once_the_bug_is_mended(tmp_path: Path, log: LmdbLog) -> None:
    generation = Generation(tmp_path / "two", Adder.tables, 1 << 24)
    log.append([NewRecord(1, payload) for payload in (b"a", b"bad", b"c")], 5)
    assert catch_up(log, generation, Adder()) == 3
    assert _state(generation)[b"bad"] == b"folded"
    with generation.read() as txn:
        assert set_aside(txn) == []
    generation.close()
