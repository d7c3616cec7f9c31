"""What Tailorbird knows of the visitor at this moment, as the panel shows it to them."""

from typing import Any, NamedTuple

from tailorbird.app import Tailorbird
from tailorbird.conditions import Kind
from tailorbird.decide.explain import WhyView, why_view
from tailorbird.demo.shop.customers import Customer, customers
from tailorbird.demo.shop.render import ago, clock, money
from tailorbird.demo.shop.shelf import Shelf
from tailorbird.demo.shop.visitor import Visitor
from tailorbird.profiles.features.definition import Feature
from tailorbird.profiles.view import ProfileView

_FOR_THEMSELVES = 0
"""The purpose of the panel, as a mask: a person may see all that is kept about them, which takes no consent (GDPR 15)."""
_LISTED = 5
_MONEY = frozenset({"price", "revenue", "total", "value"})
_DAY, _HOUR, _MINUTE = 86_400_000, 3_600_000, 60_000


class Fact(NamedTuple):
    """A feature with its value in words."""

    name: str
    meaning: str
    values: list[str]
    more: int
    """How many values are not listed."""


class Group(NamedTuple):
    """A segment, and whether the visitor is in it."""

    name: str
    where: str
    inside: bool


class Moved(NamedTuple):
    """A segment entered or left."""

    name: str
    entered: bool
    ago: str
    when: str


class Groups(NamedTuple):
    """The visitor's segments, and the latest moves, newest first."""

    all: list[Group]
    moves: list[Moved]


class Panel(NamedTuple):
    """Everything the panel shows."""

    visitor: Visitor
    profile: ProfileView | None
    created: str
    facts: list[Fact]
    groups: Groups
    why: WhyView | None
    customers: list[Customer]


def groups_of(app: Tailorbird, profile: ProfileView | None) -> Groups:
    """The segments of a profile."""
    if profile is None:
        return Groups([], [])
    now = app.clock.now()
    inside = set(profile.segments)
    listed = [Group(each.name, each.where, each.name in inside) for each in app.definitions.membership.segments]
    moves = [Moved(each.segment, each.entered, ago(each.at, now), clock(each.at)) for each in reversed(profile.moves)]
    return Groups(sorted(listed, key=lambda group: not group.inside), moves[:6])


def profile_of(app: Tailorbird, visitor: Visitor) -> ProfileView | None:
    """The visitor's profile, for their own eyes."""
    return app.find_profile(visitor.who, _FOR_THEMSELVES) if visitor.known else None


async def panel(app: Tailorbird, shelf: Shelf, visitor: Visitor, decision: str) -> Panel:
    """What there is to show; ``decision`` is told only to the person it was made for."""
    profile = profile_of(app, visitor)
    found = await app.await_decision(decision) if profile and decision else None
    why = None
    if found is not None and profile is not None and found[0].person.hex() in (profile.id, ""):
        why = why_view(*found, app.item)
    now = app.clock.now()
    facts = [] if profile is None else [
        _fact(app.definitions.plan.features[name], value, shelf, now)
        for name, value in sorted(profile.features.items(), key=lambda pair: not pair[1])
    ]  # fmt: skip
    created = ago(profile.created, now) if profile else ""
    return Panel(
        visitor, profile, created, facts, groups_of(app, profile), why, customers(app) if visitor.known else []
    )


def _fact(feature: Feature, value: Any, shelf: Shelf, now: int) -> Fact:
    if isinstance(value, list):
        listed = [_shown(feature, each, shelf, now) for each in value[:_LISTED]]
        return Fact(feature.name, meaning(feature), listed, max(0, len(value) - _LISTED))
    return Fact(feature.name, meaning(feature), [] if value is None else [_shown(feature, value, shelf, now)], 0)


def _shown(feature: Feature, value: Any, shelf: Shelf, now: int) -> str:
    last = feature.path[-1] if feature.path else ""
    if feature.kind is Kind.TIMESTAMP:
        return ago(int(value), now)
    if last == "product_id":
        item = shelf.find(str(value))
        return item.name if item else str(value)
    if isinstance(value, float) and feature.aggregation != "count":
        return money(value) if last in _MONEY else f"{value:,.2f}".removesuffix(".00")
    return str(int(value)) if isinstance(value, float) else str(value)


def meaning(feature: Feature) -> str:
    """A feature's definition in a few words: ``count of Order Completed, last 90 days``."""
    path = ".".join(feature.path)
    source = f"{feature.event}{'.' + path if path else ''}"
    window = "this visit" if feature.session else f"last {_length(feature.window)}" if feature.window else "all time"
    half = f", half of it forgotten every {_length(feature.half_life)}" if feature.half_life else ""
    return f"{feature.aggregation.replace('_', ' ')} of {source}, {window}{half}"


def _length(ms: int) -> str:
    for length, name in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if ms % length == 0:
            return f"{ms // length} {name}"
    return f"{ms // 1000} seconds"
