"""sqlglot's tree to the checked tree: a closed list of what a condition may say, statically typed.

A node that is not in the list, or that carries an argument the list does not name, is refused at its place in the text.
So is every expression whose operands do not fit, with a word on how to write it instead.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeAlias, TypeVar

from sqlglot import exp

from tailorbird.conditions import literals
from tailorbird.conditions.hints import FUNCTIONS, INSTEAD, example, fitting, spoken
from tailorbird.conditions.parse import Source, start_of
from tailorbird.conditions.tree import (
    NULL,
    TYPE_OF,
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
    sum_type,
)
from tailorbird.conditions.types import Column, Kind, list_text

MAX_LEVELS = 64
"""Levels of operators in a tree; a chain of ANDs or of ORs counts as one."""

_LIST_CONTAINS = ("LIST_CONTAINS", "LIST_HAS", "ARRAY_HAS")
_COMPARISONS: dict[type[exp.Expr], Op] = {
    exp.EQ: Op.EQ,
    exp.NEQ: Op.NE,
    exp.LT: Op.LT,
    exp.LTE: Op.LE,
    exp.GT: Op.GT,
    exp.GTE: Op.GE,
}
_SIGNS: dict[type[exp.Expr], Sign] = {
    exp.Add: Sign.ADD,
    exp.Sub: Sign.SUB,
    exp.Mul: Sign.MUL,
    exp.Div: Sign.DIV,
    exp.Mod: Sign.MOD,
}
_CALLS: dict[type[exp.Expr], Fn] = {
    exp.Lower: Fn.LOWER,
    exp.Upper: Fn.UPPER,
    exp.Length: Fn.LENGTH,
    exp.Abs: Fn.ABS,
    exp.Round: Fn.ROUND,
}
_TAKES = {
    Fn.LOWER: (Type.TEXT,),
    Fn.UPPER: (Type.TEXT,),
    Fn.LENGTH: (Type.TEXT, Type.LIST),
    Fn.ABS: (Type.NUMBER,),
    Fn.ROUND: (Type.NUMBER,),
}
_AST: TypeAlias = exp.Expr
T = TypeVar("T")


class Checker:
    """Checks one condition against the columns it may read."""

    def __init__(self, source: Source, columns: Mapping[str, Column]) -> None:
        self.source, self.columns = source, columns
        self._level = 0
        # Exact types, not isinstance: a subclass means something else.
        self._rules: dict[type[_AST], Callable[[_AST], Node]] = {
            exp.Null: lambda ast: NULL,
            exp.Boolean: lambda ast: Constant(Type.BOOLEAN, bool(self.only(ast, "this").this)),
            exp.Literal: self._literal,
            exp.Cast: self._timestamp,
            exp.Interval: self._interval,
            exp.Column: self._column,
            exp.CurrentTimestamp: self._now,
            exp.Anonymous: self._named,
            exp.And: lambda ast: And(self._chain(ast, exp.And)),
            exp.Or: lambda ast: Or(self._chain(ast, exp.Or)),
            exp.Not: lambda ast: Not(self.truth(self.only(ast, "this").this)),
            exp.Between: self._between,
            exp.In: self._in,
            exp.Like: self._like,
            exp.ILike: self._like,
            exp.Is: self._is,
            exp.Case: self._case,
            exp.Coalesce: lambda ast: self._several(ast, Coalesce),
            exp.Greatest: lambda ast: self._several(ast, lambda of, nodes: Extreme(of, nodes, True)),
            exp.Least: lambda ast: self._several(ast, lambda of, nodes: Extreme(of, nodes, False)),
            exp.Neg: self._negate,
            exp.Contains: lambda ast: self._contains(self.only(ast, "this", "expression"), texts=True),
            exp.ArrayContains: lambda ast: self._contains(self.only(ast, "this", "expression"), texts=False),
            **dict.fromkeys(_COMPARISONS, self._compare),
            **dict.fromkeys(_SIGNS, self._arithmetic),
            **dict.fromkeys(_CALLS, self._call),
        }

    def refuse(self, ast: _AST, message: str) -> NoReturn:
        self.source.refuse(message, start_of(ast))

    def check(self, ast: _AST) -> Node:
        """The checked node. Raises DefinitionError."""
        while type(ast) is exp.Paren:
            ast = self.only(ast, "this").this
        rule = self._rules.get(type(ast))
        if rule is None:
            self._unknown(ast)
        self._level += 1
        if self._level > MAX_LEVELS:
            self.refuse(ast, f"more than {MAX_LEVELS} levels of operators; split the condition")
        node = rule(ast)
        self._level -= 1
        return node

    def truth(self, ast: _AST) -> Node:
        """The checked node, which must be true or false (or NULL)."""
        node = self.check(ast)
        if node.type not in (Type.BOOLEAN, Type.NULL):
            hint = f"; compare it with something, such as {example(node)}"
            self.refuse(ast, f"a condition is true or false, but this is {node.type.value}{hint}")
        return node

    def only(self, ast: _AST, *allowed: str) -> _AST:
        """The same node, once it is sure that it has no arguments but these."""
        for name, value in ast.args.items():
            if value and name not in allowed:
                part = value if isinstance(value, exp.Expr) else ast
                self.refuse(part, f"{spoken(ast)} takes no such argument or option here; leave it out")
        return ast

    def _unknown(self, ast: _AST) -> NoReturn:
        message = next((words for kind, words in INSTEAD.items() if isinstance(ast, kind)), None)
        if message is None and isinstance(ast, exp.Func):
            message = f"the function {ast.sql_name()} does not exist here; there are {', '.join(FUNCTIONS)}"
        self.refuse(ast, message or f"{spoken(ast)} is not part of the language of conditions")

    # Leaves

    def _literal(self, ast: _AST) -> Node:
        if ast.is_string:
            return Constant(Type.TEXT, str(ast.this))
        return Constant(Type.NUMBER, self._read(ast, literals.number, str(ast.this)))

    def _timestamp(self, ast: _AST) -> Node:
        self.only(ast, "this", "to")
        to, inner = ast.args["to"], ast.this
        is_literal = isinstance(inner, exp.Literal) and inner.is_string
        if not (is_literal and to.this is exp.DataType.Type.TIMESTAMP and not to.expressions):
            if is_literal and to.this in (exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMPTZ):
                self.refuse(inner, f"write TIMESTAMP '{inner.this}'; without an offset it is UTC")
            self._refuse_cast(ast)
        return Constant(Type.TIMESTAMP, self._read(inner, literals.timestamp, str(inner.this)))

    def _refuse_cast(self, ast: _AST) -> NoReturn:
        self.refuse(ast, INSTEAD[exp.Cast])

    def _interval(self, ast: _AST) -> Node:
        self.only(ast, "this", "unit", "fraction_in_string")
        amount, unit = ast.this, ast.args.get("unit")
        if not (isinstance(amount, exp.Literal) and isinstance(unit, exp.Var)):
            self.refuse(ast, "write one number and one unit: INTERVAL '30' MINUTE")
        return Constant(Type.INTERVAL, self._read(ast, literals.interval, str(amount.this), str(unit.this).upper()))

    def _read(self, ast: _AST, reader: Callable[..., T], *texts: str) -> T:
        try:
            return reader(*texts)
        except ValueError as error:
            self.refuse(ast, str(error))

    def _column(self, ast: _AST) -> Node:
        identifier = ast.this
        if not isinstance(identifier, exp.Identifier):
            self.refuse(ast, f"{spoken(ast)} is not part of the language of conditions")
        if any(value for name, value in ast.args.items() if name != "this"):
            dotted = ".".join(ast.args[part].name for part in ("catalog", "db", "table", "this") if ast.args.get(part))
            self.refuse(ast, f'a name with a dot in it is written in double quotes: "{dotted}"')
        name = identifier.name
        column = self.columns.get(name)
        if column is None:
            self.refuse(
                ast, f"there is no column {name}{self._nearest(name, quoted=bool(identifier.args.get('quoted')))}"
            )
        if column.kind is Kind.ELAPSED:  # an interval that grows by itself: a way to write now() - column
            return Arithmetic(Type.INTERVAL, Sign.SUB, Now(), Ref(Type.TIMESTAMP, column))
        return Ref(TYPE_OF[column.kind], column)

    def _nearest(self, name: str, *, quoted: bool) -> str:
        if name.upper() in ("NOW", "CURRENT_TIMESTAMP"):
            return "; the instant of asking is now()"
        by_lower = {known.lower(): known for known in self.columns}
        if near := difflib.get_close_matches(name.lower(), by_lower, n=1):
            return f"; did you mean {by_lower[near[0]]}?"
        if quoted:
            return "; double quotes name a column, a text stands in single quotes"
        return "" if not self.columns else f"; there are {', '.join(sorted(self.columns)[:20])}"

    def _now(self, ast: _AST) -> Node:
        self.only(ast)
        return Now()

    def _named(self, ast: _AST) -> Node:
        name, arguments = str(ast.this).upper(), ast.expressions
        if name not in ("NOW", *_LIST_CONTAINS):
            near = difflib.get_close_matches(name, FUNCTIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(FUNCTIONS)}"
            self.refuse(ast, f"the function {name} does not exist here; {hint}")
        if name == "NOW":
            if arguments:
                self.refuse(arguments[0], "now() takes no argument")
            return Now()
        if len(arguments) != 2:
            self.refuse(ast, f"{name} takes a list and an item: {name}(kinds_liked, 'shoes')")
        return self._contains(exp.ArrayContains(this=arguments[0], expression=arguments[1]), texts=False)

    # Logic

    def _chain(self, ast: _AST, kind: type[exp.Expr]) -> tuple[Node, ...]:
        """The operands of a chain of ANDs or ORs, which sqlglot nests to the left."""
        operands = []
        while type(ast) is kind:
            self.only(ast, "this", "expression")
            operands.append(ast.expression)
            ast = ast.this
        return tuple(self.truth(operand) for operand in (ast, *reversed(operands)))

    def _is(self, ast: _AST) -> Node:
        self.only(ast, "this", "expression", "negate")
        what = ast.expression
        if isinstance(what, exp.Null):
            node: Node = IsNull(self.check(ast.this))
        elif isinstance(what, exp.Boolean):
            node = IsTruth(self.truth(ast.this), bool(what.this))
        else:
            self.refuse(what, "IS is followed by NULL, TRUE or FALSE; to compare two values write =")
        return Not(node) if ast.args.get("negate") else node

    def _case(self, ast: _AST) -> Node:
        if ast.this is not None:
            self.refuse(ast, "write CASE WHEN name = 'value' THEN ..., with the whole comparison after each WHEN")
        self.only(ast, "ifs", "default")
        arms = [self.only(arm, "this", "true") for arm in ast.args["ifs"]]
        conditions = tuple(self.truth(arm.this) for arm in arms)
        default = ast.args.get("default")
        values = [arm.args["true"] for arm in arms] + ([default] if default is not None else [])
        of, nodes = self._unified(values)
        if of is Type.NULL:
            return NULL
        results = nodes[: len(arms)]
        return Case(of, conditions, results, nodes[len(arms)] if default is not None else NULL)

    # Comparisons

    def _compare(self, ast: _AST) -> Node:
        self.only(ast, "this", "expression")
        left, right = self.check(ast.this), self.check(ast.expression)
        self._comparable(left, right, ast.this, ast.expression)
        return Compare(_COMPARISONS[type(ast)], left, right)

    def _comparable(self, left: Node, right: Node, left_ast: _AST, right_ast: _AST) -> None:
        for node, ast in ((left, left_ast), (right, right_ast)):
            if node.type is Type.NULL:
                self.refuse(ast, "a comparison with NULL is never true; write IS NULL or IS NOT NULL")
        if left.type is not right.type:
            message = f"{left.type.value} cannot be compared with {right.type.value}{fitting(left, right)}"
            self.refuse(right_ast, message)
        if left.type is Type.LIST:
            self.refuse(left_ast, "lists are not compared; write CONTAINS(list, 'item') or LENGTH(list) > 0")

    def _between(self, ast: _AST) -> Node:
        self.only(ast, "this", "low", "high")
        bounds = ast.args["low"], ast.args["high"]
        value, low, high = self.check(ast.this), self.check(bounds[0]), self.check(bounds[1])
        self._comparable(value, low, ast.this, bounds[0])
        self._comparable(value, high, ast.this, bounds[1])
        return Between(value, low, high)

    def _in(self, ast: _AST) -> Node:
        value = self.check(ast.this)
        field = ast.args.get("field")
        if isinstance(field, exp.Expr):
            node = self.check(field)
            listed = node.type is Type.LIST
            self.refuse(
                field, f"write CONTAINS({field.name}, ...)" if listed else "IN is followed by values in parentheses"
            )
        self.only(ast, "this", "expressions")
        if not ast.expressions:
            self.refuse(ast, "IN needs at least one value in its parentheses")
        items = []
        for item_ast in ast.expressions:
            item = self.check(item_ast)
            if not isinstance(item, Constant):
                self.refuse(item_ast, "IN takes literals only; write name = other OR ... for anything else")
            if item.type is not Type.NULL:
                self._comparable(value, item, ast.this, item_ast)
            items.append(item)
        if value.type is Type.NULL:
            self.refuse(ast.this, "a comparison with NULL is never true; write IS NULL or IS NOT NULL")
        if value.type is Type.LIST:
            self.refuse(ast.this, "lists are not compared; write CONTAINS(list, 'item')")
        return In(value, tuple(items))

    def _like(self, ast: _AST) -> Node:
        self.only(ast, "this", "expression", "negate")
        value, pattern = self.check(ast.this), ast.expression
        if value.type is not Type.TEXT:
            self.refuse(ast.this, f"LIKE looks at text, but this is {value.type.value}")
        if not (isinstance(pattern, exp.Literal) and pattern.is_string):
            self.refuse(pattern, "LIKE takes a pattern in single quotes, such as 'shoe%'")
        node = Like(value, str(pattern.this), isinstance(ast, exp.ILike))
        return Not(node) if ast.args.get("negate") else node

    def _contains(self, ast: _AST, *, texts: bool) -> Node:
        container, item = self.check(ast.this), self.check(ast.expression)
        if not (container.type is Type.LIST or (texts and container.type is Type.TEXT)):
            wanted = "a list or text" if texts else "a list"
            self.refuse(ast.this, f"this looks into {wanted}, but this is {container.type.value}")
        if container.type is Type.LIST and isinstance(item, Constant) and item.of is Type.NUMBER:
            item = Constant(Type.TEXT, list_text(item.value))
        if item.type is not Type.TEXT:
            self.refuse(ast.expression, f"what is looked for must be text, but this is {item.type.value}")
        return Contains(container, item)

    # Values

    def _unified(self, values: Sequence[_AST]) -> tuple[Type, tuple[Node, ...]]:
        """The checked nodes and their one type, NULL fitting any."""
        nodes = tuple(self.check(ast) for ast in values)
        typed = [(ast, node) for ast, node in zip(values, nodes, strict=True) if node.type is not Type.NULL]
        for ast, node in typed[1:]:
            if node.type is not typed[0][1].type:
                first = typed[0][1]
                self.refuse(
                    ast, f"this is {node.type.value}, but {first.type.value} stands before it{fitting(first, node)}"
                )
        if typed and typed[0][1].type is Type.LIST:
            self.refuse(typed[0][0], "lists can only be looked into: CONTAINS(list, 'item'), LENGTH(list), IS NULL")
        return (typed[0][1].type if typed else Type.NULL), nodes

    def _several(self, ast: _AST, build: Callable[[Type, tuple[Node, ...]], Node]) -> Node:
        self.only(ast, "this", "expressions", "ignore_nulls")
        of, nodes = self._unified([ast.this, *ast.expressions])
        return NULL if of is Type.NULL else build(of, nodes)

    def _negate(self, ast: _AST) -> Node:
        operand = self.check(self.only(ast, "this").this)
        if operand.type not in (Type.NUMBER, Type.INTERVAL):
            self.refuse(ast.this, f"- stands before a number or an interval, but this is {operand.type.value}")
        if isinstance(operand, Constant) and isinstance(operand.value, float | int):
            return Constant(operand.of, -operand.value)
        return Negate(operand.type, operand)

    def _arithmetic(self, ast: _AST) -> Node:
        self.only(ast, "this", "expression", "typed", "safe")
        sign, left, right = _SIGNS[type(ast)], self.check(ast.this), self.check(ast.expression)
        for node, operand in ((left, ast.this), (right, ast.expression)):
            if node.type is Type.NULL:
                self.refuse(operand, f"{sign.value} with NULL is always NULL; leave it out")
        of = sum_type(sign, left.type, right.type)
        if of is None:
            message = f"{left.type.value} {sign.value} {right.type.value} has no meaning{fitting(left, right)}"
            self.refuse(ast.expression, message)
        return Arithmetic(of, sign, left, right)

    def _call(self, ast: _AST) -> Node:
        fn = _CALLS[type(ast)]
        if fn is Fn.ROUND and ast.args.get("decimals"):
            self.refuse(ast.args["decimals"], "ROUND takes one argument; to keep two places write ROUND(x * 100) / 100")
        operand = self.check(self.only(ast, "this").this)
        if operand.type not in _TAKES[fn]:
            wanted = " or ".join(of.value for of in _TAKES[fn])
            self.refuse(ast.this, f"{fn.name} takes {wanted}, but this is {operand.type.value}")
        return Call(Type.TEXT if fn in (Fn.LOWER, Fn.UPPER) else Type.NUMBER, fn, operand)
