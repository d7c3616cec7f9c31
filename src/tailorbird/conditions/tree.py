"""A checked condition: a small tree in which every node has a type and every name is a column.

:mod:`check` builds it out of sqlglot's tree, :mod:`closures` and :mod:`sql` are its two executions, and :mod:`horizon`
says when time alone can change it. Nothing downstream looks at the text or at sqlglot's nodes again.
"""

import enum
from collections.abc import Iterator

import msgspec

from tailorbird.conditions.types import Column, Kind


class Type(enum.Enum):
    """The type of an expression; its value is how a message speaks of it."""

    NUMBER = "a number"
    TEXT = "text"
    BOOLEAN = "true or false"
    TIMESTAMP = "a timestamp"
    LIST = "a list"
    INTERVAL = "an interval"
    NULL = "NULL"


TYPE_OF = {kind: Type[kind.name] for kind in Kind if kind is not Kind.ELAPSED}

CLOCK = (Type.TIMESTAMP, Type.INTERVAL)
"""The types that are whole milliseconds, and the only ones through which now() can flow."""


class Op(enum.Enum):
    """A comparison."""

    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    @property
    def flipped(self) -> "Op":
        """The comparison that holds when the two sides change places."""
        return _FLIPPED.get(self, self)

    @property
    def inverse(self) -> "Op":
        """The comparison that is true where this one is false (and unknown where it is unknown)."""
        return _INVERSE[self]


_FLIPPED = {Op.LT: Op.GT, Op.GT: Op.LT, Op.LE: Op.GE, Op.GE: Op.LE}
_INVERSE = {Op.EQ: Op.NE, Op.NE: Op.EQ, Op.LT: Op.GE, Op.GE: Op.LT, Op.GT: Op.LE, Op.LE: Op.GT}


class Sign(enum.Enum):
    """An arithmetic operator."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"


class Fn(enum.Enum):
    """A function of one argument that is NULL for NULL; its value is its name in SQL."""

    LOWER = "lower"
    UPPER = "upper"
    LENGTH = "length"
    ABS = "abs"
    ROUND = "round"


class Node(msgspec.Struct, frozen=True):
    """Base of the tree; only its subclasses occur, and all of them have a ``type``."""

    @property
    def type(self) -> Type:
        return Type.BOOLEAN


class Typed(Node, frozen=True):
    """Base of the nodes whose type is not always boolean."""

    of: Type

    @property
    def type(self) -> Type:
        return self.of


class Constant(Typed, frozen=True):
    """A literal: float, str, bool, int milliseconds (TIMESTAMP, INTERVAL), or None (type NULL)."""

    value: float | str | bool | int | None


class Ref(Typed, frozen=True):
    """A column."""

    column: Column


class Now(Node, frozen=True):
    """The instant at which the condition is asked."""

    @property
    def type(self) -> Type:
        return Type.TIMESTAMP


class Not(Node, frozen=True):
    operand: Node


class And(Node, frozen=True):
    operands: tuple[Node, ...]


class Or(Node, frozen=True):
    operands: tuple[Node, ...]


class Compare(Node, frozen=True):
    op: Op
    left: Node
    right: Node


class Between(Node, frozen=True):
    value: Node
    low: Node
    high: Node


class In(Node, frozen=True):
    value: Node
    items: tuple[Constant, ...]


class Like(Node, frozen=True):
    """``value`` LIKE ``pattern``; with ``fold``, ILIKE: both sides in lower case first."""

    value: Node
    pattern: str
    fold: bool


class IsNull(Node, frozen=True):
    value: Node


class IsTruth(Node, frozen=True):
    """``value`` IS TRUE or IS FALSE."""

    value: Node
    truth: bool


class Contains(Node, frozen=True):
    """A list holds an item, or a text holds a text."""

    container: Node
    item: Node


class Case(Typed, frozen=True):
    """CASE WHEN: the ``results`` run beside the ``conditions``."""

    conditions: tuple[Node, ...]
    results: tuple[Node, ...]
    default: Node


class Coalesce(Typed, frozen=True):
    operands: tuple[Node, ...]


class Extreme(Typed, frozen=True):
    """GREATEST or LEAST of the operands that are not NULL (DuckDB's rule)."""

    operands: tuple[Node, ...]
    greatest: bool


class Arithmetic(Typed, frozen=True):
    """Number with number, or (ADD and SUB) timestamps and intervals."""

    sign: Sign
    left: Node
    right: Node


class Negate(Typed, frozen=True):
    operand: Node


class Call(Typed, frozen=True):
    fn: Fn
    operand: Node


NULL = Constant(Type.NULL, None)


def parts(node: Node) -> Iterator[Node]:
    """The nodes directly below this one, in the order they are written."""
    for field in node.__struct_fields__:
        value = getattr(node, field)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from value


def walk(node: Node) -> Iterator[Node]:
    """This node and all below it."""
    yield node
    for part in parts(node):
        yield from walk(part)


def is_timed(node: Node) -> bool:
    """Whether now() is read anywhere in the node."""
    return any(isinstance(part, Now) for part in walk(node))


def is_constant(node: Node) -> bool:
    """Whether the node reads neither a column nor now()."""
    return not any(isinstance(part, Ref | Now) for part in walk(node))


def may_overflow(node: Node) -> bool:
    """Whether a number may come out infinite or NaN under IEEE 754 arithmetic.

    The language knows no such numbers: they are NULL. It is enough to look where arithmetic ends (at a comparison, a
    function, a divisor), because an infinity or NaN survives every further + - * /, negation, ABS and ROUND, divisors
    having been looked at themselves.
    """
    if isinstance(node, Negate) or (isinstance(node, Call) and node.fn in (Fn.ABS, Fn.ROUND)):
        return may_overflow(node.operand)
    return isinstance(node, Arithmetic) and node.of is Type.NUMBER


def sum_type(sign: Sign, left: Type, right: Type) -> Type | None:
    """The type of ``left sign right``, or None where there is none."""
    if left is right is Type.NUMBER:
        return Type.NUMBER
    if sign in (Sign.ADD, Sign.SUB) and left in CLOCK and right in CLOCK:
        if left is right is Type.TIMESTAMP:
            return Type.INTERVAL if sign is Sign.SUB else None
        if left is Type.INTERVAL and right is Type.TIMESTAMP:
            return Type.TIMESTAMP if sign is Sign.ADD else None
        return left
    return None
