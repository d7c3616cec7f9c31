"""What is known of one person, as it stands in the store."""

from typing import Any

import msgspec

from tailorbird.ids import ProfileKey

MOVES_KEPT = 20
RECENT_KEPT = 50
SHOWN_KEPT = 10


class Session(msgspec.Struct, array_like=True):
    """The latest session: by inactivity, in order of arrival."""

    number: int = 0
    start: int = 0
    last: int = 0


class Shown(msgspec.Struct, array_like=True):
    """A slate that was shown, remembered so that a click can find its decision."""

    decision: str
    at: int
    placement: str
    items: list[str]


class Profile(msgspec.Struct, array_like=True):
    """One person. Mutable on purpose: it lives inside one fold transaction and is written back at its end."""

    aliases: list[str]
    """Ids that lead here: ``u:`` + user id, ``a:`` + anonymous id."""
    purposes: int = 0
    """Mask of what holds now."""
    answered: int = 0
    created: int = 0
    seen: int = 0
    """Timestamp of the latest event."""
    events: int = 0
    traits: dict[str, Any] = {}
    slots: dict[int, Any] = {}
    """State of features by slot; see ``profiles.features``."""
    segments: list[int] = []
    """Indices of the segments this person is in, ascending."""
    due: int = 0
    """An instant by which time alone may change a segment; never too late, 0 for never."""
    session: Session = msgspec.field(default_factory=Session)
    moves: list[tuple[int, int, bool]] = []
    """The last segment moves: (when, segment, entered)."""
    recent: list[tuple[str, int, int]] = []
    """The last interactions with items: (item, when, kind), oldest first."""
    shown: list[Shown] = []


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Profile)
_PROFILE, _REDIRECT = b"P", b"R"


def encode(profile: Profile) -> bytes:
    """A profile as a stored value."""
    return _PROFILE + _ENCODER.encode(profile)


def redirect(target: ProfileKey) -> bytes:
    """The stored value that says: look under ``target``."""
    return _REDIRECT + target


def decode(value: bytes) -> Profile | ProfileKey:
    """A stored value: a profile, or the key to follow."""
    if value[:1] == _PROFILE:
        return _DECODER.decode(memoryview(value)[1:])
    return ProfileKey(value[1:])
