"""The event, as it stands in the log."""

from enum import StrEnum
from typing import Any

import msgspec


class EventType(StrEnum):
    """Segment's six calls."""

    IDENTIFY = "identify"
    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"
    GROUP = "group"
    ALIAS = "alias"


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One thing that one person did. Written to disk in this order: append fields at the end, with a default."""

    type: EventType
    message_id: str
    name: str
    """Of a track call its event; of every other call its type."""
    user_id: str | None
    anonymous_id: str | None
    timestamp: int
    """When it happened, ms, corrected for the client's clock; never after ``received_at``."""
    received_at: int
    source: str
    purposes: int
    """Mask of the purposes that the person allowed when it came in, or that the source assumes of the silent."""
    answered: int
    """Mask of the purposes that this event itself answers for; the rest of ``purposes`` is what was known when it came in."""
    properties: dict[str, Any]
    """Properties of a track, page or screen call; traits of identify and group."""
    context: bytes = b""
    """The context as it was sent, JSON."""
    previous_id: str | None = None
    group_id: str | None = None
    original_timestamp: int | None = None
    """The client's own claim of the time."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event as the log keeps it. Raises ``OverflowError`` for integers over 64 bits."""
    return _ENCODER.encode(event)


def decode(payload: bytes) -> Event:
    """The event that ``encode`` wrote."""
    return _DECODER.decode(payload)
