"""The blend: what all retrievers bring up, scored by each of them, added up with weights learnt on a validation period.

A weighted hybrid (R. Burke, "Hybrid Recommender Systems: Survey and Experiments", UMUAI 12, 2002, section 2.1). Each
retriever's scores are divided by its best one, so that weights mean the same for every person; a candidate's score is
the weighted sum, and stays the sum of its parts: by retriever, and within a retriever by the item of the history that
caused them.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.errors import InvalidInput
from tailorbird.recommend import metrics
from tailorbird.recommend.answers import Answer, Scratch
from tailorbird.recommend.history import History

SOURCES = ("session", "als", "content", "kind", "popularity")
"""The retrievers, in the order of every array with an axis of sources."""

_WORTH = 0.001

POPULARITY = SOURCES.index("popularity")


class Weights(msgspec.Struct, frozen=True):
    """What each source's vote counts, at least 0; only their ratios matter."""

    session: float = 0.0
    als: float = 0.0
    content: float = 0.0
    kind: float = 0.0
    popularity: float = 0.0

    def array(self) -> NDArray[np.float64]:
        """Shape ``(len(SOURCES),)``, adding up to 1. Raises InvalidInput when nothing counts, or less than nothing."""
        weights = np.array([getattr(self, source) for source in SOURCES], dtype=np.float64)
        total = weights.sum()
        if not (np.isfinite(total) and total > 0 and weights.min() >= 0):
            raise InvalidInput(f"the weights of a blend must be at least 0 and not all 0, not {self}")
        return np.asarray(weights / total)


class HybridConfig(msgspec.Struct, frozen=True):
    """``per_source``: candidates that each retriever brings. Weights ``(source -> weight)`` by how much is known of
    the person: ``few`` up to ``few_items`` items, ``many`` beyond; with none known popularity is all there is.

    ``browse`` is for a visit in which items are looked at. A log of orders only has nothing to learn it from, so it is
    a prior that leans to what resembles the items just seen; where a log has visits, tuning replaces it.
    """

    per_source: int = 100
    few_items: int = 5
    few: Weights = Weights(session=0.35, als=0.2, content=0.2, kind=0.1, popularity=0.15)
    many: Weights = Weights(session=0.35, als=0.35, content=0.1, kind=0.05, popularity=0.15)
    browse: Weights = Weights(session=0.25, als=0.1, content=0.35, kind=0.25, popularity=0.05)

    def bucket(self, history: History, *, browsing: bool) -> str:
        """Which of the weightings is for this history: ``none``, ``few``, ``many`` or ``browse``."""
        if not len(history):
            return "none"
        return "browse" if browsing else "few" if len(history) <= self.few_items else "many"

    def weights(self, bucket: str) -> NDArray[np.float64]:
        """The weighting of a bucket, shape ``(len(SOURCES),)``."""
        weights: Weights = Weights(popularity=1.0) if bucket == "none" else getattr(self, bucket)
        return weights.array()


class Pool(msgspec.Struct, frozen=True):
    """The union of the retrievers' candidates. ``rows`` int32 ``(c,)`` distinct; ``scores`` float64 ``(c, sources)``,
    each column divided by its best, 0 where the row is not among the source's candidates; ``answers`` by source."""

    rows: NDArray[np.int32]
    scores: NDArray[np.float64]
    answers: Sequence[Answer | None]


def pool(
    answers: Sequence[Answer | None], allowed: NDArray[np.bool_], per_source: int, scratch: Scratch, least: int = 0
) -> Pool:
    """Joins the best candidates of what the retrievers answered (None: nothing), without the rows that are not allowed.

    ``allowed``: bool, by row of the item table. Mostly few rows are forbidden, so they are taken out of the union; only
    when that costs much of it, or leaves fewer than ``least``, does each retriever choose anew among the allowed.
    """
    joined = _joined(answers, None, per_source, scratch)
    keep = allowed[joined.rows].nonzero()[0]
    if len(keep) < max(0.7 * len(joined.rows), least):
        joined = _joined(answers, allowed, per_source, scratch)
        rows, scores = joined.rows, joined.scores
    else:
        rows, scores = joined.rows[keep], joined.scores[keep]
    scale = scores.max(axis=0, initial=0.0)
    scale[scale <= 0.0] = 1.0
    return Pool(rows, scores / scale, answers)


