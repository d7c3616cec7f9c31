"""The catalog."""

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import RawBody

from tailorbird.api.openapi import WRITE_KEY, problems, reads
from tailorbird.api.security import writer
from tailorbird.api.views import Accepted
from tailorbird.app import Tailorbird
from tailorbird.catalog.items import Item
from tailorbird.collect.body import inflated
from tailorbird.collect.depth import DEEPEST, too_deep
from tailorbird.errors import InvalidInput
from tailorbird.events.ecommerce import MAX_ITEM_ID

MOST = 10_000
"""Items in one request: folded in one transaction, in about half a second."""


class ItemsBody(msgspec.Struct):
    """Items to add or change."""

    items: list[Item]


_decode = msgspec.json.Decoder(ItemsBody).decode
_EXAMPLE = {
    "items": [
        {"id": "22423", "name": "Regency cakestand 3 tier", "category": "Baking", "price": 12.75,
         "attributes": {"description": "Three tiers, porcelain, with roses."}},
    ]
}  # fmt: skip


def routes(app: Tailorbird) -> list[HTTPRouteHandler]:
    """The handlers."""

    @post(
        "/v1/items", tags=["catalog"], status_code=200, guards=[writer(app)], security=WRITE_KEY,
        responses=problems(400, 401, 413, 429, 503), operation_class=reads(ItemsBody, _EXAMPLE), operation_id="items",
        summary="Add or change items",
    )  # fmt: skip
    async def put_items(body: RawBody) -> Accepted:
        """Items by their id, each replacing what was known under it; an item that is not `available` is never shown. All or none."""
        items = _items(inflated(body, app.settings.max_body))
        try:
            await app.put_items(items)
        except (OverflowError, UnicodeError) as error:
            raise InvalidInput(f"an item holds what cannot be kept: {error}") from error
        return Accepted(count=len(items))

    return [put_items]


def _items(body: bytes) -> list[Item]:
    try:
        items = _decode(body).items
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"the body is no list of items: {error}") from error
    if len(items) > MOST:
        raise InvalidInput(f"there are {len(items)} items: send at most {MOST} in one request")
    for number, item in enumerate(items):
        if not 0 < len(item.id) <= MAX_ITEM_ID:
            raise InvalidInput(f"items[{number}].id: an id has 1 to {MAX_ITEM_ID} characters")
        if too_deep(item.attributes):
            raise InvalidInput(f"items[{number}].attributes: nested over {DEEPEST} levels deep")
    return items
