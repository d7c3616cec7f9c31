"""The way of one record through the fold: the view that all of Tailorbird's state is made by.

``event -> (seen before?) -> identity.resolve -> consent -> profiles (features) -> segments -> catalog interactions -> rewards``
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from tailorbird.catalog import table as catalog_table
from tailorbird.catalog.table import Catalog
from tailorbird.consent.gate import Answers, allows, joined, taken
from tailorbird.consent.purposes import PERSONALIZATION
from tailorbird.consent.signals import CONSENT_EVENT
from tailorbird.decide import decision as decisions
from tailorbird.decide.decision import Decision, Reward
from tailorbird.engine import dedup
from tailorbird.engine.dedup import Seen
from tailorbird.engine.feed import Feed
from tailorbird.engine.log import Record, RecordKind
from tailorbird.engine.state import StateTxn
from tailorbird.events import quarantine
from tailorbird.events.ecommerce import Interaction, interactions_of
from tailorbird.events.model import Event, EventType
from tailorbird.events.model import decode as decode_event
from tailorbird.identity.resolve import Keys, keys_of, resolve
from tailorbird.ids import ProfileKey, anonymous_key, message_key, user_key
from tailorbird.profiles.plan import NO_WRITES, Plan, Writes
from tailorbird.profiles.profile import Move, Profile, Shown
from tailorbird.profiles.store import TABLE as PROFILES
from tailorbird.profiles.store import LmdbProfiles
from tailorbird.profiles.traits import merged_traits
from tailorbird.segments.membership import Impact, Membership, Moved

TIMERS, CHANGES, INTERACTIONS, CONSENTS = "timers", "changes", "interactions", "consents"
_NEVER = 1 << 62
_PERSON = b"\x94\xc4\x0c"
"""How an ``Interaction`` begins in msgpack: an array of four, of which the first is twelve bytes; what follows is ``Interacted``."""
_NOTHING = msgspec.Raw(b"\x90")
_DAY = 86_400_000
_TRAITS = frozenset({EventType.IDENTIFY, EventType.GROUP})


class Change(msgspec.Struct, frozen=True, array_like=True):
    """``Segment Entered`` or ``Segment Exited``."""

    person: bytes
    segment: str
    entered: bool
    at: int
    offset: int
    """The record that caused it; 0 where the passing of time did."""


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """An event with everything that can be worked out before a lock is held."""

    plan: Plan
    event: Event
    message: bytes
    keys: Keys
    impact: Impact
    writes: Writes
    interactions: Sequence[tuple[str, int]]


_encode = msgspec.msgpack.Encoder().encode
decode_change = msgspec.msgpack.Decoder(Change).decode
decode_interaction = msgspec.msgpack.Decoder(Interaction).decode


class Spine:
    """The view. One per set of definitions."""

    tables: Sequence[str] = (
        PROFILES, TIMERS, CHANGES, INTERACTIONS, CONSENTS, catalog_table.TABLE, catalog_table.FEED, decisions.TABLE,
        decisions.REWARDS, quarantine.TABLE, *dedup.TABLES,
    )  # fmt: skip

    def __init__(self, plan: Plan, membership: Membership, *, dedup_days: int, attribution_days: int) -> None:
        self.plan, self.membership = plan, membership
        self.dedup_days, self.attribution = dedup_days, attribution_days * _DAY

    def prepare(self, event: Event) -> Prepared:
        """Work out all that ``event`` will do, except what depends on state."""
        return Prepared(
            self.plan,
            event,
            message_key(event.message_id),
            keys_of(event),
            self.membership.impact(event.name),
            *self.uses(event, event.purposes),
        )

    def uses(self, event: Event, granted: int) -> tuple[Writes, Sequence[tuple[str, int]]]:
        """What ``event`` may be used for under ``granted``: what it writes, and its interactions with items."""
        writes = self.plan.writes(event, granted) if granted else NO_WRITES
        return writes, interactions_of(event.name, event.properties) if granted & PERSONALIZATION else ()

    def open(self, txn: StateTxn) -> "SpineUnit":
        return SpineUnit(self, txn)


class SpineUnit:
    """The fold's work within one transaction of the state."""

    def __init__(self, spine: Spine, txn: StateTxn) -> None:
        self._spine, self._txn = spine, txn
        self._plan, self._membership = spine.plan, spine.membership
        self._store = LmdbProfiles(txn)
        self._seen = Seen(txn, spine.dedup_days)
        self._clock = txn.applied()[1]
        self._changes, self._interactions = Feed(txn, CHANGES), Feed(txn, INTERACTIONS)
        self._catalog = Catalog(txn)
        self._next_due = self._first_due()
        self._joined: list[tuple[ProfileKey, list[int]]] = []
        """Profiles that the event at hand has joined into another, with the segments they were in."""

    def advance(self, until: int) -> None:
        while self._next_due <= until:
            # Never later than the first timer, but perhaps earlier: what stood first may have been moved since.
            self._next_due = self._first_due()
            if self._next_due <= until:
                with self._txn.lmdb.cursor(db=self._txn.tables[TIMERS]) as cursor:
                    cursor.first()
                    timer = cursor.key()
                    cursor.delete()
                self._wake(int.from_bytes(timer[:8], "big"), ProfileKey(timer[8:]))
        self._seen.advance(self._clock, until)
        self._clock = until

    def apply(self, record: Record) -> None:
        kind = record.kind
        if kind == RecordKind.EVENT:
            value = record.value
            if isinstance(value, Prepared) and value.plan is self._plan:
                prepared = value
            else:
                prepared = self._spine.prepare(decode_event(record.payload))
            if self._seen.first_time(prepared.message, record.offset, record.at):
                self._event(record, prepared)
        elif kind == RecordKind.DECISION:
            self._decision(record)
        elif kind == RecordKind.ITEM:
            self._catalog.apply(record)
        elif kind == RecordKind.QUARANTINED:
            quarantine.apply(self._txn, record)

    def close(self) -> None:
        self._store.flush()
        self._changes.flush()
        self._interactions.flush()
        self._catalog.flush()

    def _event(self, record: Record, prepared: Prepared) -> None:
        event, impact = prepared.event, prepared.impact
        writes, interactions = prepared.writes, prepared.interactions
        at = record.at
        key, profile, changed = resolve(self._store, event, prepared.keys, at, self._join)
        if self._joined:
            self._leave(at, record.offset)
        timestamp = min(event.timestamp, at)
        profile.events += 1
        if timestamp > profile.seen:
            profile.seen = timestamp
        granted = event.purposes
        if granted != profile.purposes or event.answered & ~profile.answered or changed:
            before = profile.purposes
            granted = self._consent(profile, event, changed)
            changed = changed or profile.purposes != before
            if granted != event.purposes:
                writes, interactions = self._spine.uses(event, granted)
        back = False
        if event.name != CONSENT_EVENT:
            slots = profile.slots
            back = self._plan.session(profile, timestamp, at)
            for write, value in writes.plain:
                write(slots, timestamp, value, at)
            if writes.session and timestamp >= profile.session_start:
                for write, value in writes.session:
                    write(slots, timestamp, value, at)
        if event.type in _TRAITS and granted:
            said = {"group": event.group_id} if event.type is EventType.GROUP else event.properties
            profile.traits = merged_traits(profile.traits, said)
            changed = True
        for item, kind in interactions:
            self._catalog.learn(item, event.properties)
            self._interaction(key, profile, item, timestamp, kind)
        membership = self._membership
        if changed:
            self._move(key, profile, membership.all, at, record.offset)
            self._set_due(key, profile, membership.due(profile, at))
            return
        if back:
            values = self._move(key, profile, membership.of_session, at, record.offset)
            due = membership.due_after_event(profile, membership.of_session, timestamp, at, values)
            self._bring_forward(key, profile, due)
        if impact.segments:
            values = self._move(key, profile, impact, at, record.offset)
            self._bring_forward(key, profile, membership.due_after_event(profile, impact, timestamp, at, values))

    def _move(self, key: ProfileKey, profile: Profile, impact: Impact, at: int, offset: int) -> list[Any]:
        moved: Moved = []
        values = self._membership.update(profile, impact, at, moved)
        if moved:
            segments = self._membership.segments
            profile.moves = [*profile.moves, *(Move(at, number, entered) for number, entered in moved)]
            for number, entered in moved:
                self._changes.append(_encode(Change(key, segments[number].name, entered, at, offset)))
        return values

    def _wake(self, due: int, key: ProfileKey) -> None:
        found = self._store.find(key)
        if found is None or found[0] != key:
            return
        profile = found[1]
        profile.due = 0
        self._move(key, profile, self._membership.of_time, due, 0)
        self._set_due(key, profile, self._membership.due(profile, due))

    def _consent(self, profile: Profile, event: Event, renamed: bool) -> int:
        """Take over what holds now, under every id of the person; the purposes that ``event`` itself may be used for."""
        before = Answers(profile.purposes, profile.answered)
        held, granted = taken(before, Answers(event.purposes, event.answered))
        profile.purposes, profile.answered = held
        if held.answered and (renamed or held != before):
            for alias in profile.aliases:
                self._txn.put(CONSENTS, alias_key(alias), bytes([held.granted & held.answered, held.answered]))
        self._forget(profile, before.granted & ~held.granted)
        return granted

    def _forget(self, profile: Profile, withdrawn: int) -> None:
        """What no longer has consent is forgotten."""
        if withdrawn:
            self._plan.forget(profile)
            if withdrawn & PERSONALIZATION:
                profile.recent, profile.shown = [], []
            if not profile.purposes:
                profile.traits = {}

    def _join(self, target_key: ProfileKey, target: Profile, source_key: ProfileKey, source: Profile) -> None:
        self._set_due(source_key, source, 0)
        self._joined.append((source_key, source.segments))
        target.traits = {**source.traits, **target.traits}
        self._plan.merge(target, source)
        target.created, target.seen = min(target.created, source.created), max(target.seen, source.seen)
        target.events += source.events
        target.recent = sorted([*source.recent, *target.recent], key=lambda each: each.at)
        target.shown = sorted([*source.shown, *target.shown], key=lambda each: each.at)
        before = target.purposes | source.purposes
        target.purposes, target.answered = joined(
            Answers(target.purposes, target.answered), Answers(source.purposes, source.answered)
        )
        self._forget(target, before & ~target.purposes)

    def _leave(self, at: int, offset: int) -> None:
        """Those who have become someone else are no longer in any segment: the one who stays enters."""
        names = self._membership.segments
        for key, inside in self._joined:
            for number in inside:
                self._changes.append(_encode(Change(key, names[number].name, False, at, offset)))
        self._joined.clear()

    def _interaction(self, key: ProfileKey, profile: Profile, item: str, timestamp: int, kind: int) -> None:
        packed = profile.interacted(item, timestamp, kind)
        self._interactions.append(_PERSON + key + packed[1:])
        for shown in reversed(profile.shown) if profile.packed_shown != _NOTHING else ():
            if shown.at <= timestamp < shown.at + self._spine.attribution and item in shown.items:
                reward = Reward(item, kind, timestamp, shown.items.index(item))
                decisions.put_reward(self._txn, shown.decision, reward)
                break

    def _decision(self, record: Record) -> None:
        value = record.value
        decision = value if isinstance(value, Decision) else decisions.decode(record.payload)
        decisions.apply(self._txn, decision, record)
        found = self._store.find(ProfileKey(decision.person)) if decision.person else None
        if found is not None and allows(found[1].purposes, PERSONALIZATION):
            profile, items = found[1], [slot.item for slot in decision.slate]
            profile.shown = [*profile.shown, Shown(decision.id, decision.at, decision.placement, items)]
            if profile.recent_last >= decision.at:  # a click may come in before the decision is logged
                for item, at, kind in profile.recent:
                    if at >= decision.at and item in items:
                        decisions.put_reward(self._txn, decision.id, Reward(item, kind, at, items.index(item)))

    def _first_due(self) -> int:
        with self._txn.lmdb.cursor(db=self._txn.tables[TIMERS]) as cursor:
            return int.from_bytes(cursor.key()[:8], "big") if cursor.first() else _NEVER

    def _bring_forward(self, key: ProfileKey, profile: Profile, due: int) -> None:
        if due and (not profile.due or due < profile.due):
            self._set_due(key, profile, due)

    def _set_due(self, key: ProfileKey, profile: Profile, due: int) -> None:
        if due == profile.due:
            return
        timers: Any = self._txn.tables[TIMERS]
        if profile.due:
            self._txn.lmdb.delete(profile.due.to_bytes(8, "big") + key, db=timers)
        if due:
            self._txn.lmdb.put(due.to_bytes(8, "big") + key, b"", db=timers)
            self._next_due = min(self._next_due, due)
        profile.due = due


def alias_key(alias: str) -> ProfileKey:
    """The key of an alias as profiles keep it: ``u:`` or ``a:`` and the id."""
    return user_key(alias[2:]) if alias.startswith("u:") else anonymous_key(alias[2:])
