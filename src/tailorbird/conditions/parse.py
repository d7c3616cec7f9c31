"""Text to sqlglot's tree of one expression, within stated limits, each node findable in the text.

Everything here is about form: one expression, not too long, not too deep. What it may say is :mod:`check`'s business.
"""

import re
from collections.abc import Collection
from typing import NoReturn, TypeVar

from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType
from sqlglot.tokens import Tokenizer

from tailorbird.errors import DefinitionError

MAX_LENGTH = 4_000
"""Characters in a condition."""

MAX_DEPTH = 32
"""Parentheses and CASEs inside one another. sqlglot's parser takes some 20 Python frames for each."""

E = TypeVar("E", bound=exp.Expr)

_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_QUOTED_OR_COMMENT = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/""", re.DOTALL)


class Source:
    """The text of a condition, and where it came from: what is needed to point at a place in it."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where

    def refuse(self, message: str, at: int) -> NoReturn:
        """Raise a DefinitionError that points at the character with this offset."""
        before = self.text[:at]
        line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
        raise DefinitionError(message, where=self.where, line=line, column=column)


class _Parser(Parser):
    """sqlglot's parser, but TRUE, NULL and other leaves remember their place too."""

    def expression(self, instance: E, token: Token | None = None, comments: list[str] | None = None) -> E:
        if token is None and self._prev and not any(isinstance(arg, exp.Expr | list) for arg in instance.args.values()):
            token = self._prev
        return super().expression(instance, token, comments)


def start_of(node: exp.Expr) -> int:
    """The offset in the text at which a node begins, as far as sqlglot's nodes know."""
    return min((part.meta["start"] for part in node.walk() if "start" in part.meta), default=0)


def parse(source: Source, names: Collection[str]) -> exp.Expr:
    """The tree of the one expression in the text.

    ``names`` are the columns' names: one that is also a word of SQL gets a better message. Raises DefinitionError.
    """
    text = source.text
    if len(text) > MAX_LENGTH:
        source.refuse(
            f"a condition may be {MAX_LENGTH:,} characters long, this one has {len(text):,}; split it", MAX_LENGTH
        )
    if bad := _UNREADABLE.search(text):
        source.refuse(f"the character U+{ord(bad[0]):04X} is not text; remove it", bad.start())
    try:
        tokens = Tokenizer().tokenize(text)
    except TokenError:
        rest = _QUOTED_OR_COMMENT.sub(lambda match: " " * len(match[0]), text)
        source.refuse("a quote or comment that begins here is not closed", max(0, *map(rest.find, ("'", '"', "/*"))))
    if not tokens:
        source.refuse("the condition is empty; write an expression such as orders_30d >= 2", 0)
    _check_form(source, tokens)
    try:
        trees = _Parser().parse_into(exp.Condition, tokens, text)
    except ParseError as error:
        _explain(source, tokens, error, names)
    if len(trees) != 1 or trees[0] is None:
        source.refuse("this is not one expression", tokens[0].start)
    return trees[0]


def _check_form(source: Source, tokens: list[Token]) -> None:
    """Refuse several statements, subqueries, and nesting deeper than the parser can follow."""
    depth = 0
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            source.refuse("a condition is one expression; remove ';' and what follows it", token.start)
        if token.token_type is TokenType.SELECT:
            source.refuse("SELECT is not allowed: a condition reads one profile's columns only", token.start)
        if token.token_type in (TokenType.L_PAREN, TokenType.CASE):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.END):
            depth -= 1
        if depth > MAX_DEPTH:
            source.refuse(f"the condition is nested more than {MAX_DEPTH} deep; split it", token.start)


def _explain(source: Source, tokens: list[Token], error: ParseError, names: Collection[str]) -> NoReturn:
    """Say in the reader's words what sqlglot could not parse."""
    first = error.errors[0] if error.errors else {}
    description = str(first.get("description", ""))
    # sqlglot reports the line and the last column of a token.
    place = (first.get("line"), first.get("col"))
    index = next((i for i, token in enumerate(tokens) if (token.line, token.col) == place), len(tokens) - 1)
    token = tokens[index]
    for near in reversed(tokens[: index + 1]):
        if near.text in names and near.token_type not in (TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING):
            message = f'{near.text} is also a word of SQL; to mean the column, write it in double quotes: "{near.text}"'
            source.refuse(message, near.start)
    if description.startswith("Required keyword"):
        source.refuse(f"something is missing at '{token.text}': an operand or an argument", token.start)
    if description.startswith("The number of provided arguments"):
        source.refuse(f"a function has too many arguments before '{token.text}'", token.start)
    if description == "Expecting )":
        source.refuse(f"a ')' is missing at '{token.text}'", token.start)
    if description == "Expected END after CASE":
        source.refuse(f"a CASE has no END at '{token.text}'; write CASE WHEN ... THEN ... ELSE ... END", token.start)
    source.refuse(f"'{token.text}' is not expected here; check the word or operator before it", token.start)
