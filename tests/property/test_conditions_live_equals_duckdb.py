"""One definition, two executions: a condition's closure and its DuckDB SQL agree, and time never changes it unannounced.

``TAILORBIRD_EXAMPLES`` overrides how many examples each property tries.
"""

import os
import random
from collections.abc import Callable

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tailorbird.conditions import Column, Kind, compile_condition, list_text
from tailorbird.errors import DefinitionError

EXAMPLES = int(os.environ.get("TAILORBIRD_EXAMPLES", "400"))
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]

NOW = 1_700_000_000_000

TYPES = {
    Kind.NUMBER: "DOUBLE",
    Kind.TEXT: "VARCHAR",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.LIST: "VARCHAR[]",
}
NAMES = {
    "n": Kind.NUMBER,
    "m": Kind.NUMBER,
    "t": Kind.TEXT,
    "u": Kind.TEXT,
    "yes": Kind.BOOLEAN,
    "at": Kind.TIMESTAMP,
    "a name": Kind.TIMESTAMP,
    "many": Kind.LIST,
    "_n": Kind.NUMBER,
}
COLUMNS = {name: Column(name, index, kind) for index, (name, kind) in enumerate(NAMES.items())}

# Small pools, so that equality, prefixes and crossings happen, with everything awkward in them.
NUMBERS = [0, 1, -1, 2, 3, 7, 0.5, -2.5, 2.5, 0.1, 100, -0.0, 1e308, -1e308, 5e-324, 2**53 + 1, 2**53, 10**20, 1 / 3]
TEXTS = ["", "a", "A", "ab", "aB", "abab", "ba", "é", "É", "e\u0301", "ß", "ẞ", "ss", "İ", "i", "ı", "ς", "Σ", "ΑΣ", "ǅ", "ᾳ",
         "ŉ", "K", "a_b", "a%b", "100%", "it's", "\\", "\\_", '"', "\n", "a\nb", "日本", "😀", "\uffff", "5", "-3", "0.5"]  # fmt: skip
MOMENTS = [NOW + seconds * 1000 + odd for seconds in (-86_400, -60, -2, -1, 0, 1, 2, 60) for odd in (-1, 0, 500)]
MOMENTS += [0, -1, -62_135_596_800_000, 253_402_300_799_999]
SPANS = [
    "'1' SECOND",
    "'2' SECONDS",
    "'-1' SECOND",
    "'60 seconds'",
    "1 MINUTE",
    "'1' HOUR",
    "'1 day'",
    "'1' WEEK",
    "'0' DAY",
]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def moment(ms: int) -> str:
    """A TIMESTAMP literal, written by DuckDB itself rather than by the code under test."""
    return f"TIMESTAMP '{DUCKDB.execute('SELECT strftime(make_timestamp_ms(?), ?)', [ms, '%Y-%m-%d %H:%M:%S.%g']).fetchone()[0]}'"


DUCKDB = duckdb.connect(config={"threads": 1})
WRITTEN = [moment(ms) for ms in MOMENTS]

rows = st.lists(
    st.tuples(
        *(
            st.none() | values
            for values in (
                st.sampled_from(NUMBERS) | st.floats(allow_nan=False, allow_infinity=False),
                st.sampled_from(NUMBERS) | st.integers(-(2**64), 2**64),
                st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
                st.sampled_from(TEXTS) | st.text("aAbB_%é\\", max_size=8),
                st.booleans(),
                st.sampled_from(MOMENTS),
                st.sampled_from(MOMENTS) | st.integers(NOW - 10**9, NOW + 10**9),
                st.lists(st.none() | st.sampled_from(TEXTS) | st.sampled_from(NUMBERS), max_size=3),
                st.sampled_from(NUMBERS),
            )
        )
    ),
    min_size=1,
    max_size=5,
)


