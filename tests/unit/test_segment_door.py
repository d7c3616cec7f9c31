"""The door for Segment's API, rule by rule as PROTOCOLS.md has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tailorbird.collect.keys import KeyRing
from tailorbird.collect.segment import Intake, Limits, SegmentDoor
from tailorbird.consent.gate import SILENT, Answers
from tailorbird.consent.purposes import ALL, MARKETING, PERSONALIZATION
from tailorbird.consent.signals import CONSENT_EVENT, from_gpc
from tailorbird.errors import InvalidInput, Unauthorized
from tailorbird.events.model import Event, EventType, decode

NOW = 1_700_000_000_000
ISO = "2023-11-14T22:13:20.000Z"
TRACK: dict[str, Any] = {"type": "track", "event": "Order Completed", "userId": "u", "properties": {"revenue": 5}}


class Door:
    """A door with one source ``shop`` (key ``KEY``), and what is known of people."""

    def __init__(self, path: Path, purposes: int = PERSONALIZATION) -> None:
        ring = KeyRing(path / "keys.json")
        ring.add("shop", key="KEY", purposes=purposes)
        self.door = SegmentDoor(ring, Limits(32_768, 2_500))
        self.stored: dict[str | None, Answers] = {}
        self.known: set[str | None] = set()

    def receive(
        self, body: Any, kind: EventType | None = None, key: str | None = "KEY", gpc: Answers = SILENT
    ) -> Intake:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.door.receive(
            raw, kind, key, NOW, gpc, lambda user, anonymous: self.stored.get(user) or self.stored.get(anonymous) or SILENT,
            lambda user, anonymous: bool({user, anonymous} & self.known),
        )  # fmt: skip

    def one(self, body: Any, kind: EventType | None = EventType.TRACK, **rest: Any) -> Event:
        intake = self.receive(body, kind, **rest)
        assert (len(intake.events), intake.quarantined, intake.refused) == (1, [], 0), intake
        event, payload = intake.events[0]
        assert decode(payload) == event
        return event

    def reason(self, body: Any, kind: EventType | None = EventType.TRACK) -> str:
        intake = self.receive(body, kind)
        assert (len(intake.events), len(intake.quarantined)) == (0, 1), intake
        return intake.quarantined[0].reason


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def batch(*messages: Any, **rest: Any) -> dict[str, Any]:
    return {"batch": list(messages), **rest}


# Who is sending


def test_the_key_may_come_with_the_request_or_in_the_body(door: Door) -> None:
    assert door.one(TRACK).source == "shop"
    assert door.one({**TRACK, "writeKey": "KEY"}, key=None).source == "shop"
    assert door.receive(batch(TRACK, writeKey="KEY"), key=None).source.name == "shop"


@pytest.mark.parametrize("key", [None, "", "other", "KEY:"])
def test_an_unknown_key_is_turned_away(door: Door, key: str | None) -> None:
    with pytest.raises(Unauthorized, match="no such write key"):
        door.receive(TRACK, EventType.TRACK, key)


# What is said


@pytest.mark.parametrize("kind", list(EventType))
def test_the_six_calls(door: Door, kind: EventType) -> None:
    body = {
        "userId": "u",
        "previousId": "p",
        "groupId": "g",
        "event": "Bought",
        "properties": {"a": 1},
        "traits": {"b": 2},
    }
    for event in (door.one(body, kind), door.receive(batch({"type": kind.value, **body})).events[0][0]):
        assert event.type is kind
        assert event.name == ("Bought" if kind is EventType.TRACK else kind.value)
        assert event.properties == ({"b": 2} if kind in (EventType.IDENTIFY, EventType.GROUP) else {"a": 1})
        assert event.previous_id == ("p" if kind is EventType.ALIAS else None)
        assert event.group_id == "g"


def test_the_path_tells_the_type_and_not_the_body(door: Door) -> None:
    assert door.one({**TRACK, "type": "page"}, EventType.TRACK).type is EventType.TRACK


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"event": "A"}, "neither userId nor anonymousId is there"),
        ({"event": "A", "userId": None, "anonymousId": None}, "neither userId nor anonymousId"),
        ({"event": "A", "userId": "", "anonymousId": ""}, "neither userId nor anonymousId"),
        ({"userId": "u"}, "a track call without event"),
        ({"userId": "u", "event": ""}, "a track call without event"),
        ({"userId": "u", "event": None}, "a track call without event"),
        ({"userId": "u", "event": 7}, "event"),
        ({"userId": "u", "event": "x" * 257}, "event is 257 characters long: the limit is 256"),
        ({"userId": "u" * 513, "event": "A"}, "userId is 513 characters long: the limit is 512"),
        ({"userId": "u", "event": "A", "messageId": "m" * 101}, "messageId is 101 characters long: the limit is 100"),
        ({"userId": {"id": 1}, "event": "A"}, "userId"),
        ({"userId": "u", "event": "A", "properties": [1]}, "properties"),
        ({"userId": "u", "event": "A", "context": [1]}, "context is no object"),
        ({"userId": "u", "event": "A", "timestamp": "yesterday"}, "yesterday"),
        ({"userId": "u", "event": "A", "timestamp": "1970-01-01T00:00:00Z"}, "before 2000"),
        ({"userId": "u", "event": "A", "timestamp": "2100-01-01T00:00:00Z"}, "more than a day in the future"),
        ({"userId": "u", "event": "A", "properties": {"x": 2**64}}, ""),
        ({"userId": "u", "event": "A", "properties": {"x": "y" * 40_000}}, "the limit is 32768"),
        (
            {"userId": "u", "event": "A", "context": {"consent": {"categoryPreferences": {"marketing": "yes"}}}},
            "Expected",
        ),
    ],
)
def test_a_bad_message_is_quarantined_with_the_reason_and_the_body(door: Door, body: dict[str, Any], says: str) -> None:
    assert says in door.reason(body)
    kept = door.receive(body, EventType.TRACK).quarantined[0]
    assert (kept.source, kept.received_at) == ("shop", NOW)
    if len(kept.body) < 32_768:
        said = {name: value for name, value in json.loads(kept.body).items() if value is not None}
        assert said == {name: value for name, value in body.items() if value is not None}
    else:  # cut to what is kept
        assert len(kept.body) == 32_768
        assert kept.body.startswith(b'{"userId":"u","event":"A","properties":{"x":"yyy')


def test_an_alias_needs_both_ids(door: Door) -> None:
    assert "previousId" in door.reason({"userId": "u"}, EventType.ALIAS)
    assert "previousId" in door.reason({"anonymousId": "a", "previousId": "p"}, EventType.ALIAS)


def test_null_is_absent(door: Door) -> None:
    nothing = dict.fromkeys(
        ["anonymousId", "messageId", "properties", "context", "timestamp", "sentAt", "originalTimestamp", "traits"]
    )
    event = door.one({"event": "A", "userId": "u", **nothing})
    assert (event.anonymous_id, event.properties, event.context, event.timestamp) == (None, {}, b"", NOW)


def test_traits_of_an_identify_may_stand_in_its_context(door: Door) -> None:
    """As RudderStack's clients send them."""
    body = {"userId": "u", "context": {"traits": {"country": "FR", "age": 7}}, "traits": {"age": 8}}
    assert door.one(body, EventType.IDENTIFY).properties == {"country": "FR", "age": 8}
    assert door.one({"userId": "u", "context": {"traits": {"country": "FR"}}}, EventType.IDENTIFY).properties == {
        "country": "FR"
    }
    assert door.one({**body, "event": "E"}, EventType.TRACK).properties == {}
    assert "traits" in door.reason({"userId": "u", "context": {"traits": [1]}}, EventType.IDENTIFY)


