"""The live execution: a checked tree to one closure over (row, now).

Numbers follow IEEE 754 inside arithmetic, exactly as DuckDB's doubles do, and are made NULL where they came out infinite or
NaN as soon as anything but arithmetic looks at them (:func:`~tailorbird.conditions.tree.may_overflow` says why that is
enough). A whole number beyond 2**53 counts as the double nearest to it, because that is what DuckDB stores.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

from tailorbird.conditions import casing, shapes
from tailorbird.conditions.linear import difference, total
from tailorbird.conditions.patterns import matcher
from tailorbird.conditions.shapes import Value
from tailorbird.conditions.tree import (
    CLOCK,
    And,
    Arithmetic,
    Between,
    Call,
    Case,
    Coalesce,
    Compare,
    Constant,
    Contains,
    Extreme,
    Fn,
    In,
    IsNull,
    IsTruth,
    Like,
    Negate,
    Node,
    Not,
    Now,
    Op,
    Or,
    Ref,
    Sign,
    Type,
    is_constant,
    may_overflow,
)
from tailorbird.conditions.types import Truth, list_number

_EXACT = float(2**53)
"""Below it every whole number is a double, so Python's exact comparison of int with float is DuckDB's of doubles."""


def round_half_away(number: float) -> float:
    """C's ``round``: halves away from zero. ``number`` is finite."""
    whole = float(math.trunc(number))
    return whole + math.copysign(1.0, number) if abs(number - whole) >= 0.5 else whole


_SIGNS = {Sign.ADD: operator.add, Sign.SUB: operator.sub, Sign.MUL: operator.mul, Sign.DIV: operator.truediv}
_CALLS: dict[Fn, Callable[[Any], Any]] = {
    Fn.LOWER: casing.lower,
    Fn.UPPER: casing.upper,
    Fn.LENGTH: lambda found: float(len(found)),
    Fn.ABS: abs,
    Fn.ROUND: round_half_away,
}


def truth(node: Node) -> Truth:
    """The closure of a node that is true, false or NULL."""
    match node:
        case And():
            tests = [truth(operand) for operand in node.operands]
            return shapes.both(*tests) if len(tests) == 2 else shapes.every(tests)
        case Or():
            tests = [truth(operand) for operand in node.operands]
            return shapes.either(*tests) if len(tests) == 2 else shapes.some(tests)
        case Not():
            return _not(node.operand)
        case Compare():
            return _compare(node.op, node.left, node.right)
        case Between():
            return _between(node)
        case In():
            return _in(node, within=True)
        case Like():
            return _like(node)
        case IsNull():
            return _is_null(node.value, null=True)
        case IsTruth():
            return shapes.is_truth(truth(node.value), node.truth)
        case Contains():
            return _contains(node)
    return value(node)


def settled(node: Node) -> Value:
    """The closure of any node, as everything but arithmetic wants it: no infinity, no NaN."""
    if not isinstance(node, Constant) and is_constant(node):
        return shapes.constant(_settled(node)((), 0))
    return _settled(node)


def _settled(node: Node) -> Value:
    return shapes.finite(value(node)) if may_overflow(node) else value(node)


def value(node: Node) -> Value:
    """The closure of any node; a number may still be infinite or NaN."""
    match node:
        case Constant():
            return shapes.constant(node.value)
        case Ref():
            index = node.column.index
            return shapes.double(index) if node.of is Type.NUMBER else shapes.column(index)
        case Now():
            return shapes.clock
        case Case():
            tests = [truth(condition) for condition in node.conditions]
            return shapes.choice(tests, [settled(result) for result in node.results], settled(node.default))
        case Coalesce():
            return _coalesce(node)
        case Extreme():
            return shapes.extreme([settled(operand) for operand in node.operands], node.greatest)
        case Arithmetic():
            return _arithmetic(node)
        case Negate():
            return shapes.unary(operator.neg, value(node.operand))
        case Call():
            if node.fn in (Fn.LOWER, Fn.UPPER):
                casing.prepare()
            # Rounding an infinity is an error in Python; NULL is what it would become anyway.
            inner = settled(node.operand) if node.fn is Fn.ROUND else value(node.operand)
            return shapes.unary(_CALLS[node.fn], inner)
    return truth(node)


