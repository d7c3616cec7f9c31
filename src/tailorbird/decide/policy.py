"""From scored candidates to a slate, with the probability of what was shown."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from tailorbird.recommend.serving import Candidate


class Choice(NamedTuple):
    """One position of a slate."""

    candidate: Candidate
    propensity: float
    """Probability that this item stood here, given the positions before it."""
    explored: bool


def epsilon_greedy(candidates: Sequence[Candidate], n: int, epsilon: float, rng: random.Random) -> list[Choice]:
    """A slate of ``n`` from ``candidates`` (best first): position by position, the best that is left, or with probability
    ``epsilon`` one drawn evenly from all that are left.

    The propensity of position j given those before it is ``(1 - epsilon) [it is the best left] + epsilon / left``
    (Sutton and Barto 2018, section 2.2, applied per position); multiply along the slate for that of the whole slate.
    """
    left = list(candidates)
    slate: list[Choice] = []
    while left and len(slate) < n:
        explored = rng.random() < epsilon
        index = rng.randrange(len(left)) if explored else 0
        propensity = epsilon / len(left) + (1.0 - epsilon if index == 0 else 0.0)
        slate.append(Choice(left.pop(index), propensity, explored))
    return slate
