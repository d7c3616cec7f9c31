"""Customers of the history whom a visitor may become: large and small, from here and from afar."""

from typing import NamedTuple

from tailorbird.app import Tailorbird
from tailorbird.consent.purposes import PERSONALIZATION
from tailorbird.decide.decider import Who

CHOSEN = ("14646", "14911", "12415", "12471", "12753", "17404", "15769", "16928")
"""The largest of the Netherlands, Ireland, Australia, Germany, Japan and Sweden; one of bags and one of hooks. What is told of
them is read from their profiles."""


class Customer(NamedTuple):
    """A customer, in short."""

    id: str
    country: str
    orders: int
    spent: float
    likes: str


def customers(app: Tailorbird) -> list[Customer]:
    """Those whose history is there, the largest first."""
    found = []
    for user_id in CHOSEN:
        profile = app.find_profile(Who(user_id=user_id), PERSONALIZATION)
        if profile is None:
            continue
        features = profile.features
        kinds = features.get("kinds_bought") or ["?"]
        found.append(
            Customer(
                user_id, str(profile.traits.get("country", "?")), int(features.get("orders") or 0),
                float(features.get("spent") or 0), str(kinds[0]),
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: -each.spent)
