"""The items of many sessions in one block of memory that forgets the oldest first.

A session is a run of item rows in one circular int32 pool. It grows where it lies while it has room, and moves to the
head with twice the room when it has not. Positions count on for ever and are taken modulo the pool's size, so a run is
overwritten exactly when the head is more than the pool's size beyond its start: nothing has to be collected. Memory is
bounded by two numbers whatever the traffic, and a session's items are one slice.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_NOWHERE = -1
_FIRST_ROOM = 4


class SessionStore:
    """Sessions numbered 0, 1, 2, ... in order of their beginning.

    At most the latest ``max_sessions`` of them and ``max_entries`` items' room are kept. Arrays grow by doubling, so a
    small shop's stay small. A session with more than an eighth of ``max_entries`` takes no more items.
    """

    def __init__(self, max_sessions: int, max_entries: int) -> None:
        self._max_sessions = max_sessions
        self._max_entries = max(max_entries, 16 * _FIRST_ROOM)
        self.begun = 0
        self._start = np.full(min(1024, max_sessions), _NOWHERE, dtype=np.int64)
        self._length = np.zeros(len(self._start), dtype=np.int32)
        self._room = np.zeros(len(self._start), dtype=np.int32)
        self._pool = np.zeros(min(4096, self._max_entries), dtype=np.int32)
        self._head = 0

    def __len__(self) -> int:
        """Size of the table of sessions, which ``slots`` points into."""
        return len(self._start)

    def begin(self) -> int:
        """Opens an empty session and returns its number."""
        number = self.begun
        self.begun += 1
        if number >= len(self._start) and len(self._start) < self._max_sessions:
            # No slot has been used twice yet, so a longer table leaves every session where it is.
            more = np.zeros(min(len(self._start), self._max_sessions - len(self._start)), dtype=np.int32)
            self._start = np.concatenate((self._start, np.full(len(more), _NOWHERE, dtype=np.int64)))
            self._length = np.concatenate((self._length, more))
            self._room = np.concatenate((self._room, more))
        slot = number % len(self._start)
        self._start[slot] = _NOWHERE
        self._length[slot] = 0
        return number

    def dump(self) -> dict[str, NDArray[Any]]:
        """All that it holds, as arrays."""
        return {
            "start": self._start,
            "length": self._length,
            "room": self._room,
            "pool": self._pool,
            "place": np.array([self.begun, self._head, self._max_sessions, self._max_entries], dtype=np.int64),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> bool:
        """Takes up what ``dump`` gave; False when that had other capacities."""
        begun, head, max_sessions, max_entries = arrays["place"].tolist()
        if (max_sessions, max_entries) != (self._max_sessions, self._max_entries):
            return False
        self.begun, self._head = begun, head
        self._start, self._length = arrays["start"], arrays["length"]
        self._room, self._pool = arrays["room"], arrays["pool"]
        return True

    def slots(self, numbers: NDArray[np.integer]) -> NDArray[np.integer]:
        """Where in tables of size ``len(self)`` the sessions stand."""
        return np.asarray(numbers % len(self._start))

    def alive(self, numbers: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of the sessions still have their items. All numbers must have been given out by ``begin``."""
        recent = numbers >= self.begun - len(self._start)
        start = self._start[self.slots(numbers)]
        alive: NDArray[np.bool_] = recent & (start >= max(0, self._head - len(self._pool)))
        return alive

    def kept(self, numbers: NDArray[np.integer], since: int) -> NDArray[np.intp] | None:
        """Positions of the sessions that are alive and not older than number ``since``; None when all are."""
        if self.begun <= len(self._start) and self._head <= len(self._pool):
            return (numbers >= since).nonzero()[0] if since else None
        return (self.alive(numbers) & (numbers >= since)).nonzero()[0]

    def lengths(self, numbers: NDArray[np.integer]) -> NDArray[np.int32]:
        """How many items the (living) sessions have."""
        return np.asarray(self._length[self.slots(numbers)])

    def gather(self, numbers: NDArray[np.integer], last: int) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """The ``last`` items at most of each living session, one session after the other.

        Returns the rows, and for each the position of its session in ``numbers``.
        """
        slots = self.slots(numbers)
        lengths = self._length[slots].astype(np.int64)
        taken = np.minimum(lengths, last)
        owner = np.repeat(np.arange(len(numbers)), taken)
        begin = self._start[slots] % len(self._pool) + lengths - taken
        where = np.arange(len(owner)) + np.repeat(begin - (np.cumsum(taken) - taken), taken)
        return self._pool[where], owner

    def first(self, number: int) -> int:
        """The first item of a living session that has one."""
        return int(self._pool[int(self._start[number % len(self._start)]) % len(self._pool)])

    def add(self, number: int, row: int) -> int:
        """Adds an item to a session and returns how many it has now; 0, and nothing is added, when the item is there
        already, or the session is forgotten or too long."""
        slot = number % len(self._start)
        start, length = int(self._start[slot]), int(self._length[slot])
        if number < self.begun - len(self._start) or (length and start < self._head - len(self._pool)):
            return 0  # forgotten: it must not begin again with half its items
        if not length:
            start = self._place(slot, _FIRST_ROOM)
        else:
            here = start % len(self._pool)
            items = self._pool[here : here + length]
            if (items == row).any():
                return 0
            if length == self._room[slot]:
                if 2 * length > self._max_entries // 8:
                    return 0
                items = items.copy()
                start = self._place(slot, 2 * length)
                here = start % len(self._pool)
                self._pool[here : here + length] = items
        self._pool[start % len(self._pool) + length] = row
        self._length[slot] = length + 1
        return length + 1

    def _place(self, slot: int, room: int) -> int:
        size = len(self._pool)
        if self._head + room > size and size < self._max_entries:
            # Still in its first round: positions and places are the same, so a longer pool moves nothing.
            more = min(max(size, room), self._max_entries - size)
            self._pool = np.concatenate((self._pool, np.zeros(more, dtype=np.int32)))
            size = len(self._pool)
        if self._head % size + room > size:
            self._head += size - self._head % size  # a run does not wrap round the end
        start = self._head
        self._head += room
        self._start[slot] = start
        self._room[slot] = room
        return start
