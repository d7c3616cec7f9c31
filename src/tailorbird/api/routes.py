"""Every route but the two hot ones, and those too for the OpenAPI document."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.params import Parameter

import tailorbird
from tailorbird.api.problem import CONTENT_TYPE, Problem, problem_for_status, problem_of, retry_after
from tailorbird.app import Tailorbird
from tailorbird.catalog.items import Item
from tailorbird.consent.purposes import BY_NAME
from tailorbird.decide.decider import Who
from tailorbird.decide.explain import WhyView, why_view
from tailorbird.errors import InvalidInput, NotFound, TailorbirdError
from tailorbird.profiles.view import ProfileView

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]
_LOOPBACK = ("127.", "::1")


class Health(msgspec.Struct):
    """How the installation is."""

    status: str
    version: str
    definitions: str
    definitions_error: str | None
    log_offset: int
    applied_offset: int


class ItemsBody(msgspec.Struct):
    """Items to add or change."""

    items: list[Item]


class Accepted(msgspec.Struct):
    """Durable, and visible to the next request."""

    success: bool = True
    count: int = 1


class ChangeView(msgspec.Struct):
    """A segment entered or left."""

    number: int
    type: str
    person: str
    segment: str
    at: int


class QuarantineView(msgspec.Struct):
    """An event that was kept but not accepted."""

    offset: int
    source: str
    received_at: int
    reason: str
    body: str


class SegmentView(msgspec.Struct):
    """A segment as it is defined."""

    name: str
    where: str
    purposes: list[str]


def build(app: Tailorbird, lifespan: Lifespan, more: Sequence[Any] = ()) -> Litestar:
    """The Litestar application over ``app``; ``more`` are handlers of other faces that share the process."""

    @get("/health", tags=["operation"])
    async def health() -> Health:
        """Whether the server answers, and how far it has come."""
        with app.read() as txn:
            applied = txn.applied()[0]
        problem = app.data / "definitions.error"
        error = problem.read_text() if problem.exists() else None
        return Health("ok", tailorbird.__version__, app.definitions.version, error, app.log.last_offset(), applied)

    @post("/v1/items", tags=["catalog"], status_code=200, guards=[_writer(app)])
    async def put_items(data: ItemsBody) -> Accepted:
        """Add items to the catalog, or change them."""
        await app.put_items(data.items)
        return Accepted(count=len(data.items))

    @get("/v1/decisions/{decision_id:str}/why", tags=["decide"], guards=[_admin(app)])
    async def why(decision_id: str) -> WhyView:
        """Everything a decision rested on, and what came of it."""
        found = await app.await_decision(decision_id)
        if found is None:
            raise NotFound(f"there is no decision {decision_id!r}: ids stand in the answer to /v1/decide")
        return why_view(*found, app.item)

    @get("/v1/profiles/{who:str}", tags=["profiles"], guards=[_admin(app)])
    async def profile(who: str, purpose: str = "analytics") -> ProfileView:
        """One person, by ``user:ID`` or ``anonymous:ID``, as may be read for a purpose."""
        kind, _, value = who.partition(":")
        if kind not in ("user", "anonymous") or not value:
            raise InvalidInput("name a person as user:ID or anonymous:ID")
        if purpose not in BY_NAME:
            raise InvalidInput(f"purpose is one of {', '.join(BY_NAME)}")
        found = app.find_profile(Who(**{f"{kind}_id": value}), BY_NAME[purpose])
        if found is None:
            raise NotFound("nobody is known by this id")
        return found

    @get("/v1/segments", tags=["profiles"])
    async def segments() -> list[SegmentView]:
        """The segments in force."""
        from tailorbird.consent.purposes import names_of

        return [
            SegmentView(each.name, each.where, names_of(each.purposes)) for each in app.definitions.membership.segments
        ]

    @get("/v1/changes", tags=["profiles"], guards=[_admin(app)])
    async def changes(
        after: Annotated[int, Parameter(ge=0)] = 0, limit: Annotated[int, Parameter(ge=1, le=1000)] = 100
    ) -> list[ChangeView]:
        """Who entered and left which segment, in order; go on from the last number."""
        return [
            ChangeView(
                number, f"Segment {'Entered' if each.entered else 'Exited'}", each.person.hex(), each.segment, each.at
            )
            for number, each in app.segment_moves(after, limit)
        ]

    @get("/v1/quarantine", tags=["collect"], guards=[_admin(app)])
    async def quarantine(
        before: Annotated[int | None, Parameter(ge=0)] = None, limit: Annotated[int, Parameter(ge=1, le=1000)] = 100
    ) -> list[QuarantineView]:
        """Events that could not be accepted, newest first, with the reason."""
        return [
            QuarantineView(offset, each.source, each.received_at, each.reason, each.body.decode("utf-8", "replace"))
            for offset, each in app.quarantined(before, limit)
        ]

    return Litestar(
        route_handlers=[health, put_items, why, profile, segments, changes, quarantine, *more],
        lifespan=[lifespan],
        exception_handlers={TailorbirdError: _on_error, HTTPException: _on_http},
        openapi_config=OpenAPIConfig(title="Tailorbird", version=tailorbird.__version__),
    )


def _admin(app: Tailorbird) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        token = app.settings.admin_token
        if token:
            if connection.headers.get("authorization") != f"Bearer {token}":
                raise NotAuthorizedException("this route needs the admin token as Bearer")
        elif connection.client is None or not connection.client.host.startswith(_LOOPBACK):
            raise NotAuthorizedException("without the setting admin_token this route answers on this machine only")

    return guard


def _writer(app: Tailorbird) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    from tailorbird.api.http import write_key

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        app.keys.find(write_key(connection.scope["headers"]))

    return guard


def _on_error(_: Request[Any, Any, Any], error: TailorbirdError) -> Response[Problem]:
    seconds = retry_after(error)
    headers = {} if seconds is None else {"retry-after": str(seconds)}
    return Response(problem_of(error), status_code=error.status, media_type=CONTENT_TYPE, headers=headers)


def _on_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    return Response(
        problem_for_status(error.status_code, error.detail), status_code=error.status_code, media_type=CONTENT_TYPE
    )
