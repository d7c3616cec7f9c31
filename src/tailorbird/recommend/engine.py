"""The retrievers together, over one item table: the same object serves live and is evaluated offline."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.catalog.items import Item
from tailorbird.events.ecommerce import Interaction
from tailorbird.recommend.als import AlsModel, AlsRetriever
from tailorbird.recommend.answers import Answer, Scratch
from tailorbird.recommend.content import ContentConfig, ContentModel, ContentRetriever
from tailorbird.recommend.history import History, HistoryConfig
from tailorbird.recommend.hybrid import SOURCES, HybridConfig, Pool, pool
from tailorbird.recommend.kind import KindRetriever
from tailorbird.recommend.popularity import Popularity, PopularityConfig
from tailorbird.recommend.session_knn import SessionKnn, SessionKnnConfig
from tailorbird.recommend.table import ItemTable


class EngineConfig(msgspec.Struct, frozen=True):
    """The settings of all parts; a published model carries the ones it was tuned with."""

    history: HistoryConfig = HistoryConfig()
    popularity: PopularityConfig = PopularityConfig()
    session: SessionKnnConfig = SessionKnnConfig()
    content: ContentConfig = ContentConfig()
    hybrid: HybridConfig = HybridConfig()


class PopularityAnswer:
    """The most popular, whoever asks; one column of contributions that no history item caused."""

    def __init__(self, popularity: Popularity) -> None:
        self._popularity = popularity
        self.rows = popularity.top()

    @property
    def scores(self) -> NDArray[np.floating]:
        """See ``Answer``."""
        return self._popularity.scores(self.rows)

    def leaders(self, n: int, allowed: NDArray[np.bool_] | None) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
        """See ``Answer``."""
        rows = self.rows if allowed is None else self.rows[allowed[self.rows]]
        return rows[:n], self._popularity.scores(rows[:n])

    def contributions(self, rows: NDArray[np.int32]) -> NDArray[np.floating]:
        """See ``Answer``; shape ``(len(rows), 1)``."""
        return self._popularity.scores(rows)[:, None]


class Engine:
    """Retrievers and their shared table. Models are None until something was trained. One thread uses it."""

    def __init__(self, config: EngineConfig | None = None) -> None:
        self.config = config or EngineConfig()
        self.table = ItemTable()
        self.popularity = Popularity(self.config.popularity)
        self._scratch = Scratch()
        self.session = SessionKnn(self.config.session, self._scratch)
        self.kind = KindRetriever(self.table, self.popularity)
        self._weights: dict[str, NDArray[np.float64]] = {}
        self.als: AlsRetriever | None = None
        self.content: ContentRetriever | None = None

    def use(self, als: AlsModel | None, content: ContentModel | None) -> None:
        """Takes up trained models; items of theirs that the table lacks get rows."""
        self.als = None if als is None else AlsRetriever(als, self._rows(als.items))
        self.content = None
        if content is not None:
            self.content = ContentRetriever(content, self._rows(content.items), self.config.content, self._scratch)
            self.content.link(self.table, list(range(len(self.table))))

    def tune(self, config: EngineConfig) -> None:
        """Takes up the settings that are read when asked; those that memory is laid out by stay as they were at the
        start."""
        session = msgspec.structs.replace(
            self.config.session,
            k=config.session.k,
            length=config.session.length,
            session_items=config.session.session_items,
        )
        self.session.config = session
        self._weights.clear()
        self.popularity.configure(config.popularity)
        self.config = msgspec.structs.replace(config, session=session, popularity=self.popularity.config)

    def _rows(self, ids: Sequence[str]) -> NDArray[np.int32]:
        rows = np.array([self.table.row_or_new(item_id) for item_id in ids], dtype=np.int32)
        return rows.reshape(-1)

    def upsert_items(self, items: Iterable[Item]) -> None:
        """New and changed items; a new one can be recommended by content at once."""
        changed = self.table.upsert(items)
        self.kind.forget()
        if self.content is not None and changed:
            self.content.link(self.table, changed)

    def observe(self, batch: Iterable[Interaction]) -> None:
        """Takes in interactions in the feed's order: popularity and the session index are up to date afterwards."""
        row_of, popular, session = self.table.row_or_new, self.popularity.observe, self.session.observe
        n = 0
        for interaction in batch:
            row = row_of(interaction.item, bounded=True)
            if row >= 0:
                popular(row, interaction.at, interaction.kind)
                session(interaction.person, row, interaction.at, interaction.kind)
                n += 1
        self.kind.observed(n)

    def answers(self, history: History, weights: NDArray[np.float64] | None = None) -> list[Answer | None]:
        """What each of ``SOURCES`` says to a history, see ``answer``; those without weight are not asked."""
        if weights is None:
            return [self.answer(source, history) for source in SOURCES]
        return [
            self.answer(source, history) if weight else None
            for source, weight in zip(SOURCES, weights.tolist(), strict=True)
        ]

    def answer(self, source: str, history: History) -> Answer | None:
        """What one source says; None when it is not trained, or has no history to start from and needs one."""
        self._scratch.fit(len(self.table))
        if source == "popularity":
            return PopularityAnswer(self.popularity)
        if not len(history):
            return None
        if source == "als":
            return None if self.als is None else self.als.answer(history)
        if source == "content":
            return None if self.content is None else self.content.answer(history)
        return self.session.answer(history) if source == "session" else self.kind.answer(history)

    def weights(self, history: History, *, browsing: bool) -> NDArray[np.float64]:
        """The blend's weights for a history, shape ``(len(SOURCES),)``."""
        bucket = self.config.hybrid.bucket(history, browsing=browsing)
        weights = self._weights.get(bucket)
        if weights is None:
            weights = self._weights[bucket] = self.config.hybrid.weights(bucket)
        return weights

    def pool(
        self,
        history: History,
        allowed: NDArray[np.bool_],
        least: int = 0,
        weights: NDArray[np.float64] | None = None,
    ) -> Pool:
        """The candidates for a history with the sources' scores. ``allowed``: bool by row; ``least``: so many if
        possible."""
        return pool(self.answers(history, weights), allowed, self.config.hybrid.per_source, self._scratch, least)
