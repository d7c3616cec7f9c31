"""The shop's events, in Segment's words and through the collector's own door, before the page that they change is rendered."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from tailorbird.app import Tailorbird
from tailorbird.catalog.items import Item
from tailorbird.consent.purposes import BY_NAME
from tailorbird.consent.signals import CONSENT_EVENT, from_gpc
from tailorbird.demo.dataset import CURRENCY
from tailorbird.demo.shop.cart import Line
from tailorbird.demo.shop.visitor import Visitor
from tailorbird.errors import Overloaded, Unavailable

SOURCE = "shop"
Message = dict[str, Any]
log = structlog.get_logger("tailorbird.demo")


def page(name: str, path: str) -> Message:
    """A page was looked at."""
    return {"type": "page", "name": name, "properties": {"path": path}}


def track(event: str, properties: Mapping[str, Any], message_id: str | None = None) -> Message:
    """Something happened. With a ``message_id`` it happens once, however often it is sent."""
    message: Message = {"type": "track", "event": event, "properties": dict(properties)}
    return message if message_id is None else message | {"messageId": message_id}


def product(item: Item, quantity: int | None = None) -> dict[str, Any]:
    """A product as Segment's e-commerce events tell it."""
    told = {
        "product_id": item.id,
        "name": item.name,
        "category": item.category,
        "price": item.price,
        "currency": CURRENCY,
    }
    return told if quantity is None else told | {"quantity": quantity}


def clicked(item: Item, decision: str, position: int) -> Message:
    """A product of a slate was clicked. Loading its page again is no second click."""
    said = product(item) | {"position": position, "decision_id": decision}
    return track("Product Clicked", said, f"click-{decision}-{position}")


def ordered(order_id: str, lines: Sequence[Line]) -> Message:
    """An order."""
    total = round(sum(line.total for line in lines), 2)
    products = [product(line.item, line.quantity) for line in lines]
    said = {"order_id": order_id, "total": total, "revenue": total, "currency": CURRENCY, "products": products}
    return track("Order Completed", said, f"order-{order_id}")


class Tracking:
    """Sends what a visitor did, if the visitor may be known; otherwise does nothing at all."""

    def __init__(self, app: Tailorbird) -> None:
        self._app = app

    def key(self) -> str:
        """The write key of the source ``shop``; it assumes nothing of people who have not answered."""
        keys = self._app.keys
        return next((source.key for source in keys.all() if source.name == SOURCE), None) or keys.add(SOURCE).key

    async def send(self, visitor: Visitor, *messages: Message) -> None:
        """On return the events are durable and every decision sees them.

        A shop sells on when its tracking is overloaded or its disk is full: that is logged and the events are lost.
        """
        if visitor.known and messages:
            await self._send(visitor, messages, dict.fromkeys(BY_NAME, True))

    async def withdraw(self, visitor: Visitor) -> None:
        """The visitor takes every consent back: what it covered is forgotten. Raises if that could not be stored."""
        if visitor.known:
            preferences = dict.fromkeys(BY_NAME, False)
            await self._collect(visitor, [track(CONSENT_EVENT, {})], preferences)

    async def consent(self, visitor: Visitor) -> None:
        """The visitor gives consent."""
        await self.send(visitor, track(CONSENT_EVENT, {}))

    async def identify(self, visitor: Visitor) -> None:
        """The visitor is a customer."""
        await self.send(visitor, {"type": "identify", "traits": {}})

    async def _send(self, visitor: Visitor, messages: Sequence[Message], preferences: dict[str, bool]) -> None:
        try:
            await self._collect(visitor, messages, preferences)
        except (Overloaded, Unavailable) as error:
            log.warning("shop_events_lost", reason=str(error), events=len(messages))

    async def _collect(self, visitor: Visitor, messages: Sequence[Message], preferences: dict[str, bool]) -> None:
        who = {"anonymousId": visitor.anonymous_id} | ({"userId": visitor.user_id} if visitor.user_id else {})
        body = {
            "context": {"consent": {"categoryPreferences": preferences}, "library": {"name": "tailorbird-demo-shop"}},
            "batch": [{"messageId": str(uuid.uuid4()), **message, **who} for message in messages],
        }
        await self._app.collect(msgspec.json.encode(body), None, self.key(), from_gpc(visitor.gpc))
