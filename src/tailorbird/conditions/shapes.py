"""The closures that a condition is made of, one factory for each shape, specialised where shapes are common.

Every closure takes ``(row, now)`` and returns a value or None for NULL. A literal is bound as a cell of its closure.
Measured with ``timeit`` (CPython 3.11, one core of a shared machine, the least of some runs; a function of two arguments
that does nothing takes 29 ns):

========================================================================  ======
condition                                                                 ns
========================================================================  ======
``vip``                                                                   36
``orders_30d >= 2``                                                       59
``country IN ('DE', 'FR')``                                               61
``orders_30d >= 2 AND spent_90d > 200``                                   144
the same ``AND country IN ('DE', 'FR') AND vip``                          345
``orders_30d BETWEEN 2 AND 5``                                            88
``country LIKE 'D%'``                                                     140
``CONTAINS(kinds_liked, 'hats')``                                         115
``spent_90d / orders_30d > 50``                                           284
``now() - last_added > INTERVAL '30' MINUTE``                             69
the same ``AND last_added > COALESCE(last_order, TIMESTAMP '...')``       236
``next_look`` and ``next_change`` of the last                             260, 1060
========================================================================  ======
"""

import operator
from collections.abc import Callable, Collection, Sequence
from sys import float_info
from typing import Any

from tailorbird.conditions.tree import Op
from tailorbird.conditions.types import Row, Truth, list_text

Value = Callable[[Row, int], Any]
"""A closure that gives a value of the type that the checker found, or None. The types are checked before, so not here."""

_LARGEST = float_info.max

OPERATORS: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}

# Leaves


def constant(value: object) -> Value:
    return lambda row, now: value


def column(index: int) -> Value:
    return lambda row, now: row[index]


def double(index: int) -> Value:
    """A NUMBER column as DuckDB holds it: a double. A whole number beyond every double is NULL."""

    def read(row: Any, now: int) -> float | None:
        value = row[index]
        if value is None:
            return None
        try:
            return float(value)
        except OverflowError:
            return None

    return read


def clock(row: Row, now: int) -> int:
    """now()."""
    return now


# Logic: SQL's three values are True, False and None


def negation(test: Truth) -> Truth:
    def negated(row: Row, now: int) -> bool | None:
        truth = test(row, now)
        return None if truth is None else not truth

    return negated


def both(first: Truth, second: Truth) -> Truth:
    def test(row: Row, now: int) -> bool | None:
        truth = first(row, now)
        if truth is False:
            return False
        other = second(row, now)
        return other if truth or other is False else None

    return test


def either(first: Truth, second: Truth) -> Truth:
    def test(row: Row, now: int) -> bool | None:
        truth = first(row, now)
        if truth:
            return True
        other = second(row, now)
        return other if truth is False or other else None

    return test


def every(tests: Sequence[Truth]) -> Truth:
    def test(row: Row, now: int) -> bool | None:
        result: bool | None = True
        for part in tests:
            truth = part(row, now)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result

    return test


def some(tests: Sequence[Truth]) -> Truth:
    def test(row: Row, now: int) -> bool | None:
        result: bool | None = False
        for part in tests:
            truth = part(row, now)
            if truth:
                return True
            if truth is None:
                result = None
        return result

    return test


def is_null(value: Value, null: bool) -> Truth:
    if null:
        return lambda row, now: value(row, now) is None
    return lambda row, now: value(row, now) is not None


def column_is_null(index: int, null: bool) -> Truth:
    if null:
        return lambda row, now: row[index] is None
    return lambda row, now: row[index] is not None


def is_truth(test: Truth, truth: bool) -> Truth:
    return lambda row, now: test(row, now) is truth


# Comparisons


def column_against(op: Op, index: int, bound: Any) -> Truth:
    """A column compared with a literal: the commonest test of all, so each operator has its own closure."""

    def eq(row: Any, now: int) -> bool | None:
        value = row[index]
        return None if value is None else value == bound

    def ne(row: Any, now: int) -> bool | None:
        value = row[index]
        return None if value is None else value != bound

    def lt(row: Any, now: int) -> bool | None:
        value = row[index]
        return None if value is None else value < bound

    def le(row: Any, now: int) -> bool | None:
        value = row[index]
        return None if value is None else value <= bound

    def gt(row: Any, now: int) -> bool | None:
        value = row[index]
        return None if value is None else value > bound

    def ge(row: Any, now: int) -> bool | None:
        value = row[index]
        return None if value is None else value >= bound

    return {Op.EQ: eq, Op.NE: ne, Op.LT: lt, Op.LE: le, Op.GT: gt, Op.GE: ge}[op]


