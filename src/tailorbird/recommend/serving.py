"""What one worker process recommends from: the live retrievers, the current models, and the answer to a query."""

from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.catalog.items import Item
from tailorbird.events.ecommerce import ORDER, Interaction
from tailorbird.recommend import snapshot
from tailorbird.recommend.answers import best
from tailorbird.recommend.engine import Engine, EngineConfig
from tailorbird.recommend.history import SESSION_GAP_MS, History, weigh
from tailorbird.recommend.hybrid import POPULARITY, SOURCES, Pool
from tailorbird.recommend.registry import Loaded, ModelError, load_current

_WORTH_TELLING = 0.01
"""A reason with a smaller share of the score is not told."""


class Query(msgspec.Struct, frozen=True):
    """Whom to recommend for, and what for.

    ``recent``: ``(item id, at, kind)``, oldest first, the person's own, ``[]`` when personalization is not permitted
    (the latest 50 distinct items count). ``context_items``: what the page shows or the cart holds. ``exclude``: ids
    never to be recommended. ``category``: only items of it. ``now`` and ``at`` in ms since the epoch.
    """

    recent: list[tuple[str, int, int]]
    context_items: list[str]
    n: int
    now: int
    exclude: frozenset[str] = frozenset()
    category: str | None = None


class Reason(msgspec.Struct, frozen=True):
    """One part of a candidate's score: the source, what it gave, and the item of the history that gave most of that."""

    source: str
    weight: float
    because: str | None


_NONE = (Reason("catalog", 0.0, None),)
"""What is said of an item that only stands in for lack of others."""


