"""History weights, the item table, interactions and their split, popularity."""

import numpy as np
import pytest

from tailorbird.catalog.items import Item
from tailorbird.errors import InvalidInput
from tailorbird.events.ecommerce import ORDER, VIEW, Interaction
from tailorbird.recommend.answers import Scratch, SparseAnswer, best
from tailorbird.recommend.history import DAY_MS, HistoryConfig, weigh
from tailorbird.recommend.interactions import check_no_leak, from_columns, from_feed, split_by_time
from tailorbird.recommend.popularity import Popularity, PopularityConfig
from tailorbird.recommend.table import ItemTable


def test_the_latest_moment_weighs_most_and_an_order_is_one_moment():
    config = HistoryConfig(step=0.5, half_life_days=1e9, share=0.5)
    history = weigh([1, 2, 3, 4, 9], [10, 10, 10, 10, 20], config)
    assert history.rows.tolist() == [1, 2, 3, 4, 9]
    assert history.moments.tolist() == [2, 2, 2, 2, 1]
    assert history.weights == pytest.approx([0.25, 0.25, 0.25, 0.25, 1.0])


def test_age_is_counted_from_the_latest_moment():
    config = HistoryConfig(step=1.0, half_life_days=10)
    history = weigh([1, 2], [0, 20 * DAY_MS], config)
    assert history.weights == pytest.approx([0.25, 1.0])


def test_of_an_item_seen_twice_the_latest_counts_and_unknown_ones_are_passed_over():
    history = weigh([5, -1, 6, 5], [1, 2, 3, 4], HistoryConfig())
    assert history.rows.tolist() == [6, 5]
    assert weigh([], [], HistoryConfig()).rows.tolist() == []
    assert weigh([-1], [1], HistoryConfig()).rows.tolist() == []


def test_only_the_latest_items_count():
    history = weigh(list(range(100)), list(range(100)), HistoryConfig(items=3))
    assert history.rows.tolist() == [97, 98, 99]


def test_the_table_keeps_rows_for_ever_and_shows_only_available_items():
    table = ItemTable()
    assert table.row_or_new("seen only in events") == 0
    changed = table.upsert([Item("a", "A", "x"), Item("b", "B", "y", available=False)])
    assert changed == [1, 2]
    assert table.shown.tolist() == [False, True, False]
    assert table.upsert([Item("a", "A", "x"), Item("b", "B", "x")]) == [2]
    assert table.shown.tolist() == [False, True, True]
    assert table.members("x").tolist() == [1, 2]
    assert table.members("nothing of the kind").tolist() == []
    assert table.item("a") == Item("a", "A", "x")
    assert table.item("seen only in events") is None
    assert table.item("never heard of") is None


def test_events_cannot_fill_the_table_beyond_its_limit_but_the_catalog_may():
    table = ItemTable(max_rows=2)
    assert [table.row_or_new(item, bounded=True) for item in "aabc"] == [0, 0, 1, -1]
    assert table.upsert([Item("z")]) == [2]


def columns(times):
    n = len(times)
    return from_columns(np.zeros(n, int), np.arange(n), np.array(times), None, [b"u"], [str(i) for i in range(n)])


def test_a_split_by_time_has_no_leak_and_loses_nothing():
    interactions = columns([day * DAY_MS for day in (5, 1, 2, 3, 4, 6, 7, 8, 9, 10)])
    split = split_by_time(interactions, 2, 3)
    assert (len(split.train), len(split.validation), len(split.test)) == (5, 3, 2)
    assert split.train.at.max() < split.validation_from <= split.validation.at.min()
    assert split.validation.at.max() < split.test_from <= split.test.at.min()


def test_a_leaking_split_and_an_impossible_one_are_refused():
    early, late = columns([1, 2, 3]), columns([3, 4])
    with pytest.raises(InvalidInput, match="leaks"):
        check_no_leak(early, late)
    with pytest.raises(InvalidInput, match="too few"):
        split_by_time(columns([1, 2, 3]), 28, 28)
    with pytest.raises(InvalidInput, match="no interactions"):
        split_by_time(columns([]), 1, 1)


def test_columns_are_checked():
    with pytest.raises(InvalidInput, match="outside its table"):
        from_columns(np.array([0]), np.array([7]), np.array([1]), None, [b"u"], ["a"])
    with pytest.raises(InvalidInput, match="differ in length"):
        from_columns(np.array([0]), np.array([0, 0]), np.array([1]), None, [b"u"], ["a"])


def test_the_feed_becomes_columns_and_back():
    feed = [Interaction(b"p" * 12, "b", 5, VIEW), Interaction(b"q" * 12, "a", 7, ORDER)]
    assert list(from_feed(feed).feed()) == feed
    assert len(from_feed([])) == 0


def test_popularity_is_the_decayed_count_in_any_order_of_events():
    generator = np.random.default_rng(3)
    config = PopularityConfig(half_life_days=2, top=5)
    live, truth, now = Popularity(config), np.zeros(30), 40 * DAY_MS
    for _ in range(2000):
        row, at = int(generator.integers(30)) ** 2 // 30, int(generator.integers(now))
        live.observe(row, at, ORDER)
        truth[row] += 0.5 ** ((now - at) / DAY_MS / 2)
        if generator.random() < 0.05:
            assert live.top().tolist() == np.argsort(-truth, kind="stable")[:5].tolist()
    assert live.scores(np.arange(30, dtype=np.int32)) == pytest.approx(truth / truth.max(), rel=1e-5)


def test_popularity_outlives_the_range_of_floats():
    live = Popularity(PopularityConfig(half_life_days=1))
    live.observe(0, 0, ORDER)
    for day in (500, 1000, 3000, 3001):
        live.observe(1, day * DAY_MS, ORDER)
    assert live.top().tolist() == [1, 0]
    assert live.scores(np.array([1, 0, 77], dtype=np.int32)).tolist() == [1.0, 0.0, 0.0]


def test_nothing_is_popular_in_the_beginning():
    live = Popularity()
    assert live.top().tolist() == []
    assert live.scores(np.array([0, 5], dtype=np.int32)).tolist() == [0.0, 0.0]


def test_best_equals_a_full_sort():
    generator = np.random.default_rng(0)
    for n in (0, 1, 3, 10, 200):
        scores = generator.integers(0, 20, 100).astype(float)
        assert best(scores, n).tolist() == np.argsort(-scores, kind="stable")[:n].tolist()


def test_a_sparse_answer_is_the_sum_of_its_entries():
    scratch = Scratch()
    rows, owners = np.array([3, 5, 3], np.int32), np.array([0, 0, 1])
    answer = SparseAnswer(rows, owners, np.array([1.0, 2.0, 4.0]), 2, scratch)
    assert dict(zip(answer.rows.tolist(), answer.scores.tolist(), strict=True)) == {3: 5.0, 5: 2.0}
    asked = np.array([9, 5, 3], np.int32)
    assert answer.leaders(1, None)[0].tolist() == [3]
    assert answer.leaders(1, np.array([1, 1, 1, 0, 1, 1], bool))[0].tolist() == [5]
    assert answer.contributions(asked).tolist() == [[0.0, 0.0], [2.0, 0.0], [1.0, 4.0]]
