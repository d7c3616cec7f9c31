"""The SQLite file of the naive peer and the one transaction that takes a request's events in."""

import json
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.baseline import features, segments
from benchmarks.baseline.models import Event, Item

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (message_id TEXT PRIMARY KEY, person TEXT, received REAL, body TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aliases (id TEXT PRIMARY KEY, person TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS profiles (person TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (person TEXT, segment TEXT, entered INTEGER, at REAL);
CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, available INTEGER, body TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS popularity (item TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS popular ON popularity (n);
CREATE TABLE IF NOT EXISTS together (item TEXT, other TEXT, n INTEGER, PRIMARY KEY (item, other)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, at REAL, body TEXT) WITHOUT ROWID;
"""
UPSERT_PROFILE = "INSERT INTO profiles VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET body = excluded.body"
UPSERT_POPULAR = "INSERT INTO popularity VALUES (?, 1) ON CONFLICT (item) DO UPDATE SET n = n + 1"
UPSERT_TOGETHER = "INSERT INTO together VALUES (?, ?, 1) ON CONFLICT (item, other) DO UPDATE SET n = n + 1"
COMPANIONS = 3
"""An item viewed counts as seen together with this many of the person's items before it."""


def connect(path: Path, synchronous: str = "FULL") -> sqlite3.Connection:
    """Open (and make) the database. ``FULL``: a commit is on the disk when it returns, as in Tailorbird."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=256)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("PRAGMA cache_size = -131072")
    db.execute("PRAGMA mmap_size = 8589934592")
    db.executescript(SCHEMA)
    return db


def collect(db: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Store, deduplicate and fold events, all in one transaction, on disk when this returns."""
    db.execute("BEGIN IMMEDIATE")
    try:
        received = time.time()
        for event in events:
            take(db, event, received)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def person_of(db: sqlite3.Connection, anonymous: str | None, user: str | None) -> str:
    """The person behind the ids of an event; an anonymous id seen with a user id is that user's from then on."""
    if user:
        if anonymous:
            db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?)", (anonymous, user))
        return user
    row = db.execute("SELECT person FROM aliases WHERE id = ?", (anonymous,)).fetchone()
    return row[0] if row else str(anonymous)


def load(db: sqlite3.Connection, person: str) -> features.Profile | None:
    """A person's document."""
    row = db.execute("SELECT body FROM profiles WHERE person = ?", (person,)).fetchone()
    return json.loads(row[0]) if row else None


def take(db: sqlite3.Connection, event: Event, received: float) -> None:
    """One event: the log, the profile, its segments and the recommender's counts."""
    person = person_of(db, event.anonymous_id, event.user_id)
    row = event.message_id, person, received, event.model_dump_json(by_alias=True)
    if not db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", row).rowcount:
        return
    profile = load(db, person) or features.new()
    at = event.occurred(received)
    if event.event == "Product Viewed":
        count_item(db, event.properties.get("product_id"), profile)
    features.apply(profile, event.type, event.event, event.properties, event.traits, at)
    now_in = segments.members({**features.values(profile, received), **profile["traits"]}, received)
    was_in = profile["segments"]
    if now_in != was_in:
        changed = [(person, name, 1, at) for name in now_in if name not in was_in]
        changed += [(person, name, 0, at) for name in was_in if name not in now_in]
        db.executemany("INSERT INTO changes VALUES (?, ?, ?, ?)", changed)
        profile["segments"] = now_in
    db.execute(UPSERT_PROFILE, (person, json.dumps(profile, separators=(",", ":"))))


def count_item(db: sqlite3.Connection, item: str | None, profile: features.Profile) -> None:
    """Count a view for popularity, and with the items the person viewed just before."""
    if item is None:
        return
    db.execute(UPSERT_POPULAR, (item,))
    for other in profile.get("recent", ())[:COMPANIONS]:
        if other != item:
            db.executemany(UPSERT_TOGETHER, ((item, other), (other, item)))


def put_items(db: sqlite3.Connection, items: Iterable[Item]) -> None:
    """Store catalog items."""
    db.execute("BEGIN IMMEDIATE")
    rows = [(item.id, item.available, item.model_dump_json()) for item in items]
    db.executemany("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", rows)
    db.execute("COMMIT")
