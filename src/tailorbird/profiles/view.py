"""A profile as it goes out: only what may be read for the purpose it is asked for."""

from typing import Any

import msgspec

from tailorbird.consent.gate import allows
from tailorbird.consent.purposes import names_of
from tailorbird.ids import ProfileKey
from tailorbird.profiles.plan import Plan
from tailorbird.profiles.profile import Profile


class MoveView(msgspec.Struct, frozen=True):
    """A segment entered or left."""

    segment: str
    entered: bool
    at: int


class ProfileView(msgspec.Struct, frozen=True, rename="camel"):
    """One person. Times are milliseconds since the epoch."""

    id: str
    aliases: list[str]
    purposes: list[str]
    answered: list[str]
    created: int
    seen: int
    events: int
    sessions: int
    traits: dict[str, Any]
    features: dict[str, Any]
    segments: list[str]
    moves: list[MoveView]
    recent: list[dict[str, str | int]]


def view(
    key: ProfileKey,
    profile: Profile,
    plan: Plan,
    names: list[str],
    masks: list[int],
    inside: list[int],
    purpose: int,
    now: int,
) -> ProfileView:
    """``profile`` at ``now`` for ``purpose`` (a mask): traits, features and segments only where consent covers it.

    ``names`` and ``masks`` are those of all segments, ``inside`` the indices of the ones the person is in.
    """
    open_ = allows(profile.purposes, purpose)

    def readable(number: int) -> bool:
        return open_ and masks[number] & purpose == purpose

    return ProfileView(
        key.hex(), profile.aliases, names_of(profile.purposes), names_of(profile.answered), profile.created, profile.seen,
        profile.events, profile.session_number,
        dict(profile.traits) if open_ else {},
        plan.readable(profile, now, purpose),
        [names[number] for number in inside if readable(number)],
        [MoveView(names[number], entered, at) for at, number, entered in profile.moves if readable(number)],
        [{"item": item, "at": at, "kind": kind} for item, at, kind in profile.recent] if open_ else [],
    )  # fmt: skip
