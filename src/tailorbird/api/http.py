"""The little of ASGI that the two hot routes need, read and written by hand because a framework costs more than the work."""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from tailorbird.api.problem import CONTENT_TYPE, problem_of, retry_after
from tailorbird.errors import TailorbirdError, TooLarge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
CORS: Headers = [(b"access-control-allow-origin", b"*"), (b"vary", b"Origin")]


class Disconnected(Exception):
    """The client went away before its body was whole."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The request's body. Raises ``TooLarge`` as soon as it says that it has, or has, over ``limit`` bytes."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            if value.isdigit() and int(value[:20]) > limit:
                raise too_large(limit)
            break
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise too_large(limit)
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise too_large(limit)
    return b"".join(parts)


def too_large(limit: object) -> TooLarge:
    """The error for a body over ``limit`` bytes."""
    return TooLarge(f"the body is over {limit} bytes: send smaller batches, or raise the setting max_body")


def write_key(headers: Headers) -> str | None:
    """The write key of Basic auth (``KEY:`` or, leniently, ``KEY``), or of a Bearer token."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, rest = value.partition(b" ")
            if scheme.lower() == b"basic":
                try:
                    return b64decode(rest + b"=" * (-len(rest) % 4)).decode().partition(":")[0] or None
                except ValueError:
                    return None
            if scheme.lower() == b"bearer":
                return rest.decode("latin-1").strip() or None
    return None


def header(headers: Headers, wanted: bytes) -> str | None:
    """A header's value, by its lower-case name."""
    for name, value in headers:
        if name == wanted:
            return value.decode("latin-1")
    return None


async def respond(send: Send, status: int, body: bytes, headers: Headers | None = None) -> None:
    """Answer with JSON."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *(headers or CORS)]})
    await send({"type": "http.response.body", "body": body})


async def respond_problem(send: Send, error: TailorbirdError) -> None:
    """Answer with problem+json."""
    body = msgspec.json.encode(problem_of(error))
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        *CORS,
    ]
    seconds = retry_after(error)
    if seconds is not None:
        headers.append((b"retry-after", str(seconds).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
