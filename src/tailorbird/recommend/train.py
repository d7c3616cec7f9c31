"""Trains and publishes: tune on the last weeks, fit on everything, write one version, point CURRENT at it."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tailorbird.catalog.items import Item
from tailorbird.errors import InvalidInput
from tailorbird.recommend import als, content, snapshot
from tailorbird.recommend.als import AlsConfig
from tailorbird.recommend.engine import EngineConfig
from tailorbird.recommend.history import DAY_MS
from tailorbird.recommend.interactions import Interactions, split_by_time
from tailorbird.recommend.registry import FORMAT, Manifest, prune, publish
from tailorbird.recommend.tuning import Progress, Tuned, build, fit_als, fit_content, tune_settings

_PACKAGES = ("tailorbird", "numpy", "scipy", "scikit-learn", "implicit")
_KEPT = 5


def train(
    interactions: Interactions,
    items: Sequence[Item],
    directory: Path,
    *,
    seed: int,
    now: int,
    feed_offset: int = 0,
    validation_days: float = 28,
    progress: Progress = lambda _step, _share: None,
) -> Manifest:
    """Trains on interactions and catalog and publishes the version in ``directory``; returns its manifest.

    ``now`` (ms) names the version; ``feed_offset`` says up to where the feed was read: a worker that starts takes up
    what the live retrievers had learnt there and reads on (0: it begins at the beginning). A
    history too short to tune on (less than twice ``validation_days``) is used as it is, with the settings' defaults.
    Without the extra ``models`` what is published are the tuned weights of the live retrievers. Killed half-way it
    leaves nothing behind that is served. Raises InvalidInput when there is neither an interaction nor an item.
    """
    if not len(interactions) and not items:
        raise InvalidInput("there is nothing to train on: no interactions and no items have been sent")
    tuned = _tuned(interactions, items, validation_days, seed, lambda step, share: progress(step, 0.7 * share))
    progress("ALS on everything", 0.7)
    als_model = fit_als(interactions, tuned.als, seed)
    progress("content on everything", 0.85)
    content_model = fit_content(items, tuned.engine)
    progress("session index and popularity on everything", 0.9)
    engine = build(interactions, (), tuned.engine, None, None) if feed_offset else None
    progress("publishing", 0.97)
    manifest = Manifest(
        format=FORMAT,
        version=datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%S") + f"-{now % 1000:03d}",
        created=now,
        seed=seed,
        feed_offset=feed_offset,
        interactions=len(interactions),
        people=len(interactions.users),
        items=len(items),
        packages=_packages(),
        parts=[name for name, model in (("als", als_model), ("content", content_model)) if model is not None],
        metrics=tuned.metrics,
        config=tuned.engine,
    )

    def write(where: Path) -> None:
        if engine is not None:
            snapshot.save(engine, where)
        if als_model is not None:
            als.save(als_model, where)
        if content_model is not None:
            content.save(content_model, where)

    publish(directory, manifest, write)
    prune(directory, _KEPT)
    progress("done", 1.0)
    return manifest


def _tuned(
    interactions: Interactions, items: Sequence[Item], validation_days: float, seed: int, progress: Progress
) -> Tuned:
    span = (int(interactions.at[-1]) - int(interactions.at[0])) / DAY_MS if len(interactions) else 0.0
    if span < 2 * validation_days:
        return Tuned(EngineConfig(), AlsConfig(), {})
    split = split_by_time(interactions, 0, validation_days)
    return tune_settings(split.train, split.validation, items, seed=seed, progress=progress)


def _packages() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
