"""The language of conditions: what it means, what it refuses and where, and when time alone changes an answer."""

import itertools
import subprocess
import sys

import pytest

from tailorbird.conditions import Column, Condition, Kind, compile_condition, list_text
from tailorbird.conditions.horizon import NEVER, steps
from tailorbird.conditions.parse import MAX_DEPTH, MAX_LENGTH
from tailorbird.conditions.patterns import matcher
from tailorbird.conditions.shapes import OPERATORS
from tailorbird.conditions.tree import Op
from tailorbird.conditions.types import list_number
from tailorbird.errors import DefinitionError

COLUMNS = {
    column.name: column
    for column in (
        Column("orders_30d", 0, Kind.NUMBER),
        Column("spent_90d", 1, Kind.NUMBER),
        Column("country", 2, Kind.TEXT),
        Column("vip", 3, Kind.BOOLEAN),
        Column("staff", 4, Kind.BOOLEAN),
        Column("last_added", 5, Kind.TIMESTAMP),
        Column("last_order", 6, Kind.TIMESTAMP),
        Column("kinds_liked", 7, Kind.LIST),
        Column("order", 8, Kind.NUMBER),
        Column("select", 9, Kind.NUMBER),
        Column("case", 10, Kind.NUMBER),
        Column("since_order", 11, Kind.ELAPSED),
    )
}
MINUTE = 60_000
DAY = 86_400_000


def condition(text: str) -> Condition:
    return compile_condition(text, COLUMNS)


def row(**values: object) -> list[object]:
    found: list[object] = [None] * len(COLUMNS)
    for name, value in values.items():
        found[COLUMNS[name].index] = value
    return found


def ask(text: str, now: int = 0, **values: object) -> bool | None:
    return condition(text).test(row(**values), now)


# What is refused, where, and with which advice

