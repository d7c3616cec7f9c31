"""What a placement of a page holds."""

from typing import NamedTuple

from tailorbird.app import Tailorbird
from tailorbird.catalog.items import Item
from tailorbird.decide.decider import Context, DecideRequest
from tailorbird.decide.explain import ReasonView, slate_view
from tailorbird.demo.shop.visitor import Visitor


class Card(NamedTuple):
    """One product of a slate."""

    item: Item
    href: str
    reasons: list[ReasonView]
    score: float
    propensity: float
    explored: bool


class Slate(NamedTuple):
    """The products that a page shows, and the decision behind them."""

    decision: str
    """Id to ask why with; empty where the decision left no trace."""
    placement: str
    personal: bool
    cards: list[Card]


def decide(
    app: Tailorbird, visitor: Visitor, placement: str, items: list[str] | None = None, exclude: list[str] | None = None
) -> Slate:
    """Fill a placement; ``items`` are on the page already.

    For who has not consented nobody is named, and nothing is kept: not even that a page was shown.
    """
    request = DecideRequest(placement, visitor.who, context=Context(items or []), exclude=exclude or [])
    decision = app.decide(request, keep=visitor.known)
    found = slate_view(decision, app.item)
    kept = decision.id if visitor.known else ""
    cards = [
        Card(slot.item, f"/p/{slot.item.id}" + (f"?d={kept}&at={position}" if kept else ""), slot.reasons, slot.score,
             slot.propensity, slot.explored)
        for position, slot in enumerate(found.slate, 1)
    ]  # fmt: skip
    return Slate(kept, placement, found.personal, cards)