def test_ids_may_be_numbers(door: Door) -> None:
    event = door.one({"event": "A", "userId": 7, "anonymousId": 7.5})
    assert (event.user_id, event.anonymous_id) == ("7", "7.5")


def test_the_server_fills_in_what_is_missing(door: Door) -> None:
    first, second = door.one(TRACK), door.one(TRACK)
    assert first.received_at == NOW
    assert len(first.message_id) == 36
    assert first.message_id != second.message_id
    assert door.one({**TRACK, "messageId": "mine"}).message_id == "mine"


def test_unknown_keys_are_passed_over(door: Door) -> None:
    assert door.one({**TRACK, "integrations": {"All": False}, "channel": "server", "_metadata": {}}).properties == {
        "revenue": 5
    }


# When it happened


def test_the_client_s_clock_is_corrected(door: Door) -> None:
    hour_slow = {"timestamp": "2023-11-14T21:13:15.000Z", "sentAt": "2023-11-14T21:13:20.000Z"}
    event = door.one({**TRACK, **hour_slow})
    assert event.timestamp == NOW - 5_000
    assert event.original_timestamp == NOW - 3_605_000
    assert door.one({**TRACK, "timestamp": "2023-11-14T22:13:15Z"}).timestamp == NOW - 5_000
    assert door.one({**TRACK, "timestamp": "2023-11-14T22:15:00Z"}).timestamp == NOW