REFUSED = [
    ("", 1, 1, "is empty"),
    (" \n ", 1, 1, "is empty"),
    ("-- only a comment", 1, 1, "is empty"),
    # Types
    ("country > 5", 1, 11, "text cannot be compared with a number; a number stands without quotes"),
    ("orders_30d > '5'", 1, 14, "a number cannot be compared with text"),
    ("vip = 1", 1, 7, "true or false cannot be compared with a number"),
    ("last_order > '2026-01-31'", 1, 14, "write TIMESTAMP '2026-01-31'"),
    ("now() - last_order > 3600", 1, 22, "write a length of time as INTERVAL '30' MINUTE"),
    ("last_order > 1700000000", 1, 14, "write an instant as TIMESTAMP"),
    ("last_order > INTERVAL '1' DAY", 1, 23, "now() - INTERVAL '30' MINUTE an instant"),
    ("vip AND country", 1, 9, "true or false, but this is text; compare it with something, such as country = 'value'"),
    ("orders_30d", 1, 1, "such as orders_30d > 0"),
    ("last_order", 1, 1, "such as last_order > TIMESTAMP"),
    ("last_order - last_added", 1, 1, "> INTERVAL '30' MINUTE"),
    ("kinds_liked", 1, 1, "CONTAINS(kinds_liked, 'item')"),
    ("NOT orders_30d", 1, 5, "true or false, but this is a number"),
    ("LOWER(orders_30d) = 'x'", 1, 7, "LOWER takes text, but this is a number"),
    ("ABS(country) > 1", 1, 5, "ABS takes a number, but this is text"),
    ("LENGTH(vip) > 1", 1, 8, "LENGTH takes text or a list"),
    ("-country = 'x'", 1, 2, "before a number or an interval"),
    ("now() + now() > now()", 1, 9, "a timestamp + a timestamp has no meaning"),
    ("now() * 2 > now()", 1, 9, "a timestamp * a number has no meaning"),
    ("now() - 3600 > last_order", 1, 9, "INTERVAL '30' MINUTE"),
    ("country + 'x' = 'y'", 1, 11, "text + text has no meaning"),
    ("orders_30d LIKE '1%'", 1, 1, "LIKE looks at text, but this is a number"),
    ("COALESCE(orders_30d, 'x') > 1", 1, 22, "this is text, but a number stands before it"),
    ("CASE WHEN vip THEN 1 ELSE 'x' END = 1", 1, 27, "this is text, but a number stands before it"),
    ("kinds_liked = kinds_liked", 1, 1, "lists are not compared; write CONTAINS"),
    ("kinds_liked = 'hats'", 1, 15, "look into a list with CONTAINS"),
    ("COALESCE(kinds_liked, kinds_liked) IS NULL", 1, 10, "lists can only be looked into"),
    ("CONTAINS(orders_30d, '1')", 1, 10, "looks into a list or text, but this is a number"),
    ("LIST_CONTAINS(country, 'x')", 1, 15, "looks into a list, but this is text"),
    ("CONTAINS(kinds_liked, vip)", 1, 23, "must be text, but this is true or false"),
    ("country IN ('a', 1)", 1, 18, "text cannot be compared with a number"),
    ("orders_30d BETWEEN 1 AND 'x'", 1, 26, "a number cannot be compared with text"),
    ("vip\nAND country\n  > 5", 3, 5, "text cannot be compared with a number"),
    # NULL, where it is always a mistake
    ("orders_30d = NULL", 1, 14, "never true; write IS NULL"),
    ("NULL <> country", 1, 1, "never true; write IS NULL"),
    ("NULL IN (1)", 1, 1, "never true; write IS NULL"),
    ("orders_30d + NULL > 1", 1, 14, "+ with NULL is always NULL"),
    ("since_order > 3600", 1, 15, "write a length of time as INTERVAL '30' MINUTE"),
    # Names
    ("countri = 'x'", 1, 1, "there is no column countri; did you mean country?"),
    ("COUNTRY = 'x'", 1, 1, "did you mean country?"),
    ("vip AND zzz > 1", 1, 9, "there is no column zzz; there are case, country, "),
    ('country = "DE"', 1, 11, "double quotes name a column, a text stands in single quotes"),
    ("now > last_order", 1, 1, "the instant of asking is now()"),
    ("a.b > 1", 1, 1, 'written in double quotes: "a.b"'),
    ("case > 1", 1, 1, 'write it in double quotes: "case"'),
    ("lenght(country) > 1", 1, 1, "the function LENGHT does not exist here; did you mean LENGTH?"),
    ("vip OR foo(1)", 1, 8, "the function FOO does not exist here; there are ABS, "),
    ("SUM(orders_30d) > 1", 1, 1, "the function SUM does not exist here"),
    ("COUNT(*) > 1", 1, 1, "the function COUNT does not exist here"),
    # Literals
    ("orders_30d > 1e999", 1, 14, "too large"),
    ("orders_30d > 1e", 1, 14, "not a number"),
    ("orders_30d > 1_000", 1, 15, "'_000' is not expected here"),
    ("last_order > TIMESTAMP '2026-02-30'", 1, 24, "'2026-02-30' is not a timestamp"),
    ("last_order > TIMESTAMP 'yesterday'", 1, 24, "is not a timestamp; write it like"),
    ("last_order > TIMESTAMP '2026-01-31 10:00:00.123456'", 1, 24, "is not a timestamp"),
    ("last_order > DATE '2026-01-31'", 1, 19, "write TIMESTAMP '2026-01-31'"),
    ("now() - last_order > INTERVAL '1' MONTH", 1, 31, "in seconds, minutes, hours, days or weeks, not in month"),
    ("now() - last_order > INTERVAL '1.5' HOUR", 1, 31, "'1.5' is not a whole number"),
    ("now() - last_order > INTERVAL '1 day 2 hours'", 1, 31, "one number and one unit"),
    ("now() - last_order > INTERVAL '1'", 1, 31, "one number and one unit"),
    ("now() - last_order > INTERVAL '99999' DAY", 1, 31, "longer than a hundred years"),
    ("now() - last_order > INTERVAL orders_30d DAY", 1, 31, "one number and one unit"),
    ("country = 'a' 'b'", 1, 11, "not joined"),
    # What SQL has and conditions have not
    ("vip; staff", 1, 4, "one expression; remove ';'"),
    ("vip;", 1, 4, "one expression; remove ';'"),
    ("vip AND (SELECT TRUE)", 1, 10, "SELECT is not allowed"),
    ("country IN (SELECT 'a')", 1, 13, "SELECT is not allowed"),
    ("EXISTS(SELECT 1)", 1, 8, "SELECT is not allowed"),
    ("country LIKE country", 1, 14, "a pattern in single quotes"),
    ("country LIKE 'x!%' ESCAPE '!'", 1, 1, "ESCAPE is not supported"),
    ("country IN ('a', country)", 1, 18, "IN takes literals only"),
    ("country IN ()", 1, 1, "at least one value"),
    ("'hats' IN kinds_liked", 1, 11, "write CONTAINS(kinds_liked, ...)"),
    ("vip IS staff", 1, 8, "IS is followed by NULL, TRUE or FALSE"),
    ("vip IS DISTINCT FROM staff", 1, 1, "IS DISTINCT FROM is not supported"),
    ("CASE country WHEN 'a' THEN TRUE END", 1, 6, "the whole comparison after each WHEN"),
    ("IF(vip, 1, 2) > 1", 1, 4, "write CASE WHEN"),
    ("country || 'x' = 'y'", 1, 1, "|| does not exist"),
    ("CAST(orders_30d AS TEXT) = '1'", 1, 6, "CAST and :: are not allowed"),
    ("last_order::TEXT = 'x'", 1, 1, "CAST and :: are not allowed"),
    ("ROUND(spent_90d, 2) > 1", 1, 18, "ROUND takes one argument"),
    ("now(3) > last_order", 1, 5, "now() takes no argument"),
    ("CURRENT_DATE > last_order", 1, 1, "CURRENT_DATE is not supported; write now()"),
    ("(vip, staff) = (vip, staff)", 1, 2, "only allowed after IN"),
    ("kinds_liked[1] = 'hats'", 1, 1, "BRACKET is not part of the language"),
    ("vip AND ?", 1, 9, "PLACEHOLDER is not part of the language"),
    ("vip AND *", 1, 9, "STAR is not part of the language"),
    ("SUM(orders_30d) OVER () > 1", 1, 1, "WINDOW is not part of the language"),
    ("CONTAINS(country, 'a', 'b')", 1, 24, "takes no such argument"),
    ("orders_30d BETWEEN SYMMETRIC 3 AND 1", 1, 1, "takes no such argument"),
    # What cannot be read
    ("vip AND", 1, 5, "something is missing at 'AND'"),
    ("vip staff", 1, 5, "'staff' is not expected here"),
    ("(vip", 1, 2, "a ')' is missing"),
    ("vip)", 1, 4, "')' is not expected here"),
    ("country = 'x", 1, 11, "not closed"),
    ('vip AND\n "vip', 2, 2, "not closed"),
    ("vip /* why", 1, 5, "not closed"),
    ("CASE WHEN vip THEN TRUE", 1, 20, "CASE has no END"),
    ("abs(1, 2) > 1", 1, 9, "too many arguments"),
    ("CONTAINS(country)", 1, 17, "something is missing"),
    ("vip = 'a\x00'", 1, 9, "U+0000"),
    ("country = '\ud800'", 1, 12, "U+D800"),
    ("(" * 33 + "vip" + ")" * 33, 1, 33, "nested more than 32 deep"),
    ("NOT " * 70 + "vip", 1, 281, "64 levels"),
    ("1" + " + 1" * 70 + " > orders_30d", 1, 1, "64 levels"),
    ("vip OR " * 600 + "vip", 1, 4001, "4,000 characters long, this one has 4,203"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), REFUSED, ids=[case[0][:40] for case in REFUSED])
