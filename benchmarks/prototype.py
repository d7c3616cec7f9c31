"""The yardstick: a bare prototype of the same kind of work in one process, so that a table says how fast its machine was that day.

Decode a 1 KB JSON event, append it to a log synced per 500, fold it into 8 windowed counts and 20 conditions of a profile. No HTTP,
validation, consent, deduplication, identity, sessions, timers, feeds: what is left out is what the product does besides.

    python -m benchmarks.prototype
"""

import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import lmdb
import msgspec

from benchmarks.payloads import EventWriter

GROUP = 500
_WINDOWS = [3_600_000 * hours for hours in (1, 24, 168, 720)]


class _Event(msgspec.Struct, rename="camel"):
    anonymous_id: str | None = None
    user_id: str | None = None
    event: str | None = None
    properties: dict[str, Any] | None = None


def rate(events: int = 100_000, profiles: int = 1_000_000, folder: Path | None = None) -> float:
    """Events a second over ``profiles`` profiles that are there already."""
    root = Path(tempfile.mkdtemp(dir=folder))
    try:
        log = lmdb.open(str(root / "log"), map_size=1 << 34)
        state = lmdb.open(str(root / "state"), map_size=1 << 35, sync=False, readahead=False)
        encode, unpack = msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[list[int]]).decode
        now = time.time_ns() // 1_000_000
        draw = random.Random(1)
        keys = sorted(draw.randbytes(12) for _ in range(profiles))
        for start in range(0, profiles, 50_000):
            with state.begin(write=True) as txn, txn.cursor() as cursor:
                cursor.putmulti(
                    [(key, encode([[now - 60_000] for _ in range(8)])) for key in keys[start : start + 50_000]]
                )
        writer = EventWriter(10_000, 3)
        bodies = [writer.event(number).encode() for number in range(events)]
        people = [draw.choice(keys) for _ in range(events)]
        decode, offset, members = msgspec.json.Decoder(_Event).decode, 0, 0
        began = time.perf_counter()
        for start in range(0, events, GROUP):
            group = bodies[start : start + GROUP]
            decoded = [decode(body) for body in group]
            with log.begin(write=True) as txn, txn.cursor() as cursor:
                cursor.putmulti([((offset + i).to_bytes(8, "big"), body) for i, body in enumerate(group)], append=True)
            offset += len(group)
            with state.begin(write=True) as txn:
                for event, key in zip(decoded, people[start : start + GROUP], strict=True):
                    counts = unpack(txn.get(key))
                    first = 0 if event.event == "Product Viewed" else 4
                    for times, window in zip(counts[first : first + 4], _WINDOWS, strict=True):
                        times.append(now)
                        while times and times[0] <= now - window:
                            del times[0]
                    sizes = [len(times) for times in counts]
                    members += sum(sizes[index % 8] > index for index in range(20))
                    txn.put(key, encode(counts))
        return events / (time.perf_counter() - began)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    print(f"{rate():,.0f} events/s")