class Writer:
    """Writes a random well-typed expression as text; ``timed`` makes the clock likelier."""

    def __init__(self, draw: Callable, timed: bool = False) -> None:
        self.draw, self.timed = draw, timed

    def pick(self, options: list) -> str:
        choice = self.draw(st.sampled_from(options))
        return choice() if callable(choice) else choice

    def boolean(self, depth: int) -> str:
        if depth <= 0:
            return self.pick(["yes", "TRUE", "FALSE", "NULL", "n > 1", "t = 'a'", "many IS NULL", "at < now()"])
        inner = depth - 1
        compare = self.draw(st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]))
        negate = self.draw(st.sampled_from(["", "NOT "]))

        def pair(kind: Callable) -> Callable:
            return lambda: f"{kind(inner)} {compare} {kind(inner)}"

        def between(kind: Callable) -> Callable:
            return lambda: f"{kind(inner)} {negate}BETWEEN {kind(inner)} AND {kind(inner)}"

        def within(kind: Callable, literals: list) -> Callable:
            def write() -> str:
                items = self.draw(st.lists(st.sampled_from([*literals, "NULL"]), min_size=1, max_size=9))
                return f"{kind(inner)} {negate}IN ({', '.join(items)})"

            return write

        clock = [pair(self.timestamp), pair(self.interval), between(self.timestamp), between(self.interval)]
        clock += [within(self.timestamp, WRITTEN), within(self.interval, [f"INTERVAL {span}" for span in SPANS])]
        logic = [
            lambda: f"({self.boolean(inner)} AND {self.boolean(inner)})",
            lambda: f"({self.boolean(inner)} OR {self.boolean(inner)})",
            lambda: f"({self.boolean(inner)} AND {self.boolean(inner)} AND {self.boolean(inner)})",
            lambda: f"({self.boolean(inner)} OR {self.boolean(inner)} OR {self.boolean(inner)})",
            lambda: f"NOT ({self.boolean(inner)})",
            lambda: f"({self.boolean(inner)}) IS {negate}{self.draw(st.sampled_from(['TRUE', 'FALSE', 'NULL']))}",
            self.choice(self.boolean, inner),
        ]
        if self.timed:
            return self.pick([*clock, *clock, *logic])
        like = self.draw(st.sampled_from(["LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE"]))
        patterns = st.lists(st.sampled_from(["%", "%", "_", "a", "b", "ab", "A", "é", "ß", "İ", "\\", "."]), max_size=6)
        others = [
            pair(self.number),
            pair(self.text),
            lambda: f"({self.boolean(inner)}) {compare} ({self.boolean(inner)})" if "NULL" not in compare else "TRUE",
            between(self.number),
            between(self.text),
            within(self.number, list(map(self.literal, NUMBERS))),
            within(self.text, list(map(quoted, TEXTS))),
            lambda: f"{self.text(inner)} {like} {quoted(''.join(self.draw(patterns)))}",
            lambda: f"{self.any(inner)} IS {negate}NULL",
            lambda: (
                f"{self.draw(st.sampled_from(['CONTAINS', 'ARRAY_CONTAINS', 'list_contains']))}(many, {self.text(inner)})"
            ),
            lambda: f"CONTAINS(many, {self.literal(self.draw(st.sampled_from(NUMBERS)))})",
            lambda: f"CONTAINS({self.text(inner)}, {self.text(inner)})",
        ]
        return self.pick([*others, *others, *clock, *logic])

    def any(self, depth: int) -> str:
        return self.pick(
            [lambda kind=kind: kind(depth) for kind in (self.number, self.text, self.timestamp, self.interval)]
        )

    def choice(self, kind: Callable, depth: int) -> Callable:
        def write() -> str:
            tail = f" ELSE {kind(depth)}" if self.draw(st.booleans()) else ""
            return f"CASE WHEN {self.boolean(depth)} THEN {kind(depth)}{tail} END"

        return write

    def several(self, kind: Callable, depth: int) -> list[Callable]:
        return [
            lambda name=name: f"{name}({', '.join(kind(depth) for _ in range(self.draw(st.integers(1, 3))))})"
            for name in ("COALESCE", "GREATEST", "LEAST")
        ] + [self.choice(kind, depth)]

    def literal(self, number: float) -> str:
        return repr(number)

    def number(self, depth: int) -> str:
        leaves = ["n", "m", "_n", lambda: self.literal(self.draw(st.sampled_from(NUMBERS)))]
        if depth <= 0:
            return self.pick(leaves)
        inner = depth - 1
        sums = [lambda sign=sign: f"({self.number(inner)} {sign} {self.number(inner)})" for sign in "+-*/%"]
        return self.pick(
            [
                *leaves,
                *sums,
                *self.several(self.number, inner),
                lambda: f"(- {self.number(inner)})",
                lambda: f"ABS({self.number(inner)})",
                lambda: f"ROUND({self.number(inner)})",
                lambda: f"LENGTH({self.text(inner)})",
                lambda: "LENGTH(many)",
            ]
        )

    def text(self, depth: int) -> str:
        leaves = ["t", "u", lambda: quoted(self.draw(st.sampled_from(TEXTS)))]
        if depth <= 0:
            return self.pick(leaves)
        inner = depth - 1
        cased = [lambda: f"LOWER({self.text(inner)})", lambda: f"UPPER({self.text(inner)})"]
        return self.pick([*leaves, *cased, *self.several(self.text, inner)])

    def timestamp(self, depth: int) -> str:
        leaves = ["at", '"a name"', "now()", "CURRENT_TIMESTAMP", lambda: self.draw(st.sampled_from(WRITTEN))]
        if depth <= 0:
            return self.pick(leaves)
        inner = depth - 1
        sums = [lambda sign=sign: f"({self.timestamp(inner)} {sign} {self.interval(inner)})" for sign in "+-"]
        return self.pick([*leaves, *sums, *self.several(self.timestamp, inner)])

    def interval(self, depth: int) -> str:
        leaves = [
            lambda: f"INTERVAL {self.draw(st.sampled_from(SPANS))}",
            "(now() - at)",
            "(at - now())",
            '(at - "a name")',
        ]
        if depth <= 0:
            return self.pick(leaves)
        inner = depth - 1
        sums = [lambda sign=sign: f"({self.interval(inner)} {sign} {self.interval(inner)})" for sign in "+-"]
        return self.pick(
            [
                *leaves,
                *sums,
                *self.several(self.interval, inner),
                lambda: f"({self.timestamp(inner)} - {self.timestamp(inner)})",
                lambda: f"(- {self.interval(inner)})",
            ]
        )


