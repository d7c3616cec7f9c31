"""Questions with known answers: a person's history up to a cut, and the basket that came next."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.events.ecommerce import ORDER
from tailorbird.recommend.engine import Engine
from tailorbird.recommend.history import SESSION_GAP_MS, History, weigh
from tailorbird.recommend.hybrid import Example
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
    past, future = _by_person(before), _by_person(after)
    cases = []
    for person in _sample(past.keys() & future.keys(), limit, seed):
        old, new = past[person], future[person]
        new = new[: _first_session(after.at[new])]
        cases.append(Case(before.item[old].tolist(), before.at[old].tolist(), frozenset(after.item[new].tolist())))
    return cases


def visit_cases(before: Interactions, after: Interactions, limit: int, seed: int) -> list[Case]:
    """As ``next_basket_cases``, but asked in the middle of a visit: the history goes on with the first half of what the
    person looked at in the first session after the cut, and the target is the rest of that session. Visits of one item
    and sessions of orders alone have no middle and give no case."""
    check_no_leak(before, after)
    past, future = _by_person(before), _by_person(after)
    cases = []
    nothing = np.zeros(0, dtype=np.intp)
    for person in _sample(future.keys(), limit, seed):
        new = future[person]
        new = new[: _first_session(after.at[new])]
        looked = np.flatnonzero(after.kind[new] != ORDER)
        if len(looked) < 2:
            continue
        middle = int(looked[len(looked) // 2])
        seen, rest = new[:middle], new[middle:]
        target = frozenset(after.item[rest].tolist()).difference(after.item[seen].tolist())
        if target:
            old = past.get(person, nothing)
            items = before.item[old].tolist() + after.item[seen].tolist()
            cases.append(Case(items, before.at[old].tolist() + after.at[seen].tolist(), target))
    return cases


def _sample(people: Iterable[int], limit: int, seed: int) -> list[int]:
    ordered = sorted(people)
    if len(ordered) > limit:
        ordered = sorted(np.random.default_rng(seed).choice(ordered, limit, replace=False).tolist())
    return ordered


def _first_session(times: NDArray[np.int64]) -> int:
    """How many of the ascending times belong to the first session."""
    gaps = np.flatnonzero(np.diff(times) > SESSION_GAP_MS)
    return int(gaps[0]) + 1 if len(gaps) else len(times)


def _by_person(interactions: Interactions) -> dict[int, NDArray[np.intp]]:
    """For each person the positions of their interactions, in order of time."""
    if not len(interactions):
        return {}
    order = np.argsort(interactions.user, kind="stable")
    people, starts = np.unique(interactions.user[order], return_index=True)
    return dict(zip(people.tolist(), np.split(order, starts[1:]), strict=True))


class Asked(msgspec.Struct, frozen=True):
    """A case in rows of an engine's table: the weighted history, what may be recommended (bool by row), and what was
    right."""

    history: History
    allowed: NDArray[np.bool_]
    relevant: NDArray[np.int32]


def ask(engine: Engine, case: Case, items: Sequence[str], *, new_only: bool) -> Asked | None:
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


def example(engine: Engine, asked: Asked) -> Example:
    """What tuning needs of one case: the pool's scores and which of it was right."""
    pool = engine.pool(asked.history, asked.allowed)
    relevant = np.isin(pool.rows, asked.relevant)
    return Example(pool.scores.astype(np.float32), relevant, len(asked.relevant) - int(relevant.sum()))