def test_refuses_with_place_and_advice(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_condition(text, COLUMNS, where="segments.loyal")
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"segments.loyal:{line}:{column}: ")


def test_column_named_like_a_word_of_sql_is_written_in_double_quotes() -> None:
    assert ask('"case" > 1 AND "select" < 1 AND "order" = 1', **{"case": 2, "select": 0, "order": 1}) is True


def test_limits_are_reached_before_they_are_passed() -> None:
    assert ask("(" * MAX_DEPTH + "vip" + ")" * MAX_DEPTH, vip=True) is True
    assert ask("CASE WHEN " * MAX_DEPTH + "vip" + " THEN staff END" * MAX_DEPTH, vip=True, staff=True) is True
    long = "vip OR " * ((MAX_LENGTH - 5) // 7) + "staff"
    assert len(long) > MAX_LENGTH - 8
    assert ask(long, vip=False, staff=True) is True


def test_no_room_on_the_stack_is_a_refusal_too() -> None:
    def deep(levels: int) -> Condition:
        return deep(levels - 1) if levels else condition("((((((((((((((((vip))))))))))))))))")

    with pytest.raises(DefinitionError, match="nested too deeply"):
        deep(sys.getrecursionlimit() - 200)


def test_importing_conditions_does_not_import_sqlglot() -> None:
    code = "import sys, tailorbird.conditions; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Three-valued logic

TRUTHS = (True, False, None)


@pytest.mark.parametrize(("a", "b"), [*itertools.product(TRUTHS, TRUTHS)])
def test_logic_has_three_values(a: bool | None, b: bool | None) -> None:
    conjunction = False if a is False or b is False else None if a is None or b is None else True
    disjunction = True if a is True or b is True else None if a is None or b is None else False
    assert ask("vip AND staff", vip=a, staff=b) is conjunction
    assert ask("vip OR staff", vip=a, staff=b) is disjunction
    assert ask("vip AND staff AND TRUE", vip=a, staff=b) is conjunction
    assert ask("FALSE OR vip OR staff", vip=a, staff=b) is disjunction
    assert ask("NOT (vip AND staff)", vip=a, staff=b) is (None if conjunction is None else not conjunction)
    assert ask("vip = staff", vip=a, staff=b) is (None if a is None or b is None else a == b)
    assert ask("vip AND staff IS NULL", vip=a, staff=b) is (a if b is None else False)


@pytest.mark.parametrize("a", TRUTHS)
def test_is_never_unknown(a: bool | None) -> None:
    assert ask("vip IS TRUE", vip=a) is (a is True)
    assert ask("vip IS NOT TRUE", vip=a) is (a is not True)
    assert ask("vip IS FALSE", vip=a) is (a is False)
    assert ask("vip IS NULL", vip=a) is (a is None)
    assert ask("vip IS NOT NULL", vip=a) is (a is not None)
    assert ask("(vip AND NULL) IS NULL", vip=a) is (a is not False)


def test_comparison_with_an_absent_value_is_unknown() -> None:
    for text in (
        "orders_30d >= 2",
        "2 < orders_30d",
        "NOT orders_30d = 2",
        "orders_30d <> spent_90d",
        "country LIKE '%'",
    ):
        assert ask(text, spent_90d=1) is None


def test_in_with_null_is_true_or_unknown() -> None:
    assert ask("orders_30d IN (1, NULL)", orders_30d=1) is True
    assert ask("orders_30d IN (1, NULL)", orders_30d=2) is None
    assert ask("orders_30d NOT IN (1, NULL)", orders_30d=1) is False
    assert ask("orders_30d NOT IN (1, NULL)", orders_30d=2) is None
    assert ask("orders_30d NOT IN (1, 3)", orders_30d=2) is True
    assert ask("orders_30d NOT IN (1, 3)") is None


def test_between_with_an_unknown_bound_can_still_be_false() -> None:
    assert ask("orders_30d BETWEEN spent_90d AND 3", orders_30d=4) is False
    assert ask("orders_30d BETWEEN spent_90d AND 3", orders_30d=2) is None
    assert ask("orders_30d NOT BETWEEN spent_90d AND 3", orders_30d=4) is True
    assert ask("orders_30d BETWEEN 2 AND 3", orders_30d=3) is True


def test_case_takes_the_first_true_arm() -> None:
    text = "CASE WHEN vip THEN 1 WHEN staff THEN 2 ELSE 3 END = 2"
    assert ask(text, vip=None, staff=True) is True
    assert ask(text, vip=True, staff=True) is False
    assert ask("CASE WHEN vip THEN TRUE END", vip=False) is None


# Values

NOT_A_NUMBER = [
    "spent_90d / 0 > 1",
    "spent_90d % 0 > 1",
    "0 / orders_30d >= 0",
    "1e308 * 10 > 1",
    "spent_90d + 1e308 * 10 > 1",
    "-1e308 * 10 < 1",
    "1e308 * 10 - 1e308 * 10 = 0",
    "1 / (1 / orders_30d) = 0",
    "ROUND(1e308 * 10) > 1",
    "ABS(1e308 * 10) > 1",
]


@pytest.mark.parametrize("text", NOT_A_NUMBER)
def test_what_is_no_finite_number_is_null(text: str) -> None:
    assert ask(text, orders_30d=0, spent_90d=1) is None
    assert ask(f"COALESCE({text}, FALSE)", orders_30d=0, spent_90d=1) is False


def test_numbers_are_doubles() -> None:
    assert ask("orders_30d = 9007199254740992", orders_30d=2**53 + 1) is True
    assert ask("orders_30d IN (9007199254740992)", orders_30d=2**53 + 1) is True
    assert ask("orders_30d = spent_90d", orders_30d=2**53 + 1, spent_90d=2.0**53) is True
    assert ask("orders_30d + 0 = 9007199254740992", orders_30d=2**53 + 1) is True
    assert ask("0.1 + 0.2 = 0.3") is False
    assert ask("orders_30d / 2 = 0.5", orders_30d=1) is True
    assert ask("orders_30d % 3 = -1", orders_30d=-7) is True
    assert ask("orders_30d + 1 > 0", orders_30d=10**400) is None


@pytest.mark.parametrize(
    ("number", "rounded"),
    [(0.5, 1), (-0.5, -1), (2.5, 3), (-2.5, -3), (0.49999999999999994, 0), (1e300, 1e300), (2.4, 2)],
)
def test_round_takes_halves_away_from_zero(number: float, rounded: float) -> None:
    assert ask(f"ROUND(spent_90d) = {rounded!r}", spent_90d=number) is True


def test_greatest_and_least_skip_null() -> None:
    assert ask("GREATEST(orders_30d, spent_90d, 1) = 1", orders_30d=None, spent_90d=0.5) is True
    assert ask("LEAST(orders_30d, spent_90d) IS NULL") is True


def test_text_is_measured_and_compared_by_code_points() -> None:
    assert ask("LENGTH(country) = 2", country="e\u0301") is True
    assert ask("country > '\uffff'", country="😀") is True
    assert ask("UPPER(country) = 'STRAẞE'", country="straße") is True
    assert ask("LOWER(country) = 'ας'", country="ΑΣ") is False
    assert ask("country = 'it''s'", country="it's") is True
    assert ask("CONTAINS(country, '100%')", country="only 100% wool") is True


LIKE = [
    ("", "", True),
    ("", "a", False),
    ("%", "", True),
    ("%", "a\nb", True),
    ("a%", "ab", True),
    ("a%", "ba", False),
    ("%a", "ba", True),
    ("%a%", "bab", True),
    ("%a%", "bbb", False),
    ("a%a", "a", False),
    ("a%a", "aa", True),
    ("ab%ba", "aba", False),
    ("_", "é", True),
    ("_", "", False),
    ("_", "\n", True),
    ("a_c%", "abcd", True),
    ("%a%b%", "xaxbx", True),
    ("%a%b%", "xbxax", False),
    ("%ab%ab", "ab", False),
    ("%ab%ab", "abab", True),
    ("%aab", "aaab", True),
    ("%a_b%b", "aaxbb", True),
    ("a.c", "abc", False),
    ("a\\%", "a%", False),
    ("a\\%", "a\\", True),
    ("A%", "abc", False),
]


@pytest.mark.parametrize(("pattern", "text", "like"), LIKE)
def test_like(pattern: str, text: str, like: bool) -> None:
    assert matcher(pattern)(text) is like


def test_no_pattern_is_slow() -> None:
    assert matcher("%a" * 20 + "%_b")("a" * 200_000) is False


def test_ilike_ignores_case_beyond_ascii() -> None:
    assert ask("country ILIKE '%ÉRI%'", country="Algérie") is True
    assert ask("country NOT ILIKE 'de'", country="DE") is False


def test_lists_are_looked_into() -> None:
    assert ask("CONTAINS(kinds_liked, 'hats')", kinds_liked=["shoes", "hats"]) is True
    assert ask("ARRAY_CONTAINS(kinds_liked, 'h')", kinds_liked=["shoes", "hats"]) is False
    assert ask("list_contains(kinds_liked, 'hats')", kinds_liked=None) is None
    assert ask("CONTAINS(kinds_liked, country)", kinds_liked=["DE"], country="DE") is True
    assert ask("CONTAINS(kinds_liked, country)", kinds_liked=["DE"]) is None
    assert ask("LENGTH(kinds_liked) = 2", kinds_liked=["a", "b"]) is True


@pytest.mark.parametrize("item", [5, 5.0, "5"])
def test_number_in_a_list_counts_as_its_text(item: object) -> None:
    assert ask("CONTAINS(kinds_liked, 5)", kinds_liked=[item]) is True
    assert ask("CONTAINS(kinds_liked, '5')", kinds_liked=[item]) is True
    assert ask("CONTAINS(kinds_liked, '5.0')", kinds_liked=[item]) is False
    assert ask("CONTAINS(kinds_liked, country)", kinds_liked=[item], country="5") is True


@pytest.mark.parametrize("number", [0, -3, 2**60 + 1, 0.5, 1e16, 1e300, 1e-7])
def test_list_number_reads_what_list_text_writes(number: float) -> None:
    assert list_number(list_text(number)) == number


@pytest.mark.parametrize("text", ["5.0", "05", "+5", "1e3", "nan", "inf", " 5", "hats", "-0"])
def test_other_texts_are_no_list_number(text: str) -> None:
    assert list_number(text) is None


# Time


def test_names_and_timed() -> None:
    loyal = condition("orders_30d >= 2 AND spent_90d > 200")
    assert (loyal.names, loyal.timed, loyal.text) == (
        {"orders_30d", "spent_90d"},
        False,
        "orders_30d >= 2 AND spent_90d > 200",
    )
    assert condition("now() - last_order > INTERVAL '7' DAY").timed is True


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01", 0),
        ("1970-01-02 00:00", DAY),
        ("1970-01-01T00:00:01.5", 1500),
        ("1970-01-01 00:00:01.250Z", 1250),
        ("1970-01-01 02:00:00+02", 0),
        ("1969-12-31 23:59:59.999", -1),
    ],
)
def test_timestamp_literals_are_utc(text: str, ms: int) -> None:
    assert ask(f"last_order = TIMESTAMP '{text}'", last_order=ms) is True


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("'30' MINUTE", 30 * MINUTE),
        ("'30 minutes'", 30 * MINUTE),
        ("30 minutes", 30 * MINUTE),
        ("'2' WEEK", 14 * DAY),
        ("'-1' DAY", -DAY),
        ("1 SECOND", 1000),
    ],
)
def test_interval_literals(text: str, ms: int) -> None:
    assert ask(f"last_order - last_added = INTERVAL {text}", last_order=ms, last_added=0) is True


