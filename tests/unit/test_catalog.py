"""Items: learnt from events until the shop sends its own, and then the shop's alone."""

from fold import START, Run, event, spine, states
from tailorbird.catalog.items import Item
from tailorbird.catalog.table import FEED, decode, described, encode, find
from tailorbird.engine import feed
from tailorbird.engine.log import NewRecord, RecordKind


def test_what_an_event_says_of_an_item() -> None:
    one = {"product_id": "a", "name": "Mug", "category": "Mugs", "price": 2.5}
    assert described("a", one) == Item("a", "Mug", "Mugs", 2.5)
    order = {"name": "not the item's", "products": [{"sku": "b", "name": "Bag"}, one, "broken"]}
    assert described("a", order) == Item("a", "Mug", "Mugs", 2.5)
    assert described("b", order) == Item("b", "Bag")
    assert described("c", {"name": 7, "category": "", "price": "2"}) == Item("c")


def test_items_are_learnt_until_the_shop_sends_its_own() -> None:
    sent = Item("m", "Sent")
    with states() as [state]:
        run = Run(spine(""), state)
        run.event(event("Product Viewed", anonymous="v", properties={"product_id": "a", "name": "Mug"}), START)
        run.event(event("Product Viewed", anonymous="v", properties={"product_id": "a", "name": "No"}), START)
        with state.read() as txn:
            assert find(txn, "a") == Item("a", "Mug")
        run.add(NewRecord(RecordKind.ITEM, encode(sent), sent), START + 2)
        run.event(event("Product Viewed", anonymous="v", properties={"product_id": "z"}), START + 3)
        with state.read() as txn:
            assert find(txn, "a") == Item("a", "Mug", available=False)
            assert find(txn, "m") == sent
            assert find(txn, "z") is None
            assert [decode(value) for _, value in feed.read(txn, FEED, 0, 10)] == [
                Item("a", "Mug"), Item("a", "Mug", available=False), sent,
            ]  # fmt: skip
