"""Features and segments by DuckDB over the archive and the log: the second execution of one definition.

It answers for people who were there before a definition was, and it proves the first one: a property test holds that the live
membership equals this at every instant.
"""
# ruff: noqa: S608 - SQL is composed here; what users wrote stands in it as quoted literals and names only.

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import fsum
from typing import TYPE_CHECKING, Any

from tailorbird.conditions import Column, Kind, list_text
from tailorbird.engine.log import Record
from tailorbird.profiles.features.definition import Feature
from tailorbird.profiles.features.sql import feature_sql
from tailorbird.profiles.plan import Plan
from tailorbird.segments.definition import Segment
from tailorbird.segments.history import BITS, History

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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

    def __init__(self, connection: "DuckDBPyConnection", plan: Plan, now: int, *, dedup_days: int) -> None:
        self._connection, self._plan, self._now = connection, plan, now
        self._history = History(plan, now, dedup_days)
        self._traits = [column for column in plan.columns.values() if column.name not in plan.features]
        connection.create_function("exact_sum", fsum, ["DOUBLE[]"], "DOUBLE")

    def load(self, records: Iterable[Record]) -> None:
        """Take in the archive and the log, in order and from the beginning. What came after ``now`` is passed over."""
        facts = (fact for record in records if (fact := self._history.take(record)) is not None)
        self._fill("events", _EVENTS, facts)
        refused = [f"refused_{bit}" for bit in BITS]
        origins = ((profile, person, *offsets) for profile, person, offsets in self._history.origins())
        self._fill("origins", {"profile": "VARCHAR", "person": "VARCHAR"} | dict.fromkeys(refused, "BIGINT"), origins)
        held = " | ".join(
            f'CASE WHEN {column} < "offset" THEN {bit} ELSE 0 END' for bit, column in zip(BITS, refused, strict=True)
        )
        self._connection.execute(
            f'CREATE TABLE facts AS SELECT * FROM (SELECT person, "offset", name, moment, stated, purposes & ({held}) AS held, '
            "session, CAST(properties AS JSON) AS properties FROM events JOIN origins USING (profile)) WHERE held <> 0"
        )
        columns = {"person": "VARCHAR", "purposes": "BIGINT", "open_session": "BIGINT"}
        self._fill("people", columns | {f"c{each.index}": _TYPES[each.kind] for each in self._traits}, self._people())

    def feature_values(self, names: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """Of every person (the profile's key, hex) the features asked for (all of them), as a live profile gives them.

        Nothing is None, or 0 or [] where a live feature is; times are ms since the epoch, those of ``since`` too.
        """
        features = [self._plan.features[name] for name in (self._plan.features if names is None else names)]
        if not features:
            return {}
        rows = self._connection.execute(self._standing(features)).fetchall()
        return {person: dict(zip((each.name for each in features), values, strict=True)) for person, _, *values in rows}

    def segment_members(self, segments: Sequence[Segment]) -> dict[str, set[str]]:
        """Of every segment its members: keys of profiles, hex."""
        read = frozenset[str]().union(*(segment.condition.names for segment in segments))
        features = [feature for name, feature in self._plan.features.items() if name in read]
        traits = [column for column in self._traits if column.name in read]
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE standing AS {self._standing(features, traits)}")
        return {segment.name: self._members(segment) for segment in segments}

    def _members(self, segment: Segment) -> set[str]:
        columns = [f"person AS {_quoted(_PERSON)}"]
        for name in sorted(segment.condition.names):
            column = self._plan.columns[name]
            source = f"c{column.index}"
            if column.kind in (Kind.TIMESTAMP, Kind.ELAPSED):
                source = f"make_timestamp_ms({source})"
            columns.append(f"{source} AS {_quoted(name)}")
        granted = f"SELECT {', '.join(columns)} FROM standing WHERE purposes & {segment.purposes} = {segment.purposes}"
        test = segment.condition.to_sql(self._now)
        found = self._connection.execute(f"SELECT {_quoted(_PERSON)} FROM ({granted}) WHERE {test}").fetchall()
        return {person for (person,) in found}

    def _standing(self, features: Sequence[Feature], traits: Sequence[Column] = ()) -> str:
        """A query of everybody: person, purposes, then features and traits in this order as c0, c1... by their columns."""
        selected, joins = ["people.person", "people.purposes"], []
        for feature in features:
            index = self._plan.columns[feature.name].index
            value = f"f{index}.value"
            if feature.aggregation in _NOTHING:
                value = f"coalesce({value}, {_NOTHING[feature.aggregation]})"
            selected.append(f"CAST({value} AS {_TYPES[feature.kind]}) AS c{index}")
            joins.append(
                f"LEFT JOIN ({feature_sql(feature, self._now)}) AS f{index} ON f{index}.person = people.person"
            )
        selected += [f"people.c{column.index}" for column in traits]
        return f"SELECT {', '.join(selected)} FROM people {' '.join(joins)}"

    def _people(self) -> Iterator[tuple[Any, ...]]:
        kinds = [(self._plan.readers[column.index], _READ.get(column.kind)) for column in self._traits]
        for person, purposes, session, profile in self._history.people():
            values = ((read(profile, self._now), convert) for read, convert in kinds)
            yield (
                person,
                purposes,
                session,
                *(value if value is None or not convert else convert(value) for value, convert in values),
            )

    def _fill(self, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self._connection.execute(f"CREATE TABLE {table} ({declared})")
        values = ", ".join(f"unnest(CAST(${number} AS {kind}[]))" for number, kind in enumerate(columns.values(), 1))
        rows = iter(rows)
        while batch := list(islice(rows, _BATCH)):
            self._connection.execute(
                f"INSERT INTO {table} SELECT {values}", [list(column) for column in zip(*batch, strict=True)]
            )


_EVENTS = {
    "profile": "VARCHAR", "offset": "BIGINT", "name": "VARCHAR", "moment": "BIGINT", "stated": "BIGINT", "purposes": "BIGINT",
    "session": "BIGINT", "properties": "VARCHAR",
}  # fmt: skip
_READ: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.NUMBER: float, Kind.LIST: lambda items: [list_text(item) for item in items],
}  # fmt: skip


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
