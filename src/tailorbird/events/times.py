"""Times on the wire, and the correction for clients whose clocks are wrong."""

from datetime import UTC, datetime

EARLIEST = 946_684_800_000
"""2000-01-01T00:00:00Z. An event that claims to be older is a broken clock (1970) or a mistake, not history."""
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
"""0001-01-01 and the last millisecond of 9999: beyond them there is no date to write."""
TOLERANCE = 86_400_000
"""How far in the future a corrected time may lie (one day) before it is a mistake; within it, it counts as now."""


def parse_time(value: str | int | float | None) -> int | None:
    """ISO 8601 (no offset means UTC) or milliseconds since the epoch, in ms; None stays None. Raises ``ValueError``."""
    if value is None:
        return None
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        value = round(moment.timestamp() * 1000)
    if not FIRST <= value <= LAST:
        raise ValueError("a time lies outside of the years 1 to 9999: send ISO 8601, or milliseconds since 1970")
    return int(value)


def corrected(original: int | None, sent: int | None, received: int) -> int:
    """When an event really happened: ``received - (sent - original)``, Segment's rule, which trusts only the client's *difference*.

    Without ``sent`` the client's own claim stands. Never after ``received``. Raises ``ValueError`` with a reason when the
    result lies over a day in the future, or before 2000.
    """
    if original is None:
        return received
    moment = original if sent is None else received - (sent - original)
    if moment > received:
        if moment - received > TOLERANCE:
            raise ValueError(
                "timestamp lies more than a day in the future: set the sender's clock, or send sentAt with it"
            )
        return received
    if moment < EARLIEST:
        raise ValueError("timestamp lies before 2000-01-01: send ISO 8601 or milliseconds, not seconds")
    return moment
