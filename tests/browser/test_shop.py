"""The demonstration shop as a visitor meets it."""

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from shop_server import ShopServer

pytestmark = pytest.mark.browser
MUGS = "Mugs & cups"


def answer(page: Page, choice: str) -> None:
    """Open the shop and answer its question."""
    page.goto("/")
    page.get_by_role("button", name=choice, exact=True).click()
    expect(page.locator(".banner")).to_have_count(0)


def slate(page: Page) -> Locator:
    """The cards of the page's placement."""
    return page.locator(".slate .cards > li")


def shown(page: Page, attribute: str = "data-item") -> list[str]:
    """Of each card its product, or its kind."""
    return [str(card.get_attribute(attribute)) for card in slate(page).all()]


def look_at_three(page: Page, kind: str = "mugs-cups") -> list[str]:
    """Look at the first three products of a kind; their ids."""
    seen = []
    for number in range(3):
        page.goto(f"/c/{kind}")
        page.locator("#found .product").nth(number).click()
        expect(page.get_by_role("button", name="Add to cart")).to_be_visible()
        seen.append(page.url.rsplit("/", 1)[1])
    return seen


def visitor_id(context: BrowserContext) -> str:
    """The anonymous id that the browser has."""
    return next(str(cookie.get("value")) for cookie in context.cookies() if cookie.get("name") == "visitor")


def decision(page: Page, shop: ShopServer) -> dict[str, object]:
    """The why of the page's decision, as the API tells it."""
    link = page.get_by_role("link", name="Decision as JSON")
    found = shop.json(str(link.get_attribute("href")))
    assert isinstance(found, dict)
    return found


def test_three_products_of_a_kind_fill_the_next_page_with_it(page: Page, shop: ShopServer) -> None:
    answer(page, "Accept")
    before = shown(page)
    assert before == shop.popular
    seen = look_at_three(page)
    page.goto("/")
    kinds = shown(page, "data-kind")
    assert kinds.count(MUGS) > len(kinds) / 2
    assert not set(seen) & set(shown(page))
    expect(slate(page).first.locator(".because")).to_contain_text("looked at")

    panel = page.locator("#panel")
    expect(panel.locator("[data-feature=views_now]")).to_contain_text("3")
    expect(panel.locator("[data-feature=kinds_liked]")).to_contain_text(MUGS)
    for segment in ("browsing_now", "tea_time"):
        expect(panel.locator(f".inside[data-segment={segment}]")).to_be_visible()
        expect(panel.locator(".moves li", has_text=segment)).to_contain_text("entered")
    expect(panel.locator(".outside[data-segment=loyal]")).to_be_visible()
    why = decision(page, shop)
    assert why["personal"] is True
    assert [slot["item"]["id"] for slot in why["slate"]] == shown(page)  # type: ignore[attr-defined]
    assert {each["item"] for each in why["inputs"]} >= set(seen)  # type: ignore[attr-defined]


def test_of_who_refuses_nothing_is_sent_stored_or_used(page: Page, context: BrowserContext, shop: ShopServer) -> None:
    start = shop.offset()
    page.goto("/")
    assert context.cookies() == [], "nothing is stored before the choice"
    before = shown(page)
    page.get_by_role("button", name="Refuse", exact=True).click()
    expect(page.locator(".banner")).to_have_count(0)
    look_at_three(page)
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator(".lines li")).to_have_count(1)
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("heading", name="Thank you.")).to_be_visible()
    page.goto("/")
    assert shown(page) == before
    expect(page.locator("#panel")).to_contain_text("Nothing.")
    expect(page.get_by_role("heading", name="Popular now")).to_be_visible()

    assert shop.offset() == start
    kept = [(cookie.get("name"), cookie.get("value"), cookie.get("expires")) for cookie in context.cookies()]
    assert kept == [("consent", "refused", -1)], "a session cookie that names nobody"
    page.goto("/static/logo.svg")  # the pages themselves have no storage to look into
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert shop.json("/v1/profiles/anonymous:refused") is None


def test_adding_changes_the_carts_slate_and_an_order_takes_its_item_out_of_all(page: Page, shop: ShopServer) -> None:
    answer(page, "Accept")
    page.goto("/cart")
    empty = shown(page)
    page.goto("/")
    item = shown(page)[0]
    expect(page.get_by_role("link", name="Decision as JSON")).to_be_attached()
    first = str(page.get_by_role("link", name="Decision as JSON").get_attribute("href"))
    slate(page).first.locator(".product").click()
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator(".lines li")).to_have_count(1)
    assert shown(page) != empty
    assert item not in shown(page)
    expect(page.locator("[data-feature=last_added] .chip")).to_have_text(re.compile("just now|ago"))

    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("heading", name="Thank you.")).to_be_visible()
    expect(page.locator("[data-feature=orders] .chip")).to_have_text("1")
    for path in ("/", "/cart", f"/p/{shop.popular[1]}"):
        page.goto(path)
        assert item not in shown(page)
        expect(page.get_by_role("link", name="Decision as JSON")).to_be_attached()
        why = decision(page, shop)
        assert why["excluded"]["bought"] == 1  # type: ignore[index]
        assert item not in {each["item"] for each in why["candidates"]}  # type: ignore[attr-defined]
    rewards = {each["kind"] for each in shop.json(first)["rewards"] if each["item"] == item}
    assert {"clicked", "ordered"} <= rewards, "what was clicked in a slate and bought is that decision's doing"