@st.composite
def expressions(draw: Callable, timed: bool = False, depth: int = 3) -> str:
    return Writer(draw, timed).boolean(draw(st.integers(1, depth)))


def parameter(kind: Kind, value: object) -> object:
    if kind is Kind.NUMBER and value is not None:
        return float(value)
    if kind is Kind.LIST and value is not None:
        return [None if item is None else list_text(item) for item in value]
    return value


def store(table: list[tuple]) -> None:
    """Put the rows into the table ``person``, beside their number ``i``."""
    names = ", ".join(f'"{name}"' for name in NAMES)
    marks = [
        "make_timestamp_ms(CAST(? AS BIGINT))" if kind is Kind.TIMESTAMP else f"CAST(? AS {TYPES[kind]})"
        for kind in NAMES.values()
    ]
    one = f"(?, {', '.join(marks)})"
    values = [
        part
        for i, row in enumerate(table)
        for part in (i, *(parameter(kind, value) for kind, value in zip(NAMES.values(), row, strict=True)))
    ]
    DUCKDB.execute(
        f"CREATE OR REPLACE TEMP TABLE person AS FROM (VALUES {', '.join([one] * len(table))}) AS rows(i, {names})",
        values,
    )


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(expressions(), rows, st.sampled_from([NOW, NOW + 1, 0]))
def test_live_result_equals_duckdb(text: str, table: list[tuple], now: int) -> None:
    try:
        condition = compile_condition(text, COLUMNS)
    except DefinitionError as error:
        # The writer knows types; that a literal NULL may not be compared, only the language does.
        assume("NULL" not in str(error))
        raise
    live = [condition.test(row, now) for row in table]
    sql = condition.to_sql(now)
    store(table)
    assert [truth for (truth,) in DUCKDB.execute(f"SELECT ({sql}) FROM person ORDER BY i").fetchall()] == live
    kept = [i for (i,) in DUCKDB.execute(f"SELECT i FROM person WHERE {sql} ORDER BY i").fetchall()]
    assert kept == [i for i, truth in enumerate(live) if truth is True]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(expressions(timed=True), rows, st.sampled_from(MOMENTS[:-4]), st.integers(0, 2**32))
