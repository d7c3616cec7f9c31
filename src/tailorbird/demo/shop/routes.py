"""The shop's routes, put together for the application that serves the API too."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, Router, get
from litestar.exceptions import HTTPException
from litestar.response import File
from litestar.static_files import create_static_files_router

from tailorbird.app import Tailorbird
from tailorbird.demo.shop.actions import actions
from tailorbird.demo.shop.pages import pages
from tailorbird.demo.shop.render import STATIC
from tailorbird.demo.shop.shop import AnyRequest, Shop
from tailorbird.errors import TailorbirdError


def routes(app: Tailorbird) -> Sequence[Any]:
    """The handlers of the shop: pages, changes and static files."""
    shop = Shop(app)

    def on_http(request: AnyRequest, error: HTTPException) -> Response[str]:
        return _problem(shop, request, error.status_code, error.detail)

    def on_error(request: AnyRequest, error: TailorbirdError) -> Response[str]:
        return _problem(shop, request, error.status, str(error))

    @get("/favicon.ico")
    async def icon() -> File:
        """For what is not a page of the shop, such as the JSON that the panel links to."""
        return File(STATIC / "logo.svg", media_type="image/svg+xml", content_disposition_type="inline")

    faces = Router(
        path="/",
        route_handlers=[*pages(shop), actions(shop), icon],
        exception_handlers={HTTPException: on_http, TailorbirdError: on_error},
        include_in_schema=False,
    )
    static = create_static_files_router(
        path="/static", directories=[STATIC], include_in_schema=False, cache_control=None,
        after_request=_keep,
    )  # fmt: skip
    return [faces, static]


def _keep(response: Response[Any]) -> Response[Any]:
    """Static files carry their hash in the address, so a browser need not ask again."""
    response.headers["cache-control"] = "public, max-age=31536000, immutable"
    response.headers["x-content-type-options"] = "nosniff"
    return response


def _problem(shop: Shop, request: AnyRequest, status: int, detail: str) -> Response[str]:
    visitor = shop.enter(request)
    title = "Not here" if status == 404 else "That did not work"
    return shop.page(request, visitor, "problem.html", title, status=status, detail=detail, code=status)
