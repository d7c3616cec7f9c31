"""Popular in the kinds a person looks at: the taste for categories, read from the history at the moment of asking.

``score(i) = sum over history items h of i's category of w(h) * popularity(i) / popularity(best of that category)``. It
is what follows a visitor who changes the subject: three bags looked at, and bags lead.
"""

import numpy as np
from numpy.typing import NDArray

from tailorbird.recommend.answers import highest
from tailorbird.recommend.history import History
from tailorbird.recommend.popularity import Popularity
from tailorbird.recommend.table import NO_CATEGORY, ItemTable

_KINDS = 5
_PER_KIND = 50
_REFRESH_EVERY = 2_000


class KindAnswer:
    """See ``answers.Answer``."""

    def __init__(
        self,
        retriever: "KindRetriever",
        history: History,
        rows: NDArray[np.int32],
        scores: NDArray[np.float64],
    ) -> None:
        self._retriever = retriever
        self._history = history
        self.rows = rows
        self.scores = scores

    def leaders(self, n: int, allowed: NDArray[np.bool_] | None) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
        """See ``Answer``."""
        return (self.rows, self.scores) if allowed is None else highest(self.rows, self.scores, n, allowed)

    def contributions(self, rows: NDArray[np.int32]) -> NDArray[np.floating]:
        """See ``Answer``."""
        category = self._retriever.table.category[rows]
        own = self._retriever.table.category[self._history.rows]
        same = (category[:, None] == own[None, :]) & (category != NO_CATEGORY)[:, None]
        share = self._retriever.share_in_kind(rows, category)
        return np.asarray(same * (share[:, None] * self._history.weights[None, :]))


class KindRetriever:
    """Best sellers by category. They are sorted anew when the catalog changes, or after some thousand interactions:
    which bag sells best is nobody's personal matter, so a list some seconds old serves."""

    def __init__(self, table: ItemTable, popularity: Popularity) -> None:
        self.table = table
        self._popularity = popularity
        self._leaders: dict[int, tuple[NDArray[np.int32], NDArray[np.float64]]] = {}
        self._best = np.zeros(0)
        self._age = 0

    def observed(self, n: int) -> None:
        """Told of n interactions taken in."""
        self._age += n
        if self._age >= _REFRESH_EVERY:
            self.forget()

    def forget(self) -> None:
        """Drops the sorted lists: the catalog has changed."""
        self._leaders.clear()
        self._best = np.full(len(self.table.categories) + 1, np.nan)
        self._best[NO_CATEGORY] = 1.0
        self._age = 0

    def leaders(self, code: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The best sellers of a category, and their shares of the best one's popularity."""
        found = self._leaders.get(code)
        if found is None:
            rows = self.table.members_of_code(code)
            rows = self._popularity.order(rows[self.table.shown[rows]])[:_PER_KIND]
            self._best[code] = max(float(self._popularity.scores(rows[:1])[0]) if len(rows) else 0.0, 1e-12)
            found = self._leaders[code] = (rows, self.share_in_kind(rows, self.table.category[rows]))
        return found

    def share_in_kind(self, rows: NDArray[np.int32], category: NDArray[np.int32]) -> NDArray[np.float64]:
        """Popularity of rows as a share of their category's best, in [0.1, 1]: an item without events has a little."""
        best = self._best[category]
        if np.isnan(best).any():
            for code in set(category[np.isnan(best)].tolist()):
                self.leaders(code)
            best = self._best[category]
        return np.asarray(0.1 + 0.9 * np.minimum(self._popularity.scores(rows) / best, 1.0))

    def answer(self, history: History) -> KindAnswer | None:
        """The best sellers of the heaviest kinds of the history; None when it has no kinds."""
        categories = self.table.category[history.rows]
        known = categories != NO_CATEGORY
        if not known.any():
            return None
        weight = np.bincount(categories[known], weights=history.weights[known])
        heaviest = np.argsort(-weight, kind="stable")[:_KINDS]
        codes = heaviest[weight[heaviest] > 0].tolist()
        leaders = [self.leaders(code) for code in codes]
        scores = [weight[code] * shares for code, (_, shares) in zip(codes, leaders, strict=True)]
        return KindAnswer(self, history, np.concatenate([rows for rows, _ in leaders]), np.concatenate(scores))
