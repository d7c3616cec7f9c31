"""Sliding windows, exact at every instant: the timestamps (and values) of one kind of event that are still in some window.

A state is ``[timestamps, values]``, both in order of time, without values where only counts are asked. Features of the same
event and property share one series as long as its longest window. An event at ``t`` is in a window of length W at ``now`` when
``now - W < t``: it leaves at the instant ``t + W``.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from math import fsum
from typing import Any

from tailorbird.profiles.features.accumulate import Merge, Slots, Write

SERIES_KEPT = 10_000
"""Events that a series keeps per person; beyond it the oldest go. Nobody human does more in a year; robots do."""

State = list[list[Any]]
ReadWindow = Callable[[State, int], Any]
"""(state, index of the first event in the window) -> value"""


def writer(slot: int, longest: int, *, with_values: bool) -> Write:
    """The function that puts one event into the series and forgets what has left every window."""

    def put(slots: Slots, ts: int, value: Any, at: int) -> None:
        floor = at - longest
        if ts <= floor:
            return  # arrived too late for any window
        state = slots.get(slot)
        if state is None:
            slots[slot] = [[ts], [value]] if with_values else [[ts]]
            return
        times = state[0]
        if ts >= times[-1]:
            times.append(ts)
            if with_values:
                state[1].append(value)
        else:
            position = bisect_right(times, ts)
            times.insert(position, ts)
            if with_values:
                state[1].insert(position, value)
        if times[0] <= floor or len(times) > SERIES_KEPT:
            gone = max(bisect_right(times, floor), len(times) - SERIES_KEPT)
            for column in state:
                del column[:gone]

    return put


def merger(longest: int) -> Merge:
    """The function that joins two people's series; of equal times the first one's come first."""

    def merge(one: State, two: State) -> State:
        order = sorted(range(len(one[0]) + len(two[0])), key=[*one[0], *two[0]].__getitem__)[-SERIES_KEPT:]
        joined = [[*first, *second] for first, second in zip(one, two, strict=True)]
        return [[column[index] for index in order] for column in joined]

    return merge


def start(state: State, now: int, window: int) -> int:
    """Index of the first event that is in the window at ``now``."""
    return bisect_right(state[0], now - window)


def next_expiry(state: State, now: int, window: int) -> int | None:
    """The next instant after ``now`` at which an event leaves the window; None when none is in it."""
    index = start(state, now, window)
    return state[0][index] + window if index < len(state[0]) else None


def reader(aggregation: str, k: int = 10) -> ReadWindow:
    """The function that gives the feature's value. Sums are exactly rounded (fsum), so that order of arrival doesn't matter."""
    table: dict[str, ReadWindow] = {
        "count": lambda state, first: len(state[0]) - first,
        "sum": lambda state, first: fsum(state[1][first:]),
        "mean": lambda state, first: fsum(part) / len(part) if (part := state[1][first:]) else None,
        "min": lambda state, first: min(state[1][first:], default=None),
        "max": lambda state, first: max(state[1][first:], default=None),
        "last": lambda state, first: state[1][-1] if first < len(state[1]) else None,
        "first": lambda state, first: state[1][first] if first < len(state[1]) else None,
        "distinct": lambda state, first: len(set(state[1][first:])),
        "set": lambda state, first: sorted(set(state[1][first:])),
        "top_k": lambda state, first: [
            value for value, _ in sorted(Counter(state[1][first:]).items(), key=lambda each: (-each[1], each[0]))[:k]
        ],
    }
    return table[aggregation]


def nothing(aggregation: str) -> Any:
    """The feature's value when the series is empty."""
    return {"count": 0, "sum": 0.0, "distinct": 0, "set": [], "top_k": []}.get(aggregation)
