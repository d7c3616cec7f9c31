"""What changes something: only by POST, and only from the shop's own pages."""

import secrets
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from litestar import Response, Router, post
from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import Body

from tailorbird.demo.shop import visitor as visitors
from tailorbird.demo.shop.cart import Cart
from tailorbird.demo.shop.customers import CHOSEN
from tailorbird.demo.shop.shop import AnyRequest, Shop, moved
from tailorbird.demo.shop.tracking import ordered, product, track
from tailorbird.demo.shop.visitor import Choice

_FORM = Body(media_type=RequestEncodingType.URL_ENCODED)


class CartForm(msgspec.Struct):
    """Some of a product."""

    item: str
    quantity: int = 1
    back: str = "/cart"


class ConsentForm(msgspec.Struct):
    """The answer to the question."""

    choice: Choice
    back: str = "/"


class CustomerForm(msgspec.Struct):
    """Which customer to be; none to be nobody again."""

    customer: str = ""
    back: str = "/"


def same_origin(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: browsers say where a form came from, and another site's must not change anything here."""
    site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin")
    same = site == "same-origin" if site else urlsplit(origin or "").netloc == connection.headers.get("host")
    if not same:
        raise PermissionDeniedException("This form did not come from the shop.")


def actions(shop: Shop) -> Router:
    """The routes of everything that changes something."""

    @post("/consent", status_code=303)
    async def consent(request: AnyRequest, data: Annotated[ConsentForm, _FORM]) -> Response[None]:
        """Accept, or refuse; to refuse after having accepted is to withdraw."""
        before = shop.enter(request)
        if data.choice is Choice.ACCEPTED:
            after = visitors.accepted(before)
            if not before.known:
                await shop.tracking.consent(after)
        else:
            after = visitors.refused(before)
            await shop.tracking.withdraw(before)
        return moved(request, after, before, data.back)

    @post("/customer", status_code=303)
    async def customer(request: AnyRequest, data: Annotated[CustomerForm, _FORM]) -> Response[None]:
        """Become a customer of the history, or nobody again."""
        before = shop.enter(request)
        if not before.known:
            raise PermissionDeniedException("Accept first: without consent nobody can be recognised.")
        if data.customer and data.customer not in CHOSEN:
            raise NotFoundException("There is no such customer to become.")
        after = visitors.as_customer(before, data.customer or None)
        if after.user_id:
            await shop.tracking.identify(after)
        else:
            await shop.tracking.consent(after)
        return moved(request, after, before, data.back)

    @post("/cart/add", status_code=303)
    async def add(request: AnyRequest, data: Annotated[CartForm, _FORM]) -> Response[None]:
        """Put some of a product into the cart."""
        before = shop.enter(request)
        item = shop.shelf.find(data.item)
        if item is None:
            raise NotFoundException("We do not have this product.")
        quantity = min(max(data.quantity, 1), 99)
        after = before._replace(cart=before.cart.holding(item.id, before.cart.quantity(item.id) + quantity))
        if after.cart.quantity(item.id) > before.cart.quantity(item.id):
            await shop.tracking.send(before, track("Product Added", product(item, quantity)))
        return moved(request, after, before, data.back)

    @post("/cart/change", status_code=303)
    async def change(request: AnyRequest, data: Annotated[CartForm, _FORM]) -> Response[None]:
        """Have exactly so many of a product in the cart; 0 takes it out."""
        before = shop.enter(request)
        after = before._replace(cart=before.cart.holding(data.item, data.quantity))
        less = before.cart.quantity(data.item) - after.cart.quantity(data.item)
        item = shop.shelf.find(data.item)
        if item is not None and less:
            event = "Product Removed" if less > 0 else "Product Added"
            await shop.tracking.send(before, track(event, product(item, abs(less))))
        return moved(request, after, before, data.back)

    @post("/order", status_code=303)
    async def order(request: AnyRequest) -> Response[None]:
        """Order what is in the cart. Nothing is paid and nothing is sent."""
        before = shop.enter(request)
        lines = before.cart.lines(shop.shelf)
        if not lines:
            return moved(request, before, before, "/cart")
        order_id = secrets.token_hex(4).upper()
        await shop.tracking.send(before, ordered(order_id, lines))
        return moved(request, before._replace(cart=Cart()), before, f"/ordered?order={order_id}")

    return Router("/", route_handlers=[consent, customer, add, change, order], guards=[same_origin])
