"""Popularity with exponential decay, kept live and exactly.

Every interaction counts ``2 ** (-age / half_life)``. With *forward decay* (Cormode, Shkapenyuk, Srivastava, Xu:
"Forward Decay", ICDE 2009, section III) the weight is ``2 ** ((at - landmark) / half_life)`` and never has to be
touched again: ageing divides all scores by the same number, which changes no order. So an item outside the top can
only come in by its own events, and the top list stays exact when only those are compared.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.events.ecommerce import ADD, ORDER, VIEW
from tailorbird.recommend.history import DAY_MS

_RESCALE_AT = 900.0
"""Exponent at which the landmark moves; float64 ends at 2 ** 1024."""


class PopularityConfig(msgspec.Struct, frozen=True):
    """``half_life_days``: age at which an interaction counts half. ``view``, ``add``, ``order``: what each kind counts
    when new. ``top``: how many of the most popular are kept ready."""

    half_life_days: float = 30.0
    view: float = 0.2
    add: float = 0.5
    order: float = 1.0
    top: int = 1000


class Popularity:
    """Decayed counts by row of the item table."""

    def __init__(self, config: PopularityConfig | None = None) -> None:
        self._scores = np.zeros(256)
        self._landmark: int | None = None
        self._rows = 0
        self._top = np.zeros(0, dtype=np.int32)
        self._floor = 0.0
        self._risen: set[int] = set()
        self.configure(config or PopularityConfig())

    def configure(self, config: PopularityConfig) -> None:
        """Takes up settings, as long as nothing was observed; afterwards what is counted stays counted as it was."""
        if self._landmark is None:
            self.config = config
            self._half_life_ms = config.half_life_days * DAY_MS
            self._kinds = {VIEW: config.view, ADD: config.add, ORDER: config.order}

    def observe(self, row: int, at: int, kind: int) -> None:
        """Counts one interaction, O(1). Times may come in any order."""
        if self._landmark is None:
            self._landmark = at
        exponent = (at - self._landmark) / self._half_life_ms
        if exponent > _RESCALE_AT:
            self._move_landmark(at)
            exponent = 0.0
        if row >= len(self._scores):
            self._scores = np.concatenate((self._scores, np.zeros(max(len(self._scores), row + 1 - len(self._scores)))))
        if row >= self._rows:
            self._rows = row + 1
        score = self._scores[row] + self._kinds.get(kind, 0.0) * 2.0**exponent
        self._scores[row] = score
        if score >= self._floor:
            self._risen.add(row)

    def dump(self) -> dict[str, NDArray[Any]]:
        """All that it knows, as arrays."""
        landmark = -1 if self._landmark is None else self._landmark
        return {"scores": self._scores[: self._rows], "landmark": np.array([landmark], dtype=np.int64)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Takes up what ``dump`` gave, with the same settings."""
        scores, landmark = arrays["scores"], int(arrays["landmark"][0])
        self._landmark = None if landmark < 0 else landmark
        self._rows = len(scores)
        self._scores = np.concatenate((scores, np.zeros(max(256 - len(scores), 0))))
        self._risen = set(range(self._rows))

    def scores(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Popularity of rows, as a share of the most popular item's: float32 in [0, 1]."""
        top = self.top()
        if not len(top):
            return np.zeros(len(rows), np.float32)
        found = self._scores.take(rows, mode="clip")
        if len(rows) and rows.max() >= len(self._scores):
            found[rows >= len(self._scores)] = 0.0
        best = float(self._scores[top[0]])
        return (found / best).astype(np.float32) if best > 0 else np.zeros(len(rows), np.float32)

    def top(self) -> NDArray[np.int32]:
        """Rows of the most popular items, best first (ties: the older row); at most ``config.top``, only items with
        events."""
        if self._risen:
            contenders = np.union1d(self._top, np.fromiter(self._risen, np.int32, len(self._risen)))
            order = np.lexsort((contenders, -self._scores[contenders]))[: self.config.top]
            self._top = contenders[order].astype(np.int32)
            # As long as the list is not full everything with a score belongs in it.
            full = len(self._top) == self.config.top
            self._floor = float(self._scores[self._top[-1]]) if full else 0.0
            self._risen.clear()
        return self._top

    def order(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """The given rows, most popular first (ties: the older row)."""
        return rows[np.lexsort((rows, -self.scores(rows)))]

    def _move_landmark(self, at: int) -> None:
        assert self._landmark is not None
        factor = 2.0 ** (-(at - self._landmark) / self._half_life_ms)
        self._scores *= factor
        self._floor *= factor
        self._landmark = at
