"""What a worker recommends: the promises of Recommender."""

import builtins

import pytest

from tailorbird.catalog.items import Item
from tailorbird.errors import InvalidInput
from tailorbird.events.ecommerce import ADD, ORDER, VIEW, Interaction
from tailorbird.recommend.hybrid import Weights
from tailorbird.recommend.interactions import from_feed
from tailorbird.recommend.serving import Query, Recommender
from tailorbird.recommend.train import train

NOW = 1_800_000_000_000
KINDS = ("Bags", "Mugs", "Clocks", "Cards")
ITEMS = [Item(f"{kind}-{n}", f"{kind} number {n}", kind) for n in range(12) for kind in KINDS]


def feed(orders=400):
    """Orders of two items of one kind and one of the next, in turn."""
    for n in range(orders):
        person, at = (n % 60).to_bytes(12, "big"), NOW - (orders - n) * 3_600_000 * 6
        kind, other = KINDS[n % 4], KINDS[(n + 1) % 4]
        for item in (f"{kind}-{n % 12}", f"{kind}-{(n * 5 + 1) % 12}", f"{other}-{n % 7}"):
            yield Interaction(person, item, at, ORDER)


@pytest.fixture
def live():
    recommender = Recommender()
    recommender.upsert_items(ITEMS)
    recommender.observe(feed())
    return recommender


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    directory = tmp_path_factory.mktemp("models")
    train(from_feed(feed()), ITEMS, directory, seed=1, now=NOW)
    return directory


@pytest.fixture
def trained(models):
    recommender = Recommender(models)
    recommender.upsert_items(ITEMS)
    recommender.observe(feed())
    return recommender


def query(*viewed, recent=None, n=8, **rest):
    recent = (
        [(item, NOW - 60_000 * (len(viewed) - i), VIEW) for i, item in enumerate(viewed)] if recent is None else recent
    )
    return Query(recent, rest.pop("context_items", []), n, NOW, **rest)


def shown(recommender, question, n=8):
    return [candidate.item for candidate in recommender.recommend(question, n)]


@pytest.mark.parametrize("kind", KINDS)
def test_three_products_of_one_kind_fill_the_next_slate_with_that_kind(trained, kind):
    slate = shown(trained, query(f"{kind}-0", f"{kind}-1", f"{kind}-2"))
    assert sum(item.startswith(kind) for item in slate) >= 5


def test_the_latest_interest_wins_over_an_old_one(trained):
    old = [(f"Clocks-{n}", NOW - 40 * 86_400_000, ORDER) for n in range(9)]
    new = [(f"Mugs-{n}", NOW - 1000 * (3 - n), VIEW) for n in range(3)]
    slate = shown(trained, query(recent=old + new))
    assert sum(item.startswith("Mugs") for item in slate) >= 4


def test_what_was_just_seen_excluded_or_unavailable_is_not_shown(trained):
    trained.upsert_items([Item("Bags-3", "Bags number 3", "Bags", available=False)])
    question = query("Bags-0", context_items=["Bags-1", "no such thing"], exclude=frozenset({"Bags-2", "unknown"}))
    slate = shown(trained, question, len(ITEMS))
    assert not {"Bags-0", "Bags-1", "Bags-2", "Bags-3"} & set(slate)
    assert len(slate) == len(set(slate)) == len(ITEMS) - 4
    trained.upsert_items([Item("Bags-3", "Bags number 3", "Bags")])
    assert "Bags-3" in shown(trained, question, len(ITEMS))


def test_a_category_is_kept_to_and_filled(trained):
    slate = shown(trained, query("Mugs-0", category="Clocks"), 50)
    assert sorted(slate) == sorted(item.id for item in ITEMS if item.category == "Clocks")
    assert shown(trained, query(category="no such kind")) == []


