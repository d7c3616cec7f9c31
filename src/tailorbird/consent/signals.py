"""Consent signals as clients send them, read into ``Answers``."""

from typing import Any

import msgspec

from tailorbird.consent.gate import SILENT, Answers
from tailorbird.consent.purposes import BY_NAME, MARKETING

CONSENT_EVENT = "Segment Consent Preference Updated"
"""The track call by which Segment's clients report a changed choice."""


class _Consent(msgspec.Struct):
    category_preferences: dict[str, bool | None] | None = msgspec.field(default=None, name="categoryPreferences")


class ConsentContext(msgspec.Struct):
    """The part of an event's ``context`` that speaks of consent; everything else in it is passed over."""

    consent: _Consent | None = None


class _RawConsent(msgspec.Struct):
    consent: Any = msgspec.UNSET


_DECODER = msgspec.json.Decoder(ConsentContext)


def from_context(context: bytes) -> Answers:
    """Segment's ``context.consent.categoryPreferences``; categories that are no purpose of ours are passed over.

    Raises ``msgspec.ValidationError`` when the preferences are not booleans: a consent that can't be read must not pass for one.
    """
    if b'"consent"' not in context:
        return SILENT
    consent = _DECODER.decode(context).consent
    if consent is None or consent.category_preferences is None:
        return SILENT
    granted = answered = 0
    for name, value in consent.category_preferences.items():
        bit = BY_NAME.get(name)
        if bit is not None and value is not None:
            answered |= bit
            granted |= bit if value else 0
    return Answers(granted, answered)


def alone(context: bytes) -> bytes:
    """Of an event's ``context`` only what it says of consent."""
    consent = msgspec.json.decode(context, type=_RawConsent).consent if context else msgspec.UNSET
    return b"" if consent is msgspec.UNSET else msgspec.json.encode({"consent": consent})


def from_gpc(header: str | None) -> Answers:
    """Global Privacy Control: ``Sec-GPC: 1`` opts out of sale and sharing, which is marketing here; absent says nothing."""
    return Answers(0, MARKETING) if header == "1" else SILENT
