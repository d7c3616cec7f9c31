"""The historical execution: a checked tree to a DuckDB expression that gives the same answers.

Every operator stands in parentheses, so DuckDB's precedences play no part. Timestamps and intervals are computed in whole
milliseconds (BIGINT), numbers in DOUBLE. sqlglot writes the literals and the quoted names.
"""

from datetime import timedelta

from sqlglot import exp

from tailorbird.conditions import casing
from tailorbird.conditions.literals import EPOCH
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
    Or,
    Ref,
    Sign,
    Type,
    may_overflow,
)

_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999
"""0001-01-01 and the last millisecond of 9999: what datetime can write."""


class Writer:
    """Writes one condition for one instant: ``now`` in ms since the epoch."""

    def __init__(self, now: int) -> None:
        self.now = now

    def write(self, node: Node) -> str:
        """DuckDB SQL for a node; a number may be infinite or NaN, a clock value is its ms."""
        match node:
            case Constant():
                return _literal(node)
            case Ref():
                return f"epoch_ms({_name(node)})" if node.of is Type.TIMESTAMP else _name(node)
            case Now():
                return _milliseconds(self.now)
            case And() | Or():
                word = " AND " if isinstance(node, And) else " OR "
                return f"({word.join(self.write(operand) for operand in node.operands)})"
            case Not():
                return f"(NOT {self.write(node.operand)})"
            case Compare():
                left, right = self._comparable(node.left, node.right)
                return f"({left} {node.op.value} {right})"
            case Between():
                value, low, high = self._comparable(node.value, node.low, node.high)
                return f"({value} BETWEEN {low} AND {high})"
            case In():
                value, *items = self._comparable(node.value, *node.items)
                return f"({value} IN ({', '.join(items)}))"
            case Like():
                return self._like(node)
            case IsNull():
                return f"({self._settled(node.value)} IS NULL)"
            case IsTruth():
                return f"({self.write(node.value)} IS {'TRUE' if node.truth else 'FALSE'})"
            case Contains():
                function = "list_contains" if node.container.type is Type.LIST else "contains"
                return f"{function}({self.write(node.container)}, {self.write(node.item)})"
        return self._value(node)

    def _value(self, node: Node) -> str:
        match node:
            case Case():
                arms = zip(node.conditions, node.results, strict=True)
                whens = " ".join(f"WHEN {self.write(test)} THEN {self._settled(result)}" for test, result in arms)
                return f"(CASE {whens} ELSE {self._settled(node.default)} END)"
            case Coalesce():
                return f"coalesce({', '.join(map(self._settled, node.operands))})"
            case Extreme():
                function = "greatest" if node.greatest else "least"
                return f"{function}({', '.join(map(self._settled, node.operands))})"
            case Arithmetic():
                # A divisor of zero makes an infinity or NaN, hence NULL; but an infinite divisor would make a plain 0.
                right = (self._settled if node.sign in (Sign.DIV, Sign.MOD) else self.write)(node.right)
                return f"({self.write(node.left)} {node.sign.value} {right})"
            case Negate():
                return f"(- {self.write(node.operand)})"
            case Call():
                call = f"{node.fn.value}({self.write(node.operand)})"
                return f"CAST({call} AS DOUBLE)" if node.fn is Fn.LENGTH else call
        raise AssertionError(f"{type(node).__name__} is not written")

    def _settled(self, node: Node) -> str:
        """A node as everything but arithmetic wants it: NULL for a number that is infinite or NaN."""
        text = self.write(node)
        # CASE and NULLIF would repeat the operand, and so double the expression at each level: 15 NULLIFs inside one another
        # took DuckDB 12 s to plan. This form does not grow, at 19 ms instead of 8 ms per million rows.
        return f"list_filter([{text}], lambda _n: isfinite(_n))[1]" if may_overflow(node) else text

    def _comparable(self, *nodes: Node) -> list[str]:
        """Both (all) sides of a comparison. Plain timestamps stay timestamps, so that DuckDB can skip blocks of rows."""
        if nodes[0].type in CLOCK and all(isinstance(node, Ref | Now | Constant) for node in nodes):
            return [self._timestamp(node) for node in nodes]
        return [self._settled(node) for node in nodes]

    def _timestamp(self, node: Node) -> str:
        match node:
            case Ref():
                return _name(node)
            case Now():
                return _moment(self.now)
            case Constant(of=Type.TIMESTAMP, value=int(value)):
                return _moment(value)
        return self.write(node)

    def _like(self, node: Like) -> str:
        value = self.write(node.value)
        if node.fold:
            return f"(lower({value}) LIKE {_text(casing.lower(node.pattern))})"
        return f"({value} LIKE {_text(node.pattern)})"


def _name(node: Ref) -> str:
    return exp.to_identifier(node.column.name, quoted=True).sql("duckdb")


def _text(text: str) -> str:
    return exp.Literal.string(text).sql("duckdb")


def _literal(node: Constant) -> str:
    match node.value:
        case None:
            return "NULL"
        case bool(value):
            return "TRUE" if value else "FALSE"
        case str(value):
            return _text(value)
        case float(value):
            # Without an exponent DuckDB would read a DECIMAL, which computes differently.
            written = repr(value)
            return exp.Literal.number(written if "e" in written else f"{written}e0").sql("duckdb")
        case int(value):
            return _milliseconds(value)
    raise AssertionError(f"{node.value!r} is not written")


def _milliseconds(value: int) -> str:
    return f"CAST({value} AS BIGINT)"


def _moment(value: int) -> str:
    if not _FIRST <= value <= _LAST:
        return f"make_timestamp_ms({value})"
    moment = (EPOCH + timedelta(milliseconds=value)).replace(tzinfo=None)
    return f"TIMESTAMP '{moment.isoformat(sep=' ', timespec='milliseconds')}'"
