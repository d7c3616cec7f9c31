"""Sliding windows are exact at every instant: they equal a count over the list of events, to the millisecond at both ends."""

import json
from collections import Counter
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from fold import DAY, HOUR, MINUTE, SECOND, START, Run, event, examples, spine, states

WINDOWS = {"5m": 5 * MINUTE, "1h": HOUR, "1d": DAY}
AGGREGATIONS = ["sum", "mean", "min", "max", "last", "first", "distinct", "set", "top_k"]
NUMERIC = ("sum", "mean", "min", "max", "last", "first")


def named(aggregation: str, window: str) -> str:
    return f"{aggregation}_{window}"


FEATURES: dict[str, Any] = {
    named(aggregation, window): {
        aggregation: f"Paid.{'amount' if aggregation in NUMERIC else 'kind'}", "window": window,
        **({"as": "number"} if aggregation in ("last", "first") else {}), **({"k": 2} if aggregation == "top_k" else {}),
    }
    for aggregation in AGGREGATIONS for window in WINDOWS
}  # fmt: skip
FEATURES |= {named("count", window): {"count": "Paid", "window": window} for window in WINDOWS}
SPINE = spine(json.dumps({"features": FEATURES}))

EDGES = [length + odd for length in WINDOWS.values() for odd in (-1, 0, 1)]
amounts = st.sampled_from([1.0, 2.0, 0.1, 0.2, 0.3, -5.0, 19.99, 1e16, -1e16, 1 / 3])


class Deed(NamedTuple):
    at: int
    """When it came in."""
    moment: int
    amount: float
    kind: str


@st.composite
def pasts(draw: Any) -> list[Deed]:
    at, found = START, []
    for gap, late, amount, kind in draw(st.lists(
        st.tuples(st.sampled_from([0, 1, SECOND, MINUTE, *EDGES]), st.sampled_from([0, 0, 0, 1, MINUTE, *EDGES]), amounts,
                  st.sampled_from(["a", "b", "c"])), min_size=1, max_size=25,
    )):  # fmt: skip
        at += gap
        found.append(Deed(at, at - late, amount, kind))
    return found


def by_hand(past: list[Deed], aggregation: str, window: int, now: int) -> Any:
    """The definition, written down: what came in by ``now`` and happened after ``now - window``, in order of time."""
    inside = sorted(
        (each for each in past if each.at <= now and now - window < each.moment), key=lambda each: each.moment
    )
    amounts, kinds = [each.amount for each in inside], [each.kind for each in inside]
    if aggregation == "count":
        return len(inside)
    if aggregation == "sum":
        return float(sum(map(Fraction, amounts)))
    if aggregation == "distinct":
        return len(set(kinds))
    if aggregation == "set":
        return sorted(set(kinds))
    if aggregation == "top_k":
        return [kind for _, kind in sorted((-count, kind) for kind, count in Counter(kinds).items())[:2]]
    if not inside:
        return None
    if aggregation == "mean":
        return float(sum(map(Fraction, amounts))) / len(amounts)
    return {"min": min(amounts), "max": max(amounts), "last": amounts[-1], "first": amounts[0]}[aggregation]


def assert_exact(run: Run, past: list[Deed], now: int) -> None:
    profile = run.person("a:x")
    for aggregation in ("count", *AGGREGATIONS):
        for window, length in WINDOWS.items():
            expected = by_hand(past, aggregation, length, now)
            assert SPINE.plan.read(profile, named(aggregation, window), now) == expected, (
                aggregation,
                window,
                now - START,
            )


@settings(max_examples=examples(60), deadline=None)
@given(pasts(), st.lists(st.integers(0, 2 * DAY), max_size=5))
def test_windows_equal_brute_force(past: list[Deed], later: list[int]) -> None:
    with states() as (state,):
        run = Run(SPINE, state)
        for number, deed in enumerate(past):
            run.event(
                event("Paid", anonymous="x", at=deed.moment, properties={"amount": deed.amount, "kind": deed.kind}),
                deed.at,
            )
            assert_exact(run, past[: number + 1], deed.at)
        end = past[-1].at
        leaving = {deed.moment + length + odd for deed in past for length in WINDOWS.values() for odd in (-1, 0, 1)}
        for now in sorted({instant for instant in leaving if instant >= end} | {end + wait for wait in later}):
            assert_exact(run, past, now)


def test_an_event_leaves_at_the_millisecond() -> None:
    with states() as (state,):
        run = Run(SPINE, state)
        run.event(event("Paid", anonymous="x", at=START, properties={"amount": 2.0}), START)
        for now, count in (
            (START, 1),
            (START + 5 * MINUTE - 1, 1),
            (START + 5 * MINUTE, 0),
            (START + 5 * MINUTE + 1, 0),
        ):
            assert run.value("a:x", "count_5m", now) == count


def test_an_event_that_comes_too_late_for_every_window_changes_nothing() -> None:
    with states() as (state,):
        run = Run(SPINE, state)
        run.event(event("Paid", anonymous="x", at=START - DAY), START)
        run.event(event("Paid", anonymous="x", at=START - DAY + 1), START)
        assert run.value("a:x", "count_1d", START) == 1
        assert run.value("a:x", "count_1d", START + 1) == 0


def test_a_series_forgets_what_no_window_needs() -> None:
    """State stays bounded: a year of events leaves those of the last day."""
    with states() as (state,):
        run = Run(SPINE, state)
        for hour in range(24 * 30):
            run.event(event("Paid", anonymous="x", at=START + hour * HOUR), START + hour * HOUR)
        longest = max(len(column) for state in run.person("a:x").slots.values() for column in state)
        assert longest == 24
