"""Folding records one by one, in any grouping, and by replay gives byte-equal state."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fold import NO_ARCHIVE, START, MemoryLog, Run, examples, spine, states
from histories import SESSION_MINUTES, Arrival, Step, arrivals, files, steps
from tailorbird.catalog import table as catalog_table
from tailorbird.catalog.items import Item
from tailorbird.decide import decision as decisions
from tailorbird.decide.decision import Decision, Slot
from tailorbird.engine import rebuild
from tailorbird.engine.fold import Group, catch_up
from tailorbird.engine.log import NewRecord, RecordKind
from tailorbird.events import quarantine
from tailorbird.ids import anonymous_key

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

RICH = json.dumps({
    "traits": {"age": "number"},
    "features": {
        "orders": {"count": "Order Completed"},
        "orders_30m": {"count": "Order Completed", "window": "30m"},
        "spent": {"sum": "Order Completed.revenue"},
        "spent_1d": {"sum": "Order Completed.revenue", "window": "1d", "purposes": ["marketing"]},
        "mean": {"mean": "Order Completed.products[].price"},
        "first": {"first": "Product Viewed.category"},
        "liked": {"top_k": "*.category", "half_life": "1d", "k": 2},
        "bought": {"set": "Order Completed.products[].product_id"},
        "seen": {"recent": "Product Viewed.product_id", "k": 3},
        "looks": {"count": "Product Viewed", "window": "session"},
        "last": {"last": "Product Added.timestamp"},
        "since": {"since": "Order Completed", "purposes": ["analytics"]},
    },
    "segments": {
        "often": "orders_30m >= 2", "rich": {"where": "spent_1d > 20", "purposes": ["marketing"]},
        "browsing": "looks > 1", "left": "now() - last > INTERVAL '30' MINUTE", "back": "since BETWEEN INTERVAL '1' HOUR AND INTERVAL '1' DAY",
        "grown": "age >= 2 OR mean > 3", "fond": "CONTAINS(liked, 'a')",
    },
})  # fmt: skip
SPINE = spine(RICH, dedup_days=1, session_minutes=SESSION_MINUTES)


def others(number: int, at: int) -> NewRecord:
    """A record that is no event: an item, a decision, or something for the quarantine."""
    if number % 3 == 0:
        item = Item(f"i{number % 2}", "Cup", price=float(number))
        return NewRecord(RecordKind.ITEM, catalog_table.encode(item), item)
    if number % 3 == 1:
        entry = quarantine.quarantined("shop", at, "no type", b"{}")
        return NewRecord(RecordKind.QUARANTINED, quarantine.encode(entry), entry)
    slate = [Slot("1", 1.0, 0.5, False, ()), Slot("a", 0.5, 0.5, True, ())]
    decision = Decision(
        f"d{number}", at, anonymous_key(f"a{1 + number % 4}"), "home", 2, "best", 0.0, "v", {}, 1, 7, True, [], [], [], None,
        {}, [], slate,
    )  # fmt: skip
    return NewRecord(RecordKind.DECISION, decisions.encode(decision), decision)


def mixed(history: list[Step], extra: list[int]) -> list[Arrival]:
    """A history with other records strewn in."""
    records = arrivals(history, SPINE)
    for number in extra:
        place = number % (len(records) + 1)
        at = records[place].at if place < len(records) else records[-1].at
        records.insert(place, Arrival(at, others(number, at)))
    return records


@settings(max_examples=examples(120), deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(steps(size=40), st.lists(st.integers(0, 1_000), max_size=8), st.lists(st.integers(1, 12), max_size=30))
def test_any_grouping_gives_equal_state(history: list[Step], extra: list[int], sizes: list[int]) -> None:
    records = mixed(history, extra)
    with states(4) as (single, grouped, arriving, replayed):
        run = Run(SPINE, single)
        for at, record in records:
            run.add(record, at)
        log = run.log
        through = 0
        for size in [*sizes, len(records)]:
            through = min(through + size, len(records))
            assert catch_up(log, grouped, SPINE, through=through) == through
        arrive_together(records, arriving, sizes)
        assert rebuild.replay(log, NO_ARCHIVE, replayed, SPINE) == len(records)
        assert rebuild.compare(single, grouped) is None
        assert rebuild.compare(single, arriving) is None
        assert rebuild.compare(single, replayed) is None


def arrive_together(records: list[Arrival], state: object, sizes: list[int]) -> None:
    """Requests that come at the same instant share a group commit; some of them are folded by another worker, from the log."""
    log, position, turn = MemoryLog(), 0, 0
    while position < len(records):
        size = sizes[turn % len(sizes)] if sizes else 1
        end = position
        while end < len(records) and end - position < size and records[end].at == records[position].at:
            end += 1
        group = [record for _, record in records[position:end]]
        first, at = log.append(group, records[position].at)
        if turn % 3 or end == len(records):
            catch_up(log, state, SPINE, Group(first, at, group))
        position, turn = end, turn + 1


@settings(max_examples=examples(40), deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(files, steps(), st.integers(1, 7))
def test_replay_equals_live_under_any_definitions(text: str, history: list[Step], size: int) -> None:
    view = spine(text, dedup_days=1, session_minutes=SESSION_MINUTES)
    with states(3) as (live, grouped, replayed):
        run = Run(view, live)
        for at, record in arrivals(history, view):
            run.add(record, at)
        for through in [*range(size, run.log.last_offset(), size), run.log.last_offset()]:
            catch_up(run.log, grouped, view, through=through)
        rebuild.replay(run.log, NO_ARCHIVE, replayed, view)
        assert rebuild.compare(live, grouped) is None
        assert rebuild.compare(live, replayed) is None


def test_comparing_tells_what_differs() -> None:
    """The proof is worth something only if it fails when it should."""
    with states(2) as (one, two):
        for state, number in ((one, 3), (two, 9)):
            Run(SPINE, state).add(others(number, START), START)
        difference = rebuild.compare(one, two)
        assert difference is not None
        assert difference.table == catalog_table.TABLE