NEXT = [
    # text, values, now, outcome now, the next change
    ("now() - last_order > INTERVAL '30' MINUTE", {"last_order": 0}, 0, False, 30 * MINUTE + 1),
    ("now() - last_order >= INTERVAL '30' MINUTE", {"last_order": 0}, 0, False, 30 * MINUTE),
    ("now() - last_order < INTERVAL '30' MINUTE", {"last_order": 0}, 0, True, 30 * MINUTE),
    ("now() - last_order <= INTERVAL '30' MINUTE", {"last_order": 0}, 0, True, 30 * MINUTE + 1),
    ("now() - last_order = INTERVAL '30' MINUTE", {"last_order": 0}, 0, False, 30 * MINUTE),
    ("now() - last_order = INTERVAL '30' MINUTE", {"last_order": 0}, 30 * MINUTE, True, 30 * MINUTE + 1),
    ("now() - last_order <> INTERVAL '30' MINUTE", {"last_order": 0}, 30 * MINUTE + 1, True, None),
    ("now() - last_order > INTERVAL '30' MINUTE", {"last_order": 0}, 30 * MINUTE + 1, True, None),
    ("now() - last_order > INTERVAL '30' MINUTE", {}, 0, None, None),
    ("last_order + INTERVAL '1' DAY < now()", {"last_order": 5}, 0, False, DAY + 6),
    ("last_order > now() - INTERVAL '1' DAY", {"last_order": 5}, 10, True, DAY + 5),
    ("last_order > now()", {"last_order": 5}, 0, True, 5),
    ("since_order > INTERVAL '30' MINUTE", {"since_order": 5}, 10, False, 30 * MINUTE + 6),
    # Twice as fast: the sum of two ages, at the first whole millisecond
    ("(now() - last_order) + (now() - last_added) > INTERVAL '1' SECOND", {"last_order": 0, "last_added": 1}, 0, False, 501),
    # now() cancels out
    ("(now() - last_order) - (now() - last_added) > INTERVAL '1' SECOND", {"last_order": 0, "last_added": 9}, 0, False, None),
    ("now() BETWEEN last_order AND last_added", {"last_order": 5, "last_added": 9}, 0, False, 5),
    ("now() BETWEEN last_order AND last_added", {"last_order": 5, "last_added": 9}, 6, True, 10),
    ("now() IN (TIMESTAMP '1970-01-01 00:00:01')", {}, 0, False, 1000),
    # A part changes, the whole does not: nothing to wake up for
    ("vip AND now() - last_order > INTERVAL '30' MINUTE", {"vip": False, "last_order": 0}, 0, False, None),
    ("vip OR now() - last_order > INTERVAL '30' MINUTE", {"vip": True, "last_order": 0}, 0, True, None),
    ("vip AND now() - last_order > INTERVAL '30' MINUTE", {"vip": True, "last_order": 0}, 0, False, 30 * MINUTE + 1),
    ("now() > last_order AND now() > last_added", {"last_order": 10, "last_added": 20}, 0, False, 21),
    ("NOT (now() > last_order)", {"last_order": 10}, 0, True, 11),
    # Choices
    ("COALESCE(now() - last_order, INTERVAL '9' DAY) > INTERVAL '1' DAY", {"last_order": 0}, 0, False, DAY + 1),
    ("COALESCE(now() - last_order, INTERVAL '9' DAY) > INTERVAL '1' DAY", {}, 0, True, None),
    ("GREATEST(now(), last_order) > last_added", {"last_order": 10, "last_added": 20}, 0, False, 21),
    ("LEAST(now(), last_order) > last_added", {"last_order": 10, "last_added": 20}, 0, False, None),
    ("(- GREATEST(now() - last_order, INTERVAL '0' DAY)) < INTERVAL '-1' SECOND", {"last_order": 0}, 0, False, 1001),
    ("CASE WHEN now() > last_order THEN 2 ELSE 1 END = 2", {"last_order": 7}, 0, False, 8),
    ("CASE WHEN now() > last_order THEN now() ELSE last_added END > TIMESTAMP '1970-01-01 00:00:01'",
     {"last_order": 7, "last_added": 0}, 0, False, 1001),
    ("orders_30d > 1", {"orders_30d": 1}, 0, False, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values", "now", "outcome", "change"), NEXT)
def test_next_change_is_the_first_instant_of_another_outcome(
    text: str, values: dict[str, object], now: int, outcome: bool | None, change: int | None
) -> None:
    asked, person = condition(text), row(**values)
    assert asked.test(person, now) is outcome
    assert asked.next_change(person, now) == change
    if change is not None:
        assert asked.test(person, change - 1) is outcome
        assert asked.test(person, change) is not outcome


def test_next_look_is_cheaper_and_may_be_earlier() -> None:
    asked = condition("vip AND now() - last_order > INTERVAL '30' MINUTE")
    assert asked.next_look(row(vip=True, last_order=0), 0) == 30 * MINUTE + 1
    assert asked.next_look(row(vip=False, last_order=0), 0) == 30 * MINUTE + 1
    assert asked.next_change(row(vip=False, last_order=0), 0) is None
    assert condition("vip").next_look(row(vip=True), 0) is None


def test_next_change_after_many_changes_of_parts_may_be_early_but_never_late() -> None:
    blinks = " OR ".join(f"now() = TIMESTAMP '1970-01-01 00:{i // 60:02}:{i % 60:02}'" for i in range(1, 80))
    asked = condition(f"vip AND ({blinks}) OR now() > TIMESTAMP '1970-01-02'")
    person, now = row(vip=False), 0
    looked = [now := asked.next_change(person, now)]
    while asked.test(person, now) is False:
        looked.append(now := asked.next_change(person, now))
    assert looked[-1] == DAY + 1
    assert len(looked) < 5


@pytest.mark.parametrize("op", OPERATORS)
def test_steps_to_the_crossing_equal_counting(op: Op) -> None:
    compare = OPERATORS[op]
    for gap, slope in itertools.product(range(-12, 13), range(-4, 5)):
        first = (k for k in range(1, 60) if compare(gap + slope * k, 0) != compare(gap, 0))
        assert steps(op, gap, slope) == next(first, NEVER), (gap, slope)


@pytest.mark.parametrize("op", OPERATORS)
def test_age_crosses_where_steps_says(op: Op) -> None:
    now = 7
    for gap, slope in itertools.product(range(-12, 13), (-3, -2, -1, 1, 2, 3)):
        left, right = "(" + " + ".join(["(now() - last_order)"] * abs(slope)) + ")", "(last_added - last_order)"
        if slope < 0:
            left = f"(- {left})"
        person = row(last_order=now, last_added=now - gap)
        first = condition(f"{left} {op.value} {right}").next_look(person, now)
        assert first == {NEVER: None}.get(steps(op, gap, slope), now + steps(op, gap, slope)), (gap, slope)


# SQL


def test_sql_is_written_from_the_tree() -> None:
    text = "orders_30d >= 2 /* ') OR (' */ AND country IN ('DE', 'it''s') -- '"
    assert condition(text).to_sql(0) == """(("orders_30d" >= 2.0e0) AND ("country" IN ('DE', 'it''s')))"""


def test_sql_quotes_names() -> None:
    odd = Column('a "b"; DROP', 0, Kind.NUMBER)
    sql = compile_condition('"a ""b""; DROP" > 1', {odd.name: odd}).to_sql(0)
    assert sql == '("a ""b""; DROP" > 1.0e0)'


def test_sql_holds_now_as_a_literal() -> None:
    assert condition("last_order > now()").to_sql(1500) == """("last_order" > TIMESTAMP '1970-01-01 00:00:01.500')"""
    assert "CAST(1500 AS BIGINT) - epoch_ms" in condition("now() - last_order > INTERVAL '1' DAY").to_sql(1500)
