"""How good each retriever and their blend are: on the last weeks, which neither training nor tuning has seen."""

from collections.abc import Sequence
from time import perf_counter

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.catalog.items import Item
from tailorbird.errors import InvalidInput
from tailorbird.recommend import metrics
from tailorbird.recommend.answers import best
from tailorbird.recommend.cases import Asked, Case, ask, next_basket_cases
from tailorbird.recommend.engine import Engine
from tailorbird.recommend.hybrid import SOURCES, Weights
from tailorbird.recommend.interactions import Interactions, split_by_time
from tailorbird.recommend.tuning import Progress, build, fit_als, fit_content, tune_settings

HYBRID = "hybrid"
TARGETS = {"new items": True, "all items": False}
"""What is asked: which items the person buys next that they never had, and which at all, repeats included."""


class Row(msgspec.Struct, frozen=True):
    """One model on one question: means over ``people``; ``coverage`` is a share of the catalog; ``ms``: mean time of
    an answer."""

    target: str
    model: str
    recall: float
    ndcg: float
    map: float
    coverage: float
    people: int
    ms: float


class Report(msgspec.Struct, frozen=True):
    """The rows, best first within a target, and what they rest on. ``weights``: the blend's, for people with many
    known items."""

    rows: tuple[Row, ...]
    k: int
    test_days: float
    validation_days: float
    interactions: int
    people: int
    items: int
    seed: int
    weights: Weights
    seconds: float


def evaluate(
    interactions: Interactions,
    items: Sequence[Item],
    *,
    test_days: float = 28,
    validation_days: float = 28,
    k: int = 20,
    people: int = 2_000,
    seed: int = 0,
    progress: Progress = lambda _step, _share: None,
) -> Report:
    """Trains before, tunes on, and judges after a cut in time.

    The question is each known person's next basket (the first session after the cut). Settings and weights come from
    the validation period alone; then the models are trained anew on all that came before the test. Only people of both
    periods are asked, at most ``people`` of them (a seeded sample). Raises InvalidInput when the history is too short
    to split or nobody is in both periods.
    """
    started = perf_counter()
    split = split_by_time(interactions, test_days, validation_days)
    tuned = tune_settings(
        split.train, split.validation, items, seed=seed, progress=lambda step, share: progress(step, 0.6 * share)
    )
    before = interactions.where(interactions.at < split.test_from)
    cases = next_basket_cases(before, split.test, people, seed)
    if not cases:
        raise InvalidInput(
            f"nobody who acted in the last {test_days:g} days is in both periods: there is no one to ask"
        )
    progress("training on all before the test", 0.65)
    als_model, content_model = fit_als(before, tuned.als, seed), fit_content(items, tuned.engine)
    engine = build(before, items, tuned.engine, als_model, content_model)
    rows = []
    for number, (target, new_only) in enumerate(TARGETS.items()):
        progress(f"asking {len(cases)} people for {target}", 0.8 + 0.1 * number)
        rows += _judge(engine, cases, before.items, target, new_only, k)
    progress("done", 1.0)
    return Report(
        tuple(rows),
        k,
        test_days,
        validation_days,
        len(interactions),
        len(interactions.users),
        len(items),
        seed,
        tuned.engine.hybrid.many,
        perf_counter() - started,
    )


def _judge(engine: Engine, cases: Sequence[Case], ids: Sequence[str], target: str, new_only: bool, k: int) -> list[Row]:
    asked = [one for case in cases if (one := ask(engine, case, ids, new_only=new_only)) is not None]
    if not asked:
        return []
    rows = []
    for model in (*SOURCES, HYBRID):
        began = perf_counter()
        lists = [rank(engine, model, one, k) for one in asked]
        ms = (perf_counter() - began) * 1e3 / len(asked)
        if model in ("als", "content") and getattr(engine, model) is None:
            continue
        judged = [(ranked, one.relevant.tolist()) for ranked, one in zip(lists, asked, strict=True)]
        recall, ndcg, precision = (
            float(np.mean([metric(ranked, relevant, k) for ranked, relevant in judged]))
            for metric in (metrics.recall_at, metrics.ndcg_at, metrics.average_precision_at)
        )
        covered = metrics.coverage(lists, int(engine.table.shown.sum()))
        rows.append(Row(target, model, recall, ndcg, precision, covered, len(asked), ms))
    return sorted(rows, key=lambda row: -row.ndcg)


def rank(engine: Engine, model: str, asked: Asked, k: int) -> list[int]:
    """The k best rows by one source, or by the blend; filled up with the most popular, so that every model shows k
    items."""
    if model == HYBRID:
        weights = engine.weights(asked.history, browsing=False)
        pool = engine.pool(asked.history, asked.allowed, k, weights)
        rows: NDArray[np.int32] = pool.rows[best(pool.scores @ weights, k)]
    else:
        answer = engine.answer(model, asked.history)
        if answer is None:
            rows = np.zeros(0, np.int32)
        else:
            may = np.flatnonzero(asked.allowed[answer.rows])
            rows = answer.rows[may[best(answer.scores[may], k)]]
    if len(rows) < k:
        top = engine.popularity.top()
        top = top[asked.allowed[top] & ~np.isin(top, rows)]
        rows = np.concatenate((rows, top[: k - len(rows)]))
    return [int(row) for row in rows]
