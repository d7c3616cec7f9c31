"""The one family of errors that a user of Tailorbird can meet.

Every message says what was wrong, where, and what to do. The faces turn these into problem+json or a line on the terminal;
anything else that escapes is a bug and shows its traceback.
"""


class TailorbirdError(Exception):
    """Base of every error that is the user's to mend. ``status`` is the HTTP status a face answers with."""

    status = 500
    title = "Internal error"


class InvalidInput(TailorbirdError):
    """What was sent cannot be understood, or breaks a stated limit."""

    status = 400
    title = "Invalid input"


class Unauthorized(TailorbirdError):
    """The write key is missing or unknown."""

    status = 401
    title = "Unknown write key"


class NotFound(TailorbirdError):
    """What was asked for does not exist."""

    status = 404
    title = "Not found"


class TooLarge(TailorbirdError):
    """The body, or one event in it, is over its limit."""

    status = 413
    title = "Too large"


class Overloaded(TailorbirdError):
    """More is waiting than memory allows; the client is asked to come back."""

    status = 429
    title = "Too many requests in flight"


class Unavailable(TailorbirdError):
    """Nothing was acknowledged because it could not be made durable (a full disk, say). Retrying is safe."""

    status = 503
    title = "Temporarily unavailable"


class DefinitionError(TailorbirdError):
    """A definitions file has a mistake. ``line`` and ``column`` count from 1 where they are known."""

    status = 422
    title = "Invalid definition"

    def __init__(self, message: str, *, where: str = "", line: int | None = None, column: int | None = None) -> None:
        self.where, self.line, self.column = where, line, column
        place = ":".join(str(part) for part in (where, line, column) if part not in ("", None))
        super().__init__(f"{place}: {message}" if place else message)


class MissingExtra(TailorbirdError):
    """A feature needs a package that the plain install leaves out."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'tailorbird[{extra}]'")
