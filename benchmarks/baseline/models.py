"""What the naive peer accepts, as pydantic models."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """A body whose members are written in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class Event(Wire):
    """One Segment event; keys it does not know are ignored."""

    type: Literal["identify", "track", "page", "screen", "group", "alias"] = "track"
    message_id: str = Field(max_length=100)
    anonymous_id: str | None = None
    user_id: str | None = None
    event: str | None = None
    timestamp: datetime
    sent_at: datetime | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.anonymous_id or self.user_id):
            raise ValueError("an event needs a userId or an anonymousId")
        if self.type == "track" and not self.event:
            raise ValueError("a track call needs an event name")
        return self

    def occurred(self, received: float) -> float:
        """Seconds since the epoch, corrected by the skew between the client's clock and ours."""
        if self.sent_at is None:
            return self.timestamp.timestamp()
        return received - (self.sent_at - self.timestamp).total_seconds()


class Batch(Wire):
    """The body of ``/v1/batch``."""

    batch: list[Event]
    sent_at: datetime | None = None


class Item(Wire):
    """One item of the catalog."""

    id: str
    name: str
    category: str | None = None
    price: float | None = None
    available: bool = True
    attributes: dict[str, Any] = {}


class Items(Wire):
    """The body of ``/v1/items``."""

    items: list[Item]


class Who(Wire):
    """Whom a decision is for."""

    anonymous_id: str | None = None
    user_id: str | None = None


class Ask(Wire):
    """The body of ``/v1/decide``."""

    who: Who
    placement: str
    n: int = 8
    context: dict[str, Any] = {}
