"""What the hot routes do, whichever door a request comes by: the fast one before the framework, or the framework's."""

import asyncio
from time import perf_counter
from typing import Any
from uuid import uuid4

import msgspec

from tailorbird.api.counts import FLUSH_SECONDS, Counts
from tailorbird.api.http import Headers, header, write_key
from tailorbird.app import Tailorbird
from tailorbird.collect.body import inflated
from tailorbird.consent.purposes import BY_NAME
from tailorbird.consent.signals import CONSENT_EVENT, from_gpc
from tailorbird.decide.decider import DecideRequest, Who
from tailorbird.decide.explain import SlateView, slate_view
from tailorbird.errors import InvalidInput, TailorbirdError
from tailorbird.events.model import EventType

COLLECT, DECIDE, CONSENT = range(3)
"""Indices into ``counts.ROUTES``."""
REASONS_TOLD = 20
LONGEST_LIST, LONGEST_TEXT = 1_000, 512
"""What a decide request may hold: so much takes a millisecond, and is logged with the decision."""


class Collected(msgspec.Struct, frozen=True, omit_defaults=True):
    """Durable, and visible to the next request."""

    success: bool
    quarantined: list[str] = []
    """Why messages were put aside in quarantine, the first 20; absent when every one was well."""


class Purposes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Yes, no, or (absent) nothing said."""

    personalization: bool | None = None
    analytics: bool | None = None
    marketing: bool | None = None


class ConsentBody(msgspec.Struct, frozen=True, rename="camel"):
    """What a person has chosen."""

    who: Who
    purposes: Purposes
    message_id: str | None = None
    """Sending the same again is harmless; drawn at random unless given."""


ALL_WELL = Collected(True)
_decode_request = msgspec.json.Decoder(DecideRequest).decode
_decode_consent = msgspec.json.Decoder(ConsentBody).decode


class Calls:
    """The hot routes' work, counted."""

    def __init__(self, tailorbird: Tailorbird, counts: Counts) -> None:
        self._tailorbird, self._counts = tailorbird, counts
        self._limit = tailorbird.settings.max_body

    def flush(self) -> None:
        """Write the counts down, for whichever worker is asked for them."""
        self._counts.flush(self._tailorbird.committer.waiting)

    async def keep_flushing(self) -> None:
        """Do so for ever."""
        while True:
            self.flush()
            await asyncio.sleep(FLUSH_SECONDS)

    async def collect(self, kind: EventType | None, headers: Headers, body: bytes) -> Collected:
        """Take in a request of Segment's API: one message of ``kind``, or a batch. Raises as ``Tailorbird.collect``."""
        return await self._collect(COLLECT, kind, headers, body)

    async def consent(self, headers: Headers, body: bytes) -> Collected:
        """Take in a person's choice: the track call by which Segment's clients report it, through the same door."""
        try:
            said = _decode_consent(inflated(body, self._limit))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"the body is no consent: {error}") from error
        if not (said.who.user_id or said.who.anonymous_id):
            raise InvalidInput("who says nothing: send userId or anonymousId in it")
        choices = {name: value for name in BY_NAME if (value := getattr(said.purposes, name)) is not None}
        if not choices:
            raise InvalidInput(f"purposes says nothing: send true or false for any of {', '.join(BY_NAME)}")
        message = {
            "messageId": said.message_id or str(uuid4()),
            "userId": said.who.user_id,
            "anonymousId": said.who.anonymous_id,
            "event": CONSENT_EVENT,
            "context": {"consent": {"categoryPreferences": choices}},
        }
        return await self._collect(CONSENT, EventType.TRACK, headers, msgspec.json.encode(message))

    async def _collect(self, route: int, kind: EventType | None, headers: Headers, body: bytes) -> Collected:
        began, status, counts = perf_counter(), 500, self._counts
        try:
            intake = await self._tailorbird.collect(
                inflated(body, self._limit), kind, write_key(headers), from_gpc(header(headers, b"sec-gpc"))
            )
            counts.received(len(intake.events), len(intake.quarantined), intake.refused)
            status = 200
        except TailorbirdError as error:
            status = error.status
            raise
        finally:
            counts.answered(route, status, perf_counter() - began)
        if not intake.quarantined:
            return ALL_WELL
        return Collected(True, [each.reason for each in intake.quarantined[:REASONS_TOLD]])

    def decide(self, headers: Headers, body: bytes) -> SlateView:
        """Decide. Raises ``Unauthorized`` without a write key, ``InvalidInput`` for what is no decide request."""
        began, status = perf_counter(), 500
        try:
            self._tailorbird.keys.find(write_key(headers))
            decision = self._tailorbird.decide(_request(inflated(body, self._limit)))
            slate = slate_view(decision, self._tailorbird.item)
            status = 200
        except TailorbirdError as error:
            status = error.status
            raise
        finally:
            self._counts.answered(DECIDE, status, perf_counter() - began)
        return slate


def _request(body: bytes) -> DecideRequest:
    try:
        request = _decode_request(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"the body is no decide request: {error}") from error
    context = request.context
    for name, items in (("context.items", context.items), ("exclude", request.exclude)):
        if len(items) > LONGEST_LIST:
            raise InvalidInput(f"{name} has {len(items)} items: send at most {LONGEST_LIST}")
    texts: list[Any] = [context.category or "", *context.items, *request.exclude]
    if max(map(len, texts)) > LONGEST_TEXT:
        raise InvalidInput(f"an id or category is over {LONGEST_TEXT} characters long")
    return request
