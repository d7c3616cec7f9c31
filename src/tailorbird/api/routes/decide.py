"""Decisions, and why."""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, RawBody

from tailorbird.api.calls import Calls
from tailorbird.api.openapi import ADMIN, WRITE_KEY, problems, reads
from tailorbird.api.security import admin
from tailorbird.app import Tailorbird
from tailorbird.decide.decider import DecideRequest
from tailorbird.decide.explain import SlateView, WhyView, why_view
from tailorbird.errors import NotFound

DecisionId = Annotated[str, PathParameter(description="The `decisionId` of an answer to /v1/decide.")]
_REQUEST = {"who": {"anonymousId": "visitor-1"}, "placement": "home", "n": 4, "context": {"items": ["22423"]}}


def routes(app: Tailorbird, calls: Calls) -> list[HTTPRouteHandler]:
    """The handlers."""

    @post(
        "/v1/decide", tags=["decide"], status_code=200, security=WRITE_KEY, responses=problems(400, 401, 413),
        operation_class=reads(DecideRequest, _REQUEST), operation_id="decide", summary="Fill a placement",
    )  # fmt: skip
    async def decide(request: Request[Any, Any, Any], body: RawBody) -> SlateView:
        """The slate for a person and a placement: items with their reasons, scores and propensities. The decision is logged under
        its id, so that clicks and orders find it. Without consent the slate is the same for all."""
        return calls.decide(request.scope["headers"], body)

    @get(
        "/v1/decisions/{decision_id:str}/why", tags=["decide"], guards=[admin(app)], security=ADMIN,
        responses=problems(400, 401, 404), operation_id="why", summary="Explain a decision",
    )  # fmt: skip
    async def why(decision_id: DecisionId) -> WhyView:
        """Everything a decision rested on, and what came of it."""
        found = await app.await_decision(decision_id)
        if found is None:
            raise NotFound(f"there is no decision {decision_id!r}: ids stand in the answer to /v1/decide")
        return why_view(*found, app.item)

    return [decide, why]
