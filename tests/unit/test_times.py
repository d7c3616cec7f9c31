"""Times on the wire, and clients whose clocks are wrong."""

import pytest

from tailorbird.events.times import TOLERANCE, corrected, parse_time

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (None, None),
        (NOW, NOW),
        (1.7e12, NOW),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T22:13:20", NOW),
        ("2023-11-14T22:13:20.250Z", NOW + 250),
        ("2023-11-14T23:13:20+01:00", NOW),
        ("2023-11-14 22:13:20.0009+00:00", NOW + 1),
        ("20231114T221320Z", NOW),
        ("2023-11-14", 1_699_920_000_000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_times_that_clients_send(value: str | float | None, moment: int | None) -> None:
    assert parse_time(value) == moment


@pytest.mark.parametrize(
    "value", ["", "now", "yesterday", "2023-02-30", "2023-11-14T25:00:00Z", "14.11.2023", "1700000000000", float("nan"), float("inf"),
              1e300, -1e300, 10**30, "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_what_is_no_time(value: str | float) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(value)


def test_only_the_difference_of_a_client_s_two_times_is_trusted() -> None:
    wrong = 86_400_000 * 300  # its clock is 300 days slow
    assert corrected(NOW - wrong - 5_000, NOW - wrong, NOW) == NOW - 5_000
    assert corrected(NOW + wrong - 5_000, NOW + wrong, NOW) == NOW - 5_000


def test_without_a_sending_time_the_claim_stands() -> None:
    assert corrected(NOW - 5_000, None, NOW) == NOW - 5_000
    assert corrected(None, None, NOW) == NOW
    assert corrected(None, NOW, NOW) == NOW


def test_nothing_happens_after_it_was_received() -> None:
    assert corrected(NOW + 1, None, NOW) == NOW
    assert corrected(NOW + TOLERANCE, None, NOW) == NOW
    assert corrected(NOW - 1_000, NOW - 5_000, NOW) == NOW  # sent before it happened
    with pytest.raises(ValueError, match="more than a day in the future"):
        corrected(NOW + TOLERANCE + 1, None, NOW)
    with pytest.raises(ValueError, match="more than a day in the future"):
        corrected(4_102_444_800_000, None, NOW)  # 2100


@pytest.mark.parametrize("original", [0, 1_700_000_000, 946_684_799_999, -1])
def test_1970_is_no_history(original: int) -> None:
    with pytest.raises(ValueError, match=r"before 2000-01-01: send ISO 8601 or milliseconds, not seconds"):
        corrected(original, None, NOW)


def test_the_first_instant_that_is_history() -> None:
    assert corrected(946_684_800_000, None, NOW) == 946_684_800_000
