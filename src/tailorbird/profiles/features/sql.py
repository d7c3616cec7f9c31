"""A feature as DuckDB computes it from history, where ``accumulate`` and ``series`` fold it event by event.

It reads two tables, which ``segments.history`` fills from the log as it stood at one instant:

=========================================================================================  ====================================
``facts`` (person, offset, name, moment, stated, held, session, properties)                one row an event, consent events aside
``people`` (person, open_session, ...)                                                     one row a person
=========================================================================================  ====================================

``moment`` is when it happened (ms), ``stated`` the same by the sender's clock, ``held`` the mask of the purposes that it may still
be read for, ``session`` the session that it joined and ``open_session`` the one that has not timed out. A live series keeps 10,000
events and a set 1,000 values; here there is no bound.
"""
# ruff: noqa: S608 - SQL is composed here; what users wrote stands in it as quoted literals only.

from tailorbird.conditions import Kind
from tailorbird.profiles.features.accumulate import EPOCH, EVEN
from tailorbird.profiles.features.definition import Feature
from tailorbird.profiles.features.extract import LARGEST, TEXT_KEPT
from tailorbird.profiles.plan import value_kind

_IN_ORDER = 'ORDER BY moment, "offset", n'
_NEWEST_FIRST = 'ORDER BY moment DESC, "offset" DESC, n DESC'


def feature_sql(feature: Feature, now: int) -> str:
    """A query of (person, value) at the instant ``now`` (ms); people for whom there is nothing have no row.

    Times come out as ms, lists as VARCHAR[]. It calls ``exact_sum(DOUBLE[])``, which the connection must have. What a user wrote
    stands in it as literals only.
    """
    facts = _facts(feature, now)
    if not feature.path:
        value = "max(moment)" if feature.aggregation == "since" else "count(*)"
        return f"SELECT person, {value} AS value FROM ({facts}) GROUP BY person"
    values = f'SELECT person, moment, "offset", n, v FROM ({_values(feature, facts)}) WHERE v IS NOT NULL'
    if feature.aggregation == "top_k":
        ranked = f"SELECT person, v, {_weight(feature)} AS weight FROM ({values}) GROUP BY person, v"
        value = f"list_slice(list(v ORDER BY weight DESC, v), 1, {feature.k})"
        return f"SELECT person, {value} AS value FROM ({ranked}) GROUP BY person"
    return f"SELECT person, {_AGGREGATES[feature.aggregation].format(k=feature.k)} AS value FROM ({values}) GROUP BY person"


_AGGREGATES = {
    "count": "count(*)",
    "sum": "exact_sum(list(v))",
    "mean": "exact_sum(list(v)) / count(*)",
    "min": "min(v)",
    "max": "max(v)",
    "last": f"last(v {_IN_ORDER})",
    "first": f"first(v {_IN_ORDER})",
    "distinct": "count(DISTINCT v)",
    "set": "list_sort(list(DISTINCT v))",
    "recent": f"list_slice(list(v {_NEWEST_FIRST}), 1, {{k}})",
}


def _facts(feature: Feature, now: int) -> str:
    tests = [f"held & {feature.purposes} = {feature.purposes}"]
    if feature.event != "*":
        tests.append(f"name = {literal(feature.event)}")
    if feature.window is not None:
        tests.append(f"moment > {now - feature.window}")
    if feature.session:
        tests.append("session = (SELECT open_session FROM people WHERE people.person = facts.person)")
    return f"SELECT * FROM facts WHERE {' AND '.join(tests)}"


def _values(feature: Feature, facts: str) -> str:
    kind = value_kind(feature)
    columns = 'person, moment, "offset"'
    if feature.path == ("timestamp",):
        stated = {None: "TRUE", Kind.NUMBER: "CAST(stated AS DOUBLE)", Kind.TEXT: "CAST(stated AS VARCHAR)"}
        value = "CAST(NULL AS BOOLEAN)" if kind is Kind.BOOLEAN else stated.get(kind, "stated")
        return f"SELECT {columns}, 1 AS n, {value} AS v FROM ({facts})"
    found, number = f"json_extract(properties, {literal(_json_path(feature.path))})", "1"
    if any(part.endswith("[]") for part in feature.path):
        found, number = f"unnest({found})", f"generate_subscripts({found}, 1)"
    return f"SELECT {columns}, n, {_CONVERSIONS.get(kind, _TEXT)} AS v FROM (SELECT {columns}, {found} AS j, {number} AS n FROM ({facts}))"


_TEXT = f"""CASE json_type(j)
    WHEN 'VARCHAR' THEN nullif(left(json_extract_string(j, '$'), {TEXT_KEPT}), '')
    WHEN 'BIGINT' THEN CAST(j AS VARCHAR)
    WHEN 'UBIGINT' THEN CAST(j AS VARCHAR)
    WHEN 'DOUBLE' THEN CASE WHEN abs(CAST(j AS DOUBLE)) > {LARGEST} THEN NULL
        WHEN trunc(CAST(j AS DOUBLE)) = CAST(j AS DOUBLE) THEN CAST(CAST(CAST(j AS DOUBLE) AS HUGEINT) AS VARCHAR)
        ELSE CAST(CAST(j AS DOUBLE) AS VARCHAR) END
    END"""
_CONVERSIONS = {
    None: "CASE WHEN json_type(j) <> 'NULL' THEN TRUE END",
    Kind.NUMBER: f"""CASE WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'DOUBLE') AND abs(CAST(j AS DOUBLE)) <= {LARGEST}
        THEN CAST(j AS DOUBLE) END""",
    Kind.BOOLEAN: "CASE WHEN json_type(j) = 'BOOLEAN' THEN CAST(j AS BOOLEAN) END",
}


def _weight(feature: Feature) -> str:
    if feature.half_life is None:
        return "count(*)"
    age = f"(moment - {EPOCH}) / {feature.half_life}e0"
    return f"round({EVEN} * (max({age}) + log2(list_sum(list_transform(list({age}), lambda w: pow(2, w - list_max(list({age}))))))))"


def _json_path(path: tuple[str, ...]) -> str:
    """DuckDB's JSONPath; the keys stand in quotes, so nothing in them is taken for an operator."""
    found = "$"
    for part in path:
        key = part.removesuffix("[]").replace("\\", "\\\\").replace('"', '\\"')
        found += f'."{key}"' + ("[*]" if part.endswith("[]") else "")
    return found


def literal(text: str) -> str:
    """``text`` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"
