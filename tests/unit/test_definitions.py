"""A definitions file: an empty one works, a bad one is told by its line."""

import pytest

from tailorbird.config import Settings
from tailorbird.definitions import load_definitions
from tailorbird.errors import DefinitionError

EXAMPLE = """
traits: {country: text, age: number}
features:
  orders_30d:  {count: Order Completed, window: 30d}
  spent_90d:   {sum: Order Completed.revenue, window: 90d}
  kinds_liked: {top_k: Product Viewed.category, k: 5, half_life: 14d}
  last_added:  {last: Product Added.timestamp}
  last_order:  {last: Order Completed.timestamp}
  bought:      {set: "Order Completed.products[].product_id"}
segments:
  loyal:     {where: orders_30d >= 2 AND spent_90d > 200, purposes: [marketing]}
  abandoner: {where: last_added > COALESCE(last_order, TIMESTAMP '1970-01-01') AND now() - last_added > INTERVAL '30' MINUTE}
  german:    country IN ('DE', 'AT') AND age >= 18
placements:
  home: {n: 8, policy: hybrid, exclude: bought, purposes: [personalization]}
"""


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n", "features:\n", "segments: {}\ntraits:\n"])
def test_an_empty_file_is_a_working_system(text: str) -> None:
    definitions = load_definitions(text, Settings())
    assert definitions.placement("home") is not None
    assert (definitions.plan.features, definitions.membership.segments) == ({}, ())


def test_the_design_s_example_compiles() -> None:
    definitions = load_definitions(EXAMPLE, Settings())
    assert sorted(definitions.plan.features) == [
        "bought",
        "kinds_liked",
        "last_added",
        "last_order",
        "orders_30d",
        "spent_90d",
    ]
    assert [segment.name for segment in definitions.membership.segments] == ["loyal", "abandoner", "german"]


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("features: [", "shop.yaml:", "no YAML"),
        ("features:\n  a: {count: A}\n bad", "shop.yaml:3", "no YAML"),
        ("a: !!python/object:os.system {}", "shop.yaml:1", "no YAML"),
        ("- features", "shop.yaml:1", "expected sections (traits, features, segments, placements) at the top"),
        ("features: {}\nfeature: {}", "shop.yaml:2", "unknown section 'feature'"),
        ("\n\nfeatures: [a]", "shop.yaml:3", "features: expected a mapping of names to definitions"),
        ("traits:\n  age: integer", "shop.yaml:1", "trait 'age': its type is one of text, number"),
        ("features:\n  a: {count: A}\n  b: {cout: A}", "shop.yaml:3", "feature 'b': expected exactly one of"),
        (
            "features:\n  a: {count: A}\n  b: {count: A}\n  a: {count: B}",
            "shop.yaml:4",
            "'a' is defined twice: first in line 2",
        ),
        ("features:\n  a: {count: A}\n  A: {count: A}", "shop.yaml:3", "'A': there is 'a' already"),
        ("traits: {age: number}\nfeatures:\n  age: {count: A}", "shop.yaml:3", "'age': there is 'age' already"),
        ("features:\n  a: {count: A}\nsegments:\n  s: a >\n", "shop.yaml:4", ""),
        ("features:\n  a: {count: A}\nsegments:\n  s: {where: b > 1}\n", "shop.yaml:4", "there is no column b"),
        ("segments:\n  s: {when: age > 1}\n", "shop.yaml:2", "segment 's': expected {where: a condition"),
        (
            "segments:\n  s: {where: age > 1, purpose: [marketing]}\n",
            "shop.yaml:2",
            "segment 's': unknown key 'purpose'",
        ),
        (
            "segments:\n  s: {where: age > 1, purposes: []}\n",
            "shop.yaml:2",
            "segment 's': purposes are a list of at least one",
        ),
        ("segments:\n  's 1': age > 1\n", "shop.yaml:2", "a name is letters, digits, _ and -"),
        ("segments:\n  s: {where: country IN ('DE', 'AT')}\n", "shop.yaml:2", "stands in double quotes"),
        ("segments:\n  s: {where: COALESCE(age, 0, 0) > 1, 0}\n", "shop.yaml:2", "'0' is defined twice"),
        ("segments:\n  s: {where: age > 1, purposes}\n", "shop.yaml:2", "purposes are a list"),
        ("placements:\n  home: {m: 8}\n", "shop.yaml:2", "'m'"),
    ],
)
def test_a_mistake_is_told_by_its_line(text: str, place: str, says: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_definitions(text, Settings(), where="shop.yaml")
    message = str(caught.value)
    assert message.startswith(place), message
    assert says in message


@pytest.mark.parametrize(
    "where",
    [
        "COALESCE(age, 18) > 1",
        "GREATEST(age, COALESCE(age, 2), 3) BETWEEN 2 AND 4",
        "COALESCE(age, 1.5) > LEAST(2, age)",
    ],
)
def test_a_condition_within_braces_may_have_commas(where: str) -> None:
    text = f"segments: {{s: {{where: {where}, purposes: [marketing]}}}}"
    (segment,) = load_definitions(text, Settings()).membership.segments
    assert (segment.where, segment.purposes) == (where, 4)


def test_a_deeply_nested_file_is_refused_as_a_mistake() -> None:
    with pytest.raises(DefinitionError):
        load_definitions("features: " + "[" * 5_000, Settings())


def version(text: str, **settings: int) -> str:
    return load_definitions(text, Settings(**settings)).version


def test_the_version_tells_what_folds_differently_and_nothing_else() -> None:
    base = "features:\n  a: {count: A}\n  b: {count: B}\nsegments:\n  s: a > 1\n"
    same = "# said\nsegments: {s: a > 1}\nfeatures: {b: {count: B}, a: {count: A}}\n"
    assert version(base) == version(same) == version(base, group_size=7)
    assert len({
        version(base), version(base.replace("a > 1", "a > 2")), version(base.replace("count: B", "count: C")),
        version(base, session_minutes=20), version(base, dedup_days=2), version(base + "traits: {x: text}\n"),
    }) == 6  # fmt: skip


def test_a_placement_that_excludes_what_was_bought_brings_the_feature() -> None:
    definitions = load_definitions("placements: {home: {exclude: bought}}", Settings())
    assert definitions.plan.features["bought"].path == ("products[]", "product_id")


def test_a_declared_trait_stands_for_its_namesakes_in_another_case() -> None:
    columns = load_definitions("traits: {Country: text}\nsegments: {s: Country = 'DE'}", Settings()).plan.columns
    assert "Country" in columns
    assert "country" not in columns
