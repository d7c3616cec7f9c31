"""ALS and content: what is served equals the formulas, computed another way."""

import builtins

import numpy as np
import pytest

from tailorbird.catalog.items import Item
from tailorbird.errors import MissingExtra
from tailorbird.recommend import als, content
from tailorbird.recommend.answers import Scratch
from tailorbird.recommend.engine import Engine
from tailorbird.recommend.history import History, HistoryConfig, weigh
from tailorbird.recommend.interactions import from_columns

ITEMS = [
    Item("mug-red", "Red retrospot mug", "Mugs"),
    Item("mug-blue", "Blue retrospot mug", "Mugs"),
    Item("bag-red", "Red retrospot bag", "Bags"),
    Item("bag-owl", "Owl shopper bag", "Bags"),
    Item("clock", "Wall clock", "Clocks", attributes={"description": "An owl on a wall"}),
]


@pytest.fixture(scope="module")
def interactions():
    generator = np.random.default_rng(1)
    n = 3000
    return from_columns(
        generator.integers(0, 200, n),
        generator.integers(0, 9, n) ** 2 // 2,
        np.arange(n),
        None,
        [bytes([i]) for i in range(200)],
        [f"item-{i}" for i in range(40)],
    )


def test_a_person_is_folded_in_by_the_formula_of_hu_koren_volinsky(interactions):
    model = als.fit(interactions, als.AlsConfig(factors=8, alpha=5.0, regularization=3.0), seed=0)
    retriever = als.AlsRetriever(model, np.arange(len(model.items), dtype=np.int32))
    history = weigh([4, 2, 7], [1, 2, 3], HistoryConfig())
    answer = retriever.answer(history)
    y = model.factors.astype(float)
    confidence = np.ones(len(y))
    preference = np.zeros(len(y))
    for row, weight in zip(history.rows, history.weights, strict=True):
        confidence[row] = 1 + 5.0 * weight
        preference[row] = 1
    system = y.T @ np.diag(confidence) @ y + 3.0 * np.eye(y.shape[1])
    expected = y @ np.linalg.inv(system) @ y.T @ (confidence * preference)
    assert answer.scores == pytest.approx(expected[answer.rows], rel=1e-3, abs=1e-4)
    every = np.arange(len(y), dtype=np.int32)
    assert answer.contributions(every).sum(axis=1) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_als_is_deterministic_and_comes_back_from_disk(interactions, tmp_path):
    first, second = (als.fit(interactions, als.AlsConfig(factors=4), seed=7) for _ in range(2))
    assert first.factors == pytest.approx(second.factors, abs=1e-6)
    als.save(first, tmp_path)
    loaded = als.load(tmp_path)
    assert loaded.items == first.items
    assert (np.array(loaded.factors) == first.factors).all()


def test_als_says_nothing_of_items_it_does_not_know(interactions):
    model = als.fit(interactions, als.AlsConfig(factors=4), seed=0)
    retriever = als.AlsRetriever(model, np.arange(len(model.items), dtype=np.int32) + 3)
    answer = retriever.answer(weigh([0, 1000], [1, 2], HistoryConfig()))
    assert answer.rows.tolist() == []
    assert answer.contributions(np.array([5, 0, 999], np.int32)).sum(axis=1).tolist() == [0, 0, 0]


@pytest.mark.parametrize("users", [1, 2])
def test_als_of_one_item_and_of_equal_interactions(users):
    one = from_columns(
        np.arange(users), np.zeros(users, int), np.ones(users, int), None, [bytes([i]) for i in range(users)], ["a"]
    )
    model = als.fit(one, als.AlsConfig(), seed=0)
    assert np.isfinite(model.factors).all()
    assert model.items == ["a"]


def engine_with(items, new=()):
    engine = Engine()
    engine.upsert_items(items)
    engine.use(None, content.fit(list(items), content.ContentConfig(neighbours=3)))
    engine.upsert_items(new)
    return engine


def ask(engine, *ids):
    rows = [engine.table.row(item_id) for item_id in ids]
    answer = engine.content.answer(weigh(rows, list(range(len(rows))), HistoryConfig()))
    order = np.argsort(-answer.scores, kind="stable")
    return [engine.table.ids[row] for row in answer.rows[order]]


