"""Implicit ALS: factors trained by the ``implicit`` library, a person's own vector computed at the moment of asking.

Y. Hu, Y. Koren, C. Volinsky: "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. Confidence ``c = 1 +
alpha * r`` (their eq. before 3). With item factors Y held fixed, a person's vector is ``x = (Y'Y + lambda I + Y'(C -
I)Y)^-1 Y'C p`` (eq. 4), so the score ``y_i . x = sum over history items h of c_h * y_i' A^-1 y_h`` is a sum of parts,
one for each item of the history: their explanation (section 5, eq. 7). Nothing of a person is stored, so nothing of it
can be stale.
"""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.errors import MissingExtra
from tailorbird.recommend.answers import highest
from tailorbird.recommend.history import History
from tailorbird.recommend.interactions import Interactions


class AlsConfig(msgspec.Struct, frozen=True):
    """``factors``: length of a vector. ``regularization``: lambda. ``alpha``: confidence gained by one interaction.
    ``iterations``: of the alternating least squares. ``head``: how many of the most frequent items are scored one and
    all; the rest is scored when another retriever brings it up (5,000 x 64 takes 40 us, and rare items have poor
    factors)."""

    factors: int = 64
    regularization: float = 20.0
    alpha: float = 10.0
    iterations: int = 12
    head: int = 5_000


class AlsModel(msgspec.Struct, frozen=True):
    """``factors`` float32 ``(n, f)``, most frequent item first; ``items``: the ids of its rows; ``gram`` float64 ``(f,
    f)``: ``Y'Y + lambda I``."""

    factors: NDArray[np.float32]
    items: list[str]
    gram: NDArray[np.float64]
    alpha: float
    head: int


def fit(interactions: Interactions, config: AlsConfig, seed: int) -> AlsModel:
    """Factorises; deterministic for a seed and one thread count.

    ``r`` of a person and an item is ``log2(1 + n)`` for n interactions. Raises MissingExtra without ``implicit`` and
    ``scipy``.
    """
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("matrix factorisation (ALS)", "models") from error
    counts = np.bincount(interactions.item, minlength=len(interactions.items))
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    row_of = np.full(len(counts), -1, dtype=np.int32)
    row_of[order] = np.arange(len(order))
    pair, times = np.unique(
        interactions.user.astype(np.int64) * len(order) + row_of[interactions.item], return_counts=True
    )
    confidence = (1.0 + config.alpha * np.log2(1.0 + times)).astype(np.float32)
    users, columns = np.divmod(pair, len(order))
    matrix = csr_matrix((confidence, (users, columns)), shape=(len(interactions.users), len(order)))
    with threadpool_limits(1, "blas"):  # implicit is parallel itself and slow beside a parallel BLAS
        model = AlternatingLeastSquares(
            factors=min(config.factors, len(order)),
            regularization=config.regularization,
            iterations=config.iterations,
            random_state=seed,
            dtype=np.float32,
        )
        model.fit(matrix, show_progress=False)
    factors = np.ascontiguousarray(model.item_factors, dtype=np.float32)
    wide = factors.astype(np.float64)
    gram = wide.T @ wide + config.regularization * np.eye(factors.shape[1])
    return AlsModel(factors, [interactions.items[row] for row in order.tolist()], gram, config.alpha, config.head)


def save(model: AlsModel, directory: Path) -> None:
    """Writes the model's files into a directory."""
    np.save(directory / "als-factors.npy", model.factors)
    np.save(directory / "als-gram.npy", model.gram)
    (directory / "als.json").write_bytes(
        msgspec.json.encode({"items": model.items, "alpha": model.alpha, "head": model.head})
    )


def load(directory: Path) -> AlsModel:
    """Reads a saved model; the factors are mapped, so all workers share one copy of them."""
    meta = msgspec.json.decode((directory / "als.json").read_bytes())
    factors = np.asarray(np.load(directory / "als-factors.npy", mmap_mode="r"))
    return AlsModel(factors, meta["items"], np.load(directory / "als-gram.npy"), meta["alpha"], meta["head"])


class AlsAnswer:
    """Scores of the head items; see ``answers.Answer``."""

    def __init__(self, retriever: "AlsRetriever", solved: NDArray[np.float32], rows: NDArray[np.int32]) -> None:
        self._retriever = retriever
        self._solved = solved
        self.rows = rows
        self.scores = retriever.head @ solved.sum(axis=1) if len(rows) else np.zeros(0, np.float32)

    def leaders(self, n: int, allowed: NDArray[np.bool_] | None) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
        """See ``Answer``."""
        return highest(self.rows, self.scores, n, allowed)

    def contributions(self, rows: NDArray[np.int32]) -> NDArray[np.floating]:
        """See ``Answer``."""
        factors, known = self._retriever.factors_of(rows)
        return (factors @ self._solved) * known[:, None]


class AlsRetriever:
    """A model in the rows of a worker's item table. ``rows_of``: int32 ``(n,)``, the table's row of each of the
    model's."""

    def __init__(self, model: AlsModel, rows_of: NDArray[np.int32]) -> None:
        # Not the model itself: its ids would be a second copy of the table's.
        self._factors, self._alpha = model.factors, model.alpha
        self._inverse = np.linalg.inv(model.gram)
        self._model_row = np.full(int(rows_of.max(initial=-1)) + 1, -1, dtype=np.int32)
        self._model_row[rows_of] = np.arange(len(rows_of), dtype=np.int32)
        self._head_rows = rows_of[: model.head]
        self.head = model.factors[: model.head]

    def factors_of(self, rows: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Factors ``(len(rows), f)`` of table rows, and which of them the model knows."""
        inside = rows < len(self._model_row)
        model_rows = np.where(inside, self._model_row[np.where(inside, rows, 0)], -1)
        return self._factors[model_rows], model_rows >= 0

    def answer(self, history: History) -> AlsAnswer:
        """Folds the history in (eq. 4, weights of the history as r) and scores the head."""
        factors, known = self.factors_of(history.rows) if len(self._model_row) else (self.head[:0], np.zeros(0, bool))
        if not known.any():
            return AlsAnswer(self, np.zeros((self.head.shape[1], len(history)), np.float32), history.rows[:0])
        wide = factors.astype(np.float64)
        confidence = np.where(known, 1.0 + self._alpha * history.weights, 0.0)
        # A^-1 Y' C by the matrix inversion lemma: a system of the history's size instead of the factors'.
        half = wide @ self._inverse
        system = np.eye(len(wide)) + np.where(known, confidence - 1.0, 0.0)[:, None] * (half @ wide.T)
        solved = ((half.T @ np.linalg.inv(system)) * confidence).astype(np.float32)
        return AlsAnswer(self, solved, self._head_rows)
