"""Features over all time or over a session: a small accumulator each, whatever the number of events.

``writer`` folds one value in, ``reader`` gives the feature, ``merger`` joins two people's. Counts and sums of nothing are 0;
everything else of nothing is None (lists: empty).

A sum is kept as the few doubles whose exact sum it is (Shewchuk 1997, "Adaptive precision floating-point arithmetic", GROW-
EXPANSION), so that it is the exactly rounded one whatever the order of arrival, and ten orders of 19.99 are >= 199.9.
"""

import math
from collections.abc import Callable
from math import fsum
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
EVEN = 1 << 20
"""Decayed weights (as log2) that are equal in steps of 1/EVEN count as equal; then the order of the values decides."""
EPOCH = 1_577_836_800_000
"""2020-01-01: decayed weights are kept as log2 relative to it, so that order never changes by time alone."""


def writer(aggregation: str, slot: int, k: int = 10, half_life: int | None = None) -> Write:
    """The function that folds one value into the slot."""

    def count(slots: Slots, ts: int, value: Any, at: int) -> None:
        slots[slot] = slots.get(slot, 0) + 1

    def total(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None:
            slots[slot] = [value]
        else:
            _grow(state, value)

    def mean(slots: Slots, ts: int, value: Any, at: int) -> None:
        state = slots.get(slot)
        if state is None:
            slots[slot] = [[value], 1]
        else:
            _grow(state[0], value)
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
        weight = 1 if half_life is None else (ts - EPOCH) / half_life
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


def reader(aggregation: str, k: int = 10, half_life: int | None = None) -> Read:
    """The function that gives the feature's value from the slot's state."""

    def heaviest(state: dict[Any, Any] | None) -> list[Any]:
        if state is None:
            return []
        if half_life is not None:  # what differs by the order of adding only, counts as equal
            state = {value: round(weight * EVEN) for value, weight in state.items()}
        return sorted(state, key=lambda each: (-state[each], each))[:k]

    table: dict[str, Read] = {
        "count": lambda state: state or 0,
        "sum": lambda state: 0.0 if state is None else fsum(state),
        "mean": lambda state: None if state is None else fsum(state[0]) / state[1],
        "min": lambda state: state,
        "max": lambda state: state,
        "last": lambda state: None if state is None else state[1],
        "since": lambda state: None if state is None else state[0],
        "first": lambda state: None if state is None else state[1],
        "distinct": lambda state: 0 if state is None else len(state),
        "set": lambda state: [] if state is None else sorted(state),
        "top_k": heaviest,
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
        "sum": _sum_of,
        "mean": lambda one, two: [_sum_of(one[0], two[0]), one[1] + two[1]],
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


def _grow(parts: list[float], value: float) -> None:
    """Add ``value`` to the exact sum that ``parts`` are: doubles that do not overlap, the smallest first."""
    kept = 0
    for part in parts:
        if abs(value) < abs(part):
            value, part = part, value
        high = value + part
        low = part - (high - value)
        if low:
            parts[kept] = low
            kept += 1
        value = high
    parts[kept:] = [value]


def _sum_of(one: list[float], two: list[float]) -> list[float]:
    parts = list(one)
    for part in two:
        _grow(parts, part)
    return parts


def _log2_sum(one: float, two: float) -> float:
    high, low = (one, two) if one >= two else (two, one)
    return high + math.log2(1.0 + 2.0 ** (low - high)) if high - low < 60 else high


def _trimmed(state: dict[Any, Any]) -> dict[Any, Any]:
    while len(state) > VALUES_KEPT:
        del state[min(state, key=lambda each: (state[each], each))]
    return state
