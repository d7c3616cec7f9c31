"""How the installation is, for people and for monitors."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

import tailorbird
from tailorbird.api.calls import Calls
from tailorbird.api.openapi import ADMIN, problems
from tailorbird.api.security import admin
from tailorbird.api.views import Health
from tailorbird.app import Tailorbird
from tailorbird.engine.fold import set_aside


def routes(app: Tailorbird, calls: Calls) -> list[HTTPRouteHandler]:
    """The handlers."""

    def offsets() -> tuple[int, int]:
        with app.read() as txn:
            applied = txn.applied()[0]
        return app.log.last_offset(), applied

    def aside() -> list[int]:
        with app.read() as txn:
            return set_aside(txn)

    @get(
        "/health", tags=["operation"], operation_id="health", summary="Ask whether it is well", responses=problems(503)
    )
    async def health() -> Health:
        """Whether the server answers, how far it has come, and what is wrong with the definitions file if anything is."""
        problem = app.data / "definitions.error"
        error = problem.read_text() if problem.exists() else None
        lost = aside()
        status = "degraded" if lost else "ok"
        return Health(status, tailorbird.__version__, app.in_force().version, error, *offsets(), lost)

    @get(
        "/metrics", tags=["operation"], guards=[admin(app)], security=ADMIN, responses=problems(401),
        media_type="text/plain", operation_id="metrics", summary="Measure it",
    )  # fmt: skip
    async def metrics() -> Response[bytes]:
        """Counters, latencies and offsets of all workers together, in Prometheus's text format."""
        from tailorbird.api.metrics import CONTENT_TYPE, exposition

        calls.flush()
        return Response(exposition(app.data / "metrics", *offsets()), media_type=CONTENT_TYPE)

    @get(
        "/.well-known/gpc.json",
        tags=["operation"],
        operation_id="gpc",
        summary="Say that Global Privacy Control is honoured",
    )
    async def gpc() -> dict[str, Any]:
        """`Sec-GPC: 1` on a request counts as an opt-out of marketing."""
        return {"gpc": True, "lastUpdate": "2026-11-24"}

    return [health, metrics, gpc]
