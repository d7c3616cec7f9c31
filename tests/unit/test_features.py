"""Features beyond their windows: what values they take, exact sums, sessions, decay."""

import json
from math import fsum
from typing import Any

import pytest

from fold import ALL, DAY, MINUTE, START, Run, event, spine, states
from tailorbird.conditions import Kind
from tailorbird.consent.signals import CONSENT_EVENT
from tailorbird.engine.fold import set_aside
from tailorbird.events.model import EventType
from tailorbird.profiles.features.extract import extractor


@pytest.mark.parametrize(
    ("path", "kind", "properties", "value"),
    [
        ("x", Kind.NUMBER, {"x": 7}, 7.0),
        ("x", Kind.NUMBER, {"x": "7"}, None),
        ("x", Kind.NUMBER, {"x": True}, None),
        ("x", Kind.NUMBER, {"x": float("nan")}, None),
        ("x", Kind.NUMBER, {"x": float("inf")}, None),
        ("x", Kind.NUMBER, {"x": 1e300}, None),
        ("x", Kind.NUMBER, {"x": 10**400}, None),
        ("x", Kind.NUMBER, {}, None),
        ("x", Kind.TEXT, {"x": 7.0}, "7"),
        ("x", Kind.TEXT, {"x": 7}, "7"),
        ("x", Kind.TEXT, {"x": 0.5}, "0.5"),
        ("x", Kind.TEXT, {"x": 10**400}, None),
        ("x", Kind.TEXT, {"x": ""}, None),
        ("x", Kind.TEXT, {"x": "a" * 1000}, "a" * 256),
        ("x", Kind.TEXT, {"x": ["a"]}, None),
        ("x", Kind.TEXT, {"x": False}, None),
        ("x", Kind.BOOLEAN, {"x": False}, False),
        ("x", Kind.BOOLEAN, {"x": 0}, None),
        ("x", None, {"x": {}}, True),
        ("x", None, {"x": None}, None),
        ("a.b", Kind.NUMBER, {"a": {"b": 1}}, 1.0),
        ("a.b", Kind.NUMBER, {"a": [1]}, None),
        ("a.b", Kind.NUMBER, {"a.b": 1}, None),
        ("a[].b", Kind.TEXT, {"a": [{"b": "x"}, {"b": None}, 7, {"b": 2}]}, ["x", "2"]),
        ("a[].b", Kind.TEXT, {"a": {"b": "x"}}, []),
        ("a[]", Kind.TEXT, {"a": ["x", ["y"], 3]}, ["x", "3"]),
        ("a[].b[]", Kind.NUMBER, {"a": [{"b": [1, 2]}, {"b": [3]}]}, [1.0, 2.0, 3.0]),
        ("timestamp", Kind.TIMESTAMP, {}, 5),
        ("timestamp", Kind.TEXT, {}, "5"),
    ],
)
def test_values_out_of_properties(path: str, kind: Kind | None, properties: dict[str, Any], value: object) -> None:
    assert extractor(tuple(path.split(".")), kind)(properties, 5) == value


def run_of(features: dict[str, Any], state: Any, segments: dict[str, Any] | None = None) -> Run:
    return Run(spine(json.dumps({"features": features, "segments": segments or {}})), state)


def test_sums_are_exact_in_any_order() -> None:
    amounts = [19.99] * 10 + [0.1] * 10 + [1e16, 1.0, -1e16]
    with states() as (state,):
        run = run_of(
            {"spent": {"sum": "Paid.x"}, "mean": {"mean": "Paid.x"}, "day": {"sum": "Paid.x", "window": "1d"}}, state
        )
        for who, order in (("u", amounts), ("v", amounts[::-1])):
            for amount in order:
                run.event(event("Paid", anonymous=who, properties={"x": amount}), START)
            for feature in ("spent", "day"):
                assert run.value(f"a:{who}", feature, START) == fsum(amounts)
            assert run.value(f"a:{who}", "mean", START) == fsum(amounts) / len(amounts)
        run.event(event(user="me", anonymous="u", kind=EventType.IDENTIFY), START)
        run.event(event(user="me", kind=EventType.ALIAS, previous="v"), START)
        assert run.value("u:me", "spent", START) == run.value("u:me", "day", START) == fsum(amounts * 2)


