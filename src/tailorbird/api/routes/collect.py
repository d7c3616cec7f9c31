"""Events and choices come in. ``api.hot`` answers these paths first; here they stand for the OpenAPI document and for embedding."""

from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import RawBody

from tailorbird.api import messages
from tailorbird.api.calls import Calls, Collected, ConsentBody
from tailorbird.api.hot import COLLECT
from tailorbird.api.openapi import ADMIN, WRITE_KEY, problems, reads
from tailorbird.api.parameters import Before, Limit
from tailorbird.api.security import admin
from tailorbird.api.views import QuarantineView
from tailorbird.app import Tailorbird

_BODIES: dict[str, Any] = {
    "track": messages.Track,
    "identify": messages.Identify,
    "page": messages.Page,
    "screen": messages.Page,
    "group": messages.Group,
    "alias": messages.Alias,
    "batch": messages.Batch,
    "import": messages.Batch,
}
_CONSENT = {"who": {"userId": "u-17850"}, "purposes": {"personalization": True, "analytics": True, "marketing": False}}


def routes(app: Tailorbird, calls: Calls) -> list[HTTPRouteHandler]:
    """The handlers."""

    @post(
        "/v1/consent", tags=["collect"], status_code=200, security=WRITE_KEY, responses=problems(400, 401, 413, 429, 503),
        operation_class=reads(ConsentBody, _CONSENT), operation_id="consent", summary="Choose what data may be used for",
    )  # fmt: skip
    async def consent(request: Request[Any, Any, Any], body: RawBody) -> Collected:
        """A person grants or withdraws purposes. It becomes a `Segment Consent Preference Updated` event in the log, which is the
        proof; what a withdrawn purpose covered is forgotten at once.

        Of somebody unknown who refuses everything nothing is stored at all.
        """
        return await calls.consent(request.scope["headers"], body)

    @get(
        "/v1/quarantine", tags=["collect"], guards=[admin(app)], security=ADMIN, responses=problems(400, 401),
        operation_id="quarantine", summary="Read what could not be accepted",
    )  # fmt: skip
    async def quarantine(before: Before = None, limit: Limit = 100) -> list[QuarantineView]:
        """Events that could not be accepted, newest first, each as it was sent and with the reason. To go on, ask for what stands
        `before` the last offset."""
        return [
            QuarantineView(offset, each.source, each.received_at, each.reason, each.body.decode("utf-8", "replace"))
            for offset, each in app.quarantined(before, limit)
        ]

    return [*(_collector(calls, path) for path in COLLECT), consent, quarantine]


def _collector(calls: Calls, path: str) -> HTTPRouteHandler:
    name, kind = path.removeprefix("/v1/"), COLLECT[path]
    body_kind = _BODIES[name]

    async def collect(request: Request[Any, Any, Any], body: RawBody) -> Collected:
        return await calls.collect(kind, request.scope["headers"], body)

    summary = {"batch": "Send many messages", "import": "Send many messages, by Segment's older name"}.get(name)
    return post(
        path, tags=["collect"], status_code=200, security=WRITE_KEY, responses=problems(400, 401, 413, 429, 503),
        operation_class=reads(body_kind, messages.EXAMPLES["batch" if kind is None else name]), operation_id=name,
        summary=summary or f"Send {'an' if name[0] in 'ai' else 'a'} {name} message",
        description=(
            f"{body_kind.__doc__.strip()} A message that is wrong in itself is kept in quarantine, and `quarantined` says why; "
            "the answer is 200 all the same, so that clients do not send it for ever."
        ),
    )(collect)  # fmt: skip
