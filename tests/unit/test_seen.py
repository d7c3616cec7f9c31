"""The memory of messages, by itself: two tables that take turns."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tailorbird.engine.dedup import TABLES, Seen
from tailorbird.engine.state import Generation, StateTxn
from tailorbird.ids import message_key

DAY = 86_400_000
START = 19_675 * DAY
ONE, TWO = message_key("one"), message_key("two")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Generation]:
    state = Generation(tmp_path, TABLES, 1 << 24)
    yield state
    state.close()


def test_a_message_is_new_once(state: Generation) -> None:
    with state.write() as txn:
        seen = Seen(txn, 1)
        assert [seen.first_time(ONE, 1, START), seen.first_time(ONE, 2, START), seen.first_time(TWO, 3, START)] == [
            True,
            False,
            True,
        ]
    with state.write() as txn:
        assert not Seen(txn, 1).first_time(ONE, 4, START + DAY - 1), "in another transaction, too"


def test_it_is_remembered_over_the_turn_of_the_tables_and_forgotten_at_the_second(state: Generation) -> None:
    with state.write() as txn:
        seen, last = Seen(txn, 1), START + DAY - 1
        assert seen.first_time(ONE, 1, last)
        for until, new in ((START + DAY, False), (START + 2 * DAY - 1, False), (START + 2 * DAY, True)):
            seen.advance(last, until)
            last = until
            assert seen.first_time(ONE, 2, until) is new


def test_a_long_silence_forgets_everything(state: Generation) -> None:
    with state.write() as txn:
        seen = Seen(txn, 1)
        seen.first_time(ONE, 1, START)
        seen.advance(START, START + 100 * DAY)
        assert seen.first_time(ONE, 2, START + 100 * DAY)
        assert sum(txn.lmdb.stat(txn.tables[table])["entries"] for table in TABLES) == 1


def test_the_first_record_of_a_log_forgets_nothing(state: Generation) -> None:
    with state.write() as txn:
        seen = Seen(txn, 30)
        seen.advance(0, START)
        assert seen.first_time(ONE, 1, START)
        seen.advance(START, START + DAY)
        assert not seen.first_time(ONE, 2, START + DAY)


def test_what_was_refused_by_a_rollback_is_not_remembered(state: Generation) -> None:
    txn = state.env.begin(write=True)
    assert Seen(StateTxn(txn, state.tables), 1).first_time(ONE, 1, START)
    txn.abort()
    with state.write() as txn:
        assert Seen(txn, 1).first_time(ONE, 1, START)
