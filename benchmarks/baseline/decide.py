"""The naive peer's decision: popularity and items seen together, straight from SQLite."""

import json
import sqlite3
import time
import uuid
from typing import Any

from benchmarks.baseline import store
from benchmarks.baseline.models import Ask

POPULAR = 100
NEIGHBOURS = 50
RECENT = 5
SHARE = 0.05
"""What popularity weighs against one shared view."""


def decide(db: sqlite3.Connection, ask: Ask) -> dict[str, Any]:
    """The slate for one request."""
    person = ask.who.user_id or store.person_of(db, ask.who.anonymous_id, None)
    profile = store.load(db, person) or {"events": 0}
    scores: dict[str, float] = {}
    reasons: dict[str, str] = {}
    seeds = [*ask.context.get("items", ()), *profile.get("recent", ())[:RECENT]]
    for seed in seeds:
        rows = db.execute("SELECT other, n FROM together WHERE item = ? ORDER BY n DESC LIMIT ?", (seed, NEIGHBOURS))
        for other, n in rows:
            scores[other] = scores.get(other, 0.0) + n
            reasons.setdefault(other, f"viewed together with {seed}")
    popular = db.execute("SELECT item, n FROM popularity ORDER BY n DESC LIMIT ?", (POPULAR,)).fetchall()
    for item, n in popular:
        scores[item] = scores.get(item, 0.0) + SHARE * n / popular[0][1]
        reasons.setdefault(item, "popular now")
    hidden = {*profile.get("bought", ()), *seeds}
    slate: list[dict[str, Any]] = []
    for item in sorted(scores, key=lambda item: -scores[item]):
        if len(slate) == ask.n:
            break
        if item in hidden:
            continue
        row = db.execute("SELECT available, body FROM items WHERE id = ?", (item,)).fetchone()
        if row and row[0]:
            why = [{"text": reasons[item], "weight": scores[item]}]
            slate.append({"item": json.loads(row[1]), "score": scores[item], "propensity": 1.0, "reasons": why})
    return {
        "decisionId": str(uuid.uuid4()),
        "placement": ask.placement,
        "slate": slate,
        "policy": "naive",
        "profile": {"person": person, "events": profile["events"], "recent": profile.get("recent", [])},
    }


def log(db: sqlite3.Connection, decision: dict[str, Any]) -> None:
    """Keep a decision for later judgement."""
    db.execute("INSERT INTO decisions VALUES (?, ?, ?)", (decision["decisionId"], time.time(), json.dumps(decision)))
