"""Content similarity: TF-IDF of names, descriptions and categories, served as ready neighbour lists.

Weights and cosine as in Salton and Buckley, "Term-weighting approaches in automatic text retrieval", IPM 24, 1988, in
the smoothed form of scikit-learn: ``(1 + ln tf) * (ln((1 + n) / (1 + df)) + 1)``, rows of length one. Training
computes each item's nearest neighbours. An item that arrives between trainings is weighed with the trained vocabulary
in plain numpy and linked into the lists of those that resemble it, so it can be recommended at once.
"""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.catalog.items import Item
from tailorbird.errors import MissingExtra
from tailorbird.recommend.answers import Scratch, SparseAnswer
from tailorbird.recommend.history import History
from tailorbird.recommend.table import ItemTable

_WORD = re.compile(r"[^\W_][\w']+")
_CATEGORY_COUNT = 2


class ContentConfig(msgspec.Struct, frozen=True):
    """``neighbours`` kept for an item; ``vocabulary``: most terms kept, the most frequent; ``new_items``: how many
    items that came after the training are linked (each costs about 0.3 ms once), further ones wait for the next
    training."""

    neighbours: int = 50
    vocabulary: int = 50_000
    new_items: int = 5_000


class ContentModel(msgspec.Struct, frozen=True):
    """``items``: ids of the n rows. ``neighbours`` int32 and ``similarity`` float32 ``(n, k)``, nearest first, -1 and
    0 where there are fewer. ``terms``: the vocabulary, with ``idf`` float32 ``(t,)``. By term, the items that have it:
    ``term_start`` int64 ``(t + 1,)`` into ``term_row`` int32 and ``term_weight`` float32 ``(nnz,)``."""

    items: list[str]
    neighbours: NDArray[np.int32]
    similarity: NDArray[np.float32]
    terms: list[str]
    idf: NDArray[np.float32]
    term_start: NDArray[np.int64]
    term_row: NDArray[np.int32]
    term_weight: NDArray[np.float32]


def terms_of(item: Item) -> list[str]:
    """Lower-case words and pairs of words of the name, words of ``attributes["description"]``, and the category as a
    term."""
    words = _WORD.findall(item.name.lower())
    terms = words + [f"{first} {second}" for first, second in pairwise(words)]
    description = item.attributes.get("description")
    if isinstance(description, str):
        terms += _WORD.findall(description.lower())
    if item.category:
        terms += [f"category: {item.category}"] * _CATEGORY_COUNT
    return terms


def fit(items: list[Item], config: ContentConfig) -> ContentModel:
    """Neighbour lists of all items. Raises MissingExtra without scikit-learn."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError as error:
        raise MissingExtra("content similarity", "models") from error
    if not any(terms_of(item) for item in items):
        return _empty([item.id for item in items], config)
    vectorizer = TfidfVectorizer(analyzer=terms_of, sublinear_tf=True, max_features=config.vocabulary, dtype=np.float32)
    matrix = vectorizer.fit_transform(items)
    neighbours = np.full((len(items), config.neighbours), -1, dtype=np.int32)
    similarity = np.zeros((len(items), config.neighbours), dtype=np.float32)
    transposed = matrix.T.tocsr()
    for begin in range(0, len(items), 1024):
        block = (matrix[begin : begin + 1024] @ transposed).tocsr()
        for offset in range(block.shape[0]):
            row = begin + offset
            part = slice(block.indptr[offset], block.indptr[offset + 1])
            _nearest(block.indices[part], block.data[part], row, neighbours[row], similarity[row])
    by_term = matrix.tocsc()
    return ContentModel(
        [item.id for item in items],
        neighbours,
        similarity,
        vectorizer.get_feature_names_out().tolist(),
        vectorizer.idf_.astype(np.float32),
        by_term.indptr.astype(np.int64),
        by_term.indices.astype(np.int32),
        by_term.data.astype(np.float32),
    )


def _empty(ids: list[str], config: ContentConfig) -> ContentModel:
    return ContentModel(
        ids,
        np.full((len(ids), config.neighbours), -1, np.int32),
        np.zeros((len(ids), config.neighbours), np.float32),
        [],
        np.zeros(0, np.float32),
        np.zeros(1, np.int64),
        np.zeros(0, np.int32),
        np.zeros(0, np.float32),
    )


def _nearest(
    rows: NDArray[np.int32],
    similar: NDArray[np.float32],
    own: int,
    to_rows: NDArray[np.int32],
    to_similarity: NDArray[np.float32],
) -> None:
    other = rows != own
    rows, similar = rows[other], similar[other]
    order = (
        np.lexsort((rows, -similar))[: len(to_rows)]
        if len(rows) < 4 * len(to_rows)
        else _top(rows, similar, len(to_rows))
    )
    to_rows[: len(order)] = rows[order]
    to_similarity[: len(order)] = similar[order]


def _top(rows: NDArray[np.int32], similar: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    floor = np.partition(similar, len(similar) - n)[len(similar) - n]
    near = np.flatnonzero(similar >= floor)
    return near[np.lexsort((rows[near], -similar[near]))[:n]]


_ARRAYS = ("neighbours", "similarity", "idf", "term_start", "term_row", "term_weight")


def save(model: ContentModel, directory: Path) -> None:
    """Writes the model's files into a directory."""
    for name in _ARRAYS:
        np.save(directory / f"content-{name.replace('_', '-')}.npy", getattr(model, name))
    (directory / "content.json").write_bytes(msgspec.json.encode({"items": model.items, "terms": model.terms}))


