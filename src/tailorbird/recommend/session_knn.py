"""Session kNN in the manner of VMIS-kNN, with an index that is live.

After B. Kersbergen, O. Sprangers, S. Schelter: "Serenade - Low-Latency Session-Based Recommendation in e-Commerce at
Scale", SIGMOD 2022, section 3 and algorithm 2, whose formulas are:

* of every item the ``m`` most recent sessions that hold it; of their union over the evolving session the ``m`` most
  recent; * similarity of a session n to the evolving session s: ``r(n) = sum over items h in both of w(h)``, w falling
  with the position; * of these the ``k`` most similar (ties: the more recent); * ``score(i) = sum over neighbours n
  holding i of lambda(n) * r(n) * idf(i)``, with ``lambda = 1 - 0.1 * pos`` for the position ``pos`` (1 = latest, at
  most 9) of the latest item shared with s, and ``idf(i) = log(|H| / h(i))``.

What differs, and why. *Sessions of one item* do not count, not even in |H|: they tell nothing of other items, and on a
real site, where most visits are one page, they would fill the posting lists. *Live*: posting lists and sessions are
appended to as events come, instead of being built every night; a session's recency is its number, given when it
begins. |H| and h(i) count everything ever seen, so that forgetting old sessions costs nothing. *idf* is ``log(1 + |H|
/ h(i))``: the very first session of a shop must already be able to recommend. *Positions* are moments
(``history.weigh``): all lines of one order are one position. *Length*: ``r(n)`` may be divided by ``len(n) ** length``
(the cosine of VS-kNN: Ludewig and Jannach, UMUAI 28, 2018, section 3.1) where baskets differ much in size; 0 is
VMIS-kNN.

The score is a sum over the history's items h, so each one's part in it is exact: that is the explanation.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.events.ecommerce import ORDER
from tailorbird.recommend.answers import Scratch, highest
from tailorbird.recommend.history import SESSION_GAP_MS, History
from tailorbird.recommend.session_store import SessionStore

_LAST_NUMBER = 2**31 - 1
"""Session numbers are kept in 32 bits; after two thousand million sessions the index begins anew."""


class SessionKnnConfig(msgspec.Struct, frozen=True):
    """``k`` neighbours out of the ``m`` most recent sessions; ``length``: exponent of the session length that divides
    similarity.

    ``session_items``: a neighbour's latest items that are scored. ``max_sessions``, ``max_entries``: what the index
    holds at most (16 bytes a session, 4 an entry). ``max_open``: people whose current session is remembered.
    """

    k: int = 100
    m: int = 500
    length: float = 0.5
    session_items: int = 100
    max_sessions: int = 500_000
    max_entries: int = 6_000_000
    max_open: int = 50_000


class KnnAnswer:
    """What the neighbours of one history say; see ``answers.Answer``.

    ``entries``: every item row of every neighbour, and the neighbour's number; ``parts``: float64 ``(k, q)``, each
    history item's part in a neighbour's weight; ``idf`` of distinct rows.
    """

    def __init__(
        self,
        entries: tuple[NDArray[np.int32], NDArray[np.intp]],
        parts: NDArray[np.float64],
        idf: Callable[[NDArray[np.int32]], NDArray[np.float64]],
        scratch: Scratch,
    ) -> None:
        self._entries, self._parts, self._idf, self._scratch = entries, parts, idf, scratch
        rows, neighbour = entries
        first, index = scratch.distinct(rows)
        self.rows: NDArray[np.int32] = rows[first]
        weight = np.bincount(index, weights=parts.sum(axis=1)[neighbour], minlength=len(first))
        self.scores: NDArray[np.float64] = weight * idf(self.rows)

    def leaders(self, n: int, allowed: NDArray[np.bool_] | None) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
        """See ``Answer``."""
        return highest(self.rows, self.scores, n, allowed)

    def contributions(self, rows: NDArray[np.int32]) -> NDArray[np.floating]:
        """See ``Answer``."""
        entry_rows, neighbour = self._entries
        holds = np.zeros((len(rows), len(self._parts)))
        hit, place = self._scratch.find(entry_rows, rows)
        holds[place, neighbour[hit]] = 1.0
        contributions: NDArray[np.float64] = (holds @ self._parts) * self._idf(rows)[:, None]
        return contributions


class SessionKnn:
    """The live index. Not safe for threads: one thread observes and asks."""

    def __init__(self, config: SessionKnnConfig | None = None, scratch: Scratch | None = None) -> None:
        self._scratch = scratch or Scratch()
        self.config = config or SessionKnnConfig()
        self._power_of, self._power = 0.0, np.ones(1)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.sessions = SessionStore(self.config.max_sessions, self.config.max_entries)
        self._telling = 0  # |H|
        self._postings: list[NDArray[np.int32]] = []
        self._posted: list[int] = []  # how many of a posting array's places hold a session
        self._oldest: list[int] = []  # in a full array, where the oldest posting stands
        self._count = np.zeros(256, dtype=np.int64)
        self._open: OrderedDict[bytes, tuple[int, int, int]] = OrderedDict()
        self._slot_scratch = Scratch()

    def observe(self, person: bytes, row: int, at: int, kind: int) -> None:
        """Takes in one interaction: a handful of array writes, no rebuilding.

        It belongs to the person's open session unless half an hour lies between, or that session ended with an order
        at another instant: one basket is one session.
        """
        state = self._open.pop(person, None)
        if state is None or abs(at - state[1]) > SESSION_GAP_MS or (state[2] not in (0, at)):
            if self.sessions.begun == _LAST_NUMBER:
                self._begin_anew()
            state = (self.sessions.begin(), at, 0)
            if len(self._open) >= self.config.max_open:
                self._open.popitem(last=False)
        number, last_at, ordered_at = state
        self._open[person] = (number, max(at, last_at), at if kind == ORDER else ordered_at)
        length = self.sessions.add(number, row)
        if length == 2:
            self._telling += 1
            self._post(self.sessions.first(number), number)
        if length >= 2:
            self._post(row, number)

    def _post(self, row: int, number: int) -> None:
        while row >= len(self._postings):
            self._postings.append(_NO_POSTINGS)
            self._posted.append(0)
            self._oldest.append(0)
        if row >= len(self._count):
            self._count = np.concatenate((self._count, np.zeros(max(len(self._count), row), dtype=np.int64)))
        self._count[row] += 1
        posted = self._posted[row]
        postings = self._postings[row]
        if posted == len(postings):
            if posted == self.config.m:
                oldest = self._oldest[row]
                postings[oldest] = number
                self._oldest[row] = (oldest + 1) % self.config.m
                return
            postings, posted = self._lengthen(postings)
            self._postings[row] = postings
        postings[posted] = number
        self._posted[row] = posted + 1

    def _lengthen(self, postings: NDArray[np.int32]) -> tuple[NDArray[np.int32], int]:
        # Forgotten sessions go first, so that a posting list never outgrows what is still there.
        kept = postings[self.sessions.alive(postings)]
        size = min(max(2 * len(kept), 4), self.config.m)
        longer = np.zeros(size, dtype=np.int32)
        longer[: len(kept)] = kept
        return longer, len(kept)

    def dump(self) -> dict[str, NDArray[Any]]:
        """All that it knows but whose sessions are open, as arrays."""
        used = [postings[:n] for postings, n in zip(self._postings, self._posted, strict=True)]
        return self.sessions.dump() | {
            "postings": np.concatenate([_NO_POSTINGS, *used]),
            "posted": np.array(self._posted, dtype=np.int32),
            "oldest": np.array(self._oldest, dtype=np.int32),
            "count": self._count,
            "telling": np.array([self._telling, self.config.m], dtype=np.int64),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> bool:
        """Takes up what ``dump`` gave; False when that had other capacities."""
        telling, m = arrays["telling"].tolist()
        if m != self.config.m or not self.sessions.restore(arrays):
            return False
        self._telling, self._count = telling, arrays["count"]
        self._posted, self._oldest = arrays["posted"].tolist(), arrays["oldest"].tolist()
        ends = np.cumsum(arrays["posted"])[:-1]
        self._postings = [part.copy() for part in np.split(arrays["postings"], ends)] if self._posted else []
        return True

    def answer(self, history: History) -> KnnAnswer | None:
        """Scores every item of the nearest sessions; None when no session shares an item with the history."""
        found = self._neighbours(history)
        if found is None:
            return None
        numbers, parts = found
        self._scratch.fit(len(self._count))
        entries = self.sessions.gather(numbers, self.config.session_items)
        return KnnAnswer(entries, parts, self.idf, self._scratch)

    def idf(self, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """``log(1 + |H| / h(i))``; 0 for an item that no session held."""
        seen = rows < len(self._count)
        count = np.where(seen, self._count[np.where(seen, rows, 0)], 0)
        return np.asarray(np.log1p(self._telling / np.maximum(count, 1)) * (count > 0))

    def _divided(self, numbers: NDArray[np.integer]) -> NDArray[np.float64]:
        """``len(n) ** -length`` of sessions, from a table: powers are slow."""
        if self._power_of != self.config.length:
            self._power_of = self.config.length
            self._power = np.maximum(np.arange(4096), 1.0) ** -self.config.length
        return np.asarray(self._power[np.minimum(self.sessions.lengths(numbers), len(self._power) - 1)])

    def _neighbours(self, history: History) -> tuple[NDArray[np.int32], NDArray[np.float64]] | None:
        """Numbers ``(k,)`` of the nearest sessions, and ``(k, q)`` each history item's part in lambda(n) * r(n)."""
        config = self.config
        lists, holders, since = [], [], 0
        for q, row in enumerate(history.rows.tolist()):
            if row < len(self._postings) and self._posted[row]:
                postings = self._postings[row][: self._posted[row]]
                lists.append(postings)
                holders.append(q)
                if len(postings) == config.m:
                    # These m sessions alone are enough: what is older than all of them is not among the m most recent.
                    since = max(since, int(postings[self._oldest[row]]))
        if not lists:
            return None
        posted = np.concatenate(lists)
        holder = np.repeat(np.array(holders), [len(postings) for postings in lists])
        kept = self.sessions.kept(posted, since)
        if kept is not None:
            posted, holder = posted[kept], holder[kept]
            if not len(posted):
                return None
        self._slot_scratch.fit(len(self.sessions))
        first, index = self._slot_scratch.distinct(self.sessions.slots(posted))
        numbers = posted[first]
        weight = history.weights[holder]
        similarity = np.bincount(index, weights=weight, minlength=len(numbers)).astype(np.float64)
        if config.length:
            similarity *= self._divided(numbers)
        chosen = _nearest(numbers, similarity, config.m, config.k)
        place = np.full(len(numbers), -1)
        place[chosen] = np.arange(len(chosen))
        where = place[index]
        hit = (where >= 0).nonzero()[0]
        parts = np.zeros((len(chosen), len(history)))
        parts[where[hit], holder[hit]] = weight[hit]
        # The postings stand in the order of the history, and of several writes the last one stays: the latest item's.
        latest = np.zeros(len(chosen), dtype=np.int32)
        latest[where[hit]] = history.moments[holder[hit]]
        fade = np.maximum(1.0 - 0.1 * latest, 0.0)
        if config.length:
            fade *= self._divided(numbers[chosen])
        return numbers[chosen], parts * fade[:, None]


def _nearest(numbers: NDArray[np.integer], similarity: NDArray[np.float64], m: int, k: int) -> NDArray[np.intp]:
    """Positions of the k most similar of the m most recent sessions, in no order; of equally similar the more recent."""
    positions = np.arange(len(numbers))
    if len(numbers) > m:
        positions = np.argpartition(numbers, len(numbers) - m)[-m:]
    if len(positions) <= k:
        return positions
    similar = similarity[positions]
    least = np.partition(similar, len(similar) - k)[len(similar) - k]
    above = positions[similar > least]
    ties = positions[similar == least]
    needed = k - len(above)
    if needed < len(ties):
        ties = ties[np.argpartition(numbers[ties], len(ties) - needed)[-needed:]]
    return np.concatenate((above, ties))


_NO_POSTINGS = np.zeros(0, dtype=np.int32)
