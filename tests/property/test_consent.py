"""Consent, as the fold keeps it: what was not allowed leaves no trace in a feature, and what was withdrawn does not come back."""

import json
from typing import Any, NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fold import ALL, DAY, MINUTE, SECOND, START, Run, event, examples, spine, states
from histories import Step, arrivals, steps
from tailorbird.consent.purposes import BY_NAME, names_of
from tailorbird.consent.signals import CONSENT_EVENT
from tailorbird.events.model import EventType
from tailorbird.profiles.view import view as view_of

MASKS = range(1, 8)
FEATURES: dict[str, Any] = {}
for mask in MASKS:
    purposes = names_of(mask)
    FEATURES |= {
        f"all_{mask}": {"count": "*", "purposes": purposes},
        f"week_{mask}": {"count": "*", "window": "7d", "purposes": purposes},
        f"last_{mask}": {"last": "*.category", "purposes": purposes},
        f"session_{mask}": {"count": "*", "window": "session", "purposes": purposes},
    }
SPINE = spine(json.dumps({
    "features": FEATURES,
    "segments": {f"s_{mask}": {"where": f"all_{mask} > 0", "purposes": names_of(mask)} for mask in MASKS},
}), dedup_days=3650)  # fmt: skip

masks = st.integers(0, ALL)


class Deed(NamedTuple):
    gap: int
    purposes: int
    """What the event grants: by answering, or as its source's assumption."""
    answered: int
    consent: bool


deeds = st.builds(
    Deed, st.sampled_from([0, SECOND, MINUTE, DAY, 8 * DAY]), masks, st.sampled_from([0, ALL, 1, 6]), st.booleans()
)


class Person:
    """The rules of consent, one purpose at a time, in words: an answer holds until the next; silence withdraws nothing."""

    def __init__(self) -> None:
        self.answer: dict[int, bool] = {}
        self.assumed: set[int] = set()

    def take(self, deed: Deed) -> set[int]:
        """The purposes that the event may be used for."""
        usable = set()
        for bit in BY_NAME.values():
            if deed.answered & bit:
                self.answer[bit] = bool(deed.purposes & bit)
            if self.answer.get(bit, bool(deed.purposes & bit)):
                usable.add(bit)
                if bit not in self.answer:
                    self.assumed.add(bit)
        return usable

    def allows(self, bit: int) -> bool:
        """Whether what is kept may be used for a purpose."""
        return self.answer.get(bit, bit in self.assumed)


@settings(max_examples=examples(120), deadline=None)
@given(st.lists(deeds, min_size=1, max_size=20))
@example([Deed(0, ALL, 0, False), Deed(0, 0, ALL, True), Deed(0, ALL, 0, False)])
def test_a_feature_counts_what_its_purposes_cover_and_no_refusal_followed(past: list[Deed]) -> None:
    with states() as (state,):
        run, at, counted, model = Run(SPINE, state), START, {mask: [] for mask in MASKS}, Person()
        for deed in past:
            at += deed.gap
            name = CONSENT_EVENT if deed.consent else "Order Completed"
            run.event(event(name, anonymous="x", at=at, purposes=deed.purposes, answered=deed.answered), at)
            usable = model.take(deed)
            for mask, times in counted.items():
                if not all(model.allows(bit) for bit in BY_NAME.values() if mask & bit):
                    times.clear()
                elif not deed.consent and all(bit in usable for bit in BY_NAME.values() if mask & bit):
                    times.append(at)
            profile = run.person("a:x")
            assert [bool(profile.purposes & bit) for bit in BY_NAME.values()] == list(
                map(model.allows, BY_NAME.values())
            )
            for mask, times in counted.items():
                assert run.value("a:x", f"all_{mask}", at) == len(times)
                assert run.value("a:x", f"week_{mask}", at) == sum(time > at - 7 * DAY for time in times)
            assert run.segments("a:x") == {f"s_{mask}" for mask, times in counted.items() if times}
            allowed = {slot for slot in SPINE.plan.slots if SPINE.plan.slots[slot].purposes & ~profile.purposes == 0}
            assert set(profile.slots) <= allowed, "nothing is kept that may not be read"


@settings(max_examples=examples(60), deadline=None)
@given(steps(merging=True, size=25, purposes=st.just(ALL)), st.booleans())
def test_withdrawing_wipes_and_granting_again_resurrects_nothing(history: list[Step], restart: bool) -> None:
    """Whatever is known, and however it came together: all ids of the person lose it, for good."""
    with states() as (state,):
        run = Run(SPINE, state)
        for at, record in arrivals(history, SPINE):
            run.add(record, at)
        at = run.log.records[-1].at
        run.event(event(CONSENT_EVENT, user="u1", anonymous="a1", at=at, purposes=0, answered=ALL), at)
        person = run.person("u:u1")
        assert (person.slots, person.traits, person.recent, person.shown, person.segments) == ({}, {}, [], [], [])
        at += 40 * DAY * restart
        run.event(event(CONSENT_EVENT, user="u1", at=at, purposes=ALL, answered=ALL), at)
        person = run.person("u:u1")
        assert (person.slots, person.traits, person.recent, person.shown, person.segments) == ({}, {}, [], [], [])
        for name in SPINE.plan.features:
            assert not run.value("u:u1", name, at)
        run.event(event("Order Completed", user="u1", at=at), at)
        assert run.value("u:u1", f"all_{ALL}", at) == 1


