"""The log read in order, for what is sequential by its nature: who did it, in which session, and what consent still covers.

These follow the fold's own rules, by the fold's own functions where they have one; everything that adds up is left to SQL.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from tailorbird.consent.gate import Answers, joined, taken
from tailorbird.consent.purposes import BY_NAME
from tailorbird.consent.signals import CONSENT_EVENT
from tailorbird.engine.log import Record, RecordKind
from tailorbird.events.model import Event, EventType
from tailorbird.events.model import decode as decode_event
from tailorbird.identity.resolve import keys_of, resolve
from tailorbird.ids import ProfileKey, message_key
from tailorbird.profiles.plan import Plan
from tailorbird.profiles.profile import Profile
from tailorbird.profiles.traits import merged_traits

_DAY = 86_400_000
BITS = tuple(BY_NAME.values())
"""The purposes, one by one."""
_TRAITS = frozenset({EventType.IDENTIFY, EventType.GROUP})
_encode_json = msgspec.json.Encoder().encode


class Fact(NamedTuple):
    """One event, as it was when it came in."""

    profile: str
    """Key (hex) of the profile that it belonged to then."""
    offset: int
    name: str
    moment: int
    stated: int
    purposes: int
    session: int | None
    """Number of the session that it joined; a late event joins none."""
    properties: str
    """JSON."""


class Origin(NamedTuple):
    """A profile as it was first met: who it is in the end, and since when each purpose has not been refused."""

    profile: str
    person: str
    refused: tuple[int, ...]
    """For each purpose the offset of the last record at which it did not hold; 0 for none."""


class History:
    """Everybody's past up to the instant ``now``, record by record."""

    def __init__(self, plan: Plan, now: int, dedup_days: int) -> None:
        self._plan, self._now, self._span = plan, now, dedup_days * _DAY
        self._store = _People()
        self._refused: dict[ProfileKey, list[int]] = {}
        self._joined: dict[ProfileKey, tuple[ProfileKey, int]] = {}
        self._session: dict[ProfileKey, int] = {}
        self._sessions = 0
        self._generation = -1
        self._messages: tuple[set[bytes], set[bytes]] = (set(), set())
        self._offset = 0

    def take(self, record: Record) -> Fact | None:
        """One record of the log; None unless it is an event, in time, met for the first time, that features may look at."""
        if record.kind != RecordKind.EVENT or record.at > self._now:
            return None
        event = decode_event(record.payload)
        if not self._first_time(message_key(event.message_id), record.at):
            return None
        self._offset = record.offset
        key, profile, _ = resolve(self._store, event, keys_of(event), record.at, self._join)
        moment = min(event.timestamp, record.at)
        granted = self._consent(key, profile, event)
        if event.type in _TRAITS and granted:
            said = {"group": event.group_id} if event.type is EventType.GROUP else event.properties
            profile.traits = merged_traits(profile.traits, said)
        if event.name == CONSENT_EVENT:
            return None
        sessions = profile.session_number
        self._plan.session(profile, moment, record.at)
        if profile.session_number > sessions:
            self._sessions += 1
            self._session[key] = self._sessions
        session = self._session[key] if moment >= profile.session_start else None
        return Fact(
            key.hex(), record.offset, event.name, moment, event.timestamp, granted, session,
            _encode_json(event.properties).decode(),
        )  # fmt: skip

    def people(self) -> Iterator[tuple[str, int, int | None, Profile]]:
        """(person, purposes that hold, the session that is open at ``now``, profile) of everybody."""
        for key, profile in self._store.profiles():
            is_open = self._now - profile.session_last < self._plan.session_timeout
            yield key.hex(), profile.purposes, self._session.get(key) if is_open else None, profile

    def origins(self) -> Iterator[Origin]:
        """Every profile there ever was."""
        for profile in self._refused:
            person, refused = profile, list(self._refused[profile])
            while person in self._joined:
                person, since = self._joined[person]
                # What the other refused before they were one person is about the other's deeds only.
                later = (offset if offset >= since else 0 for offset in self._refused[person])
                refused = [max(pair) for pair in zip(refused, later, strict=True)]
            yield Origin(profile.hex(), person.hex(), tuple(refused))

    def _first_time(self, message: bytes, at: int) -> bool:
        generation = at // self._span
        if generation != self._generation:
            recent = self._messages[0] if generation == self._generation + 1 else set()
            self._messages, self._generation = (set(), recent), generation
        if message in self._messages[0] or message in self._messages[1]:
            return False
        self._messages[0].add(message)
        return True

    def _consent(self, key: ProfileKey, profile: Profile, event: Event) -> int:
        before = Answers(profile.purposes, profile.answered)
        held, granted = taken(before, Answers(event.purposes, event.answered))
        self._take_over(profile, before.granted, held)
        refused = self._refused.setdefault(key, [0] * len(BITS))
        for index, bit in enumerate(BITS):
            if not held.granted & bit:
                refused[index] = self._offset
        return granted

    def _take_over(self, profile: Profile, before: int, held: Answers) -> None:
        profile.purposes, profile.answered = held
        if before and not held.granted:
            profile.traits = {}

    def _join(self, target_key: ProfileKey, target: Profile, source_key: ProfileKey, source: Profile) -> None:
        if source.session_last > target.session_last:
            self._session[target_key] = self._session[source_key]
        self._plan.merge(target, source)  # nothing is in their slots: it joins the sessions
        target.traits = {**source.traits, **target.traits}
        self._joined[source_key] = (target_key, self._offset)
        before = target.purposes | source.purposes
        held = joined(Answers(target.purposes, target.answered), Answers(source.purposes, source.answered))
        self._take_over(target, before, held)
        refused = self._refused.setdefault(target_key, [0] * len(BITS)), self._refused[source_key]
        for index, bit in enumerate(BITS):
            if not held.granted & bit:  # for both, before the event that joins them
                refused[0][index] = refused[1][index] = self._offset - 1


class _People:
    """A profile store in memory."""

    def __init__(self) -> None:
        self._held: dict[ProfileKey, Profile | ProfileKey] = {}

    def find(self, key: ProfileKey) -> tuple[ProfileKey, Profile] | None:
        found = self._held.get(key)
        while found is not None and not isinstance(found, Profile):
            key, found = found, self._held.get(found)
        return None if found is None else (key, found)

    def hold(self, key: ProfileKey, profile: Profile) -> None:
        self._held[key] = profile

    def redirect(self, key: ProfileKey, target: ProfileKey) -> None:
        self._held[key] = target

    def flush(self) -> None:
        """Nothing to write."""

    def profiles(self) -> Iterator[tuple[ProfileKey, Profile]]:
        for key, held in self._held.items():
            if isinstance(held, Profile):
                yield key, held
