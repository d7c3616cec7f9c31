"""Clock arithmetic as one sum: so much of now(), so much of each column, and a constant, in ms.

``now() - last_added > INTERVAL '30' MINUTE`` is ``1*now - 1*last_added - 1800000 > 0``. All of it is whole numbers, so the
order of adding does not matter, and the instant at which such a sum crosses zero can be solved for (:mod:`horizon`).
"""

from collections.abc import Callable
from typing import Any

import msgspec

from tailorbird.conditions.tree import Arithmetic, Constant, Negate, Node, Now, Ref, Sign


class Linear(msgspec.Struct, frozen=True):
    """``slope * now + constant + sum(factor * row[index])``; NULL if any of the columns is, even at factor 0."""

    slope: int
    constant: int
    terms: tuple[tuple[int, int], ...]
    """(index, factor) of each column."""

    def plus(self, other: "Linear", sign: int) -> "Linear":
        """``self + sign * other``."""
        factors = dict(self.terms)
        for index, factor in other.terms:
            factors[index] = factors.get(index, 0) + sign * factor
        return Linear(self.slope + sign * other.slope, self.constant + sign * other.constant, tuple(factors.items()))


def linear(node: Node) -> Linear | None:
    """The sum that a TIMESTAMP or INTERVAL node is, or None if it chooses (COALESCE, CASE, GREATEST)."""
    match node:
        case Now():
            return Linear(1, 0, ())
        case Constant(value=int(value)):
            return Linear(0, value, ())
        case Ref():
            return Linear(0, 0, ((node.column.index, 1),))
        case Negate():
            inner = linear(node.operand)
            return Linear(0, 0, ()).plus(inner, -1) if inner else None
        case Arithmetic():
            return difference(node.left, node.right, 1 if node.sign is Sign.ADD else -1)
    return None


def difference(left: Node, right: Node, sign: int = -1) -> Linear | None:
    """``left + sign * right`` as a sum, or None if either side is none."""
    first, second = linear(left), linear(right)
    return first.plus(second, sign) if first and second else None


def total(form: Linear) -> Callable[[Any, int], int | None]:
    """A closure that adds the sum up for a row at an instant."""
    slope, constant, terms = form.slope, form.constant, form.terms
    if len(terms) == 1:
        return _total_of_one(slope, constant, *terms[0])

    def add(row: Any, now: int) -> int | None:
        result = slope * now + constant
        for index, factor in terms:
            value = row[index]
            if value is None:
                return None
            result += factor * value
        return result

    return add


def _total_of_one(slope: int, constant: int, index: int, factor: int) -> Callable[[Any, int], int | None]:
    def add(row: Any, now: int) -> int | None:
        value = row[index]
        return None if value is None else slope * now + constant + factor * value

    return add
