"""Timers fire when they are due, and never before, however records are grouped."""

import json

import pytest

from fold import MINUTE, START, MemoryLog, Run, event, new, spine, states
from tailorbird.engine.fold import catch_up
from tailorbird.events.model import EventType

SPINE = spine(json.dumps({"features": {"n": {"count": "Bought", "window": "30m"}}, "segments": {"often": "n >= 2"}}))


@pytest.mark.parametrize("together", [1, 2, 3, 4, 10])
def test_a_timer_that_was_put_off_does_not_fire_another_too_early(together: int) -> None:
    """What moves the first timer away, here a withdrawal, must not let the next one fire in its place and before its time."""
    with states() as (state,):
        run = Run(SPINE, state)
        for minute, visitor in ((0, "x"), (1, "x"), (20, "y"), (21, "y")):
            run.log.append(
                [new(event("Bought", anonymous=visitor, at=START + minute * MINUTE))], START + minute * MINUTE
            )
        gone = event(
            "Segment Consent Preference Updated", anonymous="x", at=START + 22 * MINUTE, purposes=0, answered=7
        )
        for minute, each in ((22, gone), (31, event("Other", anonymous="z")), (49, event("Other", anonymous="z"))):
            run.log.append([new(each)], START + minute * MINUTE)
        _fold(run, together)
        assert run.segments("a:y") == {"often"}
        assert [due for due, _ in run.timers()] == [START + 50 * MINUTE]
        run.tick(START + 50 * MINUTE)
        assert [(change.entered, (change.at - START) // MINUTE) for change in run.changes()] == [
            (True, 1), (True, 21), (False, 22), (False, 50),
        ]  # fmt: skip


@pytest.mark.parametrize("together", [1, 10])
def test_a_merge_takes_the_timer_of_the_one_who_goes_along(together: int) -> None:
    with states() as (state,):
        run = Run(SPINE, state)
        for minute, visitor in ((0, "x"), (1, "x"), (20, "y"), (21, "y")):
            run.log.append(
                [new(event("Bought", anonymous=visitor, at=START + minute * MINUTE))], START + minute * MINUTE
            )
        for minute, visitor in ((22, "x"), (23, "y")):
            both = event(user="u", anonymous=visitor, kind=EventType.IDENTIFY, at=START + minute * MINUTE)
            run.log.append([new(both)], START + minute * MINUTE)
        _fold(run, together)
        assert len(run.timers()) == 1
        run.tick(START + 90 * MINUTE)
        assert run.timers() == []
        assert [(change.entered, (change.at - START) // MINUTE) for change in run.changes()] == [
            (True, 1), (True, 21), (False, 23), (False, 50),
        ]  # fmt: skip


def test_a_log_without_timers_lets_time_pass() -> None:
    with states() as (state,):
        run = Run(SPINE, state)
        run.tick(START)
        run.tick(START + MINUTE)
        assert (run.timers(), run.changes()) == ([], [])


def _fold(run: Run, together: int) -> None:
    log: MemoryLog = run.log
    for through in [*range(together, log.last_offset(), together), log.last_offset()]:
        catch_up(log, run.state, run.view, through=through)
