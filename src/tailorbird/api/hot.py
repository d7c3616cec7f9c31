"""The two hot routes, collect and decide, in front of the framework.

The same paths stand in ``api.routes`` for the OpenAPI document and call the same application; this door only saves the framework's
share, which is more than the work itself (docs/decisions/0002).
"""

from collections.abc import Awaitable, Callable

import msgspec

from tailorbird.api.http import (
    Disconnected,
    Receive,
    Scope,
    Send,
    header,
    read_body,
    respond,
    respond_problem,
    write_key,
)  # fmt: skip
from tailorbird.app import Tailorbird
from tailorbird.collect.body import inflated
from tailorbird.consent.signals import from_gpc
from tailorbird.decide.decider import DecideRequest
from tailorbird.decide.explain import slate_view
from tailorbird.errors import InvalidInput, TailorbirdError
from tailorbird.events.model import EventType

App = Callable[[Scope, Receive, Send], Awaitable[None]]
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
_decode_request = msgspec.json.Decoder(DecideRequest).decode
_encode = msgspec.json.Encoder().encode


class HotRoutes:
    """An ASGI application that answers the hot routes itself and hands everything else on."""

    def __init__(self, tailorbird: Tailorbird, rest: App) -> None:
        self._tailorbird, self._rest = tailorbird, rest
        self._limit = tailorbird.settings.max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path, method = scope["path"], scope["method"]
            if path in COLLECT:
                if method == "POST":
                    await self._guarded(self._collect, scope, receive, send)
                    return
                if method == "OPTIONS":
                    await respond(send, 204, b"", _PREFLIGHT)
                    return
            elif path == "/v1/decide":
                if method == "POST":
                    await self._guarded(self._decide, scope, receive, send)
                    return
                if method == "OPTIONS":
                    await respond(send, 204, b"", _PREFLIGHT)
                    return
        await self._rest(scope, receive, send)

    async def _guarded(
        self, handler: Callable[[Scope, Receive, Send], Awaitable[None]], scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await handler(scope, receive, send)
        except TailorbirdError as error:
            await respond_problem(send, error)
        except Disconnected:
            return

    async def _collect(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        body = inflated(await read_body(receive, self._limit), self._limit)
        await self._tailorbird.collect(
            body, COLLECT[scope["path"]], write_key(headers), from_gpc(header(headers, b"sec-gpc"))
        )
        await respond(send, 200, ACCEPTED)

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive, self._limit)
        try:
            request = _decode_request(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"the body is no decide request: {error}") from error
        decision = self._tailorbird.decide(request)
        await respond(send, 200, _encode(slate_view(decision, self._tailorbird.item)))
