"""The parts of the demonstration shop that need no server: cookies, cart, addresses, pictures, and the words for a feature."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.datastructures import Cookie

from tailorbird.catalog.items import Item
from tailorbird.config import load_settings
from tailorbird.definitions import load_definitions
from tailorbird.demo import dataset
from tailorbird.demo.kinds import KINDS
from tailorbird.demo.shop import visitor as visitors
from tailorbird.demo.shop.art import COLOURS, MOTIFS, art_of
from tailorbird.demo.shop.cart import MOST_LINES, Cart
from tailorbird.demo.shop.customers import CHOSEN
from tailorbird.demo.shop.panel import meaning
from tailorbird.demo.shop.render import STATIC, Renderer, ago
from tailorbird.demo.shop.shelf import slug_of
from tailorbird.demo.shop.shop import is_local
from tailorbird.demo.shop.visitor import Choice, Visitor, cookies_of, read_visitor

DEMO = Path(visitors.__file__).parent.parent
ANYONE = "3d161dc9-5b74-4cdb-a99e-092acaf223a7"


def symbols() -> set[str]:
    """The ids in the file of outlines and patterns."""
    root = ElementTree.parse(STATIC / "glyphs.svg").getroot()
    return {each.attrib["id"] for each in root}


def browser(jar: dict[str, str], cookies: list[Cookie]) -> dict[str, str]:
    """The jar after an answer that sets cookies."""
    jar = dict(jar)
    for cookie in cookies:
        if cookie.max_age == 0:
            jar.pop(cookie.key, None)
        else:
            jar[cookie.key] = cookie.value or ""
    return jar


def test_an_id_without_consent_beside_it_is_not_looked_at() -> None:
    for said in ({}, {"consent": "refused"}, {"consent": "yes"}):
        visitor = read_visitor({"visitor": ANYONE, "customer": "14646", **said})
        assert (visitor.anonymous_id, visitor.user_id, visitor.known) == (None, None, False)
        assert visitor.who == visitors.Who()
    assert read_visitor({"visitor": ANYONE, "customer": "14646", "consent": "accepted"}).who == visitors.Who(
        "14646", ANYONE
    )


def test_refusing_sets_one_session_cookie_without_an_id() -> None:
    before = read_visitor({})
    cookies = cookies_of(visitors.refused(before), before, secure=False)
    kept = [cookie for cookie in cookies if cookie.max_age != 0]
    assert [(cookie.key, cookie.value, cookie.max_age) for cookie in kept] == [("consent", "refused", None)]
    assert all(cookie.httponly and cookie.samesite == "lax" for cookie in cookies)


def test_withdrawing_takes_every_id_out_of_the_browser_and_leaves_the_cart() -> None:
    jar = {"consent": "accepted", "visitor": ANYONE, "customer": "14646", "cart": "22423.2"}
    before = read_visitor(jar)
    after = browser(jar, cookies_of(visitors.refused(before), before, secure=False))
    assert after == {"consent": "refused", "cart": "22423.2"}


def test_accepting_again_after_a_withdrawal_gives_a_new_id() -> None:
    first = visitors.accepted(Visitor())
    again = visitors.accepted(visitors.refused(first))
    assert again.known
    assert again.anonymous_id != first.anonymous_id


def test_two_customers_never_share_an_anonymous_id() -> None:
    visitor = visitors.accepted(Visitor())
    one = visitors.as_customer(visitor, "14646")
    other = visitors.as_customer(one, "14911")
    nobody = visitors.as_customer(other, None)
    assert one.anonymous_id == visitor.anonymous_id, "what was looked at before signing in is the customer's"
    assert len({one.anonymous_id, other.anonymous_id, nobody.anonymous_id}) == 3
    assert nobody.user_id is None


@given(st.text(max_size=400))
def test_any_cookies_are_read_without_an_error(text: str) -> None:
    visitor = read_visitor({"consent": text, "visitor": text, "customer": text, "cart": text})
    assert visitor.choice in Choice
    assert Cart.read(visitor.cart.write()).write() == visitor.cart.write()


@given(st.lists(st.tuples(st.from_regex(r"[0-9]{5}[A-Z]{0,2}", fullmatch=True), st.integers(-5, 200)), max_size=40))
def test_a_cart_survives_its_cookie(changes: list[tuple[str, int]]) -> None:
    cart = Cart()
    for item, quantity in changes:
        cart = cart.holding(item, quantity)
    read = Cart.read(cart.write())
    assert read.ids == cart.ids
    assert len(read.ids) <= MOST_LINES
    assert read.count == sum(cart.quantity(item) for item in cart.ids)
    assert all(1 <= read.quantity(item) <= 99 for item in read.ids)


@pytest.mark.parametrize(
    "address", ["//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:1", "/a\nb"]
)
def test_one_is_never_sent_to_another_site(address: str) -> None:
    assert not is_local(address)
    assert is_local("/p/22423?d=x&at=1")


def test_every_kind_and_every_pattern_has_its_drawing_and_every_colour_its_tint() -> None:
    known = symbols()
    assert {slug_of(kind) for kind in KINDS} <= known
    assert {f"m-{motif}" for motif in MOTIFS.values()} <= known
    style = (STATIC / "shop.css").read_text()
    assert all(style.count(f".tint-{colour} ") == 2 for colour in COLOURS.values()), "one for each scheme"


def test_a_picture_says_what_the_name_says() -> None:
    mug = art_of(Item("1", "Small Red Retrospot Mug Set of 6", "Mugs & cups", 1.0))
    assert (mug.colour, mug.motif, mug.glyph, mug.badge) == ("red", "spots", "mugs-cups", "×6")
    assert mug.size < art_of(Item("1", "Jumbo Red Retrospot Mug", "Mugs & cups", 1.0)).size


def test_every_product_of_the_data_set_has_a_picture_that_can_be_drawn() -> None:
    known = symbols()
    for item in dataset.items():
        art = art_of(item)
        assert art == art_of(item)
        assert {art.glyph, f"m-{art.motif}"} <= known


def test_names_are_escaped() -> None:
    renderer = Renderer()
    evil = '<script>alert(1)</script>"onload="'
    page = renderer.text(
        "problem.html", title=evil, detail=evil, code=404, visitor=Visitor(), slate=None, back='/"><b>', query=evil
    )
    assert "<script>alert" not in page
    assert '"onload="' not in page
    assert '"><b>' not in page


def test_nothing_is_loaded_from_elsewhere() -> None:
    own = [*DEMO.glob("shop/templates/*.html"), *STATIC.glob("*.css"), *STATIC.glob("*.js"), *STATIC.glob("*.svg")]
    assert own
    for path in own:
        text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "http:" not in text
        assert "https:" not in text
        assert " style=" not in text, "the content security policy forbids it"


def test_the_shops_definitions_compile_and_their_features_are_told_in_words() -> None:
    found = load_definitions((DEMO / "definitions.yaml").read_text(), load_settings())
    assert {"home", "product", "cart"} <= set(found.placements)
    assert len(found.membership.segments) >= 6
    features = found.plan.features
    assert meaning(features["orders_90d"]) == "count of Order Completed, last 90 days"
    assert meaning(features["kinds_liked"]).endswith("half of it forgotten every 14 days")


def test_the_customers_to_become_are_in_the_history() -> None:
    people = {event["userId"] for event in dataset.events() if "userId" in event}
    assert set(CHOSEN) <= people


def test_times_are_told_from_now() -> None:
    assert [ago(0, passed) for passed in (-5, 1_000, 5_000, 180_000, 86_400_000, 14 * 86_400_000)] == [
        "just now", "just now", "5 s ago", "3 min ago", "1 day ago", "14 days ago",
    ]  # fmt: skip
