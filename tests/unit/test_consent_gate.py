"""The gate and the signals that come to it."""

import pytest

from tailorbird.consent.gate import SILENT, Answers, allows, effective, joined, refused, taken
from tailorbird.consent.purposes import ALL, ANALYTICS, MARKETING, PERSONALIZATION, mask_of, names_of, needed
from tailorbird.consent.signals import alone, from_context, from_gpc
from tailorbird.errors import InvalidInput

P, A, M = PERSONALIZATION, ANALYTICS, MARKETING


def test_all_that_is_needed_must_be_granted() -> None:
    assert allows(P | M, P)
    assert allows(P | M, P | M)
    assert not allows(P, P | M)
    assert not allows(0, P)


def test_default_is_no() -> None:
    assert effective(0) == Answers(0, 0)
    assert effective(0, SILENT) == Answers(0, 0)


@pytest.mark.parametrize(
    ("default", "answers", "holds"),
    [
        (P, [], Answers(P, 0)),
        (P | A, [Answers(0, P)], Answers(A, P)),
        (0, [Answers(P, P), Answers(0, P)], Answers(0, P)),
        (0, [Answers(0, P), Answers(P, P)], Answers(P, P)),
        (ALL, [Answers(P, P | A), Answers(M, M)], Answers(P | M, ALL)),
        (ALL, [Answers(ALL, ALL), Answers(0, M)], Answers(P | A, ALL)),
        (0, [Answers(M, 0)], Answers(0, 0)),  # granted without being answered is nothing
    ],
)
def test_later_answers_stand_over_earlier_ones_and_both_over_the_default(
    default: int, answers: list[Answers], holds: Answers
) -> None:
    assert effective(default, *answers) == holds


def test_refused_is_every_purpose_answered_and_none_allowed() -> None:
    assert refused(Answers(0, ALL))
    assert not refused(Answers(0, P | A))
    assert not refused(Answers(M, ALL))


@pytest.mark.parametrize(
    ("held", "said", "then", "granted"),
    [
        (Answers(0, 0), Answers(P, 0), Answers(P, 0), P),  # what a source assumes of the silent
        (
            Answers(P, 0),
            Answers(0, 0),
            Answers(P, 0),
            0,
        ),  # another source assumes less: no withdrawal, and no use of its event
        (Answers(P, 0), Answers(0, P), Answers(0, P), 0),  # refused
        (Answers(0, P), Answers(P, 0), Answers(0, P), 0),  # the answer stands over an assumption
        (Answers(P, P), Answers(0, 0), Answers(P, P), P),  # and so does a yes
        (Answers(0, P), Answers(P, P), Answers(P, P), P),  # until the next answer
        (Answers(P | A, P), Answers(M, M), Answers(P | A | M, P | M), P | M),
    ],
)
def test_what_holds_after_an_event(held: Answers, said: Answers, then: Answers, granted: int) -> None:
    assert taken(held, said) == (then, granted)


@pytest.mark.parametrize(
    ("stays", "goes", "then"),
    [
        (Answers(P, 0), Answers(A, 0), Answers(P | A, 0)),
        (Answers(P, 0), Answers(0, P), Answers(0, P)),
        (Answers(P, P), Answers(0, P), Answers(P, P)),
        (Answers(0, P), Answers(P, P), Answers(0, P)),
        (Answers(P, P), Answers(0, A), Answers(P, P | A)),
    ],
)
def test_two_who_are_one(stays: Answers, goes: Answers, then: Answers) -> None:
    assert joined(stays, goes) == then


def test_purposes_by_name() -> None:
    assert mask_of(["personalization", "marketing"]) == P | M
    assert names_of(P | M) == ["personalization", "marketing"]
    with pytest.raises(InvalidInput, match="unknown purpose 'profit': use personalization, analytics, marketing"):
        mask_of(["profit"])
    assert needed(["analytics"]) == A
    for nothing in ([], None, "analytics", 1, {"analytics": True}):
        with pytest.raises(InvalidInput, match="a list of at least one"):
            needed(nothing)


@pytest.mark.parametrize(
    ("context", "answers"),
    [
        (b"", SILENT),
        (b'{"page":{}}', SILENT),
        (b'{"consent":{}}', SILENT),
        (b'{"consent":null}', SILENT),
        (b'{"consent":{"categoryPreferences":{}}}', SILENT),
        (b'{"consent":{"categoryPreferences":{"personalization":true,"marketing":false}}}', Answers(P, P | M)),
        (b'{"consent":{"categoryPreferences":{"Advertising":true,"analytics":null}}}', SILENT),
        (b'{"page":{"title":"\\"consent\\""}}', SILENT),
    ],
)
def test_segment_s_consent_in_the_context(context: bytes, answers: Answers) -> None:
    assert from_context(context) == answers


@pytest.mark.parametrize("value", [b'"yes"', b"1", b"{}"])
def test_a_preference_that_cannot_be_read_does_not_pass_for_one(value: bytes) -> None:
    with pytest.raises(ValueError, match="Expected"):
        from_context(b'{"consent":{"categoryPreferences":{"marketing":' + value + b"}}}")


def test_global_privacy_control_opts_out_of_marketing() -> None:
    assert from_gpc("1") == Answers(0, M)
    for other in (None, "", "0", "true"):
        assert from_gpc(other) == SILENT


def test_the_proof_of_consent_without_the_rest_of_the_context() -> None:
    assert alone(b"") == b""
    assert alone(b'{"ip":"1.2.3.4"}') == b""
    assert (
        alone(b'{"ip":"1.2.3.4","consent":{"categoryPreferences":{"x":1},"id":7}}')
        == b'{"consent":{"categoryPreferences":{"x":1},"id":7}}'
    )
