"""Errors as problem+json (RFC 9457), and what a bug leaves in the server's log."""

import traceback
from http import HTTPStatus

import msgspec
import structlog

from tailorbird.errors import Overloaded, TailorbirdError, Unavailable

CONTENT_TYPE = "application/problem+json"
log = structlog.get_logger("tailorbird.api")


class Problem(msgspec.Struct, omit_defaults=True):
    """A problem, as RFC 9457 has it."""

    title: str
    """What kind of problem it is."""
    status: int
    """The HTTP status, again."""
    detail: str = ""
    """What was wrong, where, and what to do."""
    type: str = "about:blank"


class Unexpected(TailorbirdError):
    """A bug: its client hears no more than that."""

    title = "Internal error"

    def __init__(self) -> None:
        super().__init__("this is a fault of the server's, and stands in its log; sending again is safe")


def problem_of(error: TailorbirdError) -> Problem:
    """The problem that a reader should see."""
    return Problem(error.title, error.status, _sendable(str(error)))


def problem_for_status(status: int, detail: str) -> Problem:
    """A problem for a plain HTTP error."""
    return Problem(HTTPStatus(status).phrase, status, _sendable(detail))


def retry_after(error: TailorbirdError) -> int | None:
    """Seconds after which a client may come back, where that makes sense. Clients drop other 4xx but honour this."""
    return 1 if isinstance(error, Overloaded) else 5 if isinstance(error, Unavailable) else None


def report(error: Exception, method: str, path: str) -> None:
    """Log a bug: its kind and where it arose, but not its message, which may quote what somebody sent."""
    frames = [
        f"{frame.filename.rpartition('/site-packages/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    route = "/".join(path.split("/")[:3])  # what comes after may be a person's id
    log.error("unexpected", error=type(error).__qualname__, method=method, route=route, frames=frames)


def _sendable(text: str) -> str:
    # A lone surrogate of the client's may be quoted, and is no UTF-8.
    return text[:2_000].encode("utf-8", "replace").decode()