def test_scores_fall_and_reasons_add_up_to_them(trained):
    candidates = trained.recommend(query("Mugs-0", "Bags-1", recent=None), 30)
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    for candidate in candidates[:20]:
        weights = [reason.weight for reason in candidate.reasons]
        assert weights == sorted(weights, reverse=True)
        assert sum(weights) == pytest.approx(candidate.score, rel=0.05)
        for reason in candidate.reasons:
            assert (reason.because is None) == (reason.source == "popularity")
            assert reason.because in (None, "Mugs-0", "Bags-1")


def test_the_cause_that_is_named_is_a_cause(trained):
    """Without the item that a reason names, that source gives the candidate less (or the whole candidate goes)."""
    both = trained.recommend(query("Mugs-0", "Bags-1"), 48)
    content = {
        candidate.item: (reason.weight, reason.because)
        for candidate in both
        for reason in candidate.reasons
        if reason.source == "kind"
    }
    mugs = [item for item in content if item.startswith("Mugs")]
    bags = [item for item in content if item.startswith("Bags")]
    assert mugs
    assert bags
    assert {content[item][1] for item in mugs} == {"Mugs-0"}
    assert {content[item][1] for item in bags} == {"Bags-1"}


def test_an_event_changes_the_very_next_answer(live):
    live.upsert_items([Item("Hats-0", "A hat", "Hats")])
    assert "Hats-0" not in shown(live, query("Bags-0"), 30)
    for n in range(3):
        person = b"person %d    " % n
        live.observe([Interaction(person, "Bags-0", NOW, VIEW), Interaction(person, "Hats-0", NOW + 1, ADD)])
    hat = next(each for each in live.recommend(query("Bags-0"), 30) if each.item == "Hats-0")
    assert ("session", "Bags-0") in [(reason.source, reason.because) for reason in hat.reasons]


def test_without_history_the_popular_is_shown(trained):
    candidates = trained.recommend(query(), 5)
    assert len(candidates) == 5
    assert {reason.source for candidate in candidates for reason in candidate.reasons} == {"popularity"}


def test_an_empty_log_shows_the_catalog_and_an_empty_catalog_nothing():
    recommender = Recommender()
    assert recommender.recommend(query("a"), 5) == []
    recommender.upsert_items(ITEMS)
    assert shown(recommender, query(), 5) == [item.id for item in ITEMS[:5]]
    assert all(item.startswith("Bags") for item in shown(recommender, query("Bags-0"), 5))
    assert recommender.recommend(query(), 0) == []
    assert recommender.recommend(query(), 1)[0].reasons[0].source == "catalog"


def test_one_item_and_one_person():
    recommender = Recommender()
    recommender.upsert_items([Item("only")])
    recommender.observe([Interaction(b"p" * 12, "only", NOW, ORDER)])
    assert shown(recommender, query()) == ["only"]
    assert shown(recommender, query("only")) == []
    assert shown(recommender, query(recent=[("only", NOW - 10**10, ORDER)])) == ["only"]


def test_all_interactions_equal():
    recommender = Recommender()
    recommender.upsert_items(ITEMS)
    recommender.observe([Interaction(b"p" * 12, "Bags-0", NOW, VIEW)] * 500)
    assert shown(recommender, query())[0] == "Bags-0"
    assert len(shown(recommender, query("Bags-0"))) == 8


def test_items_only_events_know_are_causes_but_never_shown(live):
    person = b"someone     "
    live.observe([Interaction(person, "ghost", NOW, VIEW), Interaction(person, "Bags-5", NOW + 1, VIEW)])
    assert "ghost" not in shown(live, query("Bags-5"), 100)
    assert "Bags-5" in shown(live, query("ghost"))
    assert live.item("ghost") is None
    assert live.item("Bags-5") == Item("Bags-5", "Bags number 5", "Bags")