class Candidate:
    """An item with its score and the reasons that make it up, largest first, adding up to the score (to a percent).

    Of the hundreds that are retrieved a few are shown, so the reasons are worked out when they are first read; read
    them before the recommender takes in more.
    """

    __slots__ = ("_place", "_reasons", "item", "score")

    def __init__(self, item: str, score: float, reasons: "tuple[Reason, ...] | Explained", place: int = 0) -> None:
        self.item = item
        self.score = score
        self._reasons = reasons
        self._place = place

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why; never empty."""
        reasons = self._reasons
        return reasons if isinstance(reasons, tuple) else reasons.of(self._place)

    def __repr__(self) -> str:
        return f"Candidate({self.item!r}, {self.score:.4f}, {self.reasons})"


class Explained:
    """The reasons of the candidates of one answer: of the first ``shown`` at once, of the rest at once when one is
    read."""

    def __init__(
        self,
        pool: Pool,
        order: NDArray[np.intp],
        weights: NDArray[np.float64],
        history: History,
        ids: list[str],
        shown: int,
    ) -> None:
        self._pool, self._order, self._weights, self._history, self._ids = pool, order, weights, history, ids
        self._shown = min(max(shown, 1), len(order))
        self._found: dict[int, tuple[Reason, ...]] = {}

    def of(self, place: int) -> tuple[Reason, ...]:
        """Reasons of the candidate at a place of the answer."""
        if place not in self._found:
            first = place < self._shown
            self._explain(*((0, self._shown) if first else (self._shown, len(self._order))))
        return self._found[place]

    def _explain(self, begin: int, end: int) -> None:
        order = self._order[begin:end]
        rows = self._pool.rows[order]
        given = self._pool.scores[order] * self._weights
        worth = _WORTH_TELLING * given.sum(axis=1)
        told: list[list[tuple[float, str, str | None]]] = [[] for _ in rows]
        for column, source in enumerate(SOURCES):
            telling = np.flatnonzero(given[:, column] > worth)
            answer = self._pool.answers[column]
            if answer is None or not len(telling):
                continue
            causes: list[str | None] = [None] * len(telling)
            if column != POPULARITY:
                largest = answer.contributions(rows[telling]).argmax(axis=1)
                causes = [self._ids[row] for row in self._history.rows[largest].tolist()]
            for place, weight, cause in zip(telling.tolist(), given[telling, column].tolist(), causes, strict=True):
                told[place].append((weight, source, cause))
        for place, reasons in enumerate(told, begin):
            reasons.sort(key=_by_weight)
            self._found[place] = tuple([Reason(source, weight, cause) for weight, source, cause in reasons]) or _NONE


class Recommender:
    """Live retrievers and hot-swapped models. Not safe for threads: one thread observes and asks."""

    def __init__(
        self, models_directory: Path | None = None, config: EngineConfig | None = None, *, resume: bool = False
    ) -> None:
        """``resume``: take up what the live retrievers had learnt when the current model was trained; then the feed
        must be read on from ``feed_offset``, not from its beginning."""
        self._directory = models_directory
        self._engine = Engine(config)
        self._manifest_version: str | None = None
        self._parts: list[str] = []
        self._seen: tuple[int, int, int] | None = None
        self.feed_offset = 0
        """Where the feed of interactions is to be read on from: what came before was learnt with the published model.
        """
        self.problem: str | None = None
        """Why the latest published model is not in use; None when all is well."""
        self._resume = resume
        self.refresh()
        self._resume = False

    def upsert_items(self, items: Iterable[Item]) -> None:
        """New and changed items, availability included; a new one can be recommended at once."""
        self._engine.upsert_items(items)

    def observe(self, batch: Iterable[Interaction]) -> None:
        """Takes in interactions in the feed's order (about 5 us each): popularity and session index are live."""
        self._engine.observe(batch)

    def item(self, item_id: str) -> Item | None:
        """An item of the catalog, or None."""
        return self._engine.table.item(item_id)

    def items(self) -> list[Item]:
        """The whole catalog, in order of arrival."""
        table = self._engine.table
        return [item for row in range(len(table)) if (item := table.item_at(row)) is not None]

    def versions(self) -> dict[str, str]:
        """What answered: the published version (``none`` before any training) and each part that took part."""
        version = self._manifest_version or "none"
        return {"hybrid": version, **dict.fromkeys(self._parts, version), "session": "live", "popularity": "live"}

    def refresh(self) -> bool:
        """Picks up a newly published model, if there is one: costs a ``stat`` otherwise. True when the models changed.

        A model that cannot be used is left alone, ``problem`` says why, and what served before serves on.
        """
        if self._directory is None:
            return False
        try:
            status = (self._directory / "CURRENT").stat()
        except OSError:
            return False
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            loaded = load_current(self._directory)
        except ModelError as error:
            self.problem = str(error)
            return False
        if loaded is None:
            return False
        self._swap(loaded)
        self.problem = None
        return True

    def _swap(self, loaded: Loaded) -> None:
        self._engine.tune(loaded.manifest.config)
        try:
            if self._resume and snapshot.restore(self._engine, loaded.directory):
                self.feed_offset = loaded.manifest.feed_offset
        except (OSError, ValueError, KeyError, msgspec.MsgspecError):
            # Nothing is lost: the feed is replayed from its beginning.
            self._engine = Engine(loaded.manifest.config)
        self._engine.use(loaded.als, loaded.content)
        self._manifest_version = loaded.manifest.version
        self._parts = loaded.manifest.parts

    def recommend(self, query: Query, n_candidates: int) -> list[Candidate]:
        """The best items for a query, best first: available, not excluded, of the category asked for, each once.

        Left out as well are the context's items and what was looked at or put in the cart in this visit: the visitor
        has just seen it. As long as enough items remain there are ``n_candidates``: popularity, then the catalog's
        order, fills up.
        """
        if n_candidates <= 0:
            return []
        engine = self._engine
        table = engine.table
        history, visit = self._history(query)
        allowed = self._allowed(query, visit)
        weights = engine.weights(history, browsing=bool(visit))
        pool = engine.pool(history, allowed, n_candidates, weights)
        blended = pool.scores @ weights
        order = best(blended, n_candidates)
        rows, scores = pool.rows[order], blended[order]
        ids = table.ids
        explained = Explained(pool, order, weights, history, ids, 2 * query.n)
        names = [ids[row] for row in rows.tolist()]
        candidates = list(map(Candidate, names, scores.tolist(), repeat(explained), range(len(names))))
        if len(rows) < n_candidates:
            allowed[rows] = False
            floor = float(scores[-1]) if len(scores) else 1.0
            for row, share in self._fill(query, allowed, n_candidates - len(rows)):
                score = min(floor, float(weights[POPULARITY]) * share)
                reasons = (Reason("popularity", score, None),) if score > 0 else _NONE
                candidates.append(Candidate(ids[row], score, reasons))
        return candidates

    def _history(self, query: Query) -> tuple[History, list[int]]:
        """The weighted history, the page's context as its latest moment; and the rows that this visit has looked at."""
        row_of = self._engine.table.row
        rows = [row_of(item) for item, _, _ in query.recent]
        times = [at for _, at, _ in query.recent]
        since = query.now - SESSION_GAP_MS
        visit = [
            row
            for row, (_, at, kind) in zip(rows, query.recent, strict=True)
            if at >= since and kind != ORDER and row >= 0
        ]
        context = [row for row in map(row_of, query.context_items) if row >= 0]
        rows += context
        times += [max([query.now, *times[-1:]]) + 1] * len(context)
        return weigh(rows, times, self._engine.config.history), visit + context

    def _allowed(self, query: Query, visit: list[int]) -> NDArray[np.bool_]:
        table = self._engine.table
        if query.category is None:
            allowed = table.shown.copy()
        else:
            allowed = np.zeros(len(table), dtype=bool)
            members = table.members(query.category)
            allowed[members] = table.shown[members]
        hidden = [row for row in map(table.row, query.exclude) if row >= 0]
        allowed[hidden + visit] = False
        return allowed

    def _fill(self, query: Query, allowed: NDArray[np.bool_], n: int) -> list[tuple[int, float]]:
        popularity = self._engine.popularity
        if query.category is None:
            rows = popularity.top()
            rows = rows[allowed[rows]][:n]
            if len(rows) < n:
                allowed[rows] = False
                rows = np.concatenate((rows, np.flatnonzero(allowed)[: n - len(rows)].astype(np.int32)))
        else:
            members = self._engine.table.members(query.category)
            rows = popularity.order(members[allowed[members]])[:n]
        return list(zip(rows.tolist(), popularity.scores(rows).tolist(), strict=True))


def _by_weight(reason: tuple[float, str, str | None]) -> float:
    return -reason[0]
