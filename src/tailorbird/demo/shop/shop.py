"""What every route of the shop needs."""

from typing import Any

from litestar import Request, Response
from litestar.status_codes import HTTP_303_SEE_OTHER

from tailorbird.app import Tailorbird
from tailorbird.demo.shop.render import Renderer
from tailorbird.demo.shop.shelf import Shelf
from tailorbird.demo.shop.slates import Slate
from tailorbird.demo.shop.tracking import Message, Tracking
from tailorbird.demo.shop.tracking import page as page_event
from tailorbird.demo.shop.visitor import Visitor, cookies_of, read_visitor

AnyRequest = Request[Any, Any, Any]


class Shop:
    """The shop over one installation, in one worker."""

    def __init__(self, app: Tailorbird) -> None:
        self.app = app
        self.shelf = Shelf(app)
        self.tracking = Tracking(app)
        self._renderer = Renderer()

    def enter(self, request: AnyRequest) -> Visitor:
        """Who asks; and the shelf as it is now."""
        self.shelf.follow()
        return read_visitor(request.cookies, request.headers.get("sec-gpc"))

    async def tell(self, request: AnyRequest, visitor: Visitor, name: str, *events: Message) -> None:
        """Send that a page was looked at, and what else that means, so that the page's own slate sees it."""
        await self.tracking.send(visitor, page_event(name, request.url.path), *events)

    def page(
        self, request: AnyRequest, visitor: Visitor, template: str, title: str, *, slate: Slate | None = None,
        status: int = 200, **more: Any,
    ) -> Response[str]:  # fmt: skip
        """A whole page."""
        query = request.url.query
        return self._renderer.response(
            template, status=status, title=title, visitor=visitor, slate=slate,
            back=request.url.path + (f"?{query}" if query else ""), query=more.pop("query", ""), **more,
        )  # fmt: skip

    def fragment(self, template: str, **context: Any) -> Response[str]:
        """A part of a page, for htmx."""
        return self._renderer.response(template, **context)


def moved(request: AnyRequest, visitor: Visitor, before: Visitor, to: str) -> Response[None]:
    """The answer to a change: go on at ``to`` (of this shop, else its home), with the cookies as they are now."""
    cookies = cookies_of(visitor, before, secure=request.url.scheme == "https")
    headers = {"location": to if is_local(to) else "/", "cache-control": "no-store"}
    return Response(None, status_code=HTTP_303_SEE_OTHER, headers=headers, cookies=cookies)


def is_local(address: str) -> bool:
    """Whether an address stays in this shop. ``//host`` and ``/\\host`` would not."""
    return address[:1] == "/" and address[1:2] not in ("/", "\\") and address.isprintable() and len(address) <= 500
