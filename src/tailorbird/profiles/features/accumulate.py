"""Features over all time or over a session: a small accumulator each, whatever the number of events.

``writer`` folds one value in, ``reader`` gives the feature, ``merger`` joins two people's. Counts and sums of nothing are 0;
everything else of nothing is None (lists: empty).
"""

import math
from collections.abc import Callable
from typing import Any

Slots = dict[int, Any]
Write = Callable[[Slots, int, Any, int], None]
"""(slots, timestamp of the event, value, the log's clock) -> None"""
Read = Callable[[Any], Any]
"""State of the slot, None when it is empty -> value of the feature."""
Merge = Callable[[Any, Any], Any]
"""Two states, both there -> one."""

VALUES_KEPT = 1_000
"""Distinct values that set, distinct and top_k remember; beyond it the stalest or lightest goes."""
_EPOCH = 1_577_836_800_000
"""2020-01-01: decayed weights are kept as log2 relative to it, so that order never changes by time alone."""


def writer(aggregation: str, slot: int, k: int = 10, half_life: int | None = None) -> Write:
    """The function that folds one value into the slot."""

    def count(slots: Slots, ts: int, value: Any, at: int) -> None:
        slots[slot] = slots.get(slot, 0) + 1

    def total(slots: Slots, ts: int, value: Any, at: int) -> None:
        slots[slot] = slots.get(slot, 0.0) + value

    def mean(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None:
            slots[slot] = [value, 1]
        else:
            state[0] += value
            state[1] += 1

    def smallest(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None or value < state:
            slots[slot] = value

    def largest(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None or value > state:
            slots[slot] = value

    def last(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None or ts >= state[0]:
            slots[slot] = [ts, value]

    def first(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None or ts < state[0]:
            slots[slot] = [ts, value]

    def members(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None:
            slots[slot] = {value: ts}
            return
        state[value] = max(ts, state.get(value, ts))
        if len(state) > VALUES_KEPT:
            del state[min(state, key=lambda each: (state[each], each))]

    def weights(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        weight = 1 if half_life is None else (ts - _EPOCH) / half_life
        if state is None:
            slots[slot] = {value: weight}
            return
        old = state.get(value)
        state[value] = weight if old is None else old + 1 if half_life is None else _log2_sum(old, weight)
        if len(state) > VALUES_KEPT:
            del state[min(state, key=lambda each: (state[each], each))]

    def recent(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None:
            slots[slot] = [[ts, value]]
            return
        position = len(state)
        while position and state[position - 1][0] > ts:
            position -= 1
        state.insert(position, [ts, value])
        if len(state) > k:
            del state[0]

    table: dict[str, Write] = {
        "count": count, "sum": total, "mean": mean, "min": smallest, "max": largest, "last": last, "since": last,
        "first": first, "distinct": members, "set": members, "top_k": weights, "recent": recent,
    }  # fmt: skip
    return table[aggregation]


def reader(aggregation: str, k: int = 10) -> Read:
    """The function that gives the feature's value from the slot's state."""
    table: dict[str, Read] = {
        "count": lambda state: state or 0,
        "sum": lambda state: state or 0.0,
        "mean": lambda state: None if state is None else state[0] / state[1],
        "min": lambda state: state,
        "max": lambda state: state,
        "last": lambda state: None if state is None else state[1],
        "since": lambda state: None if state is None else state[0],
        "first": lambda state: None if state is None else state[1],
        "distinct": lambda state: 0 if state is None else len(state),
        "set": lambda state: [] if state is None else sorted(state),
        "top_k": lambda state: [] if state is None else sorted(state, key=lambda each: (-state[each], each))[:k],
        "recent": lambda state: [] if state is None else [value for _, value in reversed(state)],
    }
    return table[aggregation]


def merger(aggregation: str, k: int = 10, half_life: int | None = None) -> Merge:
    """The function that joins two people's states, as if one person had done both their deeds."""

    def members(one: dict[Any, int], two: dict[Any, int]) -> dict[Any, int]:
        joined = dict(one)
        for value, ts in two.items():
            joined[value] = max(ts, joined.get(value, ts))
        return _trimmed(joined)

    def weights(one: dict[Any, Any], two: dict[Any, Any]) -> dict[Any, Any]:
        joined = dict(one)
        for value, weight in two.items():
            old = joined.get(value)
            joined[value] = weight if old is None else old + weight if half_life is None else _log2_sum(old, weight)
        return _trimmed(joined)

    table: dict[str, Merge] = {
        "count": lambda one, two: one + two,
        "sum": lambda one, two: one + two,
        "mean": lambda one, two: [one[0] + two[0], one[1] + two[1]],
        "min": min,
        "max": max,
        "last": lambda one, two: two if two[0] > one[0] else one,
        "since": lambda one, two: two if two[0] > one[0] else one,
        "first": lambda one, two: two if two[0] < one[0] else one,
        "distinct": members,
        "set": members,
        "top_k": weights,
        "recent": lambda one, two: sorted([*one, *two], key=lambda each: each[0])[-k:],
    }
    return table[aggregation]


def _log2_sum(one: float, two: float) -> float:
    high, low = (one, two) if one >= two else (two, one)
    return high + math.log2(1.0 + 2.0 ** (low - high)) if high - low < 60 else high


def _trimmed(state: dict[Any, Any]) -> dict[Any, Any]:
    while len(state) > VALUES_KEPT:
        del state[min(state, key=lambda each: (state[each], each))]
    return state