def age_against(op: Op, index: int, bound: int) -> Truth:
    """``now() - column`` compared with a length of time in ms."""
    compare = OPERATORS[op]

    def test(row: Any, now: int) -> bool | None:
        value = row[index]
        return None if value is None else compare(now - value, bound)

    return test


def against(op: Op, value: Value, bound: Any) -> Truth:
    """A value compared with a literal."""
    compare = OPERATORS[op]

    def test(row: Row, now: int) -> bool | None:
        found = value(row, now)
        return None if found is None else compare(found, bound)

    return test


def between(value: Value, low: Value, high: Value) -> Truth:
    def test(row: Row, now: int) -> bool | None:
        found = value(row, now)
        if found is None:
            return None
        least, most = low(row, now), high(row, now)
        if (least is not None and found < least) or (most is not None and found > most):
            return False
        return None if least is None or most is None else True

    return test


def column_between(index: int, low: Any, high: Any) -> Truth:
    """A column BETWEEN two literals."""

    def test(row: Any, now: int) -> bool | None:
        value = row[index]
        return None if value is None else low <= value <= high

    return test


def column_within(index: int, members: Collection[object], within: bool, otherwise: bool | None) -> Truth:
    """A column IN literals (``within`` True) or NOT IN them; ``otherwise`` is the answer for a value not among them."""

    def test(row: Any, now: int) -> bool | None:
        value = row[index]
        if value is None:
            return None
        return within if value in members else otherwise

    return test


def within_set(value: Value, members: Collection[object], within: bool, otherwise: bool | None) -> Truth:
    """As :func:`column_within`, for any value."""

    def test(row: Row, now: int) -> bool | None:
        found = value(row, now)
        if found is None:
            return None
        return within if found in members else otherwise

    return test


def holds(items: Value, item: Value) -> Truth:
    """A list holds a text. As in DuckDB, an empty list is known to hold nothing, not even what is unknown."""

    def test(row: Row, now: int) -> bool | None:
        found = items(row, now)
        if not found:
            return None if found is None else False
        text = item(row, now)
        return None if text is None else text in map(list_text, found)

    return test


# Values


def unary(function: Callable[[Any], Any], value: Value) -> Value:
    """A function of one argument that is NULL for NULL."""

    def apply(row: Row, now: int) -> Any:
        found = value(row, now)
        return None if found is None else function(found)

    return apply


def binary(function: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    """A function of two arguments that is NULL if either is."""

    def apply(row: Row, now: int) -> Any:
        first = left(row, now)
        if first is None:
            return None
        second = right(row, now)
        return None if second is None else function(first, second)

    return apply


def finite(value: Value) -> Value:
    """A number, NULL instead of an infinity or NaN."""

    def settle(row: Row, now: int) -> float | None:
        found: float | None = value(row, now)
        return found if found is not None and -_LARGEST <= found <= _LARGEST else None

    return settle


def divisor(value: Value) -> Value:
    """A number to divide by: NULL instead of zero."""
    return lambda row, now: value(row, now) or None


def choice(conditions: Sequence[Truth], results: Sequence[Value], default: Value) -> Value:
    """CASE WHEN."""
    arms = tuple(zip(conditions, results, strict=True))

    def choose(row: Row, now: int) -> Any:
        for test, result in arms:
            if test(row, now):
                return result(row, now)
        return default(row, now)

    return choose


def column_or(index: int, other: Any) -> Value:
    """COALESCE of a column and a literal."""

    def read(row: Any, now: int) -> Any:
        value = row[index]
        return other if value is None else value

    return read


def coalesce(values: Sequence[Value]) -> Value:
    def first(row: Row, now: int) -> Any:
        for value in values:
            found = value(row, now)
            if found is not None:
                return found
        return None

    return first


def extreme(values: Sequence[Value], greatest: bool) -> Value:
    pick: Callable[..., Any] = max if greatest else min

    def find(row: Row, now: int) -> Any:
        return pick([found for value in values if (found := value(row, now)) is not None], default=None)

    return find
