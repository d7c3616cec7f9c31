"""A set of feature definitions, compiled: what each event writes, and how each feature is read.

Slots are numbered by sorting what they hold, so equal definitions give equal state.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tailorbird.conditions import Column, Kind
from tailorbird.consent.gate import allows
from tailorbird.events.model import Event
from tailorbird.profiles.features import accumulate, series
from tailorbird.profiles.features.accumulate import Merge, Write
from tailorbird.profiles.features.definition import LISTS, Feature
from tailorbird.profiles.features.extract import Extract, extractor
from tailorbird.profiles.profile import Profile
from tailorbird.profiles.traits import trait_reader

Reader = Callable[[Profile, int], Any]
"""(profile, now) -> value"""


class Op(NamedTuple):
    """One thing that an event writes."""

    write: Write
    extract: Extract | None
    many: bool
    purposes: int
    session: bool
    slot: int
    feature_names: frozenset[str]


class Slot(NamedTuple):
    """What is held under a slot's number."""

    purposes: int
    session: bool
    merge: Merge


class Writes(NamedTuple):
    """What one event writes: (function, value) pairs, those of the session apart because a late event may miss it."""

    plain: Sequence[tuple[Write, Any]]
    session: Sequence[tuple[Write, Any]]


NO_WRITES = Writes((), ())


