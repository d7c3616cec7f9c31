"""A profile's packed parts read as what went in."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.profiles.profile import (
    MOVES_KEPT,
    RECENT_KEPT,
    SHOWN_KEPT,
    Interacted,
    Move,
    Profile,
    Shown,
    decode,
    encode,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=260), st.booleans())
def test_recent_is_the_last_by_time_of_all_there_was(times: list[int], stored: bool) -> None:
    """Whatever the order of arrival; of equal times the later arrival is the newer."""
    profile = Profile(aliases=["a:x"])
    for number, at in enumerate(times):
        profile.interacted(f"i{number}", at, 1)
        if stored and number % 7 == 0:
            found = decode(encode(profile))
            assert isinstance(found, Profile)
            profile = found
    everything = sorted((Interacted(f"i{number}", at, 1) for number, at in enumerate(times)), key=lambda each: each.at)
    assert profile.recent == everything[-RECENT_KEPT:]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=70), st.lists(st.integers(0, 9), max_size=70), st.integers(0, 9))
def test_recent_goes_on_after_it_was_assigned(first: list[int], second: list[int], late: int) -> None:
    profile = Profile(aliases=[])
    joined = sorted((Interacted("i", at, 1) for at in [*first, *second]), key=lambda each: each.at)
    profile.recent = joined
    profile.interacted("new", late, 2)
    kept = joined[-RECENT_KEPT:]
    assert profile.recent == sorted([*kept, Interacted("new", late, 2)], key=lambda each: each.at)[-RECENT_KEPT:]


def test_what_is_kept_is_bounded() -> None:
    profile = Profile(aliases=[])
    profile.moves = [Move(at, 0, True) for at in range(100)]
    profile.shown = [Shown(str(at), at, "home", []) for at in range(100)]
    assert [each.at for each in profile.moves] == list(range(100 - MOVES_KEPT, 100))
    assert [each.at for each in profile.shown] == list(range(100 - SHOWN_KEPT, 100))
    for at in range(1_000):
        profile.interacted("i", at, 1)
    assert profile.recent_count <= 2 * RECENT_KEPT


def test_a_stored_profile_is_the_same_again_byte_by_byte() -> None:
    profile = Profile(aliases=["u:1"], slots={3: [1, 2], 1: {"a": 1.5}}, segments=[1, 2], due=7)
    profile.traits = {"age": 3}
    profile.interacted("i", 5, 1)
    found = decode(encode(profile))
    assert isinstance(found, Profile)
    assert encode(found) == encode(profile)
    assert (found.traits, found.recent, found.slots) == ({"age": 3}, [Interacted("i", 5, 1)], profile.slots)
