"""The slate that is drawn, and the probability that is written beside it."""

import random
from collections import Counter

import pytest

from tailorbird.decide.policy import epsilon_greedy
from tailorbird.recommend.serving import Candidate

FOUR = [Candidate(item, score, ()) for item, score in (("a", 4.0), ("b", 3.0), ("c", 2.0), ("d", 1.0))]
DRAWS = 40_000


def _slates(epsilon: float) -> list[tuple[str, ...]]:
    rng = random.Random(7)
    return [tuple(choice.candidate.item for choice in epsilon_greedy(FOUR, 2, epsilon, rng)) for _ in range(DRAWS)]


def test_without_exploration_the_best_come_first_and_for_certain() -> None:
    slate = epsilon_greedy(FOUR, 3, 0.0, random.Random(1))
    assert [(each.candidate.item, each.propensity, each.explored) for each in slate] == [
        ("a", 1.0, False), ("b", 1.0, False), ("c", 1.0, False),
    ]  # fmt: skip


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0])
def test_propensities_are_the_frequencies_of_what_is_drawn(epsilon: float) -> None:
    """Against counting: the product along a slate is its probability (six standard errors allowed)."""
    found = Counter(_slates(epsilon))
    expected: dict[tuple[str, ...], float] = {}
    rng = random.Random(3)
    while len(expected) < 12:
        slate = epsilon_greedy(FOUR, 2, epsilon if epsilon == 1.0 else 0.9, rng)
        # The propensity of the same slate under the epsilon asked for, by the documented formula.
        left, probability = [each.item for each in FOUR], 1.0
        for choice in slate:
            item = choice.candidate.item
            probability *= epsilon / len(left) + (1 - epsilon if item == left[0] else 0.0)
            left.remove(item)
        expected[tuple(each.candidate.item for each in slate)] = probability
    assert sum(expected.values()) == pytest.approx(1.0)
    for slate, probability in expected.items():
        error = (probability * (1 - probability) / DRAWS) ** 0.5
        assert found[slate] / DRAWS == pytest.approx(probability, abs=6 * error)


def test_what_is_written_is_what_the_formula_says() -> None:
    rng = random.Random(11)
    for _ in range(500):
        left = [each.item for each in FOUR]
        for choice in epsilon_greedy(FOUR, 4, 0.3, rng):
            item = choice.candidate.item
            assert choice.propensity == pytest.approx(0.3 / len(left) + (0.7 if item == left[0] else 0.0))
            left.remove(item)


def test_a_slate_is_no_longer_than_there_are_candidates() -> None:
    assert len(epsilon_greedy(FOUR, 9, 0.5, random.Random(1))) == 4
    assert epsilon_greedy([], 3, 0.5, random.Random(1)) == []
