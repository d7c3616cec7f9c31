"""Session kNN in the manner of VMIS-kNN, with an index that is live.

After B. Kersbergen, O. Sprangers, S. Schelter: "Serenade - Low-Latency Session-Based Recommendation in e-Commerce at
Scale", SIGMOD 2022, section 3 and algorithm 2, whose formulas are:

* of every item the ``m`` most recent sessions that hold it; of their union over the evolving session the ``m`` most
recent; * similarity of a session n to the evolving session s: ``r(n) = sum over items h in both of w(h)``, w falling
with the position; * of these the ``k`` most similar (ties: the more recent); * ``score(i) = sum over neighbours n
holding i of lambda(n) * r(n) * idf(i)``, with ``lambda = 1 - 0.1 * pos`` for the position
  ``pos`` (1 = latest, at most 9) of the latest item shared with s, and ``idf(i) = log(|H| / h(i))``.

What differs, and why. *Live*: posting lists and sessions are appended to as events come, instead of being built every
night; a session's recency is its number, given when it begins. |H| and h(i) count everything ever seen, so that
forgetting old sessions costs nothing. *idf* is ``log(1 + |H| / h(i))``: the very first session of a shop must already
be able to recommend. *Positions* are moments (``history.weigh``): all lines of one order are one position. *Length*:
``r(n)`` may be divided by ``len(n) ** length`` (the cosine of VS-kNN: Ludewig and Jannach, UMUAI 28, 2018, section
3.1) where baskets differ much in size; 0 is VMIS-kNN.

The score is a sum over the history's items h, so each one's part in it is exact: that is the explanation.
"""

from collections import OrderedDict

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.events.ecommerce import ORDER
from tailorbird.recommend.history import SESSION_GAP_MS, History
from tailorbird.recommend.session_store import SessionStore


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
    max_open: int = 100_000


