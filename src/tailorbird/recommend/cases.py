"""Questions with known answers: a person's history up to a cut, and the basket that came next."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.recommend.engine import Engine
from tailorbird.recommend.history import SESSION_GAP_MS, History, weigh
from tailorbird.recommend.hybrid import Example, HybridConfig
from tailorbird.recommend.interactions import Interactions, check_no_leak


class Case(msgspec.Struct, frozen=True):
    """``items`` and ``times``: what the person did before the cut, oldest first, as codes of the interactions' item
    table and ms. ``target``: the distinct items of the first session after the cut."""

    items: list[int]
    times: list[int]
    target: frozenset[int]


def next_basket_cases(before: Interactions, after: Interactions, limit: int, seed: int) -> list[Case]:
    """One case for each person of both periods, at most ``limit`` (then a seeded sample). Raises InvalidInput on a
    leak."""
    check_no_leak(before, after)
    people = np.intersect1d(before.user, after.user)
    if len(people) > limit:
        people = np.sort(np.random.default_rng(seed).choice(people, limit, replace=False))
    wanted = {person: number for number, person in enumerate(people.tolist())}
    past, future = _by_person(before, wanted), _by_person(after, wanted)
    cases = []
    for old, new in zip(past, future, strict=True):
        times = after.at[new]
        end = int(np.argmax(np.diff(times, append=times[-1] + 2 * SESSION_GAP_MS) > SESSION_GAP_MS)) + 1
        cases.append(
            Case(before.item[old].tolist(), before.at[old].tolist(), frozenset(after.item[new[:end]].tolist()))
        )
    return cases


def _by_person(interactions: Interactions, wanted: dict[int, int]) -> list[NDArray[np.intp]]:
    """For each wanted person the positions of their interactions, in order of time."""
    order = np.argsort(interactions.user, kind="stable")
    people, starts = np.unique(interactions.user[order], return_index=True)
    groups = dict(zip(people.tolist(), np.split(order, starts[1:]), strict=True))
    return [groups[person] for person in wanted]


class Asked(msgspec.Struct, frozen=True):
    """A case in rows of an engine's table: the weighted history, what may be recommended (bool by row), and what was
    right."""

    history: History
    allowed: NDArray[np.bool_]
    relevant: NDArray[np.int32]


def ask(engine: Engine, case: Case, items: list[str], *, new_only: bool) -> Asked | None:
    """Puts a case to an engine; None when nothing right is left to find.

    ``new_only`` takes the items that the person already had out of the question and the answer. Right items that the
    engine cannot know (first sold after the cut) stay right: they are missed.
    """
    table = engine.table
    history = weigh([table.row(items[code]) for code in case.items], case.times, engine.config.history)
    allowed = table.shown.copy()
    target = case.target
    if new_only:
        had = np.array(sorted({table.row(items[code]) for code in case.items}), dtype=np.int64)
        allowed[had[had >= 0]] = False
        target = target.difference(case.items)
    if not target:
        return None
    return Asked(history, allowed, np.array([table.row(items[code]) for code in sorted(target)], dtype=np.int32))


def example(engine: Engine, asked: Asked, hybrid: HybridConfig) -> Example:
    """What tuning needs of one case: the pool's scores and which of it was right."""
    pool = engine.pool(asked.history, asked.allowed)
    relevant = np.isin(pool.rows, asked.relevant)
    return Example(
        pool.scores.astype(np.float32),
        relevant,
        len(asked.relevant) - int(relevant.sum()),
        hybrid.bucket(asked.history, browsing=False),
    )
