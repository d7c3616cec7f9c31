"""Consent signals as clients send them, read into ``Answers``."""

from functools import lru_cache
from typing import Any

import msgspec

from tailorbird.consent.gate import SILENT, Answers
from tailorbird.consent.purposes import ANALYTICS, MARKETING, PERSONALIZATION

CONSENT_EVENT = "Segment Consent Preference Updated"
"""The track call by which Segment's clients report a changed choice."""


class _Preferences(msgspec.Struct, gc=False):
    personalization: bool | None = None
    analytics: bool | None = None
    marketing: bool | None = None


class _Consent(msgspec.Struct, gc=False):
    category_preferences: _Preferences | None = msgspec.field(default=None, name="categoryPreferences")


class ConsentContext(msgspec.Struct):
    """The part of an event's ``context`` that speaks of consent; everything else in it is passed over."""

    consent: _Consent | None = None


class _RawConsent(msgspec.Struct):
    consent: Any = msgspec.UNSET


_DECODER = msgspec.json.Decoder(ConsentContext)


def from_context(context: bytes) -> Answers:
    """Segment's ``context.consent.categoryPreferences``; categories that are no purpose of ours are passed over.

    Raises ``msgspec.ValidationError`` when what is said of a purpose is no boolean: a consent that can't be read must not pass for one.
    """
    if b'"consent"' not in context:
        return SILENT
    consent = _DECODER.decode(context).consent
    if consent is None or consent.category_preferences is None:
        return SILENT
    return _answers(*msgspec.structs.astuple(consent.category_preferences))


@lru_cache(maxsize=27)
def _answers(personalization: bool | None, analytics: bool | None, marketing: bool | None) -> Answers:
    said = {PERSONALIZATION: personalization, ANALYTICS: analytics, MARKETING: marketing}
    return Answers(
        sum(bit for bit, value in said.items() if value), sum(bit for bit, value in said.items() if value is not None)
    )


def alone(context: bytes) -> bytes:
    """Of an event's ``context`` only what it says of consent."""
    consent = msgspec.json.decode(context, type=_RawConsent).consent if context else msgspec.UNSET
    return b"" if consent is msgspec.UNSET else msgspec.json.encode({"consent": consent})


def from_gpc(header: str | None) -> Answers:
    """Global Privacy Control: ``Sec-GPC: 1`` opts out of sale and sharing, which is marketing here; absent says nothing."""
    return Answers(0, MARKETING) if header == "1" else SILENT
