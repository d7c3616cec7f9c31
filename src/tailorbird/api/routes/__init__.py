"""The Litestar application: every route, also the hot ones that ``api.hot`` answers before it is asked."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute

from tailorbird.api.calls import Calls
from tailorbird.api.http import too_large
from tailorbird.api.openapi import config
from tailorbird.api.problem import (
    CONTENT_TYPE,
    Problem,
    Unexpected,
    problem_for_status,
    problem_of,
    report,
    retry_after,
)
from tailorbird.api.routes import catalog, collect, decide, operation, profiles
from tailorbird.app import Tailorbird
from tailorbird.errors import TailorbirdError

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def build(app: Tailorbird, calls: Calls, lifespan: Lifespan, more: Sequence[Any] = ()) -> Litestar:
    """The Litestar application over ``app``; ``more`` are handlers of other faces that share the process."""
    return Litestar(
        route_handlers=[
            *collect.routes(app, calls),
            *decide.routes(app, calls),
            *profiles.routes(app),
            *catalog.routes(app),
            *operation.routes(app, calls),
            *more,
        ],
        lifespan=[lifespan],
        exception_handlers={TailorbirdError: _on_error, HTTPException: _on_http, Exception: _on_bug},
        openapi_config=config(),
        request_max_body_size=app.settings.max_body,
    )


def _on_error(_: Request[Any, Any, Any], error: TailorbirdError) -> Response[Problem]:
    seconds = retry_after(error)
    headers = {} if seconds is None else {"retry-after": str(seconds)}
    return Response(problem_of(error), status_code=error.status, media_type=CONTENT_TYPE, headers=headers)


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    headers, detail = dict(error.headers or {}), _detail(error)
    if error.status_code == 404:
        detail = "there is nothing at this path: /schema lists every route"
    elif error.status_code == 405:
        allowed = _methods(request)
        headers["allow"] = ", ".join(allowed)
        detail = f"{request.method} is not answered here: use {' or '.join(allowed)}"
    elif error.status_code == 413:
        return _on_error(request, too_large(request.app.request_max_body_size))
    return Response(
        problem_for_status(error.status_code, detail),
        status_code=error.status_code,
        media_type=CONTENT_TYPE,
        headers=headers,
    )


def _methods(request: Request[Any, Any, Any]) -> list[str]:
    path = request.scope["path"].rstrip("/") or "/"
    return sorted(
        {
            str(method)
            for route in request.app.routes
            if isinstance(route, HTTPRoute) and re.fullmatch(re.sub(r"\{.*?\}", ".+", route.path), path)
            for method in route.methods
        }
    )


def _detail(error: HTTPException) -> str:
    places = [
        f"{each.get('key', each.get('source', ''))}: {each.get('message', '')}"
        for each in (error.extra if isinstance(error.extra, list) else ())
        if isinstance(each, dict)
    ]
    return "; ".join(places) or error.detail


def _on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    report(error, request.method, request.url.path)
    return _on_error(request, Unexpected())
