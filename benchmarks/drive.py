"""Point the load generator at a running server, or at a sink to learn what the generator itself costs.

python -m benchmarks.drive sink
python -m benchmarks.drive track --port 8700 --connections 64 --seconds 10
python -m benchmarks.drive decide --port 8700 --rate 1000
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import payloads, server
from benchmarks.load import Connection, Request, Result, closed_loop, open_loop
from benchmarks.requestfile import RequestFile


def render(kind: str, path: Path, requests: int, people: int, items: int, seed: int) -> RequestFile:
    """A file of that many requests of one kind (``batch``, ``track`` or ``decide``) by random people."""
    rng = np.random.default_rng(seed)
    if kind == "batch":
        payloads.write_batches(path, rng.integers(0, people, 100 * requests), items, seed)
        return RequestFile(path, events_each=100)
    write = payloads.write_singles if kind == "track" else payloads.write_decisions
    write(path, rng.integers(0, people, requests), items, seed)
    return RequestFile(path)


def run(connections: list[Connection], requests: Iterator[Request], rate: float | None, seconds: float) -> Result:
    """A closed loop, or an open one where a rate is asked for."""
    if rate:
        return open_loop(connections, requests, rate, seconds)
    return closed_loop(connections, requests, seconds)


def price_client(folder: Path, seconds: float) -> None:
    """Print what one request costs the client, by kind, against a server that does nothing."""
    with server.sink() as sink:
        for kind, count, requests, rate in (
            ("batch", 8, 1000, None),
            ("batch", 8, 1000, 400.0),
            ("track", 64, 20_000, None),
            ("track", 64, 20_000, 6000.0),
            ("decide", 64, 20_000, 1000.0),
        ):
            file = render(kind, folder / f"{kind}.bin", requests, 100_000, 100_000, seed=1)
            result = run(sink.connect(count), itertools.cycle(file), rate, seconds)
            print(f"{kind:6} {'closed' if rate is None else f'{rate:.0f}/s':>7}: {result}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["sink", "batch", "track", "decide"])
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument(
        "--rate", type=float, help="requests a second (an open loop); without it, as many as are answered"
    )
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--requests", type=int, default=50_000, help="how many to render; events are sent once only")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="another one for every run, or its events are duplicates")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as folder:
        if asked.kind == "sink":
            price_client(Path(folder), asked.seconds)
            return
        file = render(asked.kind, Path(folder) / "load.bin", asked.requests, asked.people, asked.items, asked.seed)
        connections = [Connection(("127.0.0.1", asked.port)) for _ in range(asked.connections)]
        requests = itertools.cycle(file) if asked.kind == "decide" else iter(file)
        print(run(connections, requests, asked.rate, asked.seconds))


if __name__ == "__main__":
    main()
