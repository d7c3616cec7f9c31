"""Training, the registry of models, tuning and evaluation."""

import shutil

import msgspec
import numpy as np
import pytest

from tailorbird.catalog.items import Item
from tailorbird.errors import InvalidInput
from tailorbird.recommend import registry, tuning
from tailorbird.recommend.cases import next_basket_cases, visit_cases
from tailorbird.recommend.evaluate import TARGETS, evaluate
from tailorbird.recommend.history import DAY_MS
from tailorbird.recommend.hybrid import SOURCES, Example, mean_ndcg, tune
from tailorbird.recommend.interactions import from_columns, split_by_time
from tailorbird.recommend.registry import FORMAT, ModelError
from tailorbird.recommend.train import train

START = 1_700_000_000_000
ITEMS = [Item(f"i{n}", f"thing {n % 5} {n}", f"kind {n % 5}") for n in range(50)]


def world(people=150, orders=6, seed=0):
    """People who each buy from one of five kinds, now and then, over 120 days."""
    generator = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        for _ in range(orders):
            at = START + int(generator.integers(120 * DAY_MS))
            for _ in range(4):
                item = (
                    int(generator.integers(10)) * 5 + person % 5 if generator.random() < 0.8 else generator.integers(50)
                )
                rows.append((person, item, at))
    columns = np.array(rows, dtype=np.int64)
    users = [person.to_bytes(12, "big") for person in range(people)]
    return from_columns(columns[:, 0], columns[:, 1], columns[:, 2], None, users, [item.id for item in ITEMS])


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A directory with one published version."""
    directory = tmp_path_factory.mktemp("sound")
    train(world(people=40), ITEMS, directory, seed=0, now=START)
    return directory


@pytest.fixture(scope="module")
def report():
    return evaluate(world(), ITEMS, seed=0)


def test_every_model_is_judged_on_both_questions(report):
    assert {(row.target, row.model) for row in report.rows} == {
        (target, model) for target in TARGETS for model in (*SOURCES, "hybrid")
    }
    for row in report.rows:
        assert 0 <= row.map <= row.ndcg <= 1
        assert 0 <= row.recall <= 1
        assert 0 < row.coverage <= 1
        assert row.people > 50


def test_the_blend_learns_what_popularity_cannot(report):
    ndcg = {row.model: row.ndcg for row in report.rows if row.target == "all items"}
    assert ndcg["hybrid"] > 1.2 * ndcg["popularity"]
    assert ndcg["hybrid"] >= 0.95 * max(ndcg.values())


def test_evaluation_is_the_same_for_the_same_seed(report):
    again = evaluate(world(), ITEMS, seed=0)
    for row, other in zip(report.rows, again.rows, strict=True):
        assert (row.model, row.recall) == (other.model, pytest.approx(other.recall, abs=0.02))
    assert again.seed == report.seed == 0


def test_progress_rises_to_one():
    seen = []
    evaluate(world(people=60), ITEMS, seed=0, progress=lambda step, share: seen.append((step, share)))
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_too_little_history_is_refused_with_a_reason():
    short = from_columns(np.zeros(3, int), np.zeros(3, int), np.arange(3), None, [b"u"], ["a"])
    with pytest.raises(InvalidInput, match="too few"):
        evaluate(short, [Item("a")])


def test_nobody_in_both_periods_gives_no_rows():
    at = np.array([START, START + 100 * DAY_MS])
    strangers = from_columns(np.array([0, 1]), np.array([0, 0]), at, None, [b"a", b"b"], ["i0"])
    with pytest.raises(InvalidInput, match="in both"):
        evaluate(strangers, ITEMS)


def test_a_case_is_the_first_basket_after_the_cut():
    times = np.array([1, 2, 10, 10, 10]) * DAY_MS
    times[4] += 2 * 3_600_000
    all_of_it = from_columns(np.zeros(5, int), np.arange(5), times, None, [b"u"], list("abcde"))
    split = split_by_time(all_of_it, 5, 0)
    assert [(case.items, sorted(case.target)) for case in next_basket_cases(split.train, split.test, 9, 0)] == [
        ([0, 1], [2, 3])
    ]


def test_visits_are_asked_in_their_middle_and_orders_are_no_visits():
    times = START + np.array([0, 1, 2, 3]) * 60_000
    views = from_columns(np.zeros(4, int), np.arange(4), times, np.ones(4, int), [b"u"], list("abcd"))
    nothing = views.where(np.zeros(4, bool))
    assert [(case.items, sorted(case.target)) for case in visit_cases(nothing, views, 9, 0)] == [([0, 1], [2, 3])]
    orders = from_columns(np.zeros(4, int), np.arange(4), times, None, [b"u"], list("abcd"))
    assert visit_cases(nothing, orders, 9, 0) == []


def test_weights_are_learnt_from_the_source_that_knows():
    generator = np.random.default_rng(0)
    examples = []
    for _ in range(60):
        relevant = generator.random(40) < 0.1
        relevant[0] = True
        scores = generator.random((40, len(SOURCES)))
        scores[:, 1] = relevant + 0.01 * generator.random(40)
        examples.append(Example(scores.astype(np.float32), relevant, 0))
    start = np.full(len(SOURCES), 1 / len(SOURCES))
    weights = tune(examples, start, seed=0)
    assert mean_ndcg(examples, weights) > 0.99 > mean_ndcg(examples, start)
    assert weights.sum() == pytest.approx(1)
    assert (tune(examples, start, seed=0) == weights).all()
    assert (tune(examples[:5], start, seed=0) == start).all()


def test_training_publishes_a_version_with_its_lineage(tmp_path):
    manifest = train(world(), ITEMS, tmp_path, seed=3, now=START, feed_offset=42)
    assert (tmp_path / "CURRENT").read_text().strip() == manifest.version
    assert (manifest.feed_offset, manifest.seed, manifest.format) == (42, 3, FORMAT)
    assert manifest.packages["numpy"] == np.__version__
    assert manifest.metrics["validation_ndcg_20_many"] > 0
    loaded = registry.load_current(tmp_path)
    assert loaded.manifest == manifest
    assert set(loaded.content.items) == {item.id for item in ITEMS}
    assert not list(tmp_path.glob(".*.tmp"))


def test_training_on_little_or_nothing(tmp_path):
    nothing = from_columns(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int), None, [], [])
    with pytest.raises(InvalidInput, match="nothing to train on"):
        train(nothing, [], tmp_path, seed=0, now=START)
    assert train(nothing, ITEMS, tmp_path, seed=0, now=START).parts == ["content"]
    one = from_columns(np.zeros(1, int), np.zeros(1, int), np.full(1, START), None, [b"u"], ["i0"])
    assert train(one, ITEMS, tmp_path, seed=0, now=START + 1).parts == ["als", "content"]
    assert train(one, [], tmp_path, seed=0, now=START + 2).parts == ["als"]


def test_a_training_that_dies_leaves_the_old_model_current(tmp_path):
    manifest = train(world(people=40), ITEMS, tmp_path, seed=0, now=START)
    other = msgspec.structs.replace(manifest, version="half-way")

    def dies(where):
        (where / "als-factors.npy").write_bytes(b"half a file")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.publish(tmp_path, other, dies)
    assert registry.versions(tmp_path) == [manifest.version]
    assert registry.load_current(tmp_path).manifest == manifest


def test_a_model_of_a_newer_format_is_refused(tmp_path):
    manifest = train(world(people=40), ITEMS, tmp_path, seed=0, now=START)
    path = tmp_path / manifest.version / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 99'))
    with pytest.raises(ModelError, match=r"format 99.*upgrade"):
        registry.load_current(tmp_path)


@pytest.mark.parametrize(
    "file", ["manifest.json", "als.json", "als-gram.npy", "content-neighbours.npy", "content.json"]
)
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_damaged_model_is_refused_whichever_file_is_hurt(sound, tmp_path, file, damage):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    path = tmp_path / registry.current_version(tmp_path) / file
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ModelError, match="broken"):
        registry.load_current(tmp_path)


def test_rolling_back_and_pruning(tmp_path):
    manifests = [train(world(people=40), ITEMS, tmp_path, seed=0, now=START + n) for n in range(3)]
    registry.make_current(tmp_path, manifests[0].version)
    assert registry.load_current(tmp_path).manifest.version == manifests[0].version
    with pytest.raises(ModelError, match="no version 'x'"):
        registry.make_current(tmp_path, "x")
    registry.prune(tmp_path, keep=1)
    assert registry.versions(tmp_path) == [manifests[0].version, manifests[2].version]
    (tmp_path / "CURRENT").write_text("../elsewhere\n")
    with pytest.raises(ModelError, match="no version"):
        registry.load_current(tmp_path)
    assert registry.load_current(tmp_path / "empty") is None


def test_few_people_keep_the_default_settings():
    split = split_by_time(world(people=20), 28, 28)
    tuned = tuning.tune_settings(split.train, split.validation, ITEMS, seed=0)
    assert tuned.metrics == {}
