"""From the ids on an event to the one profile it belongs to, merging what turns out to be one person.

Rules, in the manner of the peers but without their mega-persons: an anonymous profile is merged into the first user that it
identifies as; an anonymous id that already belongs to a user is never merged into another (a shared device); a profile takes
no more than ``ALIASES_KEPT`` ids.
"""

from collections.abc import Callable
from typing import NamedTuple

from tailorbird.events.model import Event, EventType
from tailorbird.ids import ProfileKey, anonymous_key, user_key
from tailorbird.profiles.profile import Profile
from tailorbird.profiles.store import ProfileStore

ALIASES_KEPT = 100

Join = Callable[[ProfileKey, Profile, ProfileKey, Profile], None]
"""(key and profile that stays, key and profile that goes): joins what is known; called before the redirect."""


class Resolved(NamedTuple):
    """The person of an event. ``changed``: the profile is new, has a new id, or has just been joined with another."""

    key: ProfileKey
    profile: Profile
    changed: bool


class Keys(NamedTuple):
    """The keys of an event's ids, hashed before any lock is held."""

    user: ProfileKey | None
    anonymous: ProfileKey | None


def keys_of(event: Event) -> Keys:
    """The keys of ``event``'s ids."""
    return Keys(
        None if event.user_id is None else user_key(event.user_id),
        None if event.anonymous_id is None else anonymous_key(event.anonymous_id),
    )


def resolve(store: ProfileStore, event: Event, keys: Keys, at: int, join: Join) -> Resolved:
    """The profile that ``event`` belongs to; made at the instant ``at`` if there was none."""
    if keys.user is None:
        assert keys.anonymous is not None
        known = store.find(keys.anonymous)
        if known is not None:
            return Resolved(*known, False)
        return _create(store, keys.anonymous, f"a:{event.anonymous_id}", at)
    if keys.anonymous is None:
        found = _find_or_create(store, keys.user, f"u:{event.user_id}", at)
        if event.type is EventType.ALIAS and event.previous_id is not None:
            return _alias(store, found, event.previous_id, join)
        return found
    found = _both(store, event, keys.user, keys.anonymous, at, join)
    if event.type is EventType.ALIAS and event.previous_id is not None:
        return _alias(store, found, event.previous_id, join)
    return found


def _find_or_create(store: ProfileStore, key: ProfileKey, alias: str, at: int) -> Resolved:
    found = store.find(key)
    return Resolved(*found, False) if found is not None else _create(store, key, alias, at)


def _create(store: ProfileStore, key: ProfileKey, alias: str, at: int) -> Resolved:
    profile = Profile(aliases=[alias], created=at)
    store.hold(key, profile)
    return Resolved(key, profile, True)


def _both(store: ProfileStore, event: Event, user: ProfileKey, anonymous: ProfileKey, at: int, join: Join) -> Resolved:
    user_alias, anonymous_alias = f"u:{event.user_id}", f"a:{event.anonymous_id}"
    known = store.find(user)
    if known is not None and anonymous_alias in known[1].aliases:
        return Resolved(*known, False)
    visitor = store.find(anonymous)
    if visitor is None:
        person = Resolved(*known, False) if known else _find_or_create(store, user, user_alias, at)
        if len(person.profile.aliases) < ALIASES_KEPT:
            store.redirect(anonymous, person.key)
            person.profile.aliases.append(anonymous_alias)
        return Resolved(person.key, person.profile, True)
    key, profile = visitor
    owned = any(alias.startswith("u:") for alias in profile.aliases)
    if known is None:
        if owned or len(profile.aliases) >= ALIASES_KEPT:
            return _find_or_create(store, user, user_alias, at)
        store.redirect(user, key)
        profile.aliases.append(user_alias)
        return Resolved(key, profile, True)
    if key == known[0] or owned or len(known[1].aliases) + len(profile.aliases) > ALIASES_KEPT:
        return Resolved(*known, False)
    return _merge(store, known, visitor, join)


def _alias(store: ProfileStore, found: Resolved, previous_id: str, join: Join) -> Resolved:
    previous = store.find(anonymous_key(previous_id)) or store.find(user_key(previous_id))
    if previous is None:
        if len(found.profile.aliases) < ALIASES_KEPT:
            store.redirect(anonymous_key(previous_id), found.key)
            found.profile.aliases.append(f"a:{previous_id}")
        return Resolved(found.key, found.profile, True)
    if previous[0] == found.key or len(previous[1].aliases) + len(found.profile.aliases) > ALIASES_KEPT:
        return found
    return _merge(store, (found.key, found.profile), previous, join)


def _merge(
    store: ProfileStore, stays: tuple[ProfileKey, Profile], goes: tuple[ProfileKey, Profile], join: Join
) -> Resolved:
    join(*stays, *goes)
    stays[1].aliases.extend(alias for alias in goes[1].aliases if alias not in stays[1].aliases)
    store.redirect(goes[0], stays[0])
    return Resolved(*stays, True)
