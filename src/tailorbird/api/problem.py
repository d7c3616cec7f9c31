"""Errors as problem+json (RFC 9457)."""

from http import HTTPStatus

import msgspec

from tailorbird.errors import Overloaded, TailorbirdError, Unavailable

CONTENT_TYPE = "application/problem+json"


class Problem(msgspec.Struct, omit_defaults=True):
    """A problem, as RFC 9457 has it."""

    title: str
    status: int
    detail: str = ""
    type: str = "about:blank"


def problem_of(error: TailorbirdError) -> Problem:
    """The problem that a reader should see."""
    return Problem(error.title, error.status, str(error))


def problem_for_status(status: int, detail: str) -> Problem:
    """A problem for a plain HTTP error."""
    return Problem(HTTPStatus(status).phrase, status, detail)


def retry_after(error: TailorbirdError) -> int | None:
    """Seconds after which a client may come back, where that makes sense. Clients drop other 4xx but honour this."""
    return 1 if isinstance(error, Overloaded) else 5 if isinstance(error, Unavailable) else None
