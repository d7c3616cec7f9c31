"""The hot routes, collect, consent and decide, in front of the framework.

The same paths stand in ``api.routes`` for the OpenAPI document and make the same calls; this door only saves the framework's share,
which is more than the work itself (docs/decisions/0002).
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from tailorbird.api.calls import ALL_WELL, Calls, Collected
from tailorbird.api.http import (
    Disconnected,
    Receive,
    Scope,
    Send,
    read_body,
    respond,
    respond_problem,
)  # fmt: skip
from tailorbird.api.problem import Unexpected, report
from tailorbird.errors import TailorbirdError
from tailorbird.events.model import EventType

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application; every framework words the three in types of its own."""
Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
COLLECT: dict[str, EventType | None] = {f"/v1/{kind.value}": kind for kind in EventType} | {
    "/v1/batch": None,
    "/v1/import": None,
}
ACCEPTED = b'{"success":true}'
_PREFLIGHT = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization,anonymousid,content-type,sentat,x-write-key,x-retry-count"),
    (b"access-control-max-age", b"86400"),
]
_encode = msgspec.json.Encoder().encode


class HotRoutes:
    """An ASGI application that answers the hot routes itself and hands everything else on."""

    def __init__(self, calls: Calls, rest: App, limit: int) -> None:
        self._calls, self._rest, self._limit = calls, rest, limit
        self._handlers: dict[str, Handler] = {
            path: partial(self._collect, kind) for path, kind in COLLECT.items()
        } | {"/v1/decide": self._decide, "/v1/consent": self._consent}  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (handler := self._handlers.get(scope["path"])) is not None:
            method = scope["method"]
            if method == "POST":
                await self._guarded(handler, scope, receive, send)
                return
            if method == "OPTIONS":
                await respond(send, 204, b"", _PREFLIGHT)
                return
        await self._rest(scope, receive, send)

    async def _guarded(self, handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await handler(scope, receive, send)
        except TailorbirdError as error:
            await respond_problem(send, error)
        except Disconnected:
            return
        except Exception as error:
            report(error, scope["method"], scope["path"])
            await respond_problem(send, Unexpected())

    async def _collect(self, kind: EventType | None, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, self._limit)
        await _accept(send, await self._calls.collect(kind, scope["headers"], body))

    async def _consent(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, self._limit)
        await _accept(send, await self._calls.consent(scope["headers"], body))

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, self._limit)
        await respond(send, 200, _encode(self._calls.decide(scope["headers"], body)))


async def _accept(send: Send, collected: Collected) -> None:
    await respond(send, 200, ACCEPTED if collected is ALL_WELL else _encode(collected))
