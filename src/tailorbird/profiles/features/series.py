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
from tailorbird.profiles.profile import Profile

SERIES_KEPT = 10_000
"""Events that a series keeps per person; beyond it the oldest go. Nobody human does more in a year; robots do."""

State = list[list[Any]]


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


def next_expiry(state: State, now: int, window: int) -> int | None:
    """The next instant after ``now`` at which an event leaves the window; None when none is in it."""
    times = state[0]
    index = bisect_right(times, now - window)
    return times[index] + window if index < len(times) else None


def reader(aggregation: str, slot: int, window: int, k: int = 10) -> Callable[[Profile, int], Any]:
    """The function (profile, now) -> value of the feature.

    Sums are exactly rounded (``math.fsum``), so that the order of arrival doesn't matter. Counts and sums of nothing are 0,
    lists empty, everything else None.
    """

    def count(profile: Profile, now: int) -> int:
        state = profile.slots.get(slot)
        if state is None:
            return 0
        times, floor = state[0], now - window
        return len(times) if times and times[0] > floor else len(times) - bisect_right(times, floor)

    if aggregation == "count":
        return count
    compute = _over_values(aggregation, k)
    nothing = {"sum": 0.0, "distinct": 0, "set": (), "top_k": ()}.get(aggregation)

    def over_values(profile: Profile, now: int) -> Any:
        state = profile.slots.get(slot)
        if state is not None:
            times, floor = state[0], now - window
            if times and times[-1] > floor:
                return compute(state[1] if times[0] > floor else state[1][bisect_right(times, floor) :])
        return list(nothing) if isinstance(nothing, tuple) else nothing

    return over_values


def _over_values(aggregation: str, k: int) -> Callable[[list[Any]], Any]:
    table: dict[str, Callable[[list[Any]], Any]] = {
        "sum": fsum,
        "mean": lambda values: fsum(values) / len(values),
        "min": min,
        "max": max,
        "last": lambda values: values[-1],
        "first": lambda values: values[0],
        "distinct": lambda values: len(set(values)),
        "set": lambda values: sorted(set(values)),
        "top_k": lambda values: [
            value for value, _ in sorted(Counter(values).items(), key=lambda each: (-each[1], each[0]))[:k]
        ],
    }
    return table[aggregation]