def _coalesce(node: Coalesce) -> Value:
    match node.operands:
        case (Ref() as first, Constant(value=other)) if first.of is not Type.NUMBER:
            return shapes.column_or(first.column.index, other)
    return shapes.coalesce([settled(operand) for operand in node.operands])


def _arithmetic(node: Arithmetic) -> Value:
    if node.sign is Sign.DIV:
        return shapes.binary(operator.truediv, value(node.left), shapes.divisor(settled(node.right)))
    if node.sign is Sign.MOD:
        return shapes.binary(math.fmod, settled(node.left), shapes.divisor(settled(node.right)))
    return shapes.binary(_SIGNS[node.sign], value(node.left), value(node.right))


def _not(operand: Node) -> Truth:
    """NOT, worked into what it stands before where that saves a call."""
    match operand:
        case Not():
            return truth(operand.operand)
        case Compare():
            return _compare(operand.op.inverse, operand.left, operand.right)
        case In():
            return _in(operand, within=False)
        case IsNull():
            return _is_null(operand.value, null=False)
    return shapes.negation(truth(operand))


def _compare(op: Op, left: Node, right: Node) -> Truth:
    if left.type in CLOCK and (test := _compare_clock(op, left, right)):
        return test
    if is_constant(left) and not is_constant(right):
        op, left, right = op.flipped, right, left
    if not is_constant(right):
        return shapes.binary(shapes.OPERATORS[op], settled(left), settled(right))
    bound = settled(right)((), 0)
    if bound is None:
        return shapes.constant(None)
    if isinstance(left, Ref) and _is_exact(bound):
        return shapes.column_against(op, left.column.index, bound)
    return shapes.against(op, settled(left), bound)


def _between(node: Between) -> Truth:
    if isinstance(node.value, Ref) and is_constant(node.low) and is_constant(node.high):
        low, high = settled(node.low)((), 0), settled(node.high)((), 0)
        if low is not None and high is not None and _is_exact(low) and _is_exact(high):
            return shapes.column_between(node.value.column.index, low, high)
    return shapes.between(settled(node.value), settled(node.low), settled(node.high))


def _is_exact(bound: Any) -> bool:
    return not isinstance(bound, float) or -_EXACT < bound < _EXACT


def _compare_clock(op: Op, left: Node, right: Node) -> Truth | None:
    """Timestamps or intervals whose difference is one sum; None if it is not."""
    form = difference(left, right)
    if form is None:
        return None
    if len(form.terms) == 1:
        index, factor = form.terms[0]
        match form.slope, factor:
            case 0, 1:
                return shapes.column_against(op, index, -form.constant)
            case 0, -1:
                return shapes.column_against(op.flipped, index, form.constant)
            case 1, -1:
                return shapes.age_against(op, index, -form.constant)
            case -1, 1:
                return shapes.age_against(op.flipped, index, form.constant)
    return shapes.against(op, total(form), 0)


def _in(node: In, *, within: bool) -> Truth:
    members = frozenset(item.value for item in node.items if item.value is not None)
    otherwise = None if any(item.value is None for item in node.items) else not within
    if isinstance(node.value, Ref) and all(map(_is_exact, members)):
        return shapes.column_within(node.value.column.index, members, within, otherwise)
    return shapes.within_set(settled(node.value), members, within, otherwise)


def _is_null(node: Node, *, null: bool) -> Truth:
    if isinstance(node, Ref):
        return shapes.column_is_null(node.column.index, null)
    return shapes.is_null(settled(node), null)


def _like(node: Like) -> Truth:
    if not node.fold:
        return shapes.unary(matcher(node.pattern), settled(node.value))
    casing.prepare()
    matches = matcher(casing.lower(node.pattern))
    return shapes.unary(lambda text: matches(casing.lower(text)), settled(node.value))


def _contains(node: Contains) -> Truth:
    container, item = settled(node.container), node.item
    if node.container.type is Type.TEXT:
        return shapes.binary(operator.contains, container, settled(item))
    if not is_constant(item):
        return shapes.holds(container, settled(item))
    text = settled(item)((), 0)
    if text is None:
        return shapes.holds(container, settled(item))
    number = list_number(text)
    if number is None:
        return shapes.unary(lambda items: text in items, container)
    return shapes.unary(lambda items: text in items or number in items, container)
