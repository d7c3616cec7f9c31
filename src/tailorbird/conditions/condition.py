"""A condition, compiled once and asked often."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tailorbird.conditions.types import NEVER, Column, Row, Truth

if TYPE_CHECKING:
    from tailorbird.conditions.horizon import Instant
    from tailorbird.conditions.tree import Node

_MOST_LOOKS = 64
"""Instants that :meth:`Condition.next_change` looks at before it gives an early answer."""


class Condition:
    """A SQL boolean expression with its two executions, live and in DuckDB.

    ``test(row, now)`` is the expression's value for one row at an instant: true, false, or None for SQL's NULL. A segment
    holds those for whom it is true.
    """

    __slots__ = ("_horizon", "_tree", "names", "test", "text", "timed")

    text: str
    """The expression as it was written."""
    names: frozenset[str]
    """The columns it reads."""
    timed: bool
    """Whether it reads now()."""
    test: Truth

    def __init__(
        self, text: str, tree: "Node", names: frozenset[str], test: Truth, horizon: "Instant | None", timed: bool
    ):
        self.text, self.names, self.timed, self.test = text, names, timed, test
        self._tree, self._horizon = tree, horizon

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"

    def next_change(self, row: Row, now: int) -> int | None:
        """The first instant after ``now`` (ms) at which the passage of time changes the outcome for these values.

        None if it never does. The values of the columns stay as they are. With more than 64 instants at which a part of
        the expression changes but the whole does not, the answer may be early; it is never late.
        """
        horizon = self._horizon
        if horizon is None:
            return None
        outcome = self.test(row, now)
        for _ in range(_MOST_LOOKS):
            now = horizon(row, now)
            if now >= NEVER:
                return None
            if self.test(row, now) is not outcome:
                break
        return now

    def next_look(self, row: Row, now: int) -> int | None:
        """An instant after ``now`` before which time alone changes nothing: as ``next_change``, but cheaper and often earlier."""
        if self._horizon is None:
            return None
        instant = self._horizon(row, now)
        return instant if instant < NEVER else None

    def to_sql(self, now: int) -> str:
        """The same expression in DuckDB's SQL at the instant ``now`` (ms), over columns of the same names.

        Their types are those of :mod:`tailorbird.conditions.types`. It is rendered from the checked tree, never pasted.
        """
        from tailorbird.conditions.sql import Writer

        return Writer(now).write(self._tree)


def compile_condition(text: str, columns: Mapping[str, Column], *, where: str = "") -> Condition:
    """Compile a SQL boolean expression over ``columns`` (by name).

    Raises :class:`~tailorbird.errors.DefinitionError` with the line and column in ``text`` of what it cannot accept, and
    with ``where`` in front.
    """
    # sqlglot takes over 100 ms to import; who never compiles a condition should not wait for it.
    from tailorbird.conditions.check import Checker
    from tailorbird.conditions.closures import truth
    from tailorbird.conditions.horizon import horizon
    from tailorbird.conditions.parse import Source, parse
    from tailorbird.conditions.tree import Ref, is_timed, walk

    source = Source(text, where)
    try:
        tree = Checker(source, columns).truth(parse(source, columns))
        names = frozenset(node.column.name for node in walk(tree) if isinstance(node, Ref))
        return Condition(text, tree, names, truth(tree), horizon(tree), is_timed(tree))
    except RecursionError:
        source.refuse("the condition is nested too deeply; split it", 0)
