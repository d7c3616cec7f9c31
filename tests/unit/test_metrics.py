"""Ranking metrics against scikit-learn and against tables worked out by hand."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from tailorbird.recommend.metrics import average_precision_at, coverage, ideal_dcg, ndcg_at, recall_at


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("k", [1, 5, 20, 40])
def test_ndcg_agrees_with_scikit_learn(seed, k):
    generator = np.random.default_rng(seed)
    relevance = generator.random(40) < 0.2
    relevance[generator.integers(40)] = True
    scores = generator.permutation(40).astype(float)
    ranked = np.argsort(-scores).tolist()
    ours = ndcg_at(ranked, set(np.flatnonzero(relevance).tolist()), k)
    assert ours == pytest.approx(ndcg_score([relevance.astype(int)], [scores], k=k), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_over_the_whole_list_agrees_with_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    relevance = generator.random(30) < 0.3
    relevance[generator.integers(30)] = True
    scores = generator.permutation(30).astype(float)
    ours = average_precision_at(np.argsort(-scores).tolist(), np.flatnonzero(relevance).tolist(), 30)
    assert ours == pytest.approx(average_precision_score(relevance, scores), abs=1e-12)


def test_a_list_worked_out_by_hand():
    # Ranks 1 and 3 are right, one right item (9) is missing: hits 1 0 1 0 of three relevant.
    ranked, relevant = [4, 7, 5, 1], {4, 5, 9}
    assert recall_at(ranked, relevant, 4) == pytest.approx(2 / 3)
    assert recall_at(ranked, relevant, 2) == pytest.approx(1 / 3)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert ndcg_at(ranked, relevant, 4) == pytest.approx((1 + 1 / 2) / ideal)
    assert average_precision_at(ranked, relevant, 4) == pytest.approx((1 / 1 + 2 / 3) / 3)
    assert average_precision_at(ranked, relevant, 2) == pytest.approx((1 / 1) / 2)


def test_a_perfect_and_an_empty_list():
    assert ndcg_at([1, 2], {1, 2}, 20) == recall_at([1, 2], {1, 2}, 20) == average_precision_at([1, 2], {1, 2}, 20) == 1
    assert ndcg_at([], {1}, 20) == recall_at([], {1}, 20) == average_precision_at([], {1}, 20) == 0
    assert ideal_dcg(np.array([1, 2, 50]), 2) == pytest.approx([1, 1 + 1 / math.log2(3), 1 + 1 / math.log2(3)])


def test_coverage_counts_each_item_once():
    assert coverage([[1, 2], [2, 3], []], 10) == pytest.approx(0.3)
    assert coverage([], 0) == 0
