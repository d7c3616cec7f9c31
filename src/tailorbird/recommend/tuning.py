"""Chooses settings and weights on a validation period, by what people then bought; nothing is set by hand to a data
set."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from tailorbird.catalog.items import Item
from tailorbird.errors import MissingExtra
from tailorbird.events.ecommerce import ADD, ORDER, VIEW
from tailorbird.recommend import als, content, metrics
from tailorbird.recommend.answers import best
from tailorbird.recommend.cases import Case, ask, example, next_basket_cases, visit_cases
from tailorbird.recommend.engine import Engine, EngineConfig
from tailorbird.recommend.history import DAY_MS
from tailorbird.recommend.hybrid import SOURCES, Example, HybridConfig, Weights, mean_ndcg, tune
from tailorbird.recommend.interactions import Interactions
from tailorbird.recommend.popularity import PopularityConfig

Progress = Callable[[str, float], None]
"""Told of a step's name and the share of the whole that is done, 0 to 1."""

LENGTHS = (0.0, 0.5, 0.75, 1.0)
"""Exponents of the session length that are tried; 0 is VMIS-kNN, 0.5 the cosine of VS-kNN."""
NEIGHBOURS = (100, 200)
"""Numbers of nearest sessions that are tried; more cost too much time in an answer."""
HALF_LIVES = (7.0, 14.0, 30.0, 90.0)
"""Half-lives of popularity in days that are tried."""
ALPHAS = (1.0, 3.0, 10.0)
"""Confidences of ALS that are tried: Rendle et al. (RecSys 2022) find this the setting that must be tuned."""
PEOPLE = 800
"""People of the validation period that are asked; more would not change the choice, only its seconds."""
_SHORT = 3


class Tuned(msgspec.Struct, frozen=True):
    """The settings found, and the blend's metrics over the validation period's people (empty when there were too few)."""

    engine: EngineConfig
    als: als.AlsConfig
    metrics: dict[str, float]


def models_available() -> bool:
    """Whether the extra ``models`` is installed."""
    try:
        import implicit  # noqa: F401
        import scipy  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError:
        return False
    return True


def build(
    interactions: Interactions,
    items: Sequence[Item],
    config: EngineConfig,
    als_model: als.AlsModel | None,
    content_model: content.ContentModel | None,
) -> Engine:
    """An engine that has lived through the interactions: what a worker would hold at that moment."""
    engine = Engine(config)
    engine.upsert_items(items)
    engine.observe(interactions.feed())
    engine.use(als_model, content_model)
    return engine


def fit_content(items: Sequence[Item], config: EngineConfig) -> content.ContentModel | None:
    """The content model, or None without the extra or without items."""
    try:
        return content.fit(list(items), config.content) if items else None
    except MissingExtra:
        return None


def fit_als(interactions: Interactions, config: als.AlsConfig, seed: int) -> als.AlsModel | None:
    """The factors, or None without the extra or without interactions."""
    try:
        return als.fit(interactions, config, seed) if len(interactions) else None
    except MissingExtra:
        return None


