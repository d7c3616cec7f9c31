"""What a message says after what is wrong: how to write it instead."""

from sqlglot import exp

from tailorbird.conditions.tree import Constant, Node, Ref, Type

FUNCTIONS = (
    *("ABS", "ARRAY_CONTAINS", "COALESCE", "CONTAINS", "GREATEST", "LEAST", "LENGTH", "LIST_CONTAINS", "LOWER", "NOW"),
    *("ROUND", "UPPER"),
)
"""Every function there is, for messages."""

INSTEAD = {
    exp.DPipe: "|| does not exist here; compare the texts one by one with AND",
    exp.Cast: "CAST and :: are not allowed except as TIMESTAMP '2026-01-31'; columns already have their type",
    exp.Escape: "ESCAPE is not supported; to find a % or _ itself, write CONTAINS(name, '100%')",
    exp.If: "IF is not supported; write CASE WHEN ... THEN ... ELSE ... END",
    exp.CurrentDate: "CURRENT_DATE is not supported; write now()",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM is not supported; write a = b OR (a IS NULL AND b IS NULL)",
    exp.NullSafeNEQ: "IS DISTINCT FROM is not supported; write a <> b together with IS NULL",
    exp.Tuple: "a list in parentheses is only allowed after IN",
    exp.Concat: "texts beside each other are not joined; write one text, doubling a quote inside it: 'it''s'",
}
"""Nodes of sqlglot that people try, and what to write instead."""


def fitting(left: Node, right: Node) -> str:
    """How two operands of different types could be made to fit, as the end of a message."""
    types = {left.type, right.type}
    text = next(
        (str(node.value) for node in (left, right) if isinstance(node, Constant) and node.of is Type.TEXT), None
    )
    if Type.LIST in types:
        return "; look into a list with CONTAINS(list, 'item')"
    if types == {Type.TIMESTAMP, Type.TEXT} and text is not None:
        return f"; write TIMESTAMP '{text}'"
    if types == {Type.INTERVAL, Type.NUMBER}:
        return "; write a length of time as INTERVAL '30' MINUTE"
    if types == {Type.TIMESTAMP, Type.NUMBER}:
        return "; write an instant as TIMESTAMP '2026-01-31', a length of time as INTERVAL '30' MINUTE"
    if types == {Type.TIMESTAMP, Type.INTERVAL}:
        return "; now() - name is a length of time, now() - INTERVAL '30' MINUTE an instant"
    if types == {Type.NUMBER, Type.TEXT}:
        return "; a number stands without quotes, text in single quotes"
    return ""


def example(node: Node) -> str:
    name = node.column.name if isinstance(node, Ref) else "..."
    examples = {
        Type.NUMBER: f"{name} > 0",
        Type.TEXT: f"{name} = 'value'",
        Type.TIMESTAMP: f"{name} > TIMESTAMP '2026-01-31'",
        Type.INTERVAL: f"{name} > INTERVAL '30' MINUTE",
        Type.LIST: f"CONTAINS({name}, 'item')",
    }
    return examples[node.type]


def spoken(ast: exp.Expr) -> str:
    """A name for a node that its writer may recognise."""
    if isinstance(ast, exp.Func):
        return ast.sql_name()
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in type(ast).__name__)
    return words.strip().upper()
