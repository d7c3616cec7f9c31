"""The 20 segments of ``definitions.yaml`` as Python functions of a person's features, traits and the time."""

from collections.abc import Callable
from typing import Any

from benchmarks.baseline.features import DAY, HOUR

Known = dict[str, Any]
"""Features and traits together; a trait nobody stated is absent."""

SEGMENTS: dict[str, Callable[[Known, float], bool]] = {
    "loyal": lambda p, now: p["orders_30d"] >= 2 and p["spent_90d"] > 200,
    "vip": lambda p, now: p["spent_ever"] > 1000 or (p["orders_ever"] > 5 and p["spent_90d"] > 300),
    "first_time_buyer": lambda p, now: p["orders_ever"] == 1,
    "repeat_buyer": lambda p, now: 2 <= p["orders_ever"] <= 5,
    "fresh_buyer": lambda p, now: p["last_order"] is not None and now - p["last_order"] < 7 * DAY,
    "lapsed": lambda p, now: p["last_order"] is not None and now - p["last_order"] > 60 * DAY,
    "abandoner": lambda p, now: (
        p["last_added"] is not None and p["last_added"] > (p["last_order"] or 0.0) and now - p["last_added"] > HOUR / 2
    ),
    "big_basket": lambda p, now: p["session_added"] is not None and p["session_added"] > 150,
    "hot_session": lambda p, now: p["session_views"] >= 5 and (p["session_added"] or 0) == 0,
    "browsing_now": lambda p, now: p["views_1h"] >= 3,
    "returning": lambda p, now: p["views_7d"] >= 2 and now - p["last_viewed"] < HOUR,
    "window_shopper": lambda p, now: p["views_30d"] >= 10 and p["orders_ever"] == 0,
    "undecided": lambda p, now: p["removals_7d"] >= 2 and p["adds_30d"] > p["removals_7d"],
    "list_browser": lambda p, now: p["lists_1d"] >= 3 and p["adds_1d"] == 0,
    "searcher": lambda p, now: p["searches_7d"] >= 3 and p["views_7d"] < p["searches_7d"],
    "explorer": lambda p, now: p["categories_7d"] >= 4,
    "focused": lambda p, now: p["categories_7d"] == 1 and p["views_7d"] >= 4,
    "dach": lambda p, now: p.get("country") in ("DE", "AT", "CH"),
    "young_north": lambda p, now: p.get("country") in ("SE", "NO", "DK", "FI") and (p.get("age") or 99) < 30,
    "plus_buyer": lambda p, now: p.get("plan") == "plus" and p["orders_30d"] >= 1,
}


def members(known: Known, now: float) -> list[str]:
    """The segments a person is in at ``now``."""
    return [name for name, holds in SEGMENTS.items() if holds(known, now)]
