"""However ids are tied together: one alias leads to one profile, nothing goes in a circle, and nothing is counted twice or lost."""

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from fold import DAY, Run, event, examples, find, spine, states
from histories import USERS, VISITORS, Step, arrivals, steps
from tailorbird.consent.signals import CONSENT_EVENT
from tailorbird.engine.log import RecordKind
from tailorbird.events.model import Event, EventType, decode

SPINE = spine(json.dumps({
    "features": {
        "all": {"count": "*"}, "week": {"count": "*", "window": "7d"}, "orders": {"count": "Order Completed"},
        "spent": {"sum": "Order Completed.revenue"}, "kinds": {"set": "*.category"},
        "liked": {"top_k": "*.category", "half_life": "1d", "k": 2}, "often": {"top_k": "*.category", "k": 2},
        "mean": {"mean": "*.revenue"}, "least": {"min": "*.revenue"}, "most": {"max": "*.revenue"}, "first": {"first": "*.category"},
        "last": {"last": "*.category"}, "since": {"since": "Product Added"}, "some": {"distinct": "*.product_id"},
        "newest": {"recent": "*.product_id", "k": 3}, "last_week": {"last": "*.category", "window": "7d"},
        "sum_day": {"sum": "*.revenue", "window": "1d"}, "often_week": {"top_k": "*.category", "k": 2, "window": "7d"},
    },
    "segments": {"any": "orders > 0"},
}), dedup_days=3650)  # fmt: skip

always = st.just(7)


def applied(run: Run) -> list[Event]:
    """The event of every message, once."""
    seen, found = set(), []
    for record in run.log.scan():
        if record.kind == RecordKind.EVENT and (met := decode(record.payload)).message_id not in seen:
            seen.add(met.message_id)
            found.append(met)
    return found


@settings(max_examples=examples(120), deadline=None)
@given(steps(size=40, purposes=always))
def test_every_alias_leads_to_one_profile_and_every_event_counts_once(history: list[Step]) -> None:
    with states() as (state,):
        run = Run(SPINE, state)
        for at, record in arrivals(history, SPINE):
            run.add(record, at)
        now = run.log.records[-1].at
        people = run.people()
        aliases = Counter(alias for profile in people.values() for alias in profile.aliases)
        assert set(aliases.values()) <= {1}
        events = applied(run)
        named = {f"u:{met.user_id}" for met in events if met.user_id}
        named |= {f"a:{met.anonymous_id}" for met in events if met.anonymous_id}
        assert named <= set(aliases), "an id that was met belongs to somebody"
        with state.read() as txn:
            for key, profile in people.items():
                for alias in profile.aliases:
                    assert find(txn, alias) == (key, profile)
            for alias in [*map("u:{}".format, USERS), *map("a:{}".format, VISITORS)]:
                assert (find(txn, alias) is not None) == (alias in aliases)

        def total(feature: str) -> float:
            return sum(SPINE.plan.read(profile, feature, now) for profile in people.values())

        counted = [met for met in events if met.name != CONSENT_EVENT]
        assert sum(profile.events for profile in people.values()) == len(events)
        assert total("all") == len(counted)
        assert total("week") == sum(met.timestamp > now - 7 * DAY for met in counted)
        assert total("orders") == sum(met.name == "Order Completed" for met in counted)


@settings(max_examples=examples(80), deadline=None)
@given(steps(size=40, purposes=always))
def test_without_alias_calls_no_two_users_become_one(history: list[Step]) -> None:
    with states() as (state,):
        run = Run(SPINE, state)
        for at, record in arrivals([step for step in history if step.kind != "alias"] or history[:0], SPINE):
            run.add(record, at)
        for profile in run.people().values():
            assert sum(alias.startswith("u:") for alias in profile.aliases) <= 1


@settings(max_examples=examples(60), deadline=None)
@given(steps(size=25, purposes=always, merging=False), st.permutations([*VISITORS, *USERS[1:]]))
def test_a_merged_person_has_done_what_both_did(history: list[Step], order: list[str]) -> None:
    """Everybody turns out to be one person in the end: as if one person had sent it all."""
    with states(2) as (apart, together):
        many, one = Run(SPINE, apart), Run(SPINE, together)
        for at, record in arrivals(history, ties=False):
            many.add(record, at)
        for at, record in arrivals([step._replace(user="u1", visitor=None) for step in history], ties=False):
            one.add(record, at)
        now = many.log.records[-1].at
        for other in order:
            for run in (many, one):
                run.event(event(user="u1", kind=EventType.ALIAS, previous=other, at=now), now)
        assert len(many.people()) == len(one.people()) == 1
        for feature in SPINE.plan.features:
            for instant in (now, now + DAY, now + 8 * DAY):
                assert many.value("u:u1", feature, instant) == one.value("u:u1", feature, instant), feature
        assert many.segments("u:u1") == one.segments("u:u1")
