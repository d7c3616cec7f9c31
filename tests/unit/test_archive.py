"""Old segments of the log go to the archive, and a rebuild from both is byte-equal to the state that stands."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fold import DAY, HOUR, START, TICK, event, new, spine, states
from tailorbird.engine import archive as archives
from tailorbird.engine import rebuild
from tailorbird.engine.archive import LocalArchive, archive_older
from tailorbird.engine.fold import MissingRecords, catch_up
from tailorbird.engine.lmdb_log import LmdbLog
from tailorbird.engine.log import NewRecord, Record
from tailorbird.engine.state import Generation

SPINE = spine(json.dumps({
    "features": {"n": {"count": "*"}, "day": {"count": "*", "window": "1d"}}, "segments": {"often": "day > 3"},
}))  # fmt: skip


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SEGMENT", 7)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LmdbLog]:
    log = LmdbLog(tmp_path / "log", 1 << 26)
    yield log
    log.close()


@pytest.fixture
def archive(tmp_path: Path) -> LocalArchive:
    return LocalArchive(tmp_path / "archive")


def fill(log: LmdbLog, count: int = 40, start: int = START) -> None:
    """An event an hour."""
    for hour in range(count):
        log.append([new(event(anonymous=f"v{hour % 3}", at=start + hour * HOUR))], start + hour * HOUR)


def offsets(records: Iterator[Record]) -> list[int]:
    return [record.offset for record in records]


def test_an_empty_archive_has_nothing(archive: LocalArchive) -> None:
    assert (archive.last_offset(), offsets(archive.scan(0))) == (0, [])


def test_what_is_stored_is_given_back(archive: LocalArchive) -> None:
    records = [Record(offset, START + offset, 1, bytes([offset]) * offset) for offset in range(1, 11)]
    archive.store(records[:4])
    archive.store(records[4:])
    archive.store(records[4:])  # again, after a stop at a bad moment
    assert archive.last_offset() == 10
    assert list(archive.scan(0)) == records
    assert list(archive.scan(6)) == records[6:]
    assert list(archive.scan(10)) == []


def test_a_half_written_segment_counts_for_nothing(archive: LocalArchive, tmp_path: Path) -> None:
    archive.store([Record(1, START, 1, b"x")])
    (tmp_path / "archive" / f"{2:020d}-{9:020d}.log.z.new").write_bytes(b"half")
    assert (archive.last_offset(), offsets(archive.scan(0))) == (1, [1])


def test_only_what_is_old_and_folded_goes(log: LmdbLog, archive: LocalArchive) -> None:
    fill(log)
    with states() as (state,):
        assert archive_older(log, archive, state, START + DAY) == 0, "nothing is folded yet"
        catch_up(log, state, SPINE, through=10)
        assert archive_older(log, archive, state, START + DAY) == 10, "what is not folded must stay in reach"
        assert (archive.last_offset(), log.first_offset()) == (10, 11)
        catch_up(log, state, SPINE)
        assert archive_older(log, archive, state, START + DAY) == 14
        assert offsets(archive.scan(0)) == list(range(1, 25))
        assert offsets(log.scan()) == list(range(25, 41))
        assert archive_older(log, archive, state, START + DAY) == 0


def test_the_newest_record_stays_so_that_offsets_and_the_clock_go_on(log: LmdbLog, archive: LocalArchive) -> None:
    fill(log, 5)
    with states() as (state,):
        catch_up(log, state, SPINE)
        assert archive_older(log, archive, state, START + 365 * DAY) == 4
        assert offsets(log.scan()) == [5]
        assert log.append([TICK], 0) == (6, START + 4 * HOUR)


def test_a_rebuild_from_archive_and_log_equals_what_stands(log: LmdbLog, archive: LocalArchive) -> None:
    fill(log)
    with states(3) as (live, fresh, behind):
        catch_up(log, live, SPINE)
        catch_up(log, behind, SPINE, through=12)
        archive_older(log, archive, live, START + DAY)
        fill(log, 10, START + 3 * DAY)
        catch_up(log, live, SPINE)
        seen: list[tuple[int, int]] = []
        assert rebuild.replay(log, archive, fresh, SPINE, lambda done, total: seen.append((done, total))) == 50
        assert rebuild.replay(log, archive, behind, SPINE) == 50
        assert seen[-1] == (50, 50)
        assert rebuild.compare(live, fresh) is None
        assert rebuild.compare(live, behind) is None


@pytest.mark.parametrize("stop", ["before the drop", "twice"])
def test_a_stop_between_storing_and_dropping_loses_nothing(log: LmdbLog, archive: LocalArchive, stop: str) -> None:
    fill(log)
    with states(2) as (live, fresh):
        catch_up(log, live, SPINE)
        archive.store(log.read(0, 9))
        if stop == "twice":
            archive.store(log.read(9, 3))
        rebuild.replay(log, archive, fresh, SPINE)
        assert rebuild.compare(live, fresh) is None
        archive_older(log, archive, live, START + DAY)
        assert offsets(archive.scan(0)) == list(range(1, 25))
        assert offsets(log.scan()) == list(range(25, 41))


def test_records_that_are_nowhere_are_missed_by_name(log: LmdbLog, archive: LocalArchive) -> None:
    fill(log)
    log.drop_through(10)
    with (
        states() as (state,),
        pytest.raises(MissingRecords, match="records 1 to 10 are neither in the log nor in the archive"),
    ):
        rebuild.replay(log, archive, state, SPINE)


def test_records_may_go_to_the_archive_while_a_rebuild_runs(log: LmdbLog, archive: LocalArchive) -> None:
    """A rebuild reads the archive first: what has left the log meanwhile is looked for there again."""
    fill(log)
    with states(2) as (live, fresh):
        catch_up(log, live, SPINE)

        class Slow(LocalArchive):
            moved = False

            def scan(self, after: int) -> Iterator[Record]:
                yield from super().scan(after)
                if not self.moved:
                    self.moved = True
                    archive_older(log, archive, live, START + DAY)

        assert rebuild.replay(log, Slow(archive._directory), fresh, SPINE) == 40
        assert rebuild.compare(live, fresh) is None


def test_any_payload_survives_the_archive(archive: LocalArchive, log: LmdbLog) -> None:
    log.append([NewRecord(kind, bytes(range(256)) * kind) for kind in range(1, 6)], START)
    archive.store(log.read(0, 10))
    assert list(archive.scan(0)) == log.read(0, 10)


def test_a_comparison_names_the_first_difference(log: LmdbLog) -> None:
    fill(log)
    with states(2) as (one, two):
        catch_up(log, one, SPINE)
        catch_up(log, two, SPINE, through=39)
        assert rebuild.compare(one, two) == rebuild.Difference("meta", b"applied")
        catch_up(log, two, SPINE)
        assert rebuild.compare(one, two) is None
        _change(two)
        difference = rebuild.compare(one, two)
        assert difference is not None
        assert difference.table == "profiles"
        assert rebuild.compare(two, one) == difference


def _change(state: Generation) -> None:
    with state.write() as txn, txn.lmdb.cursor(db=txn.tables["profiles"]) as cursor:
        cursor.last()
        cursor.delete()