def tune_settings(
    before: Interactions,
    after: Interactions,
    items: Sequence[Item],
    *,
    seed: int,
    config: EngineConfig | None = None,
    als_config: als.AlsConfig | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Tuned:
    """Learns on ``before`` and judges by ``after``: the session's length exponent, the confidence of ALS, the weights.

    With fewer than 30 people who are in both periods the settings stay as they came. Raises InvalidInput on a leak.
    """
    config, als_config = config or EngineConfig(), als_config or als.AlsConfig()
    cases = next_basket_cases(before, after, PEOPLE, seed)
    if len(cases) < 30:
        return Tuned(config, als_config, {})
    progress("content", 0.0)
    content_model = fit_content(items, config)
    sample = cases[: PEOPLE // 3]
    popularity = _tune_half_life(before, after, config.popularity)
    config = msgspec.structs.replace(config, popularity=popularity)
    progress("session index", 0.1)
    engine = build(before, items, config, None, content_model)
    sessions: list[tuple[float, EngineConfig]] = []
    for length in LENGTHS:
        for k in NEIGHBOURS:
            progress(f"session kNN, {k} neighbours, length {length:g}", 0.2 + 0.025 * len(sessions))
            session = msgspec.structs.replace(config.session, length=length, k=k)
            engine.tune(msgspec.structs.replace(config, session=session))
            sessions.append((_alone(engine, "session", sample, before.items), engine.config))
    config = max(sessions, key=lambda each: each[0])[1]
    engine.tune(config)
    found: list[tuple[float, als.AlsConfig, als.AlsModel]] = []
    for alpha in ALPHAS:
        progress(f"ALS, alpha {alpha:g}", 0.4 + 0.1 * len(found))
        trial = msgspec.structs.replace(als_config, alpha=alpha)
        model = fit_als(before, trial, seed)
        if model is None:
            break
        engine.use(model, content_model)
        found.append((_alone(engine, "als", sample, before.items), trial, model))
    if found:
        _, als_config, model = max(found, key=lambda each: each[0])
        engine.use(model, content_model)
    progress("weights", 0.7)
    hybrid, score = _tune_weights(engine, cases, visit_cases(before, after, PEOPLE, seed), before.items, seed)
    progress("weights", 1.0)
    return Tuned(msgspec.structs.replace(config, hybrid=hybrid), als_config, score)


def _tune_half_life(before: Interactions, after: Interactions, config: PopularityConfig) -> PopularityConfig:
    """The half-life whose top 100 at the cut get most of the interactions that follow."""
    following = np.bincount(after.item, minlength=len(before.items))
    kind = np.zeros(4)
    kind[[VIEW, ADD, ORDER]] = config.view, config.add, config.order
    age_days = (before.at[-1] - before.at) / DAY_MS
    caught = []
    for half_life in HALF_LIVES:
        weights = kind[before.kind] * 0.5 ** (age_days / half_life)
        counts = np.bincount(before.item, weights=weights, minlength=len(before.items)).astype(np.float64)
        top = best(counts, 100)
        caught.append(int(following[top].sum()))
    return msgspec.structs.replace(config, half_life_days=HALF_LIVES[int(np.argmax(caught))])


def _alone(engine: Engine, source: str, cases: Sequence[Case], items: Sequence[str]) -> float:
    """Mean NDCG@20 of one retriever, over new items and over all."""
    values = []
    for new_only in (True, False):
        for case in cases:
            asked = ask(engine, case, items, new_only=new_only)
            if asked is None:
                continue
            answer = engine.answer(source, asked.history)
            if answer is None:
                values.append(0.0)
                continue
            may = np.flatnonzero(asked.allowed[answer.rows])
            ranked = answer.rows[may[best(answer.scores[may], 20)]].tolist()
            values.append(metrics.ndcg_at(ranked, asked.relevant.tolist(), 20))
    return float(np.mean(values)) if values else 0.0


def _tune_weights(
    engine: Engine, cases: Sequence[Case], visits: Sequence[Case], items: Sequence[str], seed: int
) -> tuple[HybridConfig, dict[str, float]]:
    hybrid = engine.config.hybrid
    short = [msgspec.structs.replace(case, items=case.items[-_SHORT:], times=case.times[-_SHORT:]) for case in cases]
    learnt: dict[str, Weights] = {}
    score: dict[str, float] = {}
    for bucket, asked in (("many", cases), ("few", short), ("browse", visits)):
        examples = _examples(engine, asked, items)
        weights = tune(examples, hybrid.weights(bucket), seed=seed)
        learnt[bucket] = Weights(**dict(zip(SOURCES, np.round(weights, 4).tolist(), strict=True)))
        if len(examples) >= 30:
            score[f"validation_ndcg_20_{bucket}"] = round(mean_ndcg(examples, weights), 4)
    return msgspec.structs.replace(hybrid, **learnt), score


def _examples(engine: Engine, cases: Sequence[Case], items: Sequence[str]) -> list[Example]:
    """Both questions of every case: what new, and what at all."""
    asked = [ask(engine, case, items, new_only=new_only) for case in cases for new_only in (True, False)]
    return [example(engine, one) for one in asked if one is not None]
