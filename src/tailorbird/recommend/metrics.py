"""How good a ranked list is. All follow their sources literally and are tested against independent computations.

``ranked`` are the recommended rows, best first, distinct; ``relevant`` the rows that turned out right, distinct and
not empty.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray


def discounts(k: int) -> NDArray[np.float64]:
    """``1 / log2(rank + 1)`` for ranks 1 to k (Järvelin and Kekäläinen, TOIS 20, 2002; base 2, as all use it since)."""
    return np.asarray(1.0 / np.log2(np.arange(2, k + 2)))


def ideal_dcg(relevant: NDArray[np.integer], k: int) -> NDArray[np.float64]:
    """DCG@k of a perfect list for each number (at least 1) of relevant items; shape as given."""
    return np.asarray(np.cumsum(discounts(k))[np.minimum(relevant, k) - 1])


def hits(ranked: Sequence[int], relevant: Collection[int], k: int) -> NDArray[np.bool_]:
    """Which of the first k are relevant; shape ``(min(k, len(ranked)),)``."""
    wanted = set(relevant)
    return np.array([row in wanted for row in ranked[:k]], dtype=bool)


def recall_at(ranked: Sequence[int], relevant: Collection[int], k: int) -> float:
    """``|top k and relevant| / |relevant|`` (Manning, Raghavan, Schütze, "Introduction to Information Retrieval",
    2008, eq. 8.2)."""
    return float(hits(ranked, relevant, k).sum()) / len(relevant)


def ndcg_at(ranked: Sequence[int], relevant: Collection[int], k: int) -> float:
    """``DCG@k / ideal DCG@k`` with gain 1 for a relevant item (Järvelin and Kekäläinen 2002, section 2.3)."""
    hit = hits(ranked, relevant, k)
    return float(hit @ discounts(len(hit))) / float(ideal_dcg(np.array([len(relevant)]), k)[0])


def average_precision_at(ranked: Sequence[int], relevant: Collection[int], k: int) -> float:
    """``sum over hits at rank r <= k of precision@r / min(|relevant|, k)``; its mean is MAP@k.

    Manning et al. 2008, eq. 8.8, cut at k with the denominator of the Million Song Dataset Challenge (McFee et al.,
    2012).
    """
    hit = hits(ranked, relevant, k)
    precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
    return float(precision[hit].sum()) / min(len(relevant), k)


def coverage(lists: Sequence[Sequence[int]], catalog_size: int) -> float:
    """Share of the catalog that is recommended to anyone (Ge, Delgado, Jannach, RecSys 2010, section 2.2)."""
    if catalog_size <= 0:
        return 0.0
    return len({row for ranked in lists for row in ranked}) / catalog_size
