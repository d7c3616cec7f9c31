"""A fold without servers: a log in memory or on disk, and states that are folded from it in any way a test wants."""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tailorbird.config import Settings
from tailorbird.definitions import load_definitions
from tailorbird.engine import feed
from tailorbird.engine.archive import LocalArchive
from tailorbird.engine.fold import Group, View, catch_up, set_aside
from tailorbird.engine.log import NewRecord, Record, RecordKind
from tailorbird.engine.state import Generation, StateTxn
from tailorbird.events import model
from tailorbird.events.model import Event, EventType
from tailorbird.ids import ProfileKey, anonymous_key, user_key
from tailorbird.profiles import profile as codec
from tailorbird.profiles.profile import Profile
from tailorbird.profiles.store import TABLE as PROFILES
from tailorbird.spine import CHANGES, TIMERS, Change, Spine, decode_change

START = 1_700_000_000_000
"""When the log of every test begins."""
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
ALL = 7
TICK = NewRecord(RecordKind.TICK, b"")

_MEMORY = "/dev/shm"
"""Where there is a file system in memory the states lie there: on a busy disk these tests take ten times as long."""
_spare: list[Generation] = []
_folders: list[str] = []


def examples(usual: int) -> int:
    """How many examples a property tries: ``usual`` times ``TAILORBIRD_EXAMPLES``, for a deep run."""
    return max(1, int(usual * float(os.environ.get("TAILORBIRD_EXAMPLES", "1"))))


@lru_cache(maxsize=32)
def spine(text: str, **settings: Any) -> Spine:
    """The view that a definitions file describes."""
    return load_definitions(text, Settings(**settings)).spine


class MemoryLog:
    """A log in a list."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, records: Sequence[NewRecord], now: int) -> tuple[int, int]:
        first = len(self.records) + 1
        at = max(now, self.records[-1].at) if self.records else now
        self.records += [Record(first + i, at, kind, payload) for i, (kind, payload, _) in enumerate(records)]
        return first, at

    def read(self, after: int, limit: int) -> list[Record]:
        return self.records[after : after + limit]

    def first_offset(self) -> int:
        return min(1, len(self.records))

    def last_offset(self) -> int:
        return len(self.records)

    def scan(self) -> Iterator[Record]:
        return iter(self.records)

    def drop_through(self, offset: int) -> None:
        raise AssertionError("nothing is dropped from a log in memory")


NO_ARCHIVE = LocalArchive(Path(os.devnull) / "none")


@contextlib.contextmanager
def states(count: int = 1) -> Iterator[list[Generation]]:
    """Empty states. Making an LMDB environment takes 10 ms, emptying one a fraction of that, so they are used again."""
    taken = []
    for _ in range(count):
        if _spare:
            generation = _spare.pop()
            with generation.write() as txn:
                for table in generation.tables.values():
                    txn.lmdb.drop(table, delete=False)
        else:
            _folders.append(tempfile.mkdtemp(dir=_MEMORY if Path(_MEMORY).is_dir() else None))
            generation = Generation(Path(_folders[-1]), Spine.tables, 1 << 28)
        taken.append(generation)
    try:
        yield taken
        for generation in taken:
            with generation.read() as txn:
                assert set_aside(txn) == [], "the fold could not take these records"
    finally:
        _spare.extend(taken)


@atexit.register
def _clean_up() -> None:
    for generation in _spare:
        generation.close()
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)


class Run:
    """One log and one state, folded as it grows."""

    def __init__(self, view: Spine, state: Generation) -> None:
        self.view, self.state, self.log = view, state, MemoryLog()

    def add(self, record: NewRecord, at: int) -> int:
        """Append a record at the instant ``at`` and fold it; returns its offset."""
        first, at = self.log.append([record], at)
        catch_up(self.log, self.state, self.view, Group(first, at, [record]))
        return first

    def event(self, event: Event, at: int) -> int:
        """Append an event and fold it."""
        return self.add(new(event, self.view), at)

    def tick(self, at: int) -> int:
        """Let time pass."""
        return self.add(TICK, at)

    def people(self) -> dict[ProfileKey, Profile]:
        """Everybody, by key."""
        with self.state.read() as txn:
            return people(txn)

    def person(self, alias: str) -> Profile:
        """The profile that ``u:ID`` or ``a:ID`` leads to."""
        with self.state.read() as txn:
            found = find(txn, alias)
        assert found is not None, alias
        return found[1]

    def value(self, alias: str, feature: str, at: int) -> Any:
        """A feature of a person at an instant."""
        return self.view.plan.read(self.person(alias), feature, at)

    def segments(self, alias: str) -> set[str]:
        """The segments that a person is in, as stored."""
        return {self.view.membership.segments[number].name for number in self.person(alias).segments}

    def changes(self) -> list[Change]:
        """The whole feed of segment moves."""
        with self.state.read() as txn:
            return [decode_change(value) for _, value in feed.read(txn, CHANGES, 0, 1 << 30)]

    def timers(self) -> list[tuple[int, ProfileKey]]:
        """Who is due when, in order."""
        with self.state.read() as txn, txn.lmdb.cursor(db=txn.tables[TIMERS]) as cursor:
            return [(int.from_bytes(key[:8], "big"), ProfileKey(key[8:])) for key, _ in cursor]


def new(event: Event, view: View | None = None) -> NewRecord:
    """An event on its way into the log, prepared for ``view`` if one is given."""
    prepared = view.prepare(event) if isinstance(view, Spine) else None
    return NewRecord(RecordKind.EVENT, model.encode(event), prepared)


def people(txn: StateTxn) -> dict[ProfileKey, Profile]:
    """Every profile of a state that is no redirect."""
    with txn.lmdb.cursor(db=txn.tables[PROFILES]) as cursor:
        found = [(ProfileKey(key), codec.decode(value)) for key, value in cursor]
    return {key: profile for key, profile in found if isinstance(profile, Profile)}


def find(txn: StateTxn, alias: str) -> tuple[ProfileKey, Profile] | None:
    """Follow the redirects from an alias."""
    key = user_key(alias[2:]) if alias.startswith("u:") else anonymous_key(alias[2:])
    for _ in range(1_000):
        value = txn.get(PROFILES, key)
        if value is None:
            return None
        found = codec.decode(value)
        if isinstance(found, Profile):
            return key, found
        key = found
    raise AssertionError(f"the redirects from {alias} go in a circle")


_number = iter(range(1 << 62))


def event(
    name: str = "Order Completed", *, user: str | None = None, anonymous: str | None = None, at: int = START,
    properties: dict[str, Any] | None = None, purposes: int = ALL, answered: int = 0, message: str | None = None,
    kind: EventType = EventType.TRACK, previous: str | None = None, group: str | None = None,
) -> Event:  # fmt: skip
    """An event that happened at the instant ``at``."""
    return Event(
        kind, message or f"nobody else has {next(_number)}", name if kind is EventType.TRACK else kind.value, user, anonymous, at, at,
        "shop", purposes, answered, properties or {}, b"", previous, group,
    )  # fmt: skip
