"""What a person did lately, as weighted items: the one reading of a history that every retriever starts from."""

from collections import Counter
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

    ``rows``: int32 ``(q,)`` rows of the item table; ``weights``: float64 ``(q,)`` in (0, 1]; ``moments``: int32
    ``(q,)``, 1 for the latest moment, 2 for the one before, ...
    """

    rows: NDArray[np.int32]
    weights: NDArray[np.float64]
    moments: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.rows)


EMPTY = History(np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int32))


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
    lines = Counter(moment for moment, _ in kept.values())
    # A dozen items: plain floats take a third of the time of as many small array operations.
    shares = {moment: config.step ** (moment - 1) * n**-config.share for moment, n in lines.items()}
    fade = -1.0 / (config.half_life_days * DAY_MS)
    weights = [shares[moment] * 2.0 ** (fade * max(latest - time, 0)) for moment, time in kept.values()]
    return History(
        np.array(list(kept)[::-1], dtype=np.int32),
        np.array(weights[::-1]),
        np.array([moment for moment, _ in kept.values()][::-1], dtype=np.int32),
    )
