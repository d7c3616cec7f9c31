"""One decision: read the person, ask the gate, retrieve and rank, filter, choose, and say why."""

import random
import secrets
from typing import NamedTuple

import msgspec

from tailorbird.consent.gate import allows
from tailorbird.consent.purposes import PERSONALIZATION
from tailorbird.decide.decision import Decision, Slot
from tailorbird.decide.placement import LARGEST, Placement
from tailorbird.decide.policy import epsilon_greedy
from tailorbird.engine.state import StateTxn
from tailorbird.errors import InvalidInput
from tailorbird.ids import ProfileKey, anonymous_key, user_key
from tailorbird.profiles.plan import Plan
from tailorbird.profiles.profile import Profile
from tailorbird.profiles.store import LmdbProfiles
from tailorbird.recommend.serving import Candidate, Query, Recommender
from tailorbird.segments.membership import Membership

CANDIDATES = 60
"""Candidates that are retrieved and logged: enough for other policies to choose from, few enough to log every time."""


class Who(msgspec.Struct, frozen=True, rename="camel"):
    """The person a decision is for, by either id."""

    user_id: str | None = None
    anonymous_id: str | None = None


class Context(msgspec.Struct, frozen=True):
    """What is on the page: the items of the cart or the product page, and a category to stay in."""

    items: list[str] = []
    category: str | None = None


class DecideRequest(msgspec.Struct, frozen=True):
    """A request for a slate."""

    placement: str = "home"
    who: Who = Who()
    n: int | None = None
    """Positions to fill; the placement's own number unless given."""
    context: Context = Context()
    exclude: list[str] = []
    """Items not to show, whatever else holds."""


class Person(NamedTuple):
    """What a decision may know."""

    key: ProfileKey | None
    profile: Profile | None


def read_person(txn: StateTxn, who: Who) -> Person:
    """The profile of ``who``: by user id if it is known, else by anonymous id."""
    store = LmdbProfiles(txn)
    for key in (who.user_id and user_key(who.user_id), who.anonymous_id and anonymous_key(who.anonymous_id)):
        if key and (found := store.find(key)) is not None:
            return Person(*found)
    return Person(None, None)


class Decider:
    """Decides by one set of definitions."""

    def __init__(self, version: str, plan: Plan, membership: Membership, placements: dict[str, Placement]) -> None:
        self._version, self._plan, self._membership, self._placements = version, plan, membership, placements

    def decide(self, txn: StateTxn, recommender: Recommender, request: DecideRequest, now: int) -> Decision:
        """A decision at the instant ``now`` (ms), not yet logged. Raises ``InvalidInput`` for an unknown placement or a bad n."""
        placement = self._placements.get(request.placement)
        if placement is None:
            known = ", ".join(self._placements)
            raise InvalidInput(f"there is no placement {request.placement!r}: define it, or use one of {known}")
        n = placement.n if request.n is None else request.n
        if not 1 <= n <= LARGEST:
            raise InvalidInput(f"n is {n}: ask for 1 to {LARGEST}")
        key, profile = read_person(txn, request.who)
        granted = profile.purposes if profile else 0
        personal = profile is not None and placement.policy == "hybrid" and allows(granted, placement.purposes)
        inputs: list[tuple[str, int, int]] = (
            [*profile.recent] if profile and personal and allows(granted, PERSONALIZATION) else []
        )
        segments = self._segments(profile, placement, now) if profile and personal else []
        bans = self._bans(profile if personal else None, placement, now)
        bans["request"] = frozenset(request.exclude)
        bans["on the page"] = frozenset(request.context.items)
        query = Query(
            recent=inputs,
            context_items=request.context.items if placement.policy == "hybrid" else [],
            n=n,
            now=now,
            exclude=frozenset[str]().union(*bans.values()),
            category=request.context.category,
        )
        candidates = recommender.recommend(query, max(CANDIDATES, 2 * n))
        kept = self._allowed(recommender, candidates, placement)
        excluded = {name: len(items) for name, items in bans.items() if items}
        if len(kept) < len(candidates):
            excluded["category"] = len(candidates) - len(kept)
        decision_id = f"{now:011x}{secrets.token_hex(6)}"
        # Seeded by the id: whoever has the log can draw the same slate again.
        slate = epsilon_greedy(kept, n, placement.explore, random.Random(decision_id))  # noqa: S311 - not a secret
        return Decision(
            decision_id, now, key or b"" if personal else b"", placement.name, n, placement.policy, placement.explore,
            self._version, recommender.versions(), placement.purposes, granted, personal, segments, inputs,
            request.context.items, request.context.category, excluded,
            [(candidate.item, candidate.score) for candidate in kept],
            [Slot(each.candidate.item, each.candidate.score, each.propensity, each.explored, each.candidate.reasons)
             for each in slate],
            profile.events if profile and personal else 0,
        )  # fmt: skip

    def _segments(self, profile: Profile, placement: Placement, now: int) -> list[str]:
        segments = self._membership.segments
        # A segment is told only where every purpose of the placement covers what the segment was made for.
        return [
            segments[number].name
            for number in self._membership.exact(profile, now)
            if allows(placement.purposes, segments[number].purposes)
        ]

    def _bans(self, profile: Profile | None, placement: Placement, now: int) -> dict[str, frozenset[str]]:
        bans: dict[str, frozenset[str]] = {}
        for name in placement.exclude if profile else ():
            assert profile is not None
            if allows(profile.purposes, self._plan.features[name].purposes):
                bans[name] = frozenset(self._plan.read(profile, name, now))
        return bans

    def _allowed(self, recommender: Recommender, candidates: list[Candidate], placement: Placement) -> list[Candidate]:
        banned = placement.exclude_categories
        if not banned:
            return candidates
        return [
            candidate
            for candidate in candidates
            if (item := recommender.item(candidate.item)) is None or item.category not in banned
        ]
