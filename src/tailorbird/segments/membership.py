"""Live membership. An event touches only the segments that it can move; time touches a person only when it can move them.

A person's ``due`` is never later than the next instant at which time alone changes one of their segments: each event lowers it by
what that event can cause, and when it comes due everything that depends on time is looked at afresh.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tailorbird.consent.gate import allows
from tailorbird.profiles.features.series import next_expiry
from tailorbird.profiles.plan import Plan, Reader
from tailorbird.profiles.profile import Profile
from tailorbird.segments.definition import Segment

Moved = list[tuple[int, bool]]
"""(segment index, entered), in order"""


Test = Callable[[Sequence[object], int], bool | None]


class Impact(NamedTuple):
    """What a kind of change can move."""

    segments: tuple[int, ...]
    tests: tuple[tuple[int, Test, int], ...]
    """Of each segment: its index, its condition, its purposes."""
    reads: tuple[tuple[int, Reader], ...]
    windows: tuple[int, ...]
    """Lengths of the sliding windows, asked for by segments, that the event itself enters."""
    timed: tuple[int, ...]
    """Of ``segments`` those whose condition reads the time."""
    session: bool


class Membership:
    """A set of segments, compiled against a plan."""

    def __init__(self, plan: Plan, segments: Sequence[Segment]) -> None:
        self.plan, self.segments = plan, tuple(segments)
        self.index = {segment.name: number for number, segment in enumerate(self.segments)}
        self._width = len(plan.readers)
        self._session_features = {feature.name for feature in plan.features.values() if feature.session}
        everyone = range(len(self.segments))
        self.all = self._impact(everyone, frozenset())
        self.of_session = self._impact((i for i in everyone if self._reads(i) & self._session_features), frozenset())
        self.of_time = self._impact((i for i in everyone if self._depends_on_time(i)), frozenset())
        timed = frozenset[str]().union(*(self._reads(i) for i in self.of_time.segments))
        self._windows = [self.plan.windows[name] for name in sorted(timed) if name in self.plan.windows]
        self._cache: dict[str, Impact] = {}

    def impact(self, event_name: str) -> Impact:
        """What an event of this name can move."""
        found = self._cache.get(event_name)
        if found is None:
            touched = frozenset[str]().union(*(op.feature_names for op in self.plan.ops(event_name)))
            found = self._impact((i for i in range(len(self.segments)) if self._reads(i) & touched), touched)
            if len(self._cache) < 10_000:
                self._cache[event_name] = found
        return found

    def update(self, profile: Profile, impact: Impact, now: int, moved: Moved) -> list[Any]:
        """Move ``profile`` in and out of the segments that ``impact`` names, noting it in ``moved``; the values that were read."""
        values: list[Any] = [None] * self._width
        for index, read in impact.reads:
            values[index] = read(profile, now)
        inside, granted = profile.segments, profile.purposes
        for number, test, mask in impact.tests:
            if (granted & mask == mask and test(values, now) is True) != (number in inside):
                entered = number not in inside
                if entered:
                    inside.append(number)
                    inside.sort()
                else:
                    inside.remove(number)
                moved.append((number, entered))
        return values

    def due_after_event(self, profile: Profile, impact: Impact, timestamp: int, now: int, values: list[Any]) -> int:
        """The earliest instant, after ``now``, at which time may undo or complete what an event has just done; 0 for never."""
        due = 0
        for window in impact.windows:
            leaves = timestamp + window
            if leaves > now and (not due or leaves < due):
                due = leaves
        if impact.timed or impact.session:
            due = _earlier(due, self._due_of(profile, impact, now, values))
        return due

    def due(self, profile: Profile, now: int) -> int:
        """The earliest instant after ``now`` at which time alone may move ``profile``, from everything it holds; 0 for never."""
        impact = self.of_time
        values: list[Any] = [None] * self._width
        for index, read in impact.reads:
            values[index] = read(profile, now)
        due = self._due_of(profile, impact, now, values)
        for slot, window in self._windows:
            state = profile.slots.get(slot)
            expiry = None if state is None else next_expiry(state, now, window)
            if expiry is not None:
                due = _earlier(due, expiry)
        return due

    def exact(self, profile: Profile, now: int) -> list[int]:
        """The segments that ``profile`` is in at ``now``, whether or not the scheduler has got to it. Changes nothing."""
        if not profile.due or profile.due > now:
            return profile.segments
        values: list[Any] = [None] * self._width
        for index, read in self.of_time.reads:
            values[index] = read(profile, now)
        now_in = {
            number
            for number, test, mask in self.of_time.tests
            if allows(profile.purposes, mask) and test(values, now) is True
        }
        timed = set(self.of_time.segments)
        return sorted(now_in | (set(profile.segments) - timed))

    def _due_of(self, profile: Profile, impact: Impact, now: int, values: list[Any]) -> int:
        due = 0
        for number in impact.timed:
            look = self.segments[number].condition.next_look(values, now)
            if look is not None and (not due or look < due):
                due = look
        ends = profile.session_last + self.plan.session_timeout
        return _earlier(due, ends) if impact.session and ends > now else due

    def _reads(self, number: int) -> frozenset[str]:
        return self.segments[number].condition.names

    def _depends_on_time(self, number: int) -> bool:
        names = self._reads(number)
        return (
            self.segments[number].condition.timed
            or bool(names & self._session_features)
            or any(name in self.plan.windows for name in names)
        )

    def _impact(self, numbers: Any, touched: frozenset[str]) -> Impact:
        segments = tuple(numbers)
        names = frozenset[str]().union(*(self._reads(number) for number in segments))
        columns, readers = self.plan.columns, self.plan.readers
        reads = tuple((columns[name].index, readers[columns[name].index]) for name in sorted(names))
        windows = {self.plan.windows[name][1] for name in names & touched if name in self.plan.windows}
        return Impact(
            segments,
            tuple((i, self.segments[i].condition.test, self.segments[i].purposes) for i in segments),
            reads,
            tuple(sorted(windows)),
            tuple(number for number in segments if self.segments[number].condition.timed),
            bool(names & self._session_features),
        )


def _earlier(one: int, two: int) -> int:
    return two if not one or (two and two < one) else one
