"""Features and segments by DuckDB over the archive and the log: the second execution of one definition.

It answers for people who were there before a definition was, and it proves the first one: a property test holds that the live
membership equals this at every instant.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import fsum
from typing import TYPE_CHECKING, Any

from tailorbird.conditions import Kind, list_text
from tailorbird.engine.log import Record
from tailorbird.profiles.features.definition import Feature
from tailorbird.profiles.features.sql import feature_sql
from tailorbird.profiles.plan import Plan
from tailorbird.segments.definition import Segment
from tailorbird.segments.history import History

if TYPE_CHECKING:
    import duckdb

_BATCH = 20_000
_TYPES = {
    Kind.NUMBER: "DOUBLE", Kind.TEXT: "VARCHAR", Kind.BOOLEAN: "BOOLEAN", Kind.TIMESTAMP: "BIGINT", Kind.ELAPSED: "BIGINT",
    Kind.LIST: "VARCHAR[]",
}  # fmt: skip
_NOTHING = {"count": "0", "sum": "0", "distinct": "0", "set": "[]", "top_k": "[]", "recent": "[]"}
_PERSON = " person"
"""No feature and no sensible trait begins with a space, so it can stand beside what the user has named."""


class Backfill:
    """One instant of history, in a DuckDB connection of its own."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", plan: Plan, now: int, *, dedup_days: int) -> None:
        self._connection, self._plan, self._now = connection, plan, now
        self._history = History(plan, now, dedup_days)
        self._traits = [column for column in plan.columns.values() if column.name not in plan.features]
        connection.create_function("exact_sum", fsum, ["DOUBLE[]"], "DOUBLE")  # type: ignore[list-item, arg-type]

    def load(self, records: Iterable[Record]) -> None:
        """Take in the archive and the log, in order and from the beginning. What came after ``now`` is passed over."""
        self._connection.execute(
            'CREATE TABLE events (profile VARCHAR, "offset" BIGINT, name VARCHAR, moment BIGINT, stated BIGINT, '
            "purposes UTINYINT, session BIGINT, properties JSON)"
        )
        facts = (fact for record in records if (fact := self._history.take(record)) is not None)
        while batch := list(islice(facts, _BATCH)):
            self._insert("events", ["VARCHAR", "BIGINT", "VARCHAR", "BIGINT", "BIGINT", "UTINYINT", "BIGINT", "VARCHAR"], batch)
        self._connection.execute(
            "CREATE TABLE origins (profile VARCHAR, person VARCHAR, refused_1 BIGINT, refused_2 BIGINT, refused_4 BIGINT)"
        )
        origins = (((profile, person, *refused) for profile, person, refused in self._history.origins()))
        while rows := list(islice(origins, _BATCH)):
            self._insert("origins", ["VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "BIGINT"], rows)
        self._load_people()
        held = " | ".join(f'CASE WHEN refused_{bit} < "offset" THEN {bit} ELSE 0 END' for bit in (1, 2, 4))
        self._connection.execute(
            f'CREATE TABLE facts AS SELECT person, "offset", name, moment, stated, CAST(purposes & ({held}) AS UTINYINT) AS held, '
            "session, properties FROM events JOIN origins USING (profile)"
        )
        self._connection.execute("DELETE FROM facts WHERE held = 0")