def test_absurd_numbers_stop_nobody() -> None:
    """A sum that overflowed would raise in every fold from then on."""
    with states() as (state,):
        run = run_of(
            {"sum": {"sum": "Paid.x", "window": "1d"}, "mean": {"mean": "Paid.x"}},
            state,
            {"any": "sum > 1 AND mean > 1"},
        )
        for amount in (1.7e308, 1.7e308, -1.7e308, 1e37, 1e37):
            run.event(event("Paid", anonymous="x", properties={"x": amount}), START)
        with state.read() as txn:
            assert set_aside(txn) == []
        assert run.value("a:x", "sum", START) == 2e37
        assert run.segments("a:x") == {"any"}


def test_a_count_of_a_property_counts_where_it_is() -> None:
    with states() as (state,):
        run = run_of({
            "coupons": {"count": "Paid.coupon"}, "items": {"count": "Paid.products[]"}, "items_day": {"count": "Paid.products[]", "window": "1d"},
        }, state)  # fmt: skip
        for properties in (
            {"coupon": "A", "products": [{}, {"x": 1}]},
            {"coupon": None, "products": []},
            {"products": ["x", None]},
        ):
            run.event(event("Paid", anonymous="x", properties=properties), START)
        assert [run.value("a:x", name, START) for name in ("coupons", "items", "items_day")] == [1, 3, 3]


def test_any_event_is_counted_once_even_one_called_star() -> None:
    with states() as (state,):
        run = run_of({"all": {"count": "*"}}, state)
        run.event(event("*", anonymous="x"), START)
        assert run.value("a:x", "all", START) == 1


SESSION = {"n": {"count": "*", "window": "session"}, "first": {"first": "*.page", "window": "session"}, "pages": {"recent": "*.page", "window": "session"}}  # fmt: skip


def test_a_session_ends_after_thirty_minutes_of_nothing() -> None:
    with states() as (state,):
        run = run_of(SESSION, state, {"browsing": "n > 0"})
        end = START + 29 * MINUTE
        run.event(event("A", anonymous="x", at=START, properties={"page": "a"}), START)
        run.event(event("A", anonymous="x", at=end, properties={"page": "b"}), end)
        assert run.value("a:x", "n", end + 30 * MINUTE - 1) == 2
        assert run.value("a:x", "n", end + 30 * MINUTE) == 0
        assert run.timers()[0][0] <= end + 30 * MINUTE
        for at in (end + 30 * MINUTE - 1, end + 30 * MINUTE):
            run.tick(at)
        assert [(each.entered, each.at) for each in run.changes()] == [(True, START), (False, end + 30 * MINUTE)]
        run.event(event("A", anonymous="x", at=end + 30 * MINUTE, properties={"page": "c"}), end + 30 * MINUTE)
        assert run.value("a:x", "pages", end + 30 * MINUTE) == ["c"]
        assert run.person("a:x").session_number == 2


def test_a_late_event_joins_the_session_it_touches_and_no_other() -> None:
    with states() as (state,):
        run = run_of(SESSION, state)
        for late, page in (
            (0, "now"),
            (29 * MINUTE, "before"),
            (58 * MINUTE, "still before"),
            (89 * MINUTE, "another session"),
            (3 * DAY, "long ago"),
        ):
            run.event(event("A", anonymous="x", at=START - late, properties={"page": page}), START)
        assert run.value("a:x", "pages", START) == ["now", "before", "still before"]
        assert run.value("a:x", "first", START) == "still before"
        assert run.person("a:x").session_number == 1


