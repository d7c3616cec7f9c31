"""One definition, two executions: a condition's closure and its DuckDB SQL agree, and time never changes it unannounced.

``TAILORBIRD_EXAMPLES`` multiplies how many examples each property tries.
"""

import random
from collections.abc import Callable

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fold import examples
from tailorbird.conditions import Column, Condition, Kind, compile_condition, list_text
from tailorbird.errors import DefinitionError

EXAMPLES = examples(300)
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]

NOW = 1_700_000_000_000

TYPES = {
    Kind.NUMBER: "DOUBLE",
    Kind.TEXT: "VARCHAR",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.LIST: "VARCHAR[]",
    Kind.ELAPSED: "TIMESTAMP",
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
    "since": Kind.ELAPSED,
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


def some_rows(chance: random.Random, count: int) -> list[tuple]:
    """Rows of all kinds of values, one in six of them NULL."""

    def text() -> str:
        return "".join(chance.choices("aAbB_%é\\ ßİ😀", k=chance.randint(0, 6)))

    def number() -> float:
        return chance.choice(
            [chance.randint(-(2**64), 2**64), chance.uniform(-9, 9), chance.gauss(0, 1e200), chance.randint(-9, 9)]
        )

    def either(pool: list, other: Callable) -> object:
        return chance.choice(pool) if chance.random() < 0.7 else other()

    def value(kind: Kind) -> object:
        if chance.random() < 1 / 6:
            return None
        match kind:
            case Kind.NUMBER:
                return either(NUMBERS, number)
            case Kind.TEXT:
                return either(TEXTS, text)
            case Kind.BOOLEAN:
                return chance.random() < 0.5
            case Kind.TIMESTAMP | Kind.ELAPSED:
                return either(MOMENTS, lambda: chance.randint(NOW - 10**9, NOW + 10**9))
            case Kind.LIST:
                return [either(chance.choice([NUMBERS, TEXTS]), lambda: None) for _ in range(chance.randint(0, 3))]

    return [tuple(value(kind) for kind in NAMES.values()) for _ in range(count)]


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
        "make_timestamp_ms(CAST(? AS BIGINT))" if TYPES[kind] == "TIMESTAMP" else f"CAST(? AS {TYPES[kind]})"
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


PEOPLE = some_rows(random.Random(1), 300)


class Writer:
    """Writes a random well-typed expression as text, mostly about ``focus``."""

    def __init__(self, draw: Callable, focus: str) -> None:
        self.draw, self.focus = draw, focus

    def pick(self, options: list) -> str:
        choice = self.draw(st.sampled_from(options))
        return choice() if callable(choice) else choice

    def boolean(self, depth: int) -> str:
        if depth <= 0:
            return self.pick(["yes", "TRUE", "FALSE", "NULL", "n > 1", "t = 'a'", "many IS NULL", "at < now()"])
        inner = depth - 1
        families = {"logic": self.logic, "number": self.numbers, "text": self.texts, "clock": self.clock}
        likely = families[self.focus](inner)
        rest = [option for name, family in families.items() if name != self.focus for option in family(inner)]
        return self.pick(likely) if self.draw(st.integers(0, 3)) else self.pick(rest)

    def logic(self, depth: int) -> list:
        def joined(word: str, count: int) -> str:
            return f"({f' {word} '.join(self.boolean(depth) for _ in range(count))})"

        return [
            lambda: joined("AND", 2),
            lambda: joined("OR", 2),
            lambda: joined(self.pick(["AND", "OR"]), 3),
            lambda: f"NOT ({self.boolean(depth)})",
            lambda: f"({self.boolean(depth)}) IS {self.maybe_not()}{self.pick(['TRUE', 'FALSE', 'NULL'])}",
            lambda: f"({self.boolean(depth)}) {self.compare()} ({self.boolean(depth)})",
            lambda: self.case(self.boolean, depth),
            lambda: f"yes {self.maybe_not()}IN ({self.pick(['TRUE', 'FALSE', 'NULL, TRUE'])})",
        ]

    def numbers(self, depth: int) -> list:
        return [*self.about(self.number, depth, [repr(number) for number in NUMBERS])]

    def texts(self, depth: int) -> list:
        pieces = st.lists(
            st.sampled_from(["%", "%", "%", "_", "a", "b", "A", "é", "É", "ß", "İ", "\\", "."]), max_size=5
        )
        return [
            *self.about(self.text, depth, [quoted(text) for text in TEXTS]),
            lambda: (
                f"{self.text(depth)} {self.maybe_not()}{self.pick(['LIKE', 'ILIKE'])} {quoted(''.join(self.draw(pieces)))}"
            ),
            lambda: f"t {self.maybe_not()}{self.pick(['LIKE', 'ILIKE'])} {quoted(''.join(self.draw(pieces)))}",
            lambda: f"{self.pick(['CONTAINS', 'ARRAY_CONTAINS', 'list_contains'])}(many, {self.text(depth)})",
            lambda: f"CONTAINS(many, {self.pick([repr(number) for number in NUMBERS])})",
            lambda: f"CONTAINS({self.text(depth)}, {self.text(depth)})",
        ]

    def clock(self, depth: int) -> list:
        spans = [f"INTERVAL {span}" for span in SPANS]
        return [*self.about(self.timestamp, depth, WRITTEN), *self.about(self.interval, depth, spans)]

    def about(self, kind: Callable, depth: int, literals: list[str]) -> list:
        """What can be said about values of one kind."""

        def within() -> str:
            items = self.draw(st.lists(st.sampled_from([*literals, "NULL"]), min_size=1, max_size=9))
            return f"{kind(depth)} {self.maybe_not()}IN ({', '.join(items)})"

        return [
            lambda: f"{kind(depth)} {self.compare()} {kind(depth)}",
            lambda: f"{kind(depth)} {self.compare()} {self.pick(literals)}",
            lambda: f"{kind(depth)} {self.maybe_not()}BETWEEN {kind(depth)} AND {kind(depth)}",
            lambda: f"{kind(depth)} IS {self.maybe_not()}NULL",
            within,
        ]

    def compare(self) -> str:
        return self.pick(["=", "<>", "!=", "<", "<=", ">", ">="])

    def maybe_not(self) -> str:
        return self.pick(["", "NOT "])

    def case(self, kind: Callable, depth: int) -> str:
        tail = f" ELSE {kind(depth)}" if self.draw(st.booleans()) else ""
        return f"CASE WHEN {self.boolean(depth)} THEN {kind(depth)}{tail} END"

    def several(self, kind: Callable, depth: int) -> str:
        name = self.pick(["COALESCE", "GREATEST", "LEAST"])
        return f"{name}({', '.join(kind(depth) for _ in range(self.draw(st.integers(1, 3))))})"

    def value(self, kind: Callable, depth: int, leaves: list, operations: list) -> str:
        """A value of one kind: half of the time a leaf."""
        if depth <= 0 or self.draw(st.integers(0, 2)) == 0:
            return self.pick(leaves)
        inner = depth - 1
        return self.pick([*operations, lambda: self.several(kind, inner), lambda: self.case(kind, inner)])

    def number(self, depth: int) -> str:
        inner = depth - 1
        sums = [lambda sign=sign: f"({self.number(inner)} {sign} {self.number(inner)})" for sign in "+-*/%"]
        calls = [lambda name=name: f"{name}({self.number(inner)})" for name in ("- ", "ABS", "ROUND", "ROUND")]
        lengths = [lambda: f"LENGTH({self.text(inner)})", lambda: "LENGTH(many)"]
        return self.value(self.number, depth, ["n", "m", "_n", *map(repr, NUMBERS)], [*sums, *calls, *lengths])

    def text(self, depth: int) -> str:
        cased = [lambda name=name: f"{name}({self.text(depth - 1)})" for name in ("LOWER", "UPPER")]
        return self.value(self.text, depth, ["t", "u", "t", "u", *map(quoted, TEXTS)], cased)

    def timestamp(self, depth: int) -> str:
        leaves = ["at", '"a name"', "now()", "CURRENT_TIMESTAMP", lambda: self.pick(WRITTEN)]
        inner = depth - 1
        sums = [lambda sign=sign: f"({self.timestamp(inner)} {sign} {self.interval(inner)})" for sign in "+-"]
        return self.value(self.timestamp, depth, leaves, sums)

    def interval(self, depth: int) -> str:
        leaves = [lambda: f"INTERVAL {self.pick(SPANS)}", "(now() - at)", "since", "(at - now())", '(at - "a name")']
        inner = depth - 1
        sums = [lambda sign=sign: f"({self.interval(inner)} {sign} {self.interval(inner)})" for sign in "+-"]
        sums += [lambda: f"({self.timestamp(inner)} - {self.timestamp(inner)})", lambda: f"(- {self.interval(inner)})"]
        return self.value(self.interval, depth, leaves, sums)


@st.composite
def expressions(draw: Callable, focus: str) -> str:
    return Writer(draw, focus).boolean(draw(st.integers(1, 3)))


def compiled(text: str) -> Condition:
    """The condition; the writer knows types, but not that the literal NULL may not be compared."""
    try:
        return compile_condition(text, COLUMNS)
    except DefinitionError as error:
        assume("NULL" not in str(error))
        raise


def from_duckdb(condition: Condition, now: int) -> list[bool | None]:
    sql = f"SELECT ({condition.to_sql(now)}) FROM person ORDER BY i"
    return [truth for (truth,) in DUCKDB.execute(sql).fetchall()]


@pytest.mark.parametrize("focus", ["logic", "number", "text", "clock"])
def test_live_result_equals_duckdb(focus: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW_IS_FINE)
    @given(expressions(focus), st.sampled_from([NOW, NOW + 1, 0]))
    def check(text: str, now: int) -> None:
        condition = compiled(text)
        live = [condition.test(row, now) for row in PEOPLE]
        historical = from_duckdb(condition, now)
        assert [
            (row, *both) for row, *both in zip(PEOPLE, live, historical, strict=True) if both[0] is not both[1]
        ] == []
        kept = [
            i for (i,) in DUCKDB.execute(f"SELECT i FROM person WHERE {condition.to_sql(now)} ORDER BY i").fetchall()
        ]
        assert kept == [i for i, truth in enumerate(live) if truth is True]

    store(PEOPLE)
    check()


CORNERS = [
    "0.1 + 0.2 = 0.3",
    "n * 0.1 + 0.7 >= 0.8",
    "1 / n > 0 OR n % m = 0",
    "1 / (1 / n) = 0",
    "1 / (1e308 * n) = 0",
    "n % (1e308 * m * m) = n",
    "COALESCE(1 / n, 5) = 5",
    "n IN (9007199254740993, 100000000000000000000)",
    "n = m",
    "ROUND(n) <> n AND ROUND(m / 2) > m / 2",
    "t < u",
    "t LIKE 'a_b'",
    "t LIKE '%_b%'",
    "t ILIKE '%A%' AND t NOT LIKE '%A%'",
    "t ILIKE '_B%'",
    "t ILIKE 'İ' OR t ILIKE 'ẞ%' OR t ILIKE 'É'",
    "t LIKE '\\%' OR t LIKE '\\_'",
    "LOWER(t) = LOWER(u) AND t <> u",
    "LENGTH(t) = 2 OR LENGTH(many) = 2",
    "CONTAINS(many, t)",
    "CONTAINS(many, 5) OR CONTAINS(many, '0.5')",
    "GREATEST(n, m, _n) = LEAST(n, m, _n)",
    "yes < (n > 0)",
    "yes AND NULL",
    "NULL",
    "(NULL OR yes) IS NULL",
    "CASE WHEN yes THEN NULL END",
    "at > now() - INTERVAL '2' SECOND AND at - \"a name\" < INTERVAL '1' DAY",
    'COALESCE(at, now()) BETWEEN "a name" AND GREATEST(at, "a name", now())',
]


@pytest.mark.parametrize("text", CORNERS)
def test_corners_equal_duckdb(text: str) -> None:
    condition = compile_condition(text, COLUMNS)
    store(PEOPLE)
    assert from_duckdb(condition, NOW) == [condition.test(row, NOW) for row in PEOPLE]


@pytest.mark.parametrize("focus", ["clock", "logic"])
def test_time_changes_nothing_before_next_change(focus: str) -> None:
    spans = (-86_400_000, -3_600_000, 0, 3_600_000, 86_400_000, 604_800_000)
    grid = {base + odd for base in range(NOW - 70_000, NOW + 70_000, 1000) for odd in (-1, 0, 1, 250, 500)}
    grid |= {moment + span for moment in MOMENTS for span in spans}

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW_IS_FINE)
    @given(
        expressions(focus).filter(lambda text: "now()" in text or "since" in text),
        st.sampled_from(MOMENTS[:-4]),
        st.integers(0, 2**32),
    )
    def check(text: str, now: int, seed: int) -> None:
        condition, chance = compiled(text), random.Random(seed)
        for row in some_rows(chance, 4):
            outcome, change = condition.test(row, now), condition.next_change(row, now)
            look = condition.next_look(row, now)
            assert change is None or (look is not None and now < look <= change)
            end = now + 10**12 if change is None else change
            near = {now + 1, end - 1, (now + end) // 2, *(chance.randint(now, end) for _ in range(20))}
            for instant in grid | near:
                if now <= instant < end:
                    assert condition.test(row, instant) is outcome, (row, instant)
            if change is not None:
                assert change > now
                assert condition.test(row, change) is not outcome, "the change was announced too early"

    check()


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
    text = draw(expressions("logic") | expressions("clock"))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + draw(st.sampled_from([*WORDS, "", text[start:end] * 2])) + text[end:]
    return text


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(mutated() | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join) | st.text(), st.integers(0, 2**32))
def test_any_text_is_accepted_or_refused_with_its_place(text: str, seed: int) -> None:
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
    people = some_rows(random.Random(seed), 3)
    store(people)
    assert from_duckdb(condition, NOW) == [condition.test(row, NOW) for row in people]


@pytest.mark.parametrize("function", ["LOWER", "UPPER"])
def test_case_of_every_character_equals_duckdb(function: str) -> None:
    from tailorbird.conditions import casing

    live = getattr(casing, function.lower())
    found = DUCKDB.execute(
        f"SELECT chr(i::INT), {function}(chr(i::INT)) FROM range(1, 1114112) AS every(i) WHERE i NOT BETWEEN 55296 AND 57343"
    ).fetchall()
    assert len(found) == 1_112_063
    assert [(char, other, live(char)) for char, other in found if live(char) != other] == []
