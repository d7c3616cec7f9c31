"""The pages, each of which first tells what is being looked at and then decides what to show with it."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from tailorbird.demo.shop import slates
from tailorbird.demo.shop.panel import groups_of, panel, profile_of
from tailorbird.demo.shop.shelf import kind_name, slug_of
from tailorbird.demo.shop.shop import AnyRequest, Shop
from tailorbird.demo.shop.tracking import clicked, product, track

PageNumber = Annotated[int, Parameter(query="page", ge=1, le=1_000)]


def pages(shop: Shop) -> list[Any]:
    """The handlers of everything that is only looked at."""

    @get("/")
    async def home(request: AnyRequest) -> Response[str]:
        """The home page."""
        visitor = shop.enter(request)
        await shop.tell(request, visitor, "Home")
        slate = slates.decide(shop.app, visitor, "home", exclude=visitor.cart.ids)
        return shop.page(request, visitor, "home.html", "Nest & Thread", slate=slate, kinds=shop.shelf.kinds())

    @get("/c/{slug:str}")
    async def of_kind(request: AnyRequest, slug: str, number: PageNumber = 1) -> Response[str]:
        """The products of a kind."""
        visitor = shop.enter(request)
        kind = shop.shelf.kind(slug)
        if kind is None:
            raise NotFoundException("We have nothing of that kind.")
        await shop.tell(
            request, visitor, kind.name, track("Product List Viewed", {"list_id": slug, "category": kind.name})
        )
        found = shop.shelf.of_kind(kind.name, number)
        return shop.page(request, visitor, "list.html", kind.name, found=found, kinds=shop.shelf.kinds(), here=slug)

    @get("/search")
    async def search(
        request: AnyRequest, q: Annotated[str, Parameter(max_length=200)] = "", number: PageNumber = 1
    ) -> Response[str]:
        """Products by the words in their names."""
        visitor = shop.enter(request)
        words = " ".join(q.split())
        events = [track("Products Searched", {"query": words})] if words and number == 1 else []
        await shop.tell(request, visitor, "Search", *events)
        found = shop.shelf.search(words, number)
        title = f"Search: {words}" if words else "Search"
        return shop.page(
            request, visitor, "list.html", title, found=found, kinds=shop.shelf.kinds(), here="", query=words
        )

    @get("/p/{item_id:str}")
    async def look(
        request: AnyRequest, item_id: str, d: Annotated[str, Parameter(max_length=64)] = "",
        at: Annotated[int, Parameter(ge=0, le=100)] = 0,
    ) -> Response[str]:  # fmt: skip
        """One product; ``d`` and ``at`` say which slate it was clicked in, and where."""
        visitor = shop.enter(request)
        item = shop.shelf.find(item_id)
        if item is None:
            raise NotFoundException("We do not have this product.")
        click = [clicked(item, d, at)] if d else []
        await shop.tell(request, visitor, "Product", *click, track("Product Viewed", product(item)))
        slate = slates.decide(shop.app, visitor, "product", [item.id], exclude=visitor.cart.ids)
        kind = kind_name(item)
        return shop.page(
            request, visitor, "product.html", item.name, slate=slate, item=item, kind=kind, slug=slug_of(kind)
        )

    @get("/cart")
    async def cart(request: AnyRequest) -> Response[str]:
        """What is in the cart, and what goes with it."""
        visitor = shop.enter(request)
        lines = visitor.cart.lines(shop.shelf)
        seen = track("Cart Viewed", {"products": [product(line.item, line.quantity) for line in lines]})
        await shop.tell(request, visitor, "Cart", seen)
        slate = slates.decide(shop.app, visitor, "cart", [line.item.id for line in lines])
        total = round(sum(line.total for line in lines), 2)
        return shop.page(request, visitor, "cart.html", "Your cart", slate=slate, lines=lines, total=total)

    @get("/ordered")
    async def ordered(request: AnyRequest, order: Annotated[str, Parameter(pattern=r"^[0-9A-F]{8}$")]) -> Response[str]:
        """Thanks for an order."""
        visitor = shop.enter(request)
        await shop.tell(request, visitor, "Thanks")
        slate = slates.decide(shop.app, visitor, "home", exclude=visitor.cart.ids)
        return shop.page(request, visitor, "ordered.html", "Thank you", slate=slate, order=order)

    @get("/panel")
    async def know(request: AnyRequest, d: Annotated[str, Parameter(max_length=64)] = "") -> Response[str]:
        """What Tailorbird knows: a fragment for htmx, a page for who has no script."""
        visitor = shop.enter(request)
        found = await panel(shop.app, shop.shelf, visitor, d)
        if request.headers.get("hx-request"):
            return shop.fragment("_panel.html", panel=found, back=_local_path(request))
        return shop.page(request, visitor, "panel.html", "What Tailorbird knows", panel=found)

    @get("/panel/segments")
    async def segments(request: AnyRequest) -> Response[str]:
        """The segments alone, which time may change while a page stands still."""
        visitor = shop.enter(request)
        return shop.fragment("_segments.html", groups=groups_of(shop.app, profile_of(shop.app, visitor)))

    return [home, of_kind, search, look, cart, ordered, know, segments]


def _local_path(request: AnyRequest) -> str:
    """The page that the fragment stands in, as htmx tells it, without its host."""
    parts = urlsplit(request.headers.get("hx-current-url", "/"))
    return parts.path + (f"?{parts.query}" if parts.query else "") or "/"
