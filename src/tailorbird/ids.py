"""Who and what, as keys: short, of fixed size, and silent about the person behind them."""

from hashlib import blake2b
from typing import NewType

ProfileKey = NewType("ProfileKey", bytes)
"""Twelve bytes that name a profile: the hash of the alias it was first met under."""

Offset = NewType("Offset", int)
"""Position of a record in the log, from 1, without gaps."""

KEY_SIZE = 12


def anonymous_key(anonymous_id: str) -> ProfileKey:
    """The key of an anonymous id. 96 bits: a collision among 10^9 people has odds of about 6e-12."""
    return ProfileKey(blake2b(b"a:" + anonymous_id.encode("utf-8", "surrogatepass"), digest_size=KEY_SIZE).digest())


def user_key(user_id: str) -> ProfileKey:
    """The key of a user id."""
    return ProfileKey(blake2b(b"u:" + user_id.encode("utf-8", "surrogatepass"), digest_size=KEY_SIZE).digest())


def message_key(message_id: str) -> bytes:
    """The key under which a messageId is remembered, so that a repeated one is applied once."""
    return blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=KEY_SIZE).digest()