def test_the_original_timestamp_of_a_relay_is_the_client_s_claim(door: Door) -> None:
    times = {"originalTimestamp": "2023-11-14T22:13:10Z", "timestamp": "2023-11-14T22:13:19Z", "sentAt": ISO}
    assert door.one({**TRACK, **times}).timestamp == NOW - 10_000


def test_a_batch_s_sending_time_holds_for_its_messages(door: Door) -> None:
    message = {**TRACK, "timestamp": "2023-11-14T20:13:15Z"}
    first, second = door.receive(
        batch(message, {**message, "sentAt": "2023-11-14T20:13:16Z"}, sentAt="2023-11-14T20:13:20Z")
    ).events
    assert first[0].timestamp == NOW - 5_000
    assert second[0].timestamp == NOW - 1_000


# Batches


def test_a_batch_s_context_is_merged_into_each_message(door: Door) -> None:
    shared = {"library": {"name": "x"}, "ip": "1.2.3.4"}
    intake = door.receive(
        batch(TRACK, {**TRACK, "context": {"ip": "5.6.7.8"}}, {**TRACK, "context": None}, context=shared)
    )
    contexts = [json.loads(event.context) for event, _ in intake.events]
    assert contexts == [shared, {"library": {"name": "x"}, "ip": "5.6.7.8"}, shared]


def test_one_bad_message_harms_no_other(door: Door) -> None:
    bad = [{"type": "track", "userId": "u"}, 7, None, [], "x", {"type": "tracked", "userId": "u"}, {"userId": "u"}, {"type": "track", "event": "A", "userId": ["u"]}]  # fmt: skip
    mixed = [each for broken in bad for each in (broken, TRACK)]
    intake = door.receive(batch(*mixed))
    assert len(intake.events) == len(bad)
    assert [json.loads(entry.body) for entry in intake.quarantined] == bad
    assert "send one of identify, track, page, screen, group, alias" in intake.quarantined[5].reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'"x"',
        b"null",
        b'{"batch":7}',
        b'{"batch":{}}',
        b"{}",
        b'{"batch":[}',
        b"\xff\xfe",
        b"[" * 5_000,
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(door: Door, body: bytes) -> None:
    with pytest.raises(InvalidInput, match="batch"):
        door.receive(body)


def test_an_empty_or_overlong_batch_is_refused(door: Door) -> None:
    with pytest.raises(InvalidInput, match="the batch is empty"):
        door.receive(batch())
    with pytest.raises(InvalidInput, match="2501 messages: send at most 2500"):
        door.receive(batch(*[TRACK] * 2501))
    assert len(door.receive(batch(*[TRACK] * 2500)).events) == 2500


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b"\xff", b'{"a":' * 3_000])
def test_a_body_that_is_no_message_is_refused(door: Door, body: bytes) -> None:
    with pytest.raises(InvalidInput, match="no JSON object"):
        door.receive(body, EventType.TRACK)


def test_a_repeated_message_id_is_no_error_here(door: Door) -> None:
    """It is the fold that applies it once."""
    assert len(door.receive(batch({**TRACK, "messageId": "m"}, {**TRACK, "messageId": "m"})).events) == 2


# Consent


def consent(**preferences: bool) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": preferences}}


