"""People and the segments they are in."""

from typing import Annotated, Any
from urllib.parse import unquote

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from tailorbird.api.openapi import ADMIN, problems
from tailorbird.api.parameters import After, Limit
from tailorbird.api.security import admin
from tailorbird.api.views import ChangeView, SegmentView
from tailorbird.app import Tailorbird
from tailorbird.consent.purposes import BY_NAME, names_of
from tailorbird.decide.decider import Who
from tailorbird.errors import InvalidInput, NotFound
from tailorbird.profiles.view import ProfileView

# Told in the document, and checked below in words of our own: routing puts a slash before a path parameter.
Person = Annotated[
    str, PathParameter(description="`user:ID` or `anonymous:ID`.", schema_extra={"pattern": "^(user|anonymous):.+$"})
]
Purpose = Annotated[str, QueryParameter(description="What it is read for.", schema_extra={"enum": list(BY_NAME)})]


def routes(app: Tailorbird) -> list[HTTPRouteHandler]:
    """The handlers."""

    @get(
        "/v1/profiles/{who:path}", tags=["profiles"], guards=[admin(app)], security=ADMIN,
        responses=problems(400, 401, 404), operation_id="profile", summary="Read a person",
    )  # fmt: skip
    async def profile(
        request: Request[Any, Any, Any], who: Person, purpose: Purpose = "personalization"
    ) -> ProfileView:
        """One person, exact at this instant: traits, features and segments, as far as consent covers the purpose."""
        kind, _, value = _as_sent(request, who).partition(":")
        if kind not in ("user", "anonymous") or not value:
            raise InvalidInput("name a person as user:ID or anonymous:ID")
        if purpose not in BY_NAME:
            raise InvalidInput(f"there is no purpose {purpose!r}: use {', '.join(BY_NAME)}")
        found = app.find_profile(Who(**{f"{kind}_id": value}), BY_NAME[purpose])
        if found is None:
            raise NotFound("nobody is known by this id")
        return found

    @get(
        "/v1/segments", tags=["profiles"], guards=[admin(app)], security=ADMIN, responses=problems(401),
        operation_id="segments", summary="List the segments",
    )  # fmt: skip
    async def segments() -> list[SegmentView]:
        """The segments in force, as they are defined."""
        return [
            SegmentView(each.name, each.where, names_of(each.purposes)) for each in app.in_force().membership.segments
        ]

    @get(
        "/v1/changes", tags=["profiles"], guards=[admin(app)], security=ADMIN, responses=problems(400, 401),
        operation_id="changes", summary="Follow who moves",
    )  # fmt: skip
    async def changes(after: After = 0, limit: Limit = 100) -> list[ChangeView]:
        """Who entered and left which segment, in order; to go on, ask for what comes `after` the last number."""
        return [
            ChangeView(
                number, f"Segment {'Entered' if each.entered else 'Exited'}", each.person.hex(), each.segment, each.at
            )
            for number, each in app.segment_moves(after, limit)
        ]

    return [profile, segments, changes]


def _as_sent(request: Request[Any, Any, Any], routed: str) -> str:
    """The id as it was sent: routing tidies slashes away, and an id may have them."""
    raw = request.scope.get("raw_path") or b""
    _, found, rest = raw.partition(b"?")[0].partition(b"/v1/profiles/")
    return unquote(rest.decode("ascii", "replace")) if found else routed.removeprefix("/")