def load(directory: Path) -> ContentModel:
    """Reads a saved model, its arrays mapped."""
    meta = msgspec.json.decode((directory / "content.json").read_bytes())
    arrays: dict[str, Any] = {
        name: np.asarray(np.load(directory / f"content-{name.replace('_', '-')}.npy", mmap_mode="r"))
        for name in _ARRAYS
    }
    return ContentModel(items=meta["items"], terms=meta["terms"], **arrays)


class ContentRetriever:
    """A model in the rows of a worker's item table. ``rows_of``: int32 ``(n,)``, the table's row of each of the
    model's."""

    def __init__(
        self, model: ContentModel, rows_of: NDArray[np.int32], config: ContentConfig, scratch: Scratch
    ) -> None:
        self._scratch = scratch
        self._model = msgspec.structs.replace(model, items=[])  # its ids would be a second copy of the table's
        self._config = config
        self._row_of = rows_of
        self._model_row = np.full(int(rows_of.max(initial=-1)) + 1, -1, dtype=np.int32)
        self._model_row[rows_of] = np.arange(len(rows_of), dtype=np.int32)
        self._term = {term: number for number, term in enumerate(model.terms)}
        self._new_terms: dict[int, list[tuple[int, float]]] = {}
        self._new_links: dict[int, list[tuple[int, float]]] = {}
        self._linked: set[int] = set()

    def knows(self, row: int) -> bool:
        """Whether the item of a table row was trained with, or linked since."""
        return row in self._linked or (row < len(self._model_row) and self._model_row[row] >= 0)

    def vector(self, item: Item) -> dict[int, float]:
        """TF-IDF of one item in the trained vocabulary, of length one (term number -> weight), as in training."""
        counts = Counter(number for term in terms_of(item) if (number := self._term.get(term)) is not None)
        raw = {number: (1.0 + float(np.log(n))) * float(self._model.idf[number]) for number, n in counts.items()}
        length = sum(weight * weight for weight in raw.values()) ** 0.5
        return {number: weight / length for number, weight in raw.items()}

    def link(self, table: ItemTable, rows: list[int]) -> None:
        """Links items that came after the training; those that it knew keep their lists until the next one."""
        for row in rows:
            if len(self._linked) >= self._config.new_items:
                return
            item = table.item_at(row)
            if item is None or self.knows(row):
                continue
            self._linked.add(row)
            vector = self.vector(item)
            nearest = self._similar(vector)
            self._new_links[row] = nearest
            for other, similarity in nearest:
                self._new_links.setdefault(other, []).append((row, similarity))
            for number, weight in vector.items():
                self._new_terms.setdefault(number, []).append((row, weight))

    def _similar(self, vector: dict[int, float]) -> list[tuple[int, float]]:
        model = self._model
        found: dict[int, float] = {}
        trained = np.zeros(len(self._row_of), dtype=np.float32)
        for number, weight in vector.items():
            part = slice(int(model.term_start[number]), int(model.term_start[number + 1]))
            trained[model.term_row[part]] += weight * model.term_weight[part]
            for row, other in self._new_terms.get(number, ()):
                found[row] = found.get(row, 0.0) + weight * other
        near = np.flatnonzero(trained)
        if len(near) > self._config.neighbours:
            near = near[np.argpartition(trained[near], -self._config.neighbours)[-self._config.neighbours :]]
        found.update(zip(self._row_of[near].tolist(), trained[near].tolist(), strict=True))
        return sorted(found.items(), key=lambda pair: -pair[1])[: self._config.neighbours]

    def answer(self, history: History) -> SparseAnswer:
        """Each history item gives its neighbours its weight times their similarity."""
        rows = history.rows
        inside = rows < len(self._model_row)
        model_rows = (
            np.where(inside, self._model_row[np.where(inside, rows, 0)], -1) if len(self._model_row) else rows * 0 - 1
        )
        known = np.flatnonzero(model_rows >= 0)
        neighbours = self._model.neighbours[model_rows[known]]
        value = self._model.similarity[model_rows[known]] * history.weights[known][:, None]
        owner = np.repeat(known, neighbours.shape[1])
        flat = neighbours.ravel()
        real = flat >= 0
        found, owners, values = self._row_of[flat[real]], owner[real], value.ravel()[real]
        if self._new_links:
            extra = [
                (other, place, similarity * weight)
                for place, (row, weight) in enumerate(zip(rows.tolist(), history.weights.tolist(), strict=True))
                for other, similarity in self._new_links.get(row, ())
            ]
            if extra:
                more = np.array(extra)
                found = np.concatenate((found, more[:, 0].astype(np.int32)))
                owners = np.concatenate((owners, more[:, 1].astype(np.intp)))
                values = np.concatenate((values, more[:, 2].astype(np.float32)))
        return SparseAnswer(found, owners, values, len(history), self._scratch)