@settings(max_examples=examples(80), deadline=None)
@given(masks, masks, masks, st.booleans())
@example(1, 0, 0, True)
def test_a_merge_keeps_only_what_both_allow_in_the_end(visitor: int, user: int, now: int, alias: bool) -> None:
    """The event that ties the two together has the last word, then the one who stays; what they refuse is forgotten of both."""
    with states() as (state,):
        run = Run(SPINE, state)
        run.event(event("Product Viewed", anonymous="x", at=START, purposes=visitor, answered=ALL), START)
        run.event(event("Product Viewed", user="u", at=START, purposes=user, answered=ALL), START)
        kind = EventType.ALIAS if alias else EventType.IDENTIFY
        both = event(
            user="u", anonymous=None if alias else "x", previous="x" if alias else None, kind=kind, at=START, purposes=now,
            answered=ALL,
        )  # fmt: skip
        run.event(both, START)
        run.event(event(CONSENT_EVENT, user="u", at=START, purposes=ALL, answered=ALL), START)
        assert set(run.person("u:u").aliases) == {"u:u", "a:x"}
        for mask in MASKS:
            held = user & now & mask == mask
            kept = held * (1 + (visitor & mask == mask)) + (now & mask == mask)
            assert run.value("u:u", f"all_{mask}", START) == kept


@settings(max_examples=examples(80), deadline=None)
@given(masks, masks, masks, masks)
def test_two_who_said_nothing_keep_what_each_source_assumed(visitor: int, user: int, now: int, later: int) -> None:
    """One source that assumes less than another is no withdrawal."""
    with states() as (state,):
        run = Run(SPINE, state)
        run.event(event("Product Viewed", anonymous="x", at=START, purposes=visitor), START)
        run.event(event("Product Viewed", user="u", at=START, purposes=user), START)
        run.event(event(user="u", anonymous="x", kind=EventType.IDENTIFY, at=START, purposes=now), START)
        run.event(event("Product Viewed", user="u", at=START, purposes=later), START)
        for mask in MASKS:
            expected = sum(each & mask == mask for each in (visitor, user, now, later))
            assert run.value("u:u", f"all_{mask}", START) == expected


def test_an_event_under_way_does_not_undo_a_refusal() -> None:
    """Stamped before the refusal was known, folded after it: it is not used, and grants nothing back."""
    with states() as (state,):
        run = Run(SPINE, state)
        run.event(event("Product Viewed", anonymous="x", at=START, purposes=ALL, answered=ALL), START)
        run.event(event(CONSENT_EVENT, anonymous="x", at=START, purposes=0, answered=ALL), START)
        late = event(
            "Product Viewed", anonymous="x", at=START, purposes=ALL, properties={"product_id": "1", "category": "a"}
        )
        run.event(late, START)
        person = run.person("a:x")
        assert (person.purposes, person.slots, person.recent, person.segments) == (0, {}, [], [])
        with state.read() as txn:
            assert txn.lmdb.stat(txn.tables["interactions"])["entries"] == 0


def test_by_default_nothing_is_used() -> None:
    """Who has said nothing, to a source that grants nothing, is in no segment and has no features to read."""
    with states() as (state,):
        run = Run(SPINE, state)
        bought = {"products": [{"product_id": "1"}], "product_id": "1", "category": "cups"}
        for name in ("Product Viewed", "Order Completed"):
            run.event(event(name, anonymous="x", at=START, purposes=0, properties=bought), START)
        run.event(event(anonymous="x", kind=EventType.IDENTIFY, at=START, purposes=0, properties={"age": 3}), START)
        person = run.person("a:x")
        assert (person.slots, person.traits, person.recent, person.segments) == ({}, {}, [], [])
        with state.read() as txn:
            assert txn.lmdb.stat(txn.tables["interactions"])["entries"] == 0


def test_nothing_is_shown_for_a_purpose_that_was_not_granted() -> None:
    with states() as (state,):
        run = Run(SPINE, state)
        run.event(event("Order Completed", anonymous="x", at=START, purposes=1, properties={"category": "cups"}), START)
        segments = SPINE.membership.segments
        person = run.person("a:x")
        for name, purpose in BY_NAME.items():
            seen = view_of(
                next(iter(run.people())), person, SPINE.plan, [each.name for each in segments],
                [each.purposes for each in segments], person.segments, purpose, START,
            )  # fmt: skip
            if name == "personalization":
                assert (seen.segments, seen.features["all_1"]) == (["s_1"], 1)
            else:
                assert (seen.segments, seen.features, seen.moves, seen.traits) == ([], {}, [], {})


def test_the_answer_holds_under_every_id_of_the_person() -> None:
    """What one id has refused, the collector knows of the others."""
    with states() as (state,):
        run = Run(SPINE, state)
        run.event(event(user="u", anonymous="x", kind=EventType.IDENTIFY, at=START), START)
        run.event(event(CONSENT_EVENT, anonymous="x", at=START, purposes=0, answered=ALL), START)
        with state.read() as txn, txn.lmdb.cursor(db=txn.tables["consents"]) as cursor:
            assert [bytes(value) for _, value in cursor] == [bytes([0, ALL])] * 2
