"""The 20 features of ``definitions.yaml`` in plain Python over one JSON document per person.

The document keeps, for each kind of event, when it happened (and what it was worth) as far back as the longest window
asks, and counts on reading. Times are seconds since the epoch.
"""

from collections.abc import Callable
from typing import Any

Profile = dict[str, Any]
Values = dict[str, Any]

HOUR, DAY = 3600.0, 86400.0
SESSION_GAP = 30 * 60.0
KEEP = {
    "Product Viewed": 30 * DAY,
    "Products Searched": 7 * DAY,
    "Product List Viewed": DAY,
    "Product Added": 30 * DAY,
    "Product Removed": 7 * DAY,
    "Order Completed": 90 * DAY,
}


def new() -> Profile:
    """A person of whom nothing is known."""
    return {"events": 0, "seen": 0.0, "traits": {}, "times": {}, "session": {}, "last": {}, "segments": []}


def apply(
    profile: Profile, kind: str, name: str | None, said: dict[str, Any], traits: dict[str, Any], at: float
) -> None:
    """Take one event into the document, in place. ``said`` are its properties, ``name`` that of a track."""
    if at - profile["seen"] > SESSION_GAP:
        profile["session"] = {}
    profile["seen"] = max(profile["seen"], at)
    profile["events"] += 1
    if kind == "identify":
        profile["traits"].update(traits)
    elif kind == "track" and name in KEEP:
        worth = said.get("revenue") if name == "Order Completed" else said.get("category")
        times = [entry for entry in profile["times"].get(name, ()) if entry[0] > at - KEEP[name]]
        profile["times"][name] = [*times, [at, worth]]
        profile["last"][name] = max(profile["last"].get(name, 0.0), at)
        MORE.get(name, nothing)(profile, said, at)


def nothing(profile: Profile, said: dict[str, Any], at: float) -> None:
    """No feature beyond the times."""


def viewed(profile: Profile, said: dict[str, Any], at: float) -> None:
    """Count the session's views, let liked categories decay, and remember the item for the recommender."""
    profile["session"]["views"] = profile["session"].get("views", 0) + 1
    liked = profile.setdefault("liked", {})
    category = said.get("category")
    if category is not None:
        weight, then = liked.get(category, (0.0, at))
        liked[category] = (weight * 0.5 ** (max(0.0, at - then) / (14 * DAY)) + 1, at)
    if "product_id" in said:
        profile["recent"] = [said["product_id"], *profile.get("recent", ())][:10]


def added(profile: Profile, said: dict[str, Any], at: float) -> None:
    """Sum what the session put in the cart."""
    profile["session"]["added"] = profile["session"].get("added", 0.0) + (said.get("price") or 0.0)


def ordered(profile: Profile, said: dict[str, Any], at: float) -> None:
    """Count and sum over all time; remember what was bought."""
    profile["orders"] = profile.get("orders", 0) + 1
    profile["spent"] = profile.get("spent", 0.0) + (said.get("revenue") or 0.0)
    bought = profile.setdefault("bought", [])
    for line in said.get("products", ()):
        if line.get("product_id") not in bought:
            bought.append(line.get("product_id"))


MORE: dict[str, Callable[[Profile, dict[str, Any], float], None]] = {
    "Product Viewed": viewed,
    "Product Added": added,
    "Order Completed": ordered,
}


def values(profile: Profile, now: float) -> Values:
    """Every feature as it stands at ``now``."""

    def within(name: str, window: float) -> list[Any]:
        return [worth for at, worth in profile["times"].get(name, ()) if at > now - window]

    session = profile["session"] if now - profile["seen"] <= SESSION_GAP else {}
    week = within("Product Viewed", 7 * DAY)
    liked = sorted(
        profile.get("liked", {}).items(), key=lambda entry: -entry[1][0] * 0.5 ** ((now - entry[1][1]) / (14 * DAY))
    )
    return {
        "views_1h": len(within("Product Viewed", HOUR)),
        "views_7d": len(week),
        "views_30d": len(within("Product Viewed", 30 * DAY)),
        "session_views": session.get("views", 0),
        "searches_7d": len(within("Products Searched", 7 * DAY)),
        "lists_1d": len(within("Product List Viewed", DAY)),
        "adds_1d": len(within("Product Added", DAY)),
        "adds_30d": len(within("Product Added", 30 * DAY)),
        "session_added": session.get("added"),
        "removals_7d": len(within("Product Removed", 7 * DAY)),
        "orders_30d": len(within("Order Completed", 30 * DAY)),
        "orders_ever": profile.get("orders", 0),
        "spent_90d": sum(worth or 0.0 for worth in within("Order Completed", 90 * DAY)),
        "spent_ever": profile.get("spent", 0.0),
        "last_viewed": profile["last"].get("Product Viewed"),
        "last_added": profile["last"].get("Product Added"),
        "last_order": profile["last"].get("Order Completed"),
        "categories_7d": len({worth for worth in week if worth is not None}),
        "kinds_liked": [category for category, _ in liked[:5]],
        "bought": profile.get("bought", []),
    }
