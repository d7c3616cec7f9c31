"""Popular in the kinds a person looks at: the taste for categories, read from the history at the moment of asking.

``score(i) = sum over history items h of i's category of w(h) * popularity(i) / popularity(best of that category)``. It
is what follows a visitor who changes the subject: three bags looked at, and bags lead.
"""

import numpy as np
from numpy.typing import NDArray

from tailorbird.recommend.history import History
from tailorbird.recommend.popularity import Popularity
from tailorbird.recommend.table import NO_CATEGORY, ItemTable

_KINDS = 6
_PER_KIND = 60
_REFRESH_EVERY = 2_000


class KindAnswer:
    """See ``answers.Answer``."""

    def __init__(
        self, history: History, categories: NDArray[np.int32], retriever: "KindRetriever", rows: NDArray[np.int32]
    ) -> None:
        self._history = history
        self._categories = categories
        self._retriever = retriever
        self.rows = rows
        self.scores = self.contributions(rows).sum(axis=1)

    def contributions(self, rows: NDArray[np.int32]) -> NDArray[np.floating]:
        """See ``Answer``."""
        category = self._retriever.table.category[rows]
        same = (category[:, None] == self._categories[None, :]) & (category != NO_CATEGORY)[:, None]
        share = self._retriever.share_in_kind(rows, category)
        return np.asarray(same * (share[:, None] * self._history.weights[None, :]))


class KindRetriever:
    """Best sellers by category. They are sorted anew when the catalog changes, or after some thousand interactions:
    which bag sells best is nobody's personal matter, so a list some seconds old serves."""

    def __init__(self, table: ItemTable, popularity: Popularity) -> None:
        self.table = table
        self._popularity = popularity
        self._sorted: dict[int, tuple[NDArray[np.int32], float]] = {}
        self._age = 0

    def observed(self, n: int) -> None:
        """Told of n interactions taken in."""
        self._age += n
        if self._age >= _REFRESH_EVERY:
            self.forget()

    def forget(self) -> None:
        """Drops the sorted lists: the catalog has changed."""
        self._sorted.clear()
        self._age = 0

    def leaders(self, code: int) -> tuple[NDArray[np.int32], float]:
        """The best sellers of a category, and the best one's popularity."""
        found = self._sorted.get(code)
        if found is None:
            rows = self.table.members_of_code(code)
            rows = self._popularity.order(rows[self.table.shown[rows]])[:_PER_KIND]
            best = float(self._popularity.scores(rows[:1])[0]) if len(rows) else 0.0
            found = self._sorted[code] = (rows, best)
        return found

    def share_in_kind(self, rows: NDArray[np.int32], category: NDArray[np.int32]) -> NDArray[np.float64]:
        """Popularity of rows as a share of their category's best, in (0, 1]; an item without events has a little."""
        best = np.array([self.leaders(code)[1] if code != NO_CATEGORY else 0.0 for code in category.tolist()])
        share = self._popularity.scores(rows) / np.where(best > 0, best, 1.0)
        return np.asarray(0.1 + 0.9 * np.minimum(share, 1.0))

    def answer(self, history: History) -> KindAnswer:
        """The best sellers of the heaviest kinds of the history."""
        categories = self.table.category[history.rows]
        known = categories != NO_CATEGORY
        if not known.any():
            return KindAnswer(history, categories, self, history.rows[:0])
        weight = np.bincount(categories[known], weights=history.weights[known])
        heaviest = np.argsort(-weight, kind="stable")[:_KINDS]
        rows = [self.leaders(code)[0] for code in heaviest[weight[heaviest] > 0].tolist()]
        return KindAnswer(history, categories, self, np.concatenate(rows))