class Plan:
    """Compiled features and traits. ``columns`` name them for conditions; ``readers`` stand at the columns' indices."""

    def __init__(self, features: Sequence[Feature], traits: Mapping[str, Kind], session_timeout: int) -> None:
        self.features = {feature.name: feature for feature in features}
        self.session_timeout = session_timeout
        self.columns: dict[str, Column] = {}
        self.readers: list[Reader] = []
        self.slots: dict[int, Slot] = {}
        self.windows: dict[str, tuple[int, int]] = {}
        """Of each feature over a sliding window: (slot, length)."""
        self._slot_of: dict[str, int] = {}
        self._by_event: dict[str, list[Op]] = {}
        self._cache: dict[str, tuple[Op, ...]] = {}
        groups: dict[tuple[Any, ...], list[Feature]] = {}
        for feature in features:
            groups.setdefault(_slot_key(feature), []).append(feature)
        for slot, key in enumerate(sorted(groups)):
            self._add_slot(slot, groups[key])
        self.session_slots = tuple(number for number, slot in self.slots.items() if slot.session)
        for feature in features:
            self._add_column(feature.name, feature.kind, self._feature_reader(feature))
        for name, kind in traits.items():
            self._add_column(name, kind, trait_reader(name, kind))

    def ops(self, event_name: str) -> tuple[Op, ...]:
        """What an event of this name writes."""
        found = self._cache.get(event_name)
        if found is None:
            found = tuple(op for name in dict.fromkeys((event_name, "*")) for op in self._by_event.get(name, ()))
            if len(self._cache) < 10_000:  # names come from outside: never let them fill the memory
                self._cache[event_name] = found
        return found

    def writes(self, event: Event, granted: int) -> Writes:
        """The values that ``event`` writes for the purposes ``granted``; needs no state, so it is done before any lock is held."""
        ops = self.ops(event.name)
        if not ops:
            return NO_WRITES
        plain: list[tuple[Write, Any]] = []
        session: list[tuple[Write, Any]] = []
        properties, timestamp = event.properties, event.timestamp
        for write, extract, many, purposes, in_session, _, _ in ops:
            if granted & purposes != purposes:
                continue
            target = session if in_session else plain
            if extract is None:
                target.append((write, None))
            else:
                value = extract(properties, timestamp)
                if many:
                    target.extend((write, each) for each in value)
                elif value is not None:
                    target.append((write, value))
        return Writes(plain, session)

    def read(self, profile: Profile, name: str, now: int) -> Any:
        """A feature's or trait's value at ``now``."""
        return self.readers[self.columns[name].index](profile, now)

    def readable(self, profile: Profile, now: int, purpose: int) -> dict[str, Any]:
        """Every feature that may be read for ``purpose`` and has consent, by name; times since are in seconds."""
        values: dict[str, Any] = {}
        for name, feature in self.features.items():
            if feature.purposes & purpose == purpose and allows(profile.purposes, feature.purposes):
                value = self.read(profile, name, now)
                values[name] = (now - value) / 1000 if feature.kind is Kind.ELAPSED and value is not None else value
        return values

    def session(self, profile: Profile, timestamp: int, now: int) -> bool:
        """Take an event into the person's session: the last one, or one that begins. A late event of an earlier session joins none.

        Returns whether a session that had timed out goes on after all, since the event has come in late: then all that it holds
        counts again. That a session begins changes nothing by itself, for what it empties had timed out already.
        """
        timeout = self.session_timeout
        if profile.session_number:
            if timestamp < profile.session_start:
                if timestamp > profile.session_start - timeout:
                    profile.session_start = timestamp
                return False
            last = profile.session_last
            if timestamp < last + timeout:
                if timestamp > last:
                    profile.session_last = timestamp
                    return now - timestamp < timeout <= now - last
                return False
        profile.session_number += 1
        profile.session_start = profile.session_last = timestamp
        for number in self.session_slots:
            profile.slots.pop(number, None)
        return False

    def forget(self, profile: Profile) -> None:
        """Drop the features whose purposes no longer hold: consent that comes back later starts from nothing."""
        for number in [slot for slot in profile.slots if not allows(profile.purposes, self.slots[slot].purposes)]:
            del profile.slots[number]

    def merge(self, target: Profile, source: Profile) -> None:
        """Join ``source``'s features into ``target``'s; of two sessions the later stays."""
        later = source.session_last > target.session_last
        for number, state in source.slots.items():
            slot = self.slots[number]
            if slot.session:
                continue
            target.slots[number] = slot.merge(target.slots[number], state) if number in target.slots else state
        if later:
            for number, slot in self.slots.items():
                if slot.session:
                    target.slots.pop(number, None)
                    if number in source.slots:
                        target.slots[number] = source.slots[number]
            target.session_start, target.session_last = source.session_start, source.session_last
        target.session_number += source.session_number

    def _add_slot(self, number: int, features: list[Feature]) -> None:
        one = features[0]
        many = any(part.endswith("[]") for part in one.path)
        extract = extractor(one.path, value_kind(one)) if one.path else None
        if one.window is not None:
            longest = max(feature.window or 0 for feature in features)
            write = series.writer(number, longest, with_values=bool(one.path))
            merge = series.merger(longest)
            self.windows |= {feature.name: (number, feature.window or 0) for feature in features}
        else:
            write = accumulate.writer(one.aggregation, number, one.k, one.half_life)
            merge = accumulate.merger(one.aggregation, one.k, one.half_life)
        names = frozenset(feature.name for feature in features)
        self._by_event.setdefault(one.event, []).append(
            Op(write, extract, many, one.purposes, one.session, number, names)
        )
        self.slots[number] = Slot(one.purposes, one.session, merge)
        self._slot_of |= dict.fromkeys(names, number)

    def _feature_reader(self, feature: Feature) -> Reader:
        slot = self._slot_of[feature.name]
        if feature.window is not None:
            return series.reader(feature.aggregation, slot, feature.window, feature.k)
        read = accumulate.reader(feature.aggregation, feature.k, feature.half_life)
        if feature.session:
            timeout = self.session_timeout
            return lambda profile, now: read(profile.slots.get(slot) if now - profile.session_last < timeout else None)
        return lambda profile, now: read(profile.slots.get(slot))

    def _add_column(self, name: str, kind: Kind, reader: Reader) -> None:
        self.columns[name] = Column(name, len(self.readers), kind)
        self.readers.append(reader)


def value_kind(feature: Feature) -> Kind | None:
    """The kind of the values that go into a feature; None where it only matters that there is one."""
    if feature.kind is Kind.LIST or feature.aggregation == "distinct":
        return Kind.TEXT
    return None if feature.aggregation == "count" else feature.kind


def _slot_key(feature: Feature) -> tuple[Any, ...]:
    """Features with equal keys share a slot. Only strings and numbers, so that keys can be sorted."""
    common = (feature.event, ".".join(feature.path), feature.purposes)
    if feature.window is not None:
        kind = value_kind(feature)
        return (*common, "series", "any" if kind is None else kind.name)
    aggregation = {"since": "last"}.get(feature.aggregation, feature.aggregation)
    exact = (feature.k if feature.aggregation in LISTS else 0, feature.half_life or 0, int(feature.session))
    return (*common, aggregation, f"{feature.kind.name}:{exact}")