def test_time_changes_nothing_before_next_change(text: str, table: list[tuple], now: int, seed: int) -> None:
    try:
        condition = compile_condition(text, COLUMNS)
    except DefinitionError as error:
        assume("NULL" not in str(error))
        raise
    chance = random.Random(seed)
    grid = {base + odd for base in range(NOW - 70_000, NOW + 70_000, 500) for odd in (-1, 0, 1)}
    grid |= {
        moment + span for moment in MOMENTS for span in (-86_400_000, -3_600_000, 0, 3_600_000, 86_400_000, 604_800_000)
    }
    for row in table:
        outcome, change = condition.test(row, now), condition.next_change(row, now)
        end = now + 10**12 if change is None else change
        near = {now + 1, end - 1, (now + end) // 2, *(chance.randint(now, end) for _ in range(20))}
        for instant in grid | near:
            if now <= instant < end:
                assert condition.test(row, instant) is outcome, (row, instant)
        if change is not None:
            assert change > now
            assert condition.test(row, change) is not outcome, "the change was announced too early"


WORDS = [
    *(
        "AND",
        "OR",
        "NOT",
        "IN",
        "BETWEEN",
        "IS",
        "NULL",
        "TRUE",
        "LIKE",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "SELECT",
    ),
    *(
        "n",
        "t",
        "yes",
        "at",
        "many",
        '"a name"',
        "now()",
        "1",
        "1e999",
        "'a'",
        "''",
        "INTERVAL",
        "'1'",
        "DAY",
        "TIMESTAMP",
    ),
    *(
        "(",
        ")",
        ",",
        ".",
        ";",
        "*",
        "+",
        "-",
        "/",
        "%",
        "=",
        "<>",
        "<",
        ">=",
        "||",
        "::",
        "[",
        "]",
        "{",
        "}",
        "?",
        ":",
        "@",
    ),
    *(
        "$1",
        "--",
        "/*",
        "*/",
        "'",
        '"',
        "\\",
        "->",
        "=>",
        ":=",
        "~",
        "!",
        "#",
        "COALESCE(",
        "ROUND(",
        "lower(",
        "foo(",
        "CAST(",
    ),
    *(
        "AS",
        "INT",
        "EXISTS",
        "FROM",
        "OVER",
        "FILTER",
        "DISTINCT",
        "ANY",
        "ESCAPE",
        "COLLATE",
        "AT TIME ZONE",
        "WITH",
        "date",
    ),
    *(
        "ARRAY",
        "MAP",
        "STRUCT",
        "x'41'",
        "b'1'",
        "N'x'",
        "0x1F",
        "1_0",
        "VALUES",
        "UNNEST(",
        "LAMBDA",
        "ESCAPE",
        "ISNULL",
        "XOR",
    ),
]


@st.composite
def mutated(draw: Callable) -> str:
    text = draw(expressions())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + draw(st.sampled_from([*WORDS, "", text[start:end] * 2])) + text[end:]
    return text


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(mutated() | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join) | st.text(), rows)
def test_any_text_is_accepted_or_refused_with_its_place(text: str, table: list[tuple]) -> None:
    refused = None
    try:
        condition = compile_condition(text, COLUMNS, where="here")
    except DefinitionError as error:
        refused = error
    if refused is not None:
        assert refused.where == "here"
        assert refused.line in range(1, text.count("\n") + 2)
        assert refused.column in range(1, len(text) + 2)
        return
    live = [condition.test(row, NOW) for row in table]
    store(table)
    assert [
        truth for (truth,) in DUCKDB.execute(f"SELECT ({condition.to_sql(NOW)}) FROM person ORDER BY i").fetchall()
    ] == live


@pytest.mark.parametrize("function", ["LOWER", "UPPER"])
def test_case_of_every_character_equals_duckdb(function: str) -> None:
    from tailorbird.conditions import casing

    live = getattr(casing, function.lower())
    found = DUCKDB.execute(
        f"SELECT chr(i::INT), {function}(chr(i::INT)) FROM range(1, 1114112) AS every(i) WHERE i NOT BETWEEN 55296 AND 57343"
    ).fetchall()
    assert len(found) == 1_112_063
    assert [(char, other, live(char)) for char, other in found if live(char) != other] == []
