"""What the smaller routes answer with."""

import msgspec


class Health(msgspec.Struct):
    """How the installation is."""

    status: str
    version: str
    definitions: str
    """Version of the definitions in force."""
    definitions_error: str | None
    """What is wrong with the definitions file, where it is not in force."""
    log_offset: int
    applied_offset: int
    records_set_aside: list[int]
    """Offsets of records that a bug kept from being folded; they are in the log, and come back with `tailorbird rebuild`."""


class Accepted(msgspec.Struct):
    """Durable, and visible to the next request."""

    success: bool = True
    count: int = 1


class ChangeView(msgspec.Struct):
    """A segment entered or left."""

    number: int
    type: str
    person: str
    segment: str
    at: int


class QuarantineView(msgspec.Struct):
    """An event that was kept but not accepted."""

    offset: int
    source: str
    received_at: int
    reason: str
    body: str


class SegmentView(msgspec.Struct):
    """A segment as it is defined."""

    name: str
    where: str
    purposes: list[str]
