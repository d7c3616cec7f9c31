"""What may be written under ``features:``, and what a mistake is answered with."""

from typing import Any

import pytest

from tailorbird.conditions import Kind
from tailorbird.errors import DefinitionError
from tailorbird.profiles.features.definition import AGGREGATIONS, parse_duration, parse_feature

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90_000),
        ("30m", 30 * MINUTE),
        ("12h", 12 * HOUR),
        ("365d", 365 * DAY),
        ("2w", 14 * DAY),
        (" 5 m ", 5 * MINUTE),
    ],
)
def test_durations(text: str, length: int) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "30", "m", "0m", "-5m", "1.5h", "30M", "30 minutes", "1y", "9999999999d", 30, None, ["30m"]]
)
def test_what_is_no_duration_says_how_to_write_one(text: object) -> None:
    with pytest.raises(ValueError, match="write a number and one of s, m, h, d, w"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("count", "expected a mapping such as"),
        ({}, "expected exactly one of count, sum"),
        ({"count": "A", "sum": "A.x"}, "found 2"),
        ({"count": "A", "windows": "30d"}, "unknown key 'windows': besides 'count' there may be as, half_life"),
        ({"counts": "A"}, "expected exactly one of"),
        ({"count": 7}, "count names an event, as in count: Order Completed"),
        ({"count": " "}, "count names an event"),
        ({"sum": "Order Completed"}, "write sum: Order Completed.property"),
        ({"last": "A."}, "has an empty part"),
        ({"last": "A.b..c"}, "has an empty part"),
        ({"set": "A.[]"}, "has an empty part"),
        ({"since": "A.x"}, "takes no property"),
        ({"count": "A", "window": "30"}, "'30' is no duration"),
        ({"count": "A", "window": "30s"}, "a window is from 1m to 365d"),
        ({"count": "A", "window": "366d"}, "a window is from 1m to 365d"),
        ({"count": "A", "window": 30}, "30 is no duration"),
        ({"since": "A", "window": "30d"}, "since takes no sliding window"),
        ({"recent": "A.x", "window": "30d"}, "recent takes no sliding window"),
        ({"count": "A", "half_life": "1d"}, "half_life belongs to top_k without a window"),
        ({"top_k": "A.x", "half_life": "1d", "window": "30d"}, "half_life belongs to top_k without a window"),
        ({"top_k": "A.x", "half_life": "long"}, "'long' is no duration"),
        ({"top_k": "A.x", "k": 0}, "k is a whole number from 1 to 1000"),
        ({"top_k": "A.x", "k": 1001}, "k is a whole number"),
        ({"top_k": "A.x", "k": True}, "k is a whole number"),
        ({"top_k": "A.x", "k": "3"}, "k is a whole number"),
        ({"last": "A.x", "as": "date"}, "'as' is number, text or boolean"),
        (
            {"count": "A", "purposes": ["selling"]},
            "unknown purpose 'selling': use personalization, analytics, marketing",
        ),
        ({"count": "A", "purposes": []}, "a list of at least one of personalization"),
        ({"count": "A", "purposes": "marketing"}, "purposes are a list"),
        ({"count": "A", "purposes": None}, "purposes are a list"),
    ],
)
def test_a_mistake_says_where_and_what_to_write(body: object, says: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_feature("spent", body, where="shop.yaml:7")
    assert str(caught.value).startswith("shop.yaml:7: feature 'spent': ")
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["", "1st", "with space", "a-b", "ä", "x" * 65, "_x"])
def test_names_that_no_condition_could_name(name: str) -> None:
    with pytest.raises(DefinitionError, match="a name is letters, digits and _"):
        parse_feature(name, {"count": "A"})


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_every_aggregation_has_its_kind(aggregation: str) -> None:
    source = "A" if aggregation in ("count", "since") else "A.x"
    kind = {
        "since": Kind.ELAPSED, "last": Kind.TEXT, "first": Kind.TEXT, "set": Kind.LIST, "top_k": Kind.LIST, "recent": Kind.LIST,
    }.get(aggregation, Kind.NUMBER)  # fmt: skip
    feature = parse_feature("f", {aggregation: source})
    assert (feature.kind, feature.event, feature.window, feature.session, feature.purposes) == (
        kind,
        "A",
        None,
        False,
        1,
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"last": "A.timestamp"}, Kind.TIMESTAMP),
        ({"last": "A.timestamp", "as": "text"}, Kind.TEXT),
        ({"last": "A.price"}, Kind.NUMBER),
        ({"first": "A.cart.total"}, Kind.NUMBER),
        ({"last": "A.price", "as": "text"}, Kind.TEXT),
        ({"last": "A.done", "as": "boolean"}, Kind.BOOLEAN),
        ({"max": "A.timestamp"}, Kind.NUMBER),
    ],
)
def test_the_kind_of_last_and_first(body: dict[str, Any], kind: Kind) -> None:
    assert parse_feature("f", body).kind is kind


def test_windows() -> None:
    assert parse_feature("f", {"count": "A", "window": "all"}).window is None
    assert parse_feature("f", {"count": "A", "window": "1m"}).window == MINUTE
    assert parse_feature("f", {"count": "A", "window": "365d"}).window == 365 * DAY
    session = parse_feature("f", {"count": "A", "window": "session"})
    assert (session.window, session.session) == (None, True)


def test_paths() -> None:
    assert parse_feature("f", {"set": " Order Completed.products[].product_id "}).path == ("products[]", "product_id")
    assert parse_feature("f", {"count": "*"}).event == "*"
