"""Who may ask what: senders by their write key, administrators by a token, or from this machine where there is none."""

import hmac
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from tailorbird.api.http import Headers, header, write_key
from tailorbird.app import Tailorbird
from tailorbird.errors import Unauthorized

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]
_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class NotAdmin(Unauthorized):
    """The request may not see what administrators see."""

    title = "Not an administrator"


def admin(app: Tailorbird) -> Guard:
    """Lets administrators through. Raises ``NotAdmin`` for others."""
    token = app.settings.admin_token.encode()

    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        headers: Headers = connection.scope["headers"]
        if token:
            scheme, _, sent = (header(headers, b"authorization") or "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(sent.strip().encode(), token):
                raise NotAdmin("this route needs the admin token: send it as 'Authorization: Bearer TOKEN'")
        elif not from_this_machine(connection.scope.get("client"), headers):
            raise NotAdmin(
                "this route answers on this machine only: set TAILORBIRD_ADMIN_TOKEN and send it as a Bearer token"
            )

    return guard


def writer(app: Tailorbird) -> Guard:
    """Lets those through who have a write key. Raises ``Unauthorized`` for others."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        app.keys.find(write_key(connection.scope["headers"]))

    return guard


def from_this_machine(client: tuple[str, int] | None, headers: Headers) -> bool:
    """Whether a request was made here, and neither passed on by a proxy nor by a page of another site.

    The peer's address alone would let in everybody who comes by a reverse proxy on this machine, and a web page whose host name
    leads to 127.0.0.1 (DNS rebinding).
    """
    try:
        peer = ip_address(client[0]) if client is not None else None
    except ValueError:
        return False
    near = peer is not None and (getattr(peer, "ipv4_mapped", None) or peer).is_loopback
    if not near or any(name in _FORWARDED for name, _value in headers):
        return False
    host = header(headers, b"host") or ""
    return host in _LOCAL_NAMES or host.rpartition(":")[0] in _LOCAL_NAMES
