"""The packaged Online Retail data set: what it promises to the demo."""

import json
from datetime import datetime

import pytest

from tailorbird.demo import dataset
from tailorbird.demo.kinds import KINDS, OTHER, kind_of


@pytest.fixture(scope="module")
def events():
    return list(dataset.events())


def test_items_are_products_with_readable_names_and_kinds():
    items = dataset.items()
    assert len(items) == len({item.id for item in items}) > 3700
    assert not {"POST", "DOT", "M", "BANK CHARGES", "AMAZONFEE", "C2", "D", "S", "B", "CRUK"} & {
        item.id for item in items
    }
    assert all(item.name and item.price and item.price > 0 for item in items)
    kinds = [item.category for item in items]
    assert set(kinds) <= set(KINDS)
    assert 25 <= len(set(kinds)) <= 50
    assert kinds.count(OTHER) < 0.05 * len(kinds)


@pytest.mark.parametrize(
    ("description", "name", "kind"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder", "T-light holders"),
        ("REGENCY CAKESTAND 3 TIER", "Regency Cakestand 3 Tier", "Cake stands & domes"),
        ("BAG OF SILVER STONES .", "Bag of Silver Stones", "Bags"),
        ("DOORMAT MERRY CHRISTMAS RED ", "Doormat Merry Christmas Red", "Doormats & doorstops"),
        ("MUM'S KITCHEN CLOCK", "Mum's Kitchen Clock", "Clocks"),
    ],
)
def test_names_and_kinds_come_from_the_description(description, name, kind):
    assert dataset.clean_name(description) == name
    assert kind_of(description) == kind


def test_events_are_segment_json_in_order_of_time_with_stable_message_ids(events):
    assert all(event["type"] in ("identify", "track") for event in events)
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    assert datetime.fromisoformat(times[0]).utcoffset().total_seconds() == 0
    ids = [event["messageId"] for event in events]
    assert len(set(ids)) == len(ids)
    assert ids[:500] == [event["messageId"] for event, _ in zip(dataset.events(), range(500), strict=False)]
    json.dumps(events[:2000], allow_nan=False)


def test_each_customer_is_identified_once_before_anything_else(events):
    seen: set[str] = set()
    for event in events:
        if event["type"] == "identify":
            assert event["userId"] not in seen
            assert event["traits"]["country"]
            seen.add(event["userId"])
        else:
            assert ("userId" in event) != ("anonymousId" in event)
            assert event.get("userId") is None or event["userId"] in seen
    assert len(seen) > 4300


def test_the_first_invoice_is_the_data_sets_own(events):
    order = next(event for event in events if event["type"] == "track")
    # Invoice 536365: seven lines, 139.12 pounds (6*2.55 + 6*3.39 + 8*2.75 + 6*3.39 + 6*3.39 + 2*7.65 + 6*4.25).
    assert order["event"] == "Order Completed"
    assert order["timestamp"] == "2010-12-01T08:26:00.000Z"
    properties = order["properties"]
    assert (properties["order_id"], properties["revenue"], properties["currency"]) == ("536365", 139.12, "GBP")
    assert len(properties["products"]) == 7
    assert {"product_id": "85123A", "name": "White Hanging Heart T-Light Holder", "category": "T-light holders",
            "price": 2.55, "quantity": 6} in properties["products"]  # fmt: skip


def test_cancelled_invoices_are_refunds_and_nothing_empty_is_sent(events):
    tracks = [event for event in events if event["type"] == "track"]
    for event in tracks:
        cancelled = event["properties"]["order_id"].startswith("C")
        assert event["event"] == ("Order Refunded" if cancelled else "Order Completed")
        assert event["properties"]["products"]
        assert all(product["quantity"] > 0 for product in event["properties"]["products"])
    assert sum(len(event["properties"]["products"]) for event in tracks) > 530_000


def test_history_interactions_are_the_orders_of_the_events(events):
    history = dataset.history_interactions()
    known = {item.id for item in dataset.items()}
    expected = [
        ((event.get("userId") and f"user:{event['userId']}") or f"anonymous:{event['anonymousId']}", product, at)
        for event in events
        if event.get("event") == "Order Completed"
        for at in [round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)]
        for product in dict.fromkeys(each["product_id"] for each in event["properties"]["products"])
        if product in known
    ]
    found = [(record.person.decode(), record.item, record.at) for record in history.feed()]
    assert sorted(found) == sorted(expected)
    assert found == sorted(found, key=lambda record: record[2])