def test_withdrawing_wipes_what_was_known(page: Page, context: BrowserContext, shop: ShopServer) -> None:
    answer(page, "Accept")
    look_at_three(page)
    who = f"/v1/profiles/anonymous:{visitor_id(context)}?purpose=personalization"
    known = shop.json(who)
    assert known["features"]["views_now"] == 3
    assert known["recent"]
    page.get_by_role("button", name="Withdraw, and forget me").click()
    expect(page.get_by_role("button", name="Accept after all")).to_be_visible()
    wiped = shop.json(who)
    assert (wiped["purposes"], wiped["features"], wiped["traits"], wiped["recent"]) == ([], {}, {}, [])
    assert [cookie.get("name") for cookie in context.cookies()] == ["consent"]
    end = shop.offset()
    look_at_three(page, "clocks")
    page.goto("/")
    expect(page.get_by_role("heading", name="Popular now")).to_be_visible()
    assert shop.offset() == end


def test_who_becomes_a_customer_meets_their_history_at_once(
    page: Page, context: BrowserContext, shop: ShopServer
) -> None:
    answer(page, "Accept")
    before, first = shown(page), visitor_id(context)
    page.get_by_label("Become a customer").select_option("14911")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator("#panel .who").first).to_contain_text("u:14911")
    expect(page.locator("#panel .who").first).to_contain_text("EIRE")
    assert shown(page) != before
    history = shop.json("/v1/profiles/user:14911?purpose=personalization")
    assert history["features"]["orders"] > 10
    assert not set(shown(page)) & set(history["features"]["bought"])
    page.get_by_label("Become a customer").select_option("")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator("#panel .who").first).not_to_contain_text("u:14911")
    assert visitor_id(context) != first
    assert shown(page) == before


def test_a_product_opens_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    first = slate(page).first.locator(".product")
    expect(first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    item = str(slate(page).first.get_attribute("data-item"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/p/{item}\b"))


def test_search_finds_by_words(page: Page) -> None:
    page.goto("/")
    page.get_by_role("searchbox", name="Search products").fill("bag RED retrospot")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Search: bag RED retrospot")).to_be_visible()
    names = page.locator("#found .name").all_inner_texts()
    assert names
    assert all({"red", "retrospot"} <= set(re.findall(r"\w+", name.lower())) for name in names)
    page.get_by_role("searchbox", name="Search products").fill("<script>alert(1)</script>")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing has all of these words")).to_be_visible()


def test_nothing_is_wider_than_a_phone(page: Page, shop: ShopServer) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "with the banner"
    answer(page, "Accept")
    page.goto(f"/p/{shop.popular[0]}")
    page.get_by_role("button", name="Add to cart").click()
    for path in ("/", "/c/bags", f"/p/{shop.popular[0]}", "/cart", "/panel", "/search?q=red"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto("/")
    sheet = page.get_by_role("button", name="Show or hide")
    expect(sheet).to_have_attribute("aria-expanded", "false")
    sheet.click()
    expect(page.locator("#panel [data-feature=views_now]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#panel [data-feature=views_now]")).to_be_hidden()


def test_other_sites_cannot_change_anything(shop: ShopServer) -> None:
    start = shop.offset()
    form = {"content_type": "application/x-www-form-urlencoded"}
    own = f"127.0.0.1:{shop.port}"
    for headers in (
        {},
        {"origin": "https://evil.example"},
        {"sec_fetch_site": "cross-site", "origin": f"http://{own}"},
    ):
        status, _ = shop.ask("POST", "/consent", "choice=accepted", **form, **headers)
        assert status == 403, headers
    assert shop.offset() == start
    status, _ = shop.ask("POST", "/consent", "choice=accepted&back=//evil.example", **form, origin=f"http://{own}")
    assert status == 303
    assert shop.offset() > start
    assert shop.ask("GET", "/consent")[0] in (404, 405)


def test_what_is_not_there_is_said_on_a_page(shop: ShopServer) -> None:
    for path, status in (("/p/none", 404), ("/c/none", 404), ("/ordered?order=x", 400), ("/c/bags?page=0", 400)):
        found, body = shop.ask("GET", path)
        assert (found, b"Back to the shop" in body) == (status, True), path
