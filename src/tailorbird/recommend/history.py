"""What a person did lately, as weighted items: the one reading of a history that every retriever starts from."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000
SESSION_GAP_MS = 30 * 60_000
"""Half an hour without a sign ends a visit, as web analytics counts it."""


class HistoryConfig(msgspec.Struct, frozen=True):
    """How a history is weighted.

    ``items``: how many of the latest distinct items count. ``step``: the factor from one moment to the one before it
    (a moment is one click, or one order with all its lines). ``half_life_days``: after how many days before the latest
    moment a weight has halved once more. ``share``: an order of n lines gives each of them ``n ** -share``, so that
    one large order does not drown the three products looked at just now.
    """

    items: int = 50
    step: float = 0.9
    half_life_days: float = 60.0
    share: float = 0.5


class History(msgspec.Struct, frozen=True):
    """Distinct items of one person, oldest first.

    ``rows``: int32 ``(q,)`` rows of the item table; ``weights``: float32 ``(q,)`` in (0, 1]; ``moments``: int32
    ``(q,)``, 1 for the latest moment, 2 for the one before, ...
    """

    rows: NDArray[np.int32]
    weights: NDArray[np.float32]
    moments: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.rows)


EMPTY = History(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int32))


def weigh(rows: Sequence[int], times: Sequence[int], config: HistoryConfig) -> History:
    """Weights the events of one person, given oldest first; of an item seen twice the latest event counts.

    Events with the same time (in ms) are one moment. An event of an unknown item (row -1) is passed over. Cost:
    O(items).
    """
    kept: dict[int, tuple[int, int]] = {}
    moment, latest, last_time = 0, 0, 0
    for row, time in zip(reversed(rows), reversed(times), strict=True):
        if row < 0 or row in kept:
            continue
        if moment == 0:
            latest = time
        if moment == 0 or time != last_time:
            moment, last_time = moment + 1, time
        kept[row] = (moment, time)
        if len(kept) == config.items:
            break
    if not kept:
        return EMPTY
    found_rows = np.fromiter(kept, dtype=np.int32, count=len(kept))[::-1].copy()
    pairs = np.array(list(kept.values()), dtype=np.int64)[::-1]
    moments = pairs[:, 0].astype(np.int32)
    age_days = np.maximum(latest - pairs[:, 1], 0) / DAY_MS
    lines = np.bincount(moments)[moments]
    weights = config.step ** (moments - 1) * 0.5 ** (age_days / config.half_life_days) * lines**-config.share
    return History(found_rows, weights.astype(np.float32), moments)
