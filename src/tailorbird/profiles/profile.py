"""What is known of one person, as it stands in the store."""

from typing import Any, NamedTuple

import msgspec

from tailorbird.ids import ProfileKey

MOVES_KEPT = 20
RECENT_KEPT = 50
SHOWN_KEPT = 20


class Shown(msgspec.Struct, array_like=True):
    """A slate that was shown, remembered so that a click can find its decision."""

    decision: str
    at: int
    placement: str
    items: list[str]


class Move(NamedTuple):
    """A segment, by its index, entered or left."""

    at: int
    segment: int
    entered: bool


class Interacted(NamedTuple):
    """Something done with an item."""

    item: str
    at: int
    kind: int


class Profile(msgspec.Struct, array_like=True, gc=False):
    """One person. Mutable on purpose: it lives inside one fold transaction and is written back at its end.

    What few events touch (traits, moves, slates shown, interactions) stays packed until it is asked for: unpacking it for every
    event cost a third of the whole fold.
    """

    aliases: list[str]
    """Ids that lead here: ``u:`` + user id, ``a:`` + anonymous id."""
    purposes: int = 0
    """Mask of what holds now: what the person has answered, and of the rest what some source assumes."""
    answered: int = 0
    """Mask of what the person has answered for."""
    created: int = 0
    seen: int = 0
    """Timestamp of the latest event."""
    events: int = 0
    slots: dict[int, Any] = {}
    """State of features by slot; see ``profiles.features``."""
    segments: list[int] = []
    """Indices of the segments this person is in, ascending."""
    due: int = 0
    """An instant by which time alone may change a segment; never too late, 0 for never."""
    session_number: int = 0
    session_start: int = 0
    session_last: int = 0
    """The latest session: by inactivity, in order of arrival."""
    packed_traits: msgspec.Raw = msgspec.Raw(b"\x80")
    packed_moves: msgspec.Raw = msgspec.Raw(b"\x90")
    packed_shown: msgspec.Raw = msgspec.Raw(b"\x90")
    recent_count: int = 0
    recent_last: int = 0
    """Instant of the newest interaction."""
    packed_recent: bytes = b""
    """The interactions one after another, each in msgpack, oldest first."""

    @property
    def traits(self) -> dict[str, Any]:
        """What was said about the person; changing the dict changes nothing, assigning it does."""
        return _TRAITS.decode(self.packed_traits)

    @traits.setter
    def traits(self, traits: dict[str, Any]) -> None:
        self.packed_traits = msgspec.Raw(_ENCODER.encode(traits))

    @property
    def moves(self) -> list[Move]:
        """The last segment moves, oldest first."""
        return _MOVES.decode(self.packed_moves)

    @moves.setter
    def moves(self, moves: list[Move]) -> None:
        self.packed_moves = msgspec.Raw(_ENCODER.encode(moves[-MOVES_KEPT:]))

    @property
    def shown(self) -> list[Shown]:
        """The last slates shown, oldest first."""
        return _SHOWN.decode(self.packed_shown)

    @shown.setter
    def shown(self, shown: list[Shown]) -> None:
        self.packed_shown = msgspec.Raw(_ENCODER.encode(shown[-SHOWN_KEPT:]))

    @property
    def recent(self) -> list[Interacted]:
        """The last interactions with items, at most ``RECENT_KEPT``, oldest first."""
        return _RECENT.decode(b"\xdc" + self.recent_count.to_bytes(2, "big") + self.packed_recent)[-RECENT_KEPT:]

    @recent.setter
    def recent(self, recent: list[Interacted]) -> None:
        kept = recent[-RECENT_KEPT:]
        self.recent_count, self.recent_last = len(kept), kept[-1].at if kept else 0
        self.packed_recent = b"".join(map(_ENCODER.encode, kept))

    def interacted(self, item: str, at: int, kind: int) -> bytes:
        """Remember an interaction in its place by time; returns it packed."""
        packed = _ENCODER.encode((item, at, kind))
        if at >= self.recent_last and self.recent_count < 2 * RECENT_KEPT:
            self.packed_recent += packed
            self.recent_count += 1
            self.recent_last = at
        else:
            recent = [*self.recent, Interacted(item, at, kind)]
            self.recent = sorted(recent, key=lambda each: each.at)
        return packed


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Profile)
_TRAITS = msgspec.msgpack.Decoder(dict[str, Any])
_MOVES = msgspec.msgpack.Decoder(list[Move])
_SHOWN = msgspec.msgpack.Decoder(list[Shown])
_RECENT = msgspec.msgpack.Decoder(list[Interacted])
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
