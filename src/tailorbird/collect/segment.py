"""The door for Segment's HTTP tracking API: a body comes in, events and quarantine entries go out."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from tailorbird.collect import wire
from tailorbird.collect.depth import DEEPEST, too_deep
from tailorbird.collect.keys import KeyRing, Source
from tailorbird.consent import signals
from tailorbird.consent.gate import Answers, effective, refused
from tailorbird.consent.purposes import ALL
from tailorbird.errors import InvalidInput
from tailorbird.events import model, quarantine
from tailorbird.events.model import Event, EventType
from tailorbird.events.quarantine import Quarantined
from tailorbird.events.times import corrected, parse_time

ID_KEPT, MESSAGE_ID_KEPT, NAME_KEPT = 512, 100, 256
Stored = Callable[[str | None, str | None], Answers]
"""(user id, anonymous id) -> what the person has answered before."""
Known = Callable[[str | None, str | None], bool]
"""(user id, anonymous id) -> whether anything is kept of the person."""
_TYPES = {kind.value: kind for kind in EventType}
_BLANK = (b"", b"null")
_UNREADABLE = (ValueError, OverflowError, RecursionError, msgspec.MsgspecError, UnicodeError)


class Intake(NamedTuple):
    """What became of a request's messages."""

    source: Source
    events: list[tuple[Event, bytes]]
    """Events with their encoding for the log."""
    quarantined: list[Quarantined]
    refused: int
    """Messages of people who have refused everything: not stored."""


class Limits(NamedTuple):
    """The bounds that a request is held to."""

    event: int
    batch: int


class _Bad(Exception):
    """Why a message goes to quarantine."""


