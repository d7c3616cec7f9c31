"""Which items an e-commerce event is about."""

import pytest

from tailorbird.events.ecommerce import ADD, MAX_ITEM_ID, ORDER, VIEW, interactions_of


@pytest.mark.parametrize(
    ("name", "kind"), [("Product Viewed", VIEW), ("Product Clicked", VIEW), ("Product Added", ADD)]
)
def test_product_events_name_one_item(name, kind):
    assert interactions_of(name, {"product_id": "a", "sku": "b"}) == [("a", kind)]


def test_sku_stands_in_for_a_missing_product_id():
    assert interactions_of("Product Viewed", {"product_id": None, "sku": "b"}) == [("b", VIEW)]
    assert interactions_of("Product Viewed", {"product_id": "  ", "sku": 7}) == [("7", VIEW)]


def test_an_order_names_each_of_its_products_once_in_order():
    products = [{"product_id": "b"}, {"product_id": "a"}, {"product_id": "b"}, {"sku": "c"}]
    assert interactions_of("Order Completed", {"products": products}) == [("b", ORDER), ("a", ORDER), ("c", ORDER)]


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"product_id": True},
        {"product_id": ["a"]},
        {"product_id": {"a": 1}},
        {"product_id": 1.5},
        {"product_id": ""},
        {"product_id": "x" * (MAX_ITEM_ID + 1)},
    ],
)
def test_wrong_types_are_passed_over(properties):
    assert interactions_of("Product Viewed", properties) == []
    assert interactions_of("Order Completed", {"products": properties}) == []
    mixed = {"products": [properties, None, 3, "a", {"product_id": "good"}]}
    assert interactions_of("Order Completed", mixed) == [("good", ORDER)]


def test_other_events_are_about_no_item():
    assert interactions_of("Button Pressed", {"product_id": "a"}) == []
    assert interactions_of("Product Removed", {"product_id": "a"}) == []
