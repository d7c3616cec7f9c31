"""The request files of one run of the spine, each rendered once and sent to every server alike."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from benchmarks import payloads
from benchmarks.requestfile import RequestFile

Bar = Callable[[str, int], Callable[[int], None]]
"""Opens a progress bar: (what, total) -> (advance by n)."""

BATCH = 100
DECISIONS = 20_000


class Sizes(msgspec.Struct, frozen=True):
    """How much of everything."""

    profiles: int = 1_000_000
    few_profiles: int = 10_000
    items: int = 100_000
    history: int = 1
    """Events of each profile before anything is measured."""
    ingest_events: int = 800_000
    track_events: int = 200_000
    views: int = 10_000
    decide_rate: int = 1_000
    seconds: float = 15.0
    """Of each timed measurement, at most."""


QUICK = Sizes(20_000, 2_000, 2_000, 1, 40_000, 10_000, 200, 1_000, 2.0)


class Load(msgspec.Struct, frozen=True):
    """What is sent to a server that holds ``profiles`` people."""

    profiles: int
    history: RequestFile
    batches: RequestFile
    singles: RequestFile
    decisions: RequestFile
    catalog: RequestFile


def render(folder: Path, name: str, sizes: Sizes, profiles: int, ingest_events: int, bar: Bar) -> Load:
    """Render the load for ``profiles`` people into ``folder``. ``name`` tells loads apart and seeds them."""
    seed = profiles
    rng = np.random.default_rng(seed)
    everyone = np.concatenate([rng.permutation(profiles) for _ in range(sizes.history)])
    folder.mkdir(exist_ok=True)

    def batches(kind: str, people: np.ndarray, seed: int) -> RequestFile:
        path = folder / f"{name}-{kind}.bin"
        tick = bar(f"render {kind} of {name}", -(-len(people) // BATCH))
        payloads.write_batches(path, people, sizes.items, seed, BATCH, tick)
        return RequestFile(path, events_each=BATCH)

    history = batches("history", everyone, seed + 1)
    load = batches("batches", rng.integers(0, profiles, ingest_events), seed + 2)
    singles, decisions, catalog = (folder / f"{name}-{kind}.bin" for kind in ("singles", "decisions", "catalog"))
    tick = bar(f"render singles of {name}", sizes.track_events)
    payloads.write_singles(singles, rng.integers(0, profiles, sizes.track_events), sizes.items, seed + 3, tick)
    payloads.write_decisions(decisions, rng.integers(0, profiles, DECISIONS), sizes.items, seed + 4)
    payloads.write_items(catalog, sizes.items)
    return Load(profiles, history, load, RequestFile(singles), RequestFile(decisions), RequestFile(catalog))
