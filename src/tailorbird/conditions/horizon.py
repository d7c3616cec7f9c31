"""When time alone can change a condition: the next instant worth looking at, for one row.

A clock value (TIMESTAMP or INTERVAL) that reads now() moves, for one row, along a straight line of whole slope until a
choice inside it (COALESCE, CASE, GREATEST) switches. A comparison of two such values changes where their lines cross, which
is solved for exactly. So every node has a *horizon*: an instant after ``now`` such that, from ``now`` until just before it,
the node's answer (or, for a clock value, its line) stays what it is. It may be early; it is never late.
"""

from collections.abc import Callable, Sequence
from typing import Any

from tailorbird.conditions.closures import settled, truth
from tailorbird.conditions.linear import Linear, difference, linear, total
from tailorbird.conditions.tree import (
    CLOCK,
    Arithmetic,
    Between,
    Case,
    Coalesce,
    Compare,
    Extreme,
    In,
    Negate,
    Node,
    Op,
    Sign,
    is_timed,
    parts,
)
from tailorbird.conditions.types import NEVER

Instant = Callable[[Any, int], int]
"""Over a row at an instant: a later instant, :data:`NEVER` if there is none; or a slope in ms per ms."""


def steps(op: Op, gap: int, slope: int) -> int:
    """The least k >= 1 for which ``gap + slope * k op 0`` differs from ``gap op 0``; :data:`NEVER` if there is none."""
    if slope == 0:
        return NEVER
    if slope < 0:
        op, gap, slope = op.flipped, -gap, -slope
    if op in (Op.GT, Op.LE):
        return NEVER if gap > 0 else -gap // slope + 1
    if op in (Op.GE, Op.LT):
        return NEVER if gap >= 0 else -(gap // slope)
    if gap >= 0:
        return NEVER if gap else 1
    return NEVER if -gap % slope else -gap // slope


def horizon(node: Node) -> Instant | None:
    """The horizon of a node, or None for one that does not read now()."""
    found = [inner for part in parts(node) if (inner := horizon(part))]
    match node:
        case Compare() if node.left.type in CLOCK:
            found += _crossing(node.op, node.left, node.right)
        case Between() if node.value.type in CLOCK:
            found += _crossing(Op.GE, node.value, node.low) + _crossing(Op.LE, node.value, node.high)
        case In() if node.value.type in CLOCK:
            found += [
                cross for item in node.items if item.value is not None for cross in _crossing(Op.EQ, node.value, item)
            ]
        case Extreme() if node.of in CLOCK and is_timed(node):
            found.append(_overtaking(node))
    return _earliest(found)


def _earliest(horizons: Sequence[Instant]) -> Instant | None:
    if len(horizons) <= 1:
        return horizons[0] if horizons else None
    return lambda row, now: min([each(row, now) for each in horizons])


def _crossing(op: Op, left: Node, right: Node) -> list[Instant]:
    """Where two lines cross, as a list of none or one."""
    form = difference(left, right)
    if form is not None:
        return [_linear_crossing(op, form)] if form.slope else []
    if not (is_timed(left) or is_timed(right)):
        return []
    first, second, first_slope, second_slope = settled(left), settled(right), slope(left), slope(right)

    def cross(row: Any, now: int) -> int:
        start, other = first(row, now), second(row, now)
        if start is None or other is None:
            return NEVER
        return min(NEVER, now + steps(op, start - other, first_slope(row, now) - second_slope(row, now)))

    return [cross]


def _linear_crossing(op: Op, form: Linear) -> Instant:
    if form.slope < 0:
        op, form = op.flipped, Linear(0, 0, ()).plus(form, -1)
    gap_at, rate = total(form), form.slope

    def cross(row: Any, now: int) -> int:
        gap = gap_at(row, now)
        return NEVER if gap is None else min(NEVER, now + steps(op, gap, rate))

    if rate != 1 or op in (Op.EQ, Op.NE):
        return cross
    # By far the commonest, the age of something: what steps() comes to.
    after = 1 if op in (Op.GT, Op.LE) else 0

    def come_of_age(row: Any, now: int) -> int:
        gap = gap_at(row, now)
        return NEVER if gap is None or gap >= after else now - gap + after

    return come_of_age


def _overtaking(node: Extreme) -> Instant:
    """When another operand of GREATEST or LEAST takes the lead."""
    leads = _leads(node)

    def overtake(row: Any, now: int) -> int:
        lines = leads(row, now)
        if not lines:
            return NEVER
        value, rate = max(lines)
        rivals = [steps(Op.GT, other - value, faster - rate) for other, faster in lines if faster > rate]
        return min([NEVER, *(now + rival for rival in rivals)])

    return overtake


def _leads(node: Extreme) -> Callable[[Any, int], list[tuple[int, int]]]:
    """(value, slope) of each operand that is not NULL, turned so that the largest leads."""
    sign = 1 if node.greatest else -1
    lines = [(settled(operand), slope(operand)) for operand in node.operands]

    def read(row: Any, now: int) -> list[tuple[int, int]]:
        found = ((value(row, now), rate) for value, rate in lines)
        return [(sign * value, sign * rate(row, now)) for value, rate in found if value is not None]

    return read


def slope(node: Node) -> Instant:
    """How fast a clock value moves with now() at an instant, in ms per ms."""
    form = linear(node)
    if form is not None or not is_timed(node):
        rate = form.slope if form else 0
        return lambda row, now: rate
    match node:
        case Negate():
            inner = slope(node.operand)
            return lambda row, now: -inner(row, now)
        case Arithmetic():
            left, right, sign = slope(node.left), slope(node.right), 1 if node.sign is Sign.ADD else -1
            return lambda row, now: left(row, now) + sign * right(row, now)
        case Coalesce():
            return _coalesce_slope(node)
        case Case():
            return _case_slope(node)
        case Extreme():
            sign, leads = 1 if node.greatest else -1, _leads(node)
            return lambda row, now: sign * max(leads(row, now), default=(0, 0))[1]
    raise AssertionError(f"{type(node).__name__} cannot move with the clock")


def _coalesce_slope(node: Coalesce) -> Instant:
    lines = [(settled(operand), slope(operand)) for operand in node.operands]

    def rate(row: Any, now: int) -> int:
        return next((inner(row, now) for value, inner in lines if value(row, now) is not None), 0)

    return rate


def _case_slope(node: Case) -> Instant:
    arms = [(truth(test), slope(result)) for test, result in zip(node.conditions, node.results, strict=True)]
    default = slope(node.default)

    def rate(row: Any, now: int) -> int:
        return next((inner(row, now) for test, inner in arms if test(row, now)), default(row, now))

    return rate
