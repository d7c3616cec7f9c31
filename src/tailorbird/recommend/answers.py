"""What a retriever answers to one history: candidates with scores, and what part of a score each history item has."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Answer(Protocol):
    """``rows`` int32 and ``scores`` float, shape ``(c,)``: everything the retriever would bring up, distinct, in no
    order."""

    @property
    def rows(self) -> NDArray[np.int32]: ...

    @property
    def scores(self) -> NDArray[np.floating]: ...

    def contributions(self, rows: NDArray[np.int32]) -> NDArray[np.floating]:
        """Shape ``(len(rows), q)``: the part of each of the q history items in the score of each (distinct) row.

        A row's parts sum to its score, also for rows that the retriever did not bring up itself.
        """
        ...


class SparseAnswer:
    """Scores that are sums of single entries: history item ``owner[e]`` gives ``value[e]`` to row ``row[e]``.

    Arrays of shape ``(e,)``; a pair of row and owner occurs once at most. ``q`` is the number of history items.
    """

    def __init__(self, row: NDArray[np.int32], owner: NDArray[np.int64], value: NDArray[np.floating], q: int) -> None:
        self._row, self._owner, self._value, self._q = row, owner, value, q
        distinct, index = np.unique(row, return_inverse=True)
        self.rows: NDArray[np.int32] = distinct.astype(np.int32)
        scores = np.bincount(index, weights=value, minlength=len(self.rows))
        self.scores: NDArray[np.floating] = scores.astype(np.float64)

    def contributions(self, rows: NDArray[np.int32]) -> NDArray[np.floating]:
        """See ``Answer``."""
        parts = np.zeros((len(rows), self._q))
        if len(rows) and len(self._row):
            place = np.full(max(int(rows.max()), int(self._row.max())) + 1, -1, dtype=np.int32)
            place[rows] = np.arange(len(rows), dtype=np.int32)
            where = place[self._row]
            hit = where >= 0
            parts[where[hit], self._owner[hit]] = self._value[hit]
        return parts


def best(scores: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """Positions of the ``n`` highest scores, highest first; ties by position. Linear, then a sort of the n."""
    if n <= 0:
        return np.zeros(0, dtype=np.int64)
    if len(scores) > 2 * n:
        floor = np.partition(scores, len(scores) - n)[len(scores) - n]
        positions = np.flatnonzero(scores >= floor)
    else:
        positions = np.arange(len(scores))
    return positions[np.argsort(-scores[positions], kind="stable")[:n]]
