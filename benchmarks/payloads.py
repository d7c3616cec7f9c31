"""The load: Segment events of about 1 KB as a shop's browser and server send them, rendered to files of HTTP requests.

Deterministic by seed but for the clock. Every event has its own message id, so a file may be sent once only; the ids
and the choice of people come from the seed, so two files of one run need two seeds.
"""

import base64
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import numpy as np

from benchmarks import shop
from benchmarks.requestfile import post, write

WRITE_KEY = "bench"
AUTHORIZATION = "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
CONSENT = '{"categoryPreferences":{"personalization":true,"analytics":true,"marketing":true}}'

# Name and share of each kind of event; page views and identify calls among the tracks.
MIX = (
    ("Product Viewed", 0.56),
    ("Product List Viewed", 0.12),
    ("Products Searched", 0.08),
    ("Product Added", 0.10),
    ("Product Removed", 0.02),
    ("Checkout Started", 0.03),
    ("Order Completed", 0.03),
    ("page", 0.04),
    ("identify", 0.02),
)

Tick = Callable[[int], None]
"""Told how many more requests were rendered."""

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
)


class EventWriter:
    """Renders events of a shop with ``items`` items. One call of :meth:`event` is one event as JSON text."""

    def __init__(self, items: int, seed: int) -> None:
        self._items = items
        self._random = random.Random(seed)
        self._rng = np.random.default_rng(seed)
        self._contexts = [self._context(i) for i in range(512)]
        self._kinds: Iterator[str] = iter(())
        self._drawn: Iterator[int] = iter(())
        self._clock = datetime.now(UTC)
        self._times: list[str] = []

    def event(self, person: int) -> str:
        """One event of ``person``, its kind drawn from :data:`MIX`, its time within the last four seconds."""
        kind = next(self._kinds, None)
        if kind is None:
            self._kinds = iter(
                self._rng.choice([name for name, _ in MIX], size=4096, p=[share for _, share in MIX]).tolist()
            )
            self._clock = datetime.now(UTC)
            self._times = [stamp(self._clock - timedelta(milliseconds=4 * i)) for i in range(1000)]
            kind = next(self._kinds)
        return self.render(kind, person, self._item())

    def render(self, kind: str, person: int, item: int) -> str:
        """One event of this kind by this person about this item."""
        bits = self._random.getrandbits
        times = self._times or [stamp(datetime.now(UTC))]
        user = shop.user_id(person)
        account = f'"userId":"{user}",' if user else ""
        message = str(UUID(int=bits(128), version=4))
        return (
            f'{self._what(kind, person, item)},"messageId":"{message}",'
            f'"anonymousId":"{shop.anonymous_id(person)}",{account}'
            f'"timestamp":"{times[bits(10) % len(times)]}","integrations":{{"All":true}},'
            f'"context":{{{self._contexts[bits(9)]},"page":{page(item)}}}}}'
        )

    def _item(self) -> int:
        item = next(self._drawn, None)
        if item is None:
            self._drawn = iter(shop.draw_items(self._rng, self._items, 4096).tolist())
            item = next(self._drawn)
        return item

    def _what(self, kind: str, person: int, item: int) -> str:
        """The opening of the event: its type and what it says."""
        if kind == "identify":
            country, plan = shop.COUNTRIES[person % 12], shop.PLANS[person % 4 == 0]
            return (
                f'{{"type":"identify","traits":{{"country":"{country}","age":{18 + person % 60},"plan":"{plan}",'
                f'"email":"person{person}@example.com","name":"Person {person}","createdAt":"2024-05-01T10:00:00Z"}}'
            )
        if kind == "page":
            return f'{{"type":"page","name":"Product","category":"{shop.kind_of(item)}","properties":{page(item)}'
        return f'{{"type":"track","event":"{kind}","properties":{self._properties(kind, item)}'

    def _properties(self, kind: str, item: int) -> str:
        if kind == "Products Searched":
            return f'{{"query":"{shop.name_of(item).lower()}","results":{item % 90}}}'
        if kind == "Product List Viewed":
            category = shop.kind_of(item)
            return f'{{"list_id":"list-{item % 30}","category":"{category}","products":[{self._lines(item, 2)}]}}'
        if kind in ("Checkout Started", "Order Completed"):
            total = shop.price_of(item) + shop.price_of(item // 2)
            return (
                f'{{"order_id":"{self._random.getrandbits(40)}","currency":"EUR","shipping":4.9,'
                f'"tax":{total * 0.19:.2f},"subtotal":{total:.2f},"revenue":{total:.2f},"total":{total + 4.9:.2f},'
                f'"products":[{self._lines(item, 2)}]}}'
            )
        cart = "" if kind == "Product Viewed" else '"cart_id":"cart-1",'
        return f'{{{cart}{product(item)},"currency":"EUR","value":{shop.price_of(item)}}}'

    def _lines(self, item: int, n: int) -> str:
        return ",".join(f"{{{product(item >> i)}}}" for i in range(n))

    def _context(self, i: int) -> str:
        return (
            f'"ip":"203.0.113.{i % 250}","locale":"{("de-DE", "en-GB", "sv-SE")[i % 3]}","timezone":"Europe/Berlin",'
            f'"library":{{"name":"analytics.js","version":"next-1.84.3"}},"userAgent":"{AGENTS[i % 3]}",'
            f'"screen":{{"width":{(1920, 390)[i % 2]},"height":{(1080, 844)[i % 2]},"density":{1 + i % 2}}},'
            f'"campaign":{{"name":"autumn-{i % 9}","source":"newsletter","medium":"email"}},"consent":{CONSENT}'
        )


def product(item: int) -> str:
    """The members of a product object in Segment's e-commerce spec, without the braces."""
    sku = shop.item_id(item)
    return (
        f'"product_id":"{sku}","name":"{shop.name_of(item)}","category":"{shop.kind_of(item)}",'
        f'"brand":"{shop.BRANDS[item % 8]}","price":{shop.price_of(item)},"quantity":1'
    )


def page(item: int) -> str:
    """``context.page`` of an item's page."""
    path = f"/{shop.kind_of(item).lower()}/{shop.item_id(item)}"
    return (
        f'{{"path":"{path}","url":"https://shop.example.com{path}","title":"{shop.name_of(item)}",'
        f'"referrer":"https://shop.example.com/","search":""}}'
    )


def stamp(time: datetime) -> str:
    """ISO 8601 with milliseconds and a Z, as the client libraries write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def write_batches(
    path: Path, people: np.ndarray, items: int, seed: int, size: int = 100, tick: Tick | None = None
) -> None:
    """Requests to ``/v1/batch`` of ``size`` events: one per entry of ``people`` (int64, shape ``(n,)``), in order."""
    writer = EventWriter(items, seed)

    def requests() -> Iterator[bytes]:
        numbers = people.tolist()
        for start in range(0, len(numbers), size):
            events = ",".join([writer.event(person) for person in numbers[start : start + size]])
            yield post(
                "/v1/batch", f'{{"batch":[{events}],"sentAt":"{stamp(datetime.now(UTC))}"}}'.encode(), AUTHORIZATION
            )
            if tick:
                tick(1)

    write(path, requests())


def write_singles(path: Path, people: np.ndarray, items: int, seed: int, tick: Tick | None = None) -> None:
    """Requests of one track event each, for each entry of ``people``."""
    writer = EventWriter(items, seed)

    def requests() -> Iterator[bytes]:
        for person in people.tolist():
            event = writer.event(person)
            while not event.startswith('{"type":"track"'):
                event = writer.event(person)
            yield post("/v1/track", with_sent_at(event), AUTHORIZATION)
            if tick:
                tick(1)

    write(path, requests())


def with_sent_at(event: str) -> bytes:
    """The body of one event sent by itself, now."""
    return f'{event[:-1]},"sentAt":"{stamp(datetime.now(UTC))}"}}'.encode()


def write_decisions(path: Path, people: np.ndarray, items: int, seed: int) -> None:
    """Requests to ``/v1/decide``: two in five from the home page, two from a product's, one from a cart of three."""
    draw = shop.draw_items(np.random.default_rng(seed), items, 3 * len(people)).reshape(-1, 3).tolist()

    def requests() -> Iterator[bytes]:
        for i, person in enumerate(people.tolist()):
            placement, shown = (("home", 0), ("product", 1), ("home", 0), ("product", 1), ("cart", 3))[i % 5]
            context = {"items": [shop.item_id(item) for item in draw[i][:shown]]} if shown else {}
            yield post("/v1/decide", decision_body(shop.anonymous_id(person), placement, context), AUTHORIZATION)

    write(path, requests())


def decision_body(anonymous_id: str, placement: str, context: dict[str, list[str]]) -> bytes:
    """The body of one request to ``/v1/decide``."""
    asked = {"who": {"anonymousId": anonymous_id}, "placement": placement, "n": 8, "context": context}
    return msgspec.json.encode(asked)


def write_items(path: Path, items: int, size: int = 500) -> None:
    """Requests to ``/v1/items`` that together hold the whole catalog."""

    def requests() -> Iterator[bytes]:
        for start in range(0, items, size):
            some = [shop.catalog_item(item) for item in range(start, min(items, start + size))]
            yield post("/v1/items", msgspec.json.encode({"items": some}), AUTHORIZATION)

    write(path, requests())
