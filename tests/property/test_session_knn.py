"""The live session index answers as if it had been computed from scratch, by the formulas of the paper, this instant."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.events.ecommerce import ADD, ORDER, VIEW
from tailorbird.recommend.history import SESSION_GAP_MS, HistoryConfig, weigh
from tailorbird.recommend.session_knn import SessionKnn, SessionKnnConfig
from tailorbird.recommend.session_store import SessionStore

ITEMS = 8
MINUTE = 60_000


def sessions_of(feed):
    """The feed as sessions, in order of their beginning: the rule written down once more, the slow way."""
    sessions, current = [], {}
    for person, row, at, kind in feed:
        state = current.get(person)
        if (
            state is None
            or abs(at - state["last"]) > SESSION_GAP_MS
            or (state["ordered"] is not None and state["ordered"] != at)
        ):
            state = {"items": [], "last": at, "ordered": None}
            current[person] = state
            sessions.append(state)
        state["last"] = max(state["last"], at)
        if kind == ORDER:
            state["ordered"] = at
        if row not in state["items"]:
            state["items"].append(row)
    return [state["items"] for state in sessions]


def postings_of(feed):
    """For each item the numbers of the sessions of two items and more that hold it, in the order of coming to hold it."""
    postings = {}
    for upto in range(1, len(feed) + 1):
        for number, items in enumerate(sessions_of(feed[:upto])):
            for row in items if len(items) > 1 else ():
                if number not in postings.setdefault(row, []):
                    postings[row].append(number)
    return postings


def brute_force(feed, history, config):
    """Scores by item, and each history item's part in them: Kersbergen et al. 2022, literally, without any index."""
    sessions, postings = sessions_of(feed), postings_of(feed)
    telling = sum(len(items) > 1 for items in sessions)
    rows = history.rows.tolist()
    weights = [float(weight) for weight in history.weights]
    candidates = set()
    for row in rows:
        candidates.update(postings.get(row, [])[-config.m :])
    candidates = sorted(candidates)[-config.m :]
    in_list = {row: set(postings.get(row, [])[-config.m :]) for row in rows}
    similarity = {}
    for number in candidates:
        total = 0.0
        for row, weight in zip(rows, weights, strict=True):
            if number in in_list[row]:
                total += weight
        similarity[number] = total / len(sessions[number]) ** config.length
    nearest = sorted(candidates, key=lambda number: (similarity[number], number))[-config.k :]
    scores, parts = {}, {}
    for number in nearest:
        shared = [q for q, row in enumerate(rows) if number in in_list[row]]
        position = min(int(history.moments[q]) for q in shared)
        fade = max(1 - 0.1 * position, 0.0) if position < 10 else 0.0
        for row in sessions[number]:
            idf = math.log(1 + telling / len(postings[row]))
            scores[row] = scores.get(row, 0.0) + fade * similarity[number] * idf
            for q in shared:
                part = fade * weights[q] / len(sessions[number]) ** config.length * idf
                parts[row, q] = parts.get((row, q), 0.0) + part
    return scores, parts


events = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, ITEMS - 1),
        st.sampled_from([0, 1, 5, 29, 30, 31, 90]),
        st.sampled_from([VIEW, VIEW, ADD, ORDER]),
    ),
    max_size=40,
)
asked = st.lists(st.tuples(st.integers(-1, ITEMS + 1), st.integers(0, 2)), max_size=6)


@settings(max_examples=250, deadline=None)
@given(events, asked, st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.0, 0.5, 1.0]))
def test_live_index_equals_brute_force_from_scratch(drawn, question, k, m, length):
    config = SessionKnnConfig(k=k, m=m, length=length)
    feed, now = [], 1_000_000
    for person, row, minutes, kind in drawn:
        now += minutes * MINUTE
        feed.append((bytes([person]) * 12, row, now, kind))
    times = np.cumsum([gap for _, gap in question]).tolist()
    history = weigh([row for row, _ in question], times, HistoryConfig())
    index = SessionKnn(config)
    for upto, (person, row, at, kind) in enumerate(feed, 1):
        index.observe(person, row, at, kind)
        if upto % 13 == 0 or upto == len(feed):
            compare(index, feed[:upto], history, config)


def compare(index, feed, history, config):
    scores, parts = brute_force(feed, history, config)
    answer = index.answer(history)
    if answer is None:
        assert scores == {}
        return
    found = dict(zip(answer.rows.tolist(), answer.scores.tolist(), strict=True))
    assert found == pytest.approx(scores, rel=1e-9, abs=1e-12)
    every = np.arange(ITEMS, dtype=np.int32)
    expected = np.array([[parts.get((row, q), 0.0) for q in range(len(history))] for row in range(ITEMS)])
    contributions = answer.contributions(every)
    assert contributions == pytest.approx(expected.reshape(ITEMS, len(history)), rel=1e-9, abs=1e-12)
    assert contributions.sum(axis=1) == pytest.approx([scores.get(row, 0.0) for row in range(ITEMS)], abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=300),
    st.integers(1, 12),
    st.integers(64, 160),
)
def test_a_session_that_is_alive_has_exactly_its_items_and_memory_is_bounded(steps, max_sessions, max_entries):
    store = SessionStore(max_sessions, max_entries)
    truth, refused = {}, set()
    current = {}
    for which, row in steps:
        if row == 0 or which not in current:
            current[which] = store.begin()
            truth[current[which]] = []
        number = current[which]
        if store.add(number, row):
            truth[number].append(row)
        else:
            refused.add(number)  # forgotten, too long, or there already
        numbers = np.array(sorted(truth), dtype=np.int64)
        alive = numbers[store.alive(numbers)]
        rows, owner = store.gather(alive, last=1_000)
        for place, living in enumerate(alive.tolist()):
            assert rows[owner == place].tolist() == truth[living]
        assert number in alive or number in refused or not truth[number]
        assert len(store) <= max_sessions
        assert len(store._pool) <= max_entries


def test_a_new_item_is_recommended_after_its_first_session():
    index = SessionKnn()
    for n in range(300):
        index.observe(n.to_bytes(12, "big"), 0, n * 1000, VIEW)
    index.observe(b"newcomer....", 0, 400_000, VIEW)
    index.observe(b"newcomer....", 777, 401_000, VIEW)
    answer = index.answer(weigh([0], [500_000], HistoryConfig()))
    assert 777 in answer.rows.tolist()


def test_an_order_ends_its_session_so_that_one_basket_is_one_session():
    index = SessionKnn()
    person = b"x" * 12
    for row in (1, 2):
        index.observe(person, row, 1_000, ORDER)
    for row in (3, 4):
        index.observe(person, row, 61_000, ORDER)
    assert index.sessions.begun == 2
    answer = index.answer(weigh([1], [99_000], HistoryConfig()))
    assert sorted(answer.rows.tolist()) == [1, 2]
