"""The feed of segment moves is the whole truth about membership, and says of every move the right millisecond."""

from collections import defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_segments_live_equals_duckdb import afresh

from fold import Run, examples, spine, states
from histories import EDGES, SESSION_MINUTES, Step, arrivals, files, steps
from tailorbird.ids import ProfileKey
from tailorbird.spine import Change

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
Membership = dict[ProfileKey, set[str]]


def replayed(changes: list[Change]) -> Membership:
    """Membership from nothing but the feed; a person enters only from outside, and leaves only from inside."""
    inside: Membership = defaultdict(set)
    for change in changes:
        assert change.entered == (change.segment not in inside[ProfileKey(change.person)]), change
        (inside[ProfileKey(change.person)].add if change.entered else inside[ProfileKey(change.person)].remove)(
            change.segment
        )
    return {person: segments for person, segments in inside.items() if segments}


@settings(max_examples=examples(100), deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(files, steps(), st.sampled_from(EDGES), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_the_feed_tells_every_move(text: str, history: list[Step], wait: int, looks: list[float]) -> None:
    view = spine(text, dedup_days=1, session_minutes=SESSION_MINUTES)
    names = [segment.name for segment in view.membership.segments]
    with states() as (state,):
        run = Run(view, state)
        records = arrivals(history, view)
        for at, record in [*records, (records[-1].at + wait, arrivals([history[0]._replace(kind="tick")])[0].record)]:
            before, told = run.people(), len(run.changes())
            clock = run.log.records[-1].at if run.log.records else at
            run.add(record, at)
            changes = run.changes()
            fresh = changes[told:]
            assert [change.at for change in changes] == sorted(change.at for change in changes)
            for change in fresh:
                if change.offset == 0:  # by time: it was not so a millisecond before, and is so now
                    profile, number = before[ProfileKey(change.person)], names.index(change.segment)
                    assert clock < change.at <= at
                    assert (number in afresh(view, profile, change.at)) == change.entered
                    assert (number in afresh(view, profile, change.at - 1)) != change.entered
                else:
                    assert (change.at, change.offset) == (at, run.log.last_offset())
            for look in looks:  # and whatever instant is looked at, what the feed had told by then is what holds
                instant = clock + int(look * (at - clock))
                if instant < at:
                    told_then = replayed(changes[:told] + [change for change in fresh if change.at <= instant])
                    holds = {key: {names[n] for n in afresh(view, profile, instant)} for key, profile in before.items()}
                    assert told_then == {key: segments for key, segments in holds.items() if segments}
        people = run.people()
        stored = {key: {names[number] for number in profile.segments} for key, profile in people.items()}
        assert replayed(run.changes()) == {key: segments for key, segments in stored.items() if segments}
        for key, profile in people.items():
            mine = [change for change in run.changes() if change.person == key]
            assert [(move.at, names[move.segment], move.entered) for move in profile.moves] == [
                (change.at, change.segment, change.entered) for change in mine
            ][-20:]