def test_a_published_model_is_picked_up_once_and_named(tmp_path):
    recommender = Recommender(tmp_path / "models")
    assert recommender.versions()["hybrid"] == "none"
    assert recommender.refresh() is False
    manifest = train(from_feed(feed()), ITEMS, tmp_path / "models", seed=0, now=NOW)
    assert recommender.refresh() is True
    assert recommender.refresh() is False
    assert recommender.versions() == {
        "hybrid": manifest.version,
        "als": manifest.version,
        "content": manifest.version,
        "session": "live",
        "popularity": "live",
    }
    train(from_feed(feed()), ITEMS, tmp_path / "models", seed=0, now=NOW + 1)
    assert recommender.refresh() is True
    assert recommender.versions()["hybrid"] > manifest.version


def test_a_worker_that_starts_reads_on_where_the_training_stopped(tmp_path):
    history = list(feed())
    cut = 900
    train(from_feed(history[:cut]), ITEMS, tmp_path, seed=0, now=NOW, feed_offset=cut)
    assert Recommender(tmp_path).feed_offset == 0
    started = Recommender(tmp_path, resume=True)
    assert started.feed_offset == cut
    from_the_beginning = Recommender(config=started._engine.config)
    from_the_beginning.observe(history[:cut])
    started._engine.use(None, None)
    for recommender in (started, from_the_beginning):
        recommender.observe(history[cut:])
        recommender.upsert_items(ITEMS)
    questions = [
        query(),
        query("Bags-0"),
        query("Mugs-1", "Clocks-3"),
        query(recent=[("Cards-2", NOW - 10**10, ORDER)]),
    ]
    for question in questions:
        ours, theirs = (each.recommend(question, 30) for each in (started, from_the_beginning))
        assert [candidate.item for candidate in ours] == [candidate.item for candidate in theirs]
        assert [candidate.score for candidate in ours] == pytest.approx([candidate.score for candidate in theirs])


def test_a_broken_snapshot_costs_only_the_replay(tmp_path):
    manifest = train(from_feed(feed()), ITEMS, tmp_path, seed=0, now=NOW, feed_offset=1)
    (tmp_path / manifest.version / "live.npz").write_bytes(b"rubbish")
    recommender = Recommender(tmp_path, resume=True)
    assert recommender.feed_offset == 0
    assert recommender.versions()["hybrid"] == manifest.version


def test_a_broken_model_is_told_of_and_the_old_one_serves_on(tmp_path):
    manifest = train(from_feed(feed()), ITEMS, tmp_path, seed=0, now=NOW)
    recommender = Recommender(tmp_path)
    recommender.upsert_items(ITEMS)
    recommender.observe(feed())
    before = shown(recommender, query("Bags-0"))
    newer = train(from_feed(feed()), ITEMS, tmp_path, seed=1, now=NOW + 1)
    (tmp_path / newer.version / "als-factors.npy").write_bytes(b"\x93NUMPY rubbish")
    assert recommender.refresh() is False
    assert newer.version in recommender.problem
    assert "broken" in recommender.problem
    assert recommender.versions()["hybrid"] == manifest.version
    assert shown(recommender, query("Bags-0")) == before


def test_without_the_extra_popularity_and_sessions_still_work(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **kwargs):
        if name.split(".")[0] in ("implicit", "scipy", "sklearn"):
            raise ImportError(name)
        return real(name, *rest, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    manifest = train(from_feed(feed()), ITEMS, tmp_path, seed=0, now=NOW)
    assert manifest.parts == []
    recommender = Recommender(tmp_path)
    recommender.upsert_items(ITEMS)
    recommender.observe(feed())
    slate = recommender.recommend(query("Bags-0", "Bags-1", "Bags-2"), 8)
    sources = {reason.source for candidate in slate for reason in candidate.reasons}
    assert len(slate) == 8
    assert {"session", "popularity"} <= sources <= {"session", "kind", "popularity"}


def test_weights_must_make_sense():
    assert Weights(session=1, als=1).array().tolist() == [0.5, 0.5, 0, 0, 0]
    with pytest.raises(InvalidInput, match="weights"):
        Weights().array()
    with pytest.raises(InvalidInput, match="weights"):
        Weights(session=1, als=-1).array()
