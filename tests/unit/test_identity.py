"""Who is merged with whom, rule by rule."""

import json
from collections.abc import Iterator

import pytest

from fold import Run, event, spine, states
from tailorbird.events.model import EventType
from tailorbird.identity.resolve import ALIASES_KEPT

SPINE = spine(json.dumps({"features": {"n": {"count": "*"}}, "segments": {"some": "n > 1"}}))


@pytest.fixture
def run() -> Iterator[Run]:
    with states() as (state,):
        yield Run(SPINE, state)


def identify(run: Run, user: str, anonymous: str) -> None:
    run.event(
        event(user=user, anonymous=anonymous, kind=EventType.IDENTIFY), run.log.records[-1].at if run.log.records else 0
    )


def track(run: Run, user: str | None = None, anonymous: str | None = None) -> None:
    run.event(event(user=user, anonymous=anonymous), 0)


def together(run: Run) -> set[frozenset[str]]:
    """The aliases of each person."""
    return {frozenset(profile.aliases) for profile in run.people().values()}


def test_a_visitor_becomes_the_first_user_that_they_identify_as(run: Run) -> None:
    track(run, anonymous="a")
    identify(run, "u", "a")
    track(run, user="u")
    assert together(run) == {frozenset({"a:a", "u:u"})}
    assert run.value("u:u", "n", 0) == 3


def test_a_visitor_is_merged_into_a_user_who_was_there(run: Run) -> None:
    track(run, user="u")
    track(run, anonymous="a")
    identify(run, "u", "a")
    assert together(run) == {frozenset({"a:a", "u:u"})}
    assert run.value("a:a", "n", 0) == 3


def test_on_a_shared_device_the_second_user_stays_apart(run: Run) -> None:
    identify(run, "u", "a")
    identify(run, "v", "a")
    track(run, user="v")
    assert together(run) == {frozenset({"a:a", "u:u"}), frozenset({"u:v"})}
    assert (run.value("u:u", "n", 0), run.value("u:v", "n", 0)) == (1, 2)


def test_a_user_has_many_devices(run: Run) -> None:
    for device in ("a", "b", "c"):
        track(run, anonymous=device)
        identify(run, "u", device)
    assert together(run) == {frozenset({"u:u", "a:a", "a:b", "a:c"})}
    assert run.value("a:c", "n", 0) == 6


def test_an_alias_call_joins_what_it_names(run: Run) -> None:
    track(run, anonymous="a")
    track(run, user="old")
    run.event(event(user="new", kind=EventType.ALIAS, previous="old"), 0)
    run.event(event(user="new", kind=EventType.ALIAS, previous="a"), 0)
    run.event(event(user="new", kind=EventType.ALIAS, previous="never seen"), 0)
    run.event(event(user="new", kind=EventType.ALIAS, previous="new"), 0)
    assert together(run) == {frozenset({"u:new", "u:old", "a:a", "a:never seen"})}
    track(run, anonymous="never seen")
    assert run.value("u:new", "n", 0) == 7


def test_nobody_grows_without_bound(run: Run) -> None:
    """Ids over the limit are not tied: a key that everybody sends must not make everybody one person."""
    for number in range(ALIASES_KEPT + 20):
        identify(run, "u", f"a{number}")
    assert len(run.person("u:u").aliases) == ALIASES_KEPT
    assert run.value("u:u", "n", 0) == ALIASES_KEPT + 20, "their events are still the user's"
    track(run, anonymous="other")
    identify(run, "u", "other")
    assert run.person("a:other").aliases == ["a:other"]


def test_who_has_become_another_has_left_every_segment(run: Run) -> None:
    for _ in range(2):
        track(run, anonymous="a")
        track(run, user="u")
    identify(run, "u", "a")
    moves = [(change.person, change.entered) for change in run.changes()]
    assert len(moves) == 3
    (stays,) = run.people()
    assert [entered for person, entered in moves if person == stays] == [True]
    assert [entered for person, entered in moves if person != stays] == [True, False]
    assert not run.timers()
