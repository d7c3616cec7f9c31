"""Segment's messages as the OpenAPI document tells of them. ``collect.wire`` reads them, more leniently."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Id = Annotated[str, Meta(max_length=512)]
Time = Annotated[
    str | int,
    Meta(
        description="ISO 8601 (no offset means UTC), or milliseconds since the epoch.",
        examples=["2026-11-24T12:00:00Z"],
    ),
]


class Message(msgspec.Struct, rename="camel", kw_only=True):
    """What every message may carry. One of userId and anonymousId must be there."""

    user_id: Annotated[Id | None, Meta(description="Your own id of the person, once they are known.")] = None
    anonymous_id: Annotated[Id | None, Meta(description="An id that the client drew for an unknown visitor.")] = None
    message_id: Annotated[
        Annotated[str, Meta(max_length=100)] | None,
        Meta(
            description="Sending the same messageId again is harmless: it is applied once. Drawn at random if absent."
        ),
    ] = None
    timestamp: Annotated[Time | None, Meta(description="When it happened, by the client's clock.")] = None
    sent_at: Annotated[
        Time | None, Meta(description="When it was sent, by the client's clock, which is thereby corrected.")
    ] = None
    context: Annotated[
        dict[str, Any] | None,
        Meta(
            description="Where it happened; `consent.categoryPreferences` says what the person allows.",
            examples=[{"consent": {"categoryPreferences": {"personalization": True}}}],
        ),
    ] = None
    write_key: Annotated[str | None, Meta(description="The write key, where it does not come as Basic auth.")] = None


class Track(Message, kw_only=True):
    """Somebody did something."""

    event: Annotated[str, Meta(min_length=1, max_length=256, description="What happened.", examples=["Product Viewed"])]
    properties: Annotated[dict[str, Any] | None, Meta(description="Whatever else there is to say about it.")] = None


class Identify(Message, kw_only=True):
    """Who somebody is."""

    traits: Annotated[dict[str, Any] | None, Meta(description="What is known of the person; null unsays.")] = None


class Page(Message, kw_only=True):
    """A page, or a screen of an app, was seen."""

    name: str | None = None
    properties: dict[str, Any] | None = None


class Group(Message, kw_only=True):
    """Somebody belongs to a group."""

    group_id: Id
    traits: dict[str, Any] | None = None


class Alias(Message, kw_only=True):
    """Two ids are one person."""

    previous_id: Annotated[Id, Meta(description="The id from before; userId is the one from now on.")]


class BatchMessage(Message, kw_only=True):
    """Any message; ``type`` says which."""

    type: Annotated[str, Meta(description="identify, track, page, screen, group or alias.", examples=["track"])]
    event: str | None = None
    name: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    group_id: Id | None = None
    previous_id: Id | None = None


class Batch(msgspec.Struct, rename="camel", kw_only=True):
    """Many messages in one request. A bad one goes to quarantine and harms none of the others."""

    batch: Annotated[list[BatchMessage], Meta(min_length=1, max_length=2500)]
    sent_at: Annotated[Time | None, Meta(description="When it was sent; holds for every message.")] = None
    context: Annotated[dict[str, Any] | None, Meta(description="Merged into every message's own.")] = None
    write_key: str | None = None


_ONE: dict[str, Any] = {"anonymousId": "visitor-1", "messageId": "2f1d1c40-0001"}
_VIEW: dict[str, Any] = {
    "event": "Product Viewed",
    "properties": {"product_id": "22423", "name": "Regency cakestand 3 tier", "category": "Baking", "price": 12.75},
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "track": _ONE | _VIEW,
    "identify": _ONE | {"userId": "u-17850", "traits": {"country": "GB", "email": "ada@example.com"}},
    "page": _ONE | {"name": "Home", "properties": {"path": "/"}},
    "screen": _ONE | {"name": "Cart"},
    "group": {"userId": "u-17850", "groupId": "acme", "traits": {"plan": "business"}},
    "alias": {"userId": "u-17850", "previousId": "visitor-1"},
    "batch": {"batch": [{"type": "track"} | _ONE | _VIEW], "sentAt": "2026-11-24T12:00:00Z"},
}
