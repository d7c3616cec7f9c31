"""Decisions in words: for the person who asks why, and for the team that answers."""

from collections.abc import Callable

import msgspec

from tailorbird.catalog.items import Item
from tailorbird.consent.purposes import names_of
from tailorbird.decide.decision import Decision, Reward
from tailorbird.events.ecommerce import ADD, ORDER
from tailorbird.recommend.serving import Reason

Lookup = Callable[[str], Item | None]
_DONE = {ADD: "put in your cart", ORDER: "bought"}
_REWARDS = {ADD: "added", ORDER: "ordered"}


class ReasonView(msgspec.Struct, frozen=True):
    """One reason, in words and in numbers."""

    text: str
    source: str
    weight: float
    because: str | None = None


class SlotView(msgspec.Struct, frozen=True):
    """One item of a slate."""

    item: Item
    score: float
    propensity: float
    explored: bool
    reasons: list[ReasonView]


class SlateView(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a decide request."""

    decision_id: str
    placement: str
    slate: list[SlotView]
    policy: str
    definitions: str
    models: dict[str, str]
    personal: bool
    segments: list[str]


class CandidateView(msgspec.Struct, frozen=True):
    """What could have been shown."""

    item: str
    name: str
    score: float


class RewardView(msgspec.Struct, frozen=True):
    """What came of it."""

    item: str
    kind: str
    at: int
    position: int


class WhyView(msgspec.Struct, frozen=True, rename="camel"):
    """Everything that a decision rested on."""

    decision_id: str
    at: int
    placement: str
    summary: str
    policy: str
    explore: float
    definitions: str
    models: dict[str, str]
    purposes_needed: list[str]
    purposes_granted: list[str]
    personal: bool
    events_seen: int
    segments: list[str]
    inputs: list[dict[str, str | int]]
    context_items: list[str]
    category: str | None
    excluded: dict[str, int]
    slate: list[SlotView]
    candidates: list[CandidateView]
    rewards: list[RewardView]


def slate_view(decision: Decision, lookup: Lookup) -> SlateView:
    """The answer to who asked for the decision."""
    return SlateView(
        decision.id, decision.placement, _slots(decision, lookup), decision.policy, decision.definitions, decision.models,
        decision.personal, decision.segments,
    )  # fmt: skip


def why_view(decision: Decision, rewards: list[Reward], lookup: Lookup) -> WhyView:
    """The answer to ``why?``."""
    return WhyView(
        decision.id, decision.at, decision.placement, _summary(decision, lookup), decision.policy, decision.explore,
        decision.definitions, decision.models, names_of(decision.needed), names_of(decision.granted), decision.personal,
        decision.events, decision.segments,
        [{"item": item, "name": _name(item, lookup), "at": at, "did": _did(kind)} for item, at, kind in decision.inputs],
        decision.context_items, decision.category, decision.excluded, _slots(decision, lookup),
        [CandidateView(item, _name(item, lookup), score) for item, score in decision.candidates],
        [RewardView(each.item, _REWARDS.get(each.kind, "clicked"), each.at, each.position) for each in rewards],
    )  # fmt: skip


def _slots(decision: Decision, lookup: Lookup) -> list[SlotView]:
    kinds = {item: kind for item, _, kind in decision.inputs}
    on_page = set(decision.context_items)
    return [
        SlotView(
            lookup(slot.item) or Item(slot.item), slot.score, slot.propensity, slot.explored,
            [ReasonView(_words(each, kinds, on_page, lookup), each.source, each.weight, each.because)
             for each in slot.reasons],
        )
        for slot in decision.slate
    ]  # fmt: skip


def _words(reason: Reason, kinds: dict[str, int], on_page: set[str], lookup: Lookup) -> str:
    if reason.because is None:
        return "Popular at the moment" if reason.source == "popularity" else f"Suggested by {reason.source}"
    name = _name(reason.because, lookup)
    cause = f"goes with {name}" if reason.because in on_page else f"you {_did(kinds.get(reason.because, 0))} {name}"
    if reason.source == "content":
        return f"Alike: {cause}"
    if reason.source == "session":
        return f"Others in sessions like yours chose it: {cause}"
    if reason.source == "kind":
        return f"Popular of its kind: {cause}"
    return f"Often chosen together: {cause}"


def _did(kind: int) -> str:
    return _DONE.get(kind, "looked at")


def _name(item_id: str, lookup: Lookup) -> str:
    item = lookup(item_id)
    return item.name if item is not None and item.name else item_id


def _summary(decision: Decision, lookup: Lookup) -> str:
    if not decision.personal:
        reason = (
            "this placement is the same for all"
            if decision.policy == "popular"
            else "there is no consent to personalise"
        )
        return f"Not personal, because {reason}: popular items, and what goes with the page."
    if not decision.inputs:
        return "Personal, but nothing is known yet: popular items, and what goes with the page."
    item, _, kind = decision.inputs[-1]
    return f"Personal: chosen by what you did, most recently that you {_did(kind)} {_name(item, lookup)}."