def test_content_finds_the_same_words_and_kind():
    assert ask(engine_with(ITEMS), "mug-red")[:2] == ["mug-blue", "bag-red"]


def test_an_item_that_came_after_the_training_is_found_at_once_both_ways():
    new = [Item("mug-green", "Green retrospot mug", "Mugs"), Item("mug-grey", "Grey retrospot mug", "Mugs")]
    engine = engine_with(ITEMS, new)
    assert {"mug-green", "mug-grey"} <= set(ask(engine, "mug-red"))
    assert set(ask(engine, "mug-green")[:3]) == {"mug-red", "mug-blue", "mug-grey"}


def test_serving_weighs_an_item_as_training_did():
    model = content.fit(ITEMS, content.ContentConfig())
    retriever = content.ContentRetriever(model, np.arange(5, dtype=np.int32), content.ContentConfig(), Scratch())
    trained = np.zeros((len(ITEMS), len(model.terms)))
    for term in range(len(model.terms)):
        part = slice(model.term_start[term], model.term_start[term + 1])
        trained[model.term_row[part], term] = model.term_weight[part]
    for row, item in enumerate(ITEMS):
        dense = np.zeros(len(model.terms))
        for term, weight in retriever.vector(item).items():
            dense[term] = weight
        assert dense == pytest.approx(trained[row], abs=1e-6)


def test_neighbours_are_the_cosines_of_all_pairs(tmp_path):
    generator = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    items = [Item(str(i), " ".join(generator.choice(words, 4)), f"c{i % 5}") for i in range(120)]
    config = content.ContentConfig(neighbours=10)
    model = content.fit(items, config)
    content.save(model, tmp_path)
    model = content.load(tmp_path)
    dense = np.zeros((120, len(model.terms)))
    for term in range(len(model.terms)):
        part = slice(model.term_start[term], model.term_start[term + 1])
        dense[model.term_row[part], term] = model.term_weight[part]
    cosine = dense @ dense.T
    np.fill_diagonal(cosine, -1)
    for row in range(120):
        assert model.similarity[row] == pytest.approx(np.sort(cosine[row])[::-1][:10], abs=1e-5)
        assert model.similarity[row] == pytest.approx(cosine[row][model.neighbours[row]], abs=1e-5)


def test_items_without_names_do_no_harm():
    engine = engine_with([Item("a"), Item("b"), Item("c", "!!!")], [Item("d", "Mug")])
    assert ask(engine, "a", "d") == []
    engine = engine_with([*ITEMS, Item("nameless", category="Mugs")], [Item("new nameless")])
    assert "nameless" in ask(engine, "mug-red")
    assert ask(engine, "new nameless") == []


def test_a_missing_extra_says_what_to_install(monkeypatch, interactions):
    real = builtins.__import__

    def without(name, *rest, **kwargs):
        if name.split(".")[0] in ("implicit", "scipy", "sklearn"):
            raise ImportError(name)
        return real(name, *rest, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"tailorbird\[models\]"):
        als.fit(interactions, als.AlsConfig(), seed=0)
    with pytest.raises(MissingExtra, match=r"tailorbird\[models\]"):
        content.fit(ITEMS, content.ContentConfig())


def test_contributions_of_all_sources_sum_to_their_scores(interactions):
    engine = Engine()
    engine.upsert_items([Item(f"item-{i}", f"name {i % 7} {i % 3}", f"kind {i % 4}") for i in range(40)])
    engine.observe(interactions.feed())
    items = [engine.table.item_at(row) for row in range(40)]
    engine.use(als.fit(interactions, als.AlsConfig(factors=8), 0), content.fit(items, content.ContentConfig()))
    history: History = weigh([3, 8, 17, 31], [1, 1, 2, 3], HistoryConfig())
    every = np.arange(len(engine.table), dtype=np.int32)
    for source, answer in zip(("session", "als", "content", "kind"), engine.answers(history), strict=False):
        assert answer is not None, source
        parts = answer.contributions(every).sum(axis=1)
        assert parts[answer.rows] == pytest.approx(answer.scores, rel=1e-4, abs=1e-6), source
        rows, scores = answer.leaders(5, None)
        assert parts[rows] == pytest.approx(scores, rel=1e-4, abs=1e-6), source
        assert parts.max() == pytest.approx(scores.max(), rel=1e-4), source