NO = consent(personalization=False, analytics=False, marketing=False)


def test_the_source_s_default_holds_for_the_silent(door: Door) -> None:
    event = door.one(TRACK)
    assert (event.purposes, event.answered) == (PERSONALIZATION, 0)


def test_an_answer_in_the_event_stands_over_what_was_known(door: Door) -> None:
    door.stored["u"] = Answers(MARKETING, MARKETING)
    event = door.one({**TRACK, "context": consent(personalization=False)})
    assert (event.purposes, event.answered) == (MARKETING, PERSONALIZATION)


def test_what_was_answered_before_holds_over_the_default(door: Door) -> None:
    door.stored["u"] = Answers(MARKETING, PERSONALIZATION | MARKETING)
    event = door.one(TRACK)
    assert (event.purposes, event.answered) == (MARKETING, 0), "the event itself answers nothing"


def test_a_choice_holds_for_what_follows_in_the_same_batch(door: Door) -> None:
    chosen = {
        "type": "track",
        "event": CONSENT_EVENT,
        "userId": "u",
        "context": consent(personalization=False, marketing=True),
    }
    events = [event for event, _ in door.receive(batch(TRACK, chosen, TRACK, {**TRACK, "userId": "v"})).events]
    assert [event.purposes for event in events] == [PERSONALIZATION, MARKETING, MARKETING, PERSONALIZATION]


def test_global_privacy_control_refuses_marketing(tmp_path: Path) -> None:
    door = Door(tmp_path, purposes=ALL)
    event = door.one(TRACK, gpc=from_gpc("1"))
    assert (event.purposes, event.answered) == (ALL & ~MARKETING, MARKETING)
    assert door.one({**TRACK, "context": consent(marketing=True)}, gpc=from_gpc("1")).purposes & MARKETING == 0


def test_of_strangers_who_refuse_everything_nothing_is_stored(door: Door) -> None:
    for message in ({**TRACK, "context": NO}, {**TRACK, "event": CONSENT_EVENT, "context": NO}):
        intake = door.receive(batch(message, TRACK))
        assert (intake.events, intake.quarantined, intake.refused) == ([], [], 2)


def test_of_those_who_have_refused_nothing_more_is_stored(door: Door) -> None:
    door.stored["u"], door.known = Answers(0, ALL), {"u"}
    for message in (TRACK, {**TRACK, "context": NO}, {**TRACK, "event": CONSENT_EVENT, "context": NO}):
        assert door.receive(message, EventType.TRACK).refused == 1


def test_a_bad_message_of_one_who_refuses_is_not_even_quarantined(door: Door) -> None:
    door.stored["u"] = Answers(0, ALL)
    bad = [
        {"type": "track", "anonymousId": "a", "context": NO}, {"type": "track", "userId": "u"},
        {"type": "track", "anonymousId": "a", "event": 7, "context": NO}, {"type": "nonsense", "userId": {}, "context": NO},
    ]  # fmt: skip
    intake = door.receive(batch(*bad))
    assert (intake.events, intake.quarantined, intake.refused) == ([], [], len(bad))


@pytest.mark.parametrize("stored", [SILENT, Answers(ALL, ALL)])
def test_when_someone_known_takes_all_back_that_is_kept(door: Door, stored: Answers) -> None:
    door.stored["u"], door.known = stored, {"u"}
    event = door.one({**TRACK, "event": CONSENT_EVENT, "context": NO, "messageId": "m"})
    assert (event.name, event.purposes, event.answered) == (CONSENT_EVENT, 0, ALL)


def test_and_nothing_else_of_the_event_that_says_so(door: Door) -> None:
    door.known = {"u"}
    intake = door.receive(batch({**TRACK, "messageId": "m", "groupId": "g", "context": {**NO, "ip": "1.2.3.4"}}, TRACK))
    ((event, _),) = intake.events
    assert (event.type, event.name, event.message_id, event.user_id) == (EventType.TRACK, CONSENT_EVENT, "m", "u")
    assert (event.purposes, event.answered, event.properties, event.group_id) == (0, ALL, {}, None)
    assert json.loads(event.context) == NO
    assert intake.refused == 1, "and what follows is not stored"
