"""A repeated messageId is applied once: for as long as it is promised, and not remembered for ever."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fold import DAY, HOUR, START, Run, event, examples, new, spine, states
from tailorbird.engine import rebuild
from tailorbird.engine.dedup import TABLES
from tailorbird.engine.fold import catch_up

FEATURES = json.dumps({"features": {name: {"count": name} for name in ("A", "B", "C")}})
GAPS = [0, 1, HOUR, DAY - 1, DAY, DAY + 1, 2 * DAY - 1, 2 * DAY, 3 * DAY, 9 * DAY]


@settings(max_examples=examples(150), deadline=None)
@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(GAPS), st.sampled_from("ABC"), st.booleans()), min_size=1, max_size=30),
)
def test_repeats_within_the_promise_are_applied_once(days: int, past: list[tuple[int, str, bool]]) -> None:
    view = spine(FEATURES, dedup_days=days)
    with states(2) as (state, replayed):
        run, at = Run(view, state), START
        last: dict[str, int] = {}
        for gap, name, tick in past:
            at += gap
            if tick:
                run.tick(at)
                continue
            before = run.value("a:x", name, at) if last else 0
            run.event(event(name, anonymous="x", at=at, message=f"the one {name}"), at)
            applied = run.value("a:x", name, at) - before
            assert applied in (0, 1)
            since = at - last[name] if name in last else None
            if since is None or since >= 2 * days * DAY:
                assert applied == 1, "forgotten after twice the promise at the latest"
            elif since < days * DAY:
                assert applied == 0, "remembered for as long as promised"
            if applied:
                last[name] = at
        catch_up(run.log, replayed, view)
        assert rebuild.compare(state, replayed) is None


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 10))
def test_repeats_in_one_group_are_applied_once(numbers: list[int], size: int) -> None:
    """Also when both copies are folded in one transaction, and whoever sent them."""
    view = spine(FEATURES, dedup_days=30)
    with states() as (state,):
        run = Run(view, state)
        records = [(f"m{n}", f"v{i % 2}") for i, n in enumerate(numbers)]
        for message, visitor in records:
            run.log.append([new(event("A", anonymous=visitor, message=message))], START)
        for through in [*range(size, len(records), size), len(records)]:
            catch_up(run.log, state, view, through=through)
        assert sum(profile.events for profile in run.people().values()) == len(set(numbers))


def test_memory_is_bounded() -> None:
    """Messages of more than two spans ago take no room."""
    view = spine(FEATURES, dedup_days=1)
    with states() as (state,):
        run = Run(view, state)
        for hour in range(24 * 10):
            run.event(event("A", anonymous="x", at=START + hour * HOUR), START + hour * HOUR)
        with state.read() as txn:
            assert sum(txn.lmdb.stat(txn.tables[table])["entries"] for table in TABLES) <= 48
        run.tick(START + 30 * DAY)
        with state.read() as txn:
            assert sum(txn.lmdb.stat(txn.tables[table])["entries"] for table in TABLES) == 0