def test_a_change_of_consent_is_no_visit() -> None:
    with states() as (state,):
        run = run_of(SESSION, state)
        run.event(event(CONSENT_EVENT, anonymous="x", answered=ALL), START)
        assert run.person("a:x").session_number == 0
        assert run.value("a:x", "n", START) == 0


def test_what_is_withdrawn_leaves_the_session_too() -> None:
    with states() as (state,):
        run = run_of(SESSION, state)
        run.event(event("A", anonymous="x", properties={"page": "a"}), START)
        run.event(event(CONSENT_EVENT, anonymous="x", purposes=0, answered=ALL), START)
        run.event(event(CONSENT_EVENT, anonymous="x", purposes=ALL, answered=ALL), START)
        run.event(event("A", anonymous="x", properties={"page": "b"}), START)
        assert (run.value("a:x", "n", START), run.value("a:x", "pages", START)) == (1, ["b"])


def test_of_two_sessions_the_later_stays_after_a_merge() -> None:
    with states() as (state,):
        run = run_of(SESSION, state)
        run.event(event("A", user="u", at=START, properties={"page": "desk"}), START)
        run.event(event("A", anonymous="x", at=START + MINUTE, properties={"page": "phone"}), START + MINUTE)
        run.event(event(user="u", anonymous="x", kind=EventType.IDENTIFY, at=START + MINUTE), START + MINUTE)
        assert run.value("u:u", "pages", START + MINUTE) == ["phone"]
        assert run.value("u:u", "pages", START + 31 * MINUTE - 1) == ["phone"]
        assert run.value("u:u", "pages", START + 31 * MINUTE) == []


def test_a_merge_goes_on_with_the_session_that_goes_on() -> None:
    with states() as (state,):
        run = run_of(SESSION, state)
        run.event(event("A", user="u", at=START - 40 * MINUTE, properties={"page": "desk"}), START)
        run.event(event("A", anonymous="x", at=START, properties={"page": "phone"}), START)
        run.event(event(user="u", anonymous="x", kind=EventType.IDENTIFY, at=START), START)
        assert (run.value("u:u", "n", START), run.value("u:u", "pages", START)) == (2, ["phone"])


def test_liking_fades_with_its_half_life() -> None:
    """Two looks a half-life ago weigh as much as one now; of equals the order of the names decides."""
    with states() as (state,):
        run = run_of({"liked": {"top_k": "Seen.kind", "half_life": "1d", "k": 3}}, state)
        for at, kind in ((START, "old"), (START, "old"), (START + DAY, "new"), (START + DAY, "b"), (START + DAY, "b")):
            run.event(event("Seen", anonymous="x", at=at, properties={"kind": kind}), at)
        assert run.value("a:x", "liked", START + DAY) == ["b", "new", "old"]
        run.event(event("Seen", anonymous="x", at=START + 2 * DAY, properties={"kind": "old"}), START + 2 * DAY)
        assert run.value("a:x", "liked", START + 2 * DAY) == ["old", "b", "new"]


def test_a_late_event_may_bring_a_session_back() -> None:
    """It shows that the person was still there: then what the session holds counts again, also what the event did not touch."""
    viewed = {"viewed": {"count": "Viewed", "window": "session"}}
    with states() as (state,):
        run = run_of(viewed, state, {"looking": "viewed > 0"})
        run.event(event("Viewed", anonymous="x", at=START), START)
        run.tick(START + 30 * MINUTE)
        assert run.segments("a:x") == set()
        run.event(event("Other", anonymous="x", at=START + 29 * MINUTE), START + 35 * MINUTE)
        assert run.value("a:x", "viewed", START + 35 * MINUTE) == 1
        assert run.segments("a:x") == {"looking"}
        run.tick(START + 59 * MINUTE)
        moves = [(change.entered, (change.at - START) // MINUTE) for change in run.changes()]
        assert moves == [(True, 0), (False, 30), (True, 35), (False, 59)]
