"""Fills the naive peer's database without HTTP and without syncs, but by the code of its routes: minutes, not hours."""

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import shop
from benchmarks.baseline import store
from benchmarks.baseline.models import Batch, Item
from benchmarks.requestfile import RequestFile, body_of

BATCHES_A_COMMIT = 200


def fill(path: Path, batches: RequestFile, items: int, progress: Callable[[int], None]) -> None:
    """Take in a file of ``/v1/batch`` requests and a catalog of ``items``; ``progress`` hears of events."""
    db = store.connect(path, synchronous="OFF")
    store.put_items(db, (Item.model_validate(shop.catalog_item(item)) for item in range(items)))
    for start in range(0, len(batches), BATCHES_A_COMMIT):
        db.execute("BEGIN IMMEDIATE")
        for i in range(start, min(len(batches), start + BATCHES_A_COMMIT)):
            body = Batch.model_validate_json(body_of(batches[i]))
            received = time.time()
            for event in body.batch:
                event.sent_at = body.sent_at
                store.take(db, event, received)
            progress(len(body.batch))
        db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