class KnnAnswer:
    """What the neighbours of one history say. ``rows`` int32 and ``scores`` float64, shape ``(c,)``, in no order."""

    def __init__(
        self,
        rows: NDArray[np.int32],
        scores: NDArray[np.float64],
        entries: tuple[NDArray[np.int32], NDArray[np.int64]],
        parts: NDArray[np.float64],
        idf: NDArray[np.float64],
    ) -> None:
        self.rows = rows
        self.scores = scores
        self._entries = entries
        self._parts = parts
        self._idf = idf

    def contributions(self, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """The part of each history item in the score of each (distinct) row: shape ``(len(rows), q)``; sums to the
        score."""
        entry_rows, neighbour = self._entries
        if not len(self.rows) or not len(rows):
            return np.zeros((len(rows), self._parts.shape[1]))
        place = np.full(max(int(rows.max()), int(entry_rows.max())) + 1, -1, dtype=np.int32)
        place[rows] = np.arange(len(rows))
        where = place[entry_rows]
        hit = where >= 0
        holds = np.zeros((len(rows), len(self._parts)))
        holds[where[hit], neighbour[hit]] = 1.0
        idf = np.where(rows < len(self._idf), self._idf[np.minimum(rows, len(self._idf) - 1)], 0.0)
        contributions: NDArray[np.float64] = (holds @ self._parts) * idf[:, None]
        return contributions


class SessionKnn:
    """The live index. Not safe for threads: one thread observes and asks."""

    def __init__(self, config: SessionKnnConfig | None = None) -> None:
        self.config = config or SessionKnnConfig()
        self.sessions = SessionStore(self.config.max_sessions, self.config.max_entries)
        self._postings: list[NDArray[np.int64]] = []
        self._posted: list[int] = []  # how many of a posting array's places hold a session
        self._oldest: list[int] = []  # in a full array, where the oldest posting stands
        self._count = np.zeros(256, dtype=np.int64)
        self._open: OrderedDict[bytes, tuple[int, int, int]] = OrderedDict()
        self._session_mark = np.zeros(0, dtype=np.int32)
        self._row_mark = np.zeros(0, dtype=np.int32)

    def observe(self, person: bytes, row: int, at: int, kind: int) -> None:
        """Takes in one interaction: a handful of array writes, no rebuilding.

        It belongs to the person's open session unless half an hour lies between, or that session ended with an order
        at another instant: one basket is one session.
        """
        state = self._open.pop(person, None)
        if state is None or abs(at - state[1]) > SESSION_GAP_MS or (state[2] not in (0, at)):
            state = (self.sessions.begin(), at, 0)
            if len(self._open) >= self.config.max_open:
                self._open.popitem(last=False)
        number, last_at, ordered_at = state
        self._open[person] = (number, max(at, last_at), at if kind == ORDER else ordered_at)
        if self.sessions.add(number, row):
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

    def _lengthen(self, postings: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        # Forgotten sessions go first, so that a posting list never outgrows what is still there.
        kept = postings[self.sessions.alive(postings)]
        size = min(max(2 * len(kept), 4), self.config.m)
        longer = np.zeros(size, dtype=np.int64)
        longer[: len(kept)] = kept
        return longer, len(kept)

    def answer(self, history: History) -> KnnAnswer:
        """Scores every item of the nearest sessions."""
        found = self._neighbours(history)
        if found is None:
            return KnnAnswer(history.rows[:0], np.zeros(0), _NO_ENTRIES, np.zeros((0, len(history))), np.ones(1))
        numbers, parts = found
        rows, neighbour = self.sessions.gather(numbers, self.config.session_items)
        self._row_mark = _at_least(self._row_mark, len(self._count))
        first, index = _distinct(rows, self._row_mark)
        scores = np.bincount(index, weights=parts.sum(axis=1)[neighbour], minlength=len(first))
        distinct = rows[first]
        idf = np.zeros(int(distinct.max()) + 1)
        idf[distinct] = np.log1p(self.sessions.begun / self._count[distinct])
        return KnnAnswer(distinct, scores * idf[distinct], (rows, neighbour), parts, idf)

    def _neighbours(self, history: History) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Numbers ``(k,)`` of the nearest sessions, and ``(k, q)`` each history item's part in lambda(n) * r(n)."""
        config = self.config
        known = [
            (q, row) for q, row in enumerate(history.rows.tolist()) if row < len(self._postings) and self._posted[row]
        ]
        if not known:
            return None
        lists = [self._postings[row][: self._posted[row]] for _, row in known]
        # Whichever item has m postings gives m sessions by itself: what is older than those cannot be among the m most
        # recent.
        since = max(
            (int(ps[self._oldest[row]]) for (_, row), ps in zip(known, lists, strict=True) if len(ps) == config.m),
            default=0,
        )
        posted = np.concatenate(lists)
        holder = np.repeat(np.array([q for q, _ in known]), [len(postings) for postings in lists])
        keep = self.sessions.alive(posted) & (posted >= since)
        posted, holder = posted[keep], holder[keep]
        if not len(posted):
            return None
        self._session_mark = _at_least(self._session_mark, len(self.sessions))
        first, index = _distinct(self.sessions.slots(posted), self._session_mark)
        numbers = posted[first]
        similarity = np.bincount(index, weights=history.weights[holder], minlength=len(numbers))
        if config.length:
            similarity = similarity / self.sessions.lengths(numbers) ** config.length
        candidates = np.arange(len(numbers))
        if len(numbers) > config.m:
            candidates = np.argpartition(numbers, -config.m)[-config.m :]
        chosen = candidates[np.lexsort((numbers[candidates], similarity[candidates]))[-config.k :]]
        place = np.full(len(numbers), -1)
        place[chosen] = np.arange(len(chosen))
        where = place[index]
        hit = where >= 0
        parts = np.zeros((len(chosen), len(history)))
        parts[where[hit], holder[hit]] = history.weights[holder[hit]]
        latest = np.where(parts > 0, history.moments, 10).min(axis=1)
        fade = np.maximum(1.0 - 0.1 * latest, 0.0)
        if config.length:
            fade = fade / self.sessions.lengths(numbers[chosen]) ** config.length
        return numbers[chosen], parts * fade[:, None]


_NO_POSTINGS = np.zeros(0, dtype=np.int64)
_NO_ENTRIES = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))


def _at_least(scratch: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    return scratch if len(scratch) >= size else np.zeros(size, dtype=np.int32)


def _distinct(keys: NDArray[np.integer], mark: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the distinct keys, and for each key the index of its distinct one: ``np.unique`` without sorting.

    ``mark`` is scratch space as long as the largest key + 1. Four linear passes: 40 us for 10,000 keys, np.unique
    needs 600.
    """
    count = np.arange(len(keys), dtype=np.int32)
    mark[keys] = count
    last = mark[keys]
    first = np.flatnonzero(last == count)
    index = np.empty(len(keys), dtype=np.int64)
    index[first] = np.arange(len(first))
    return first, index[last]
