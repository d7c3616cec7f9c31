"""One definition, two executions: what the fold keeps live equals what DuckDB computes from the log, at every instant."""

from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fold import DAY, Run, examples, spine, states
from histories import EDGES, SESSION_MINUTES, Step, arrivals, definitions, files, steps
from tailorbird.profiles.profile import Profile
from tailorbird.segments.backfill import Backfill
from tailorbird.spine import Spine

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def afresh(view: Spine, profile: Profile, now: int) -> list[int]:
    """Every segment looked at from the definition alone."""
    row = [read(profile, now) for read in view.plan.readers]
    return [
        number
        for number, segment in enumerate(view.membership.segments)
        if profile.purposes & segment.purposes == segment.purposes and segment.condition.test(row, now) is True
    ]


@settings(max_examples=examples(70), deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(definitions(), steps(), st.sampled_from([0, 1, *EDGES]))
def test_live_equals_duckdb(text: str, history: list[Step], wait: int) -> None:
    view = spine(text, dedup_days=1, session_minutes=SESSION_MINUTES)
    with states() as (state,):
        run = Run(view, state)
        for at, record in arrivals(history, view, ties=False):
            run.add(record, at)
        now = run.log.records[-1].at + wait
        run.tick(now)
        people = run.people()
    segments = view.membership.segments
    live: dict[str, set[str]] = {segment.name: set() for segment in segments}
    for key, profile in people.items():
        for number in profile.segments:
            live[segments[number].name].add(key.hex())
    expected: dict[str, dict[str, Any]] = {
        key.hex(): {name: view.plan.read(profile, name, now) for name in view.plan.features}
        for key, profile in people.items()
    }
    with duckdb.connect(config={"threads": 1}) as connection:
        backfill = Backfill(connection, view.plan, now, dedup_days=view.dedup_days)
        backfill.load(run.log.scan())
        assert backfill.feature_values() == expected
        assert backfill.segment_members(segments) == live


@settings(max_examples=examples(150), deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(files, steps(), st.lists(st.integers(0, 3), max_size=12))
def test_every_timer_is_in_time(text: str, history: list[Step], skips: list[int]) -> None:
    """Whatever time does to a person happens at a timer: before it nothing, at it what a fresh look finds."""
    view = spine(text, dedup_days=1, session_minutes=SESSION_MINUTES)
    with states() as (state,):
        run = Run(view, state)
        for at, record in arrivals(history, view):
            run.add(record, at)
        clock = run.log.records[-1].at
        for skip in skips:
            timers = run.timers()
            people = run.people()
            assert sorted((profile.due, key) for key, profile in people.items() if profile.due) == timers
            if not timers:
                break
            due = timers[min(skip, len(timers) - 1)][0]
            assert timers[0][0] > clock
            for profile in people.values():
                for instant in (clock, (clock + timers[0][0]) // 2, timers[0][0] - 1):
                    assert afresh(view, profile, instant) == profile.segments
                assert view.membership.exact(profile, due) == afresh(view, profile, due)
            run.tick(due)
            clock = due
            for key, profile in run.people().items():
                assert profile.segments == afresh(view, people[key], due)
        else:
            return
        for profile in people.values():  # no timer is left: time changes nothing more
            for instant in (clock, clock + 400 * DAY, clock + 4_000 * DAY):
                assert afresh(view, profile, instant) == profile.segments