def _joined(
    answers: Sequence[Answer | None], allowed: NDArray[np.bool_] | None, per_source: int, scratch: Scratch
) -> Pool:
    columns, rows, scores = [], [], []
    for column, answer in enumerate(answers):
        if answer is not None:
            best_rows, best_scores = answer.leaders(per_source, allowed)
            columns.append(column)
            rows.append(best_rows)
            scores.append(best_scores)
    if not columns:
        return Pool(np.zeros(0, np.int32), np.zeros((0, len(SOURCES))), answers)
    every = np.concatenate(rows)
    first, index = scratch.distinct(every)
    table = np.zeros((len(first), len(SOURCES)))
    end = 0
    for column, part in zip(columns, scores, strict=True):
        begin, end = end, end + len(part)
        table[index[begin:end], column] = part
    return Pool(every[first], table, answers)


class Example(msgspec.Struct, frozen=True):
    """One person of the validation period: normalised scores ``(c, sources)`` of the pool, and which of its rows were
    right.

    ``missed``: right items that the pool does not hold.
    """

    scores: NDArray[np.float32]
    relevant: NDArray[np.bool_]
    missed: int


def tune(examples: Sequence[Example], start: NDArray[np.float64], *, seed: int, k: int = 20) -> NDArray[np.float64]:
    """Weights ``(sources,)`` with the best mean NDCG@k over the examples.

    A seeded random search on the simplex (48 points of a flat Dirichlet and the start), then steps around the best
    that grow smaller: derivative-free, because NDCG is flat almost everywhere. With fewer than 30 examples the start
    is kept: so few people say nothing. At the end a source whose vote turns out to be worth less than 0.1 % of the NDCG
    loses it, least weight first: it would cost time and blur the reasons for nothing.
    """
    if len(examples) < 30:
        return start
    judged = _Judge(examples, k)
    generator = np.random.default_rng(seed)
    trials = [start / start.sum(), *np.eye(len(start)), *generator.dirichlet(np.ones(len(start)), 48)]
    values = [judged(trial) for trial in trials]
    found, value = trials[int(np.argmax(values))], max(values)
    for width in (0.5, 0.3, 0.15, 0.08):
        for _ in range(16):
            trial = found * np.exp(generator.normal(0.0, 2 * width, len(found))) + generator.uniform(
                0, 0.02 * width, len(found)
            )
            trial = trial / trial.sum()
            if (trial_value := judged(trial)) > value:
                found, value = trial, trial_value
    for source in np.argsort(found):
        trial = np.where(np.arange(len(found)) == source, 0.0, found)
        if trial.sum() > 0 and judged(trial / trial.sum()) >= (1 - _WORTH) * value:
            found = trial / trial.sum()
    return np.asarray(found)


def mean_ndcg(examples: Sequence[Example], weights: NDArray[np.float64], k: int = 20) -> float:
    """Mean NDCG@k of the blend over examples."""
    return _Judge(examples, k)(weights)


class _Judge:
    """Mean NDCG@k of a weighting over examples padded to one array."""

    def __init__(self, examples: Sequence[Example], k: int) -> None:
        width = max(max(len(example.scores) for example in examples), k)
        self._scores = np.zeros((len(examples), width, len(SOURCES)), dtype=np.float32)
        self._relevant = np.zeros((len(examples), width), dtype=bool)
        self._absent = np.ones((len(examples), width), dtype=bool)
        for number, example in enumerate(examples):
            self._scores[number, : len(example.scores)] = example.scores
            self._relevant[number, : len(example.scores)] = example.relevant
            self._absent[number, : len(example.scores)] = False
        total = np.array([example.relevant.sum() + example.missed for example in examples])
        self._ideal = metrics.ideal_dcg(total, k)
        self._discount = metrics.discounts(k)
        self._k = k

    def __call__(self, weights: NDArray[np.float64]) -> float:
        blended = self._scores @ weights.astype(np.float32)
        blended[self._absent] = -1.0
        top = np.argpartition(blended, -self._k, axis=1)[:, -self._k :]
        order = np.argsort(-np.take_along_axis(blended, top, axis=1), axis=1, kind="stable")
        hits = np.take_along_axis(self._relevant, np.take_along_axis(top, order, axis=1), axis=1)
        return float(np.mean((hits @ self._discount) / self._ideal))