class SegmentDoor:
    """Reads requests. Keeps nothing between them."""

    def __init__(self, keys: KeyRing, limits: Limits) -> None:
        self._keys, self._limits = keys, limits

    def receive(
        self, body: bytes, kind: EventType | None, key: str | None, received_at: int, gpc: Answers, stored: Stored,
        known: Known,
    ) -> Intake:  # fmt: skip
        """Read a body: one message of ``kind``, or a batch where that is None.

        Raises ``Unauthorized`` for an unknown key and ``InvalidInput`` for a body that is no JSON, or no message or batch at
        all. A single bad message is quarantined, and so is each bad one of a batch: the client would drop the rest otherwise.
        """
        if kind is None:
            messages, context, sent, body_key = self._batch(body)
        else:
            messages, context, sent, body_key = [_single(body)], None, None, None
            first = messages[0]
            body_key = first.write_key if isinstance(first, wire.Message) else None
        source = self._keys.find(key or body_key)
        reader = _Reader(source, received_at, gpc, stored, known, self._limits.event, kind, context, sent)
        for each in messages:
            reader.take(each)
        return Intake(source, reader.events, reader.quarantined, reader.refused)

    def _batch(self, body: bytes) -> tuple[list[Any], Any, Any, str | None]:
        try:
            found: wire.Batch | wire.RawBatch = wire.batch(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            try:
                found = wire.raw_batch(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise InvalidInput(f'the body is no batch: {_reason(error)}; send {{"batch": [...]}}') from error
        if not found.batch:
            raise InvalidInput("the batch is empty: send at least one message in it")
        if len(found.batch) > self._limits.batch:
            raise InvalidInput(f"the batch has {len(found.batch)} messages: send at most {self._limits.batch} in one")
        return list(found.batch), found.context, found.sent_at, found.write_key


def _single(body: bytes) -> Any:
    try:
        return wire.message(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            return msgspec.json.decode(body, type=msgspec.Raw) if body.lstrip()[:1] == b"{" else _reject(error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as again:
            raise InvalidInput(f"the body is no JSON object: {_reason(again)}") from again


def _reject(error: Exception) -> Any:
    raise InvalidInput(f"the body is no JSON object: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


class _Reader:
    """Translates the messages of one request, in order: a consent given in it holds for those that follow."""

    def __init__(
        self, source: Source, received_at: int, gpc: Answers, stored: Stored, known: Known, max_event: int,
        kind: EventType | None, context: Any, sent: wire.Id,
    ) -> None:  # fmt: skip
        self._source, self._received, self._gpc, self._stored, self._known = source, received_at, gpc, stored, known
        self._max_event, self._kind = max_event, kind
        self._context = b"" if context is None or bytes(context) in _BLANK else bytes(context)
        self._sent = sent
        self._said: dict[str, Answers] = {}
        self.events: list[tuple[Event, bytes]] = []
        self.quarantined: list[Quarantined] = []
        self.refused = 0

    def take(self, raw: Any) -> None:
        """One message: an event, a quarantine entry, or nothing at all."""
        try:
            message = raw if isinstance(raw, wire.Message) else wire.message(raw)
            event = self._event(message)
            if event is None:
                self.refused += 1
                return
            if too_deep(event.properties):
                raise _Bad(f"properties or traits are nested over {DEEPEST} levels deep")
            payload = model.encode(event)
            if len(payload) > self._max_event:
                raise _Bad(f"the event takes {len(payload)} bytes: the limit is {self._max_event}")
        except (_Bad, *_UNREADABLE) as error:
            body = wire.encode(raw) if isinstance(raw, wire.Message) else bytes(raw)
            if self._refuses(body):
                self.refused += 1
                return
            self.quarantined.append(quarantine.quarantined(self._source.name, self._received, _reason(error), body))
        else:
            self.events.append((event, payload))

    def _event(self, message: wire.Message) -> Event | None:
        kind = self._kind or _TYPES.get(message.type or "")
        if kind is None:
            raise _Bad(f"type is {message.type!r}: send one of {', '.join(_TYPES)}")
        user, anonymous = _text(message.user_id, "userId"), _text(message.anonymous_id, "anonymousId")
        if user is None and anonymous is None:
            raise _Bad("neither userId nor anonymousId is there: send at least one of them")
        name = _name(kind, message)
        context = self._merged(message.context)
        explicit = signals.from_context(context)
        answers = self._answers(user, anonymous, explicit)
        no = refused(answers)
        untold = no and (refused(self._earlier(user, anonymous)) or not self._known(user, anonymous))
        if explicit.answered:
            if anonymous is not None:
                self._said[anonymous] = answers
            if user is not None:
                self._said[user] = answers
        if untold:
            return None  # nothing is stored; a withdrawal by someone we know must be
        original = parse_time(
            message.original_timestamp if message.original_timestamp is not None else message.timestamp
        )
        sent = parse_time(message.sent_at if message.sent_at is not None else self._sent)
        properties = message.traits if kind in (EventType.IDENTIFY, EventType.GROUP) else message.properties
        if kind is EventType.IDENTIFY and b'"traits"' in context:
            # RudderStack's clients put them there; what the call itself says goes before.
            properties = (wire.context_traits(context).traits or {}) | (properties or {})
        event = Event(
            kind,
            _text(message.message_id, "messageId", MESSAGE_ID_KEPT) or str(uuid4()),
            name,
            user,
            anonymous,
            corrected(original, sent, self._received),
            self._received,
            self._source.name,
            answers.granted,
            explicit.answered | self._gpc.answered,
            properties or {},
            context,
            None if kind is not EventType.ALIAS else _previous(message, user),
            _text(message.group_id, "groupId"),
            original,
        )
        return _withdrawal(event) if no and name != signals.CONSENT_EVENT else event

    def _answers(self, user: str | None, anonymous: str | None, explicit: Answers) -> Answers:
        if explicit.answered == ALL:  # whatever was said earlier no longer matters
            return effective(0, explicit, self._gpc) if self._gpc.answered else explicit
        return effective(self._source.purposes, self._earlier(user, anonymous), explicit, self._gpc)

    def _earlier(self, user: str | None, anonymous: str | None) -> Answers:
        """What the person has answered before, in this request or another."""
        stored, said = self._stored(user, anonymous), self._said
        earlier = [answers for each in (anonymous, user) if each and (answers := said.get(each))] if said else ()
        return effective(0, stored, *earlier) if earlier else stored

    def _refuses(self, body: bytes) -> bool:
        """Whether a bad message can be read at least so far as to tell that nothing of the person may be kept."""
        try:
            found = wire.envelope(body)
            user, anonymous = (each if isinstance(each, str) else None for each in (found.user_id, found.anonymous_id))
            said = signals.from_context(self._merged(found.context))
            return refused(effective(0, self._earlier(user, anonymous), said, self._gpc))
        except (_Bad, *_UNREADABLE):
            return False

    def _merged(self, own: msgspec.Raw) -> bytes:
        context = bytes(own)
        if context in _BLANK:
            context = b""
        if self._context and not context:
            return self._context
        if self._context:
            shared, mine = msgspec.json.decode(self._context), msgspec.json.decode(context)
            if isinstance(shared, dict) and isinstance(mine, dict):
                return msgspec.json.encode(shared | mine)
        if context and context[:1] != b"{":
            raise _Bad("context is no object: send {...} or leave it out")
        return context


def _withdrawal(event: Event) -> Event:
    """Of an event that takes all consent back, nothing but that."""
    return msgspec.structs.replace(
        event, type=EventType.TRACK, name=signals.CONSENT_EVENT, properties={}, context=signals.alone(event.context),
        previous_id=None, group_id=None,
    )  # fmt: skip


def _text(value: wire.Id, name: str, limit: int = ID_KEPT) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
    if len(text) > limit:
        raise _Bad(f"{name} is {len(text)} characters long: the limit is {limit}")
    return text


def _name(kind: EventType, message: wire.Message) -> str:
    if kind is not EventType.TRACK:
        return kind.value
    if not message.event:
        raise _Bad("a track call without event: say what happened, as in event: 'Product Viewed'")
    if len(message.event) > NAME_KEPT:
        raise _Bad(f"event is {len(message.event)} characters long: the limit is {NAME_KEPT}")
    return message.event


def _previous(message: wire.Message, user: str | None) -> str:
    previous = _text(message.previous_id, "previousId")
    if previous is None or user is None:
        raise _Bad("an alias call needs previousId and userId")
    return previous
