"""The naive peer's routes. ``BASELINE_DB`` names the SQLite file; uvicorn runs two of these.

Handlers are plain functions on FastAPI's thread pool and take turns on the worker's two connections, one that collects
and one that decides: SQLite admits one writer, and threads that met inside it would sleep in its busy handler.
"""

import os
import threading
import time
from pathlib import Path
from typing import Any

from fastapi import BackgroundTasks, FastAPI, HTTPException

from benchmarks.baseline import features, segments, store
from benchmarks.baseline.decide import decide, log
from benchmarks.baseline.models import Ask, Batch, Event, Items

app = FastAPI()
db = store.connect(Path(os.environ["BASELINE_DB"]))
turn = threading.Lock()
reader = store.connect(Path(os.environ["BASELINE_DB"]), synchronous="NORMAL")
reading = threading.Lock()


@app.get("/health")
def health() -> dict[str, str]:
    """Alive."""
    return {"status": "ok"}


@app.post("/v1/batch")
def batch(body: Batch) -> dict[str, bool]:
    """Take many events in."""
    for event in body.batch:
        event.sent_at = event.sent_at or body.sent_at
    with turn:
        store.collect(db, body.batch)
    return {"success": True}


@app.post("/v1/track")
@app.post("/v1/identify")
@app.post("/v1/page")
def single(event: Event) -> dict[str, bool]:
    """Take one event in."""
    with turn:
        store.collect(db, [event])
    return {"success": True}


@app.post("/v1/items")
def items(body: Items) -> dict[str, bool]:
    """Take catalog items in."""
    with turn:
        store.put_items(db, body.items)
    return {"success": True}


@app.post("/v1/decide")
def slate(ask: Ask, later: BackgroundTasks) -> dict[str, Any]:
    """Decide what to show; the decision is logged after the answer, without a sync, as Tailorbird does."""
    with reading:
        decision = decide(reader, ask)
    later.add_task(keep, decision)
    return decision


def keep(decision: dict[str, Any]) -> None:
    """Log a decision."""
    with reading:
        log(reader, decision)


@app.get("/v1/profiles/{person}")
def profile(person: str) -> dict[str, Any]:
    """What is known of a person, ``anonymous:ID`` or ``user:ID``."""
    kind, _, name = person.partition(":")
    with turn:
        known = store.load(db, store.person_of(db, name, None) if kind == "anonymous" else name)
    if known is None:
        raise HTTPException(404, f"nobody is known as {person}")
    now = time.time()
    found = features.values(known, now)
    return {
        "events": known["events"],
        "features": found,
        "segments": segments.members({**found, **known["traits"]}, now),
    }
