"""Segment's messages, as they stand on the wire (HTTP tracking API; RudderStack's clients speak the same)."""

from typing import Any

import msgspec

Id = str | int | float | None


class Message(msgspec.Struct, rename="camel", gc=False, omit_defaults=True):
    """One call. Unknown keys are passed over; ``context`` stays as it was sent."""

    type: str | None = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    event: str | None = None
    name: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: msgspec.Raw = msgspec.Raw()
    timestamp: Id = None
    original_timestamp: Id = None
    sent_at: Id = None
    write_key: str | None = None


class Envelope(msgspec.Struct, rename="camel"):
    """What can be read of nearly any message: whose it is, and what it says of consent."""

    user_id: Any = None
    anonymous_id: Any = None
    context: msgspec.Raw = msgspec.Raw()


class Batch(msgspec.Struct, rename="camel"):
    """A batch whose every message is well formed."""

    batch: list[Message]
    write_key: str | None = None
    sent_at: Id = None
    context: msgspec.Raw = msgspec.Raw()


class RawBatch(msgspec.Struct, rename="camel"):
    """A batch in which some message may not be."""

    batch: list[msgspec.Raw]
    write_key: str | None = None
    sent_at: Id = None
    context: msgspec.Raw = msgspec.Raw()


class ContextTraits(msgspec.Struct):
    """The traits in a context; everything else in it is passed over."""

    traits: dict[str, Any] | None = None


message = msgspec.json.Decoder(Message).decode
context_traits = msgspec.json.Decoder(ContextTraits).decode
envelope = msgspec.json.Decoder(Envelope).decode
batch = msgspec.json.Decoder(Batch).decode
raw_batch = msgspec.json.Decoder(RawBatch).decode
encode = msgspec.json.Encoder().encode
