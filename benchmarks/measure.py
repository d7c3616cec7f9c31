"""What can be asked of a running server, each question one function and one answer."""

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from benchmarks import machine, payloads, server, shop
from benchmarks.load import Connection, Progress, Result, closed_loop, open_loop
from benchmarks.payloads import AUTHORIZATION
from benchmarks.requestfile import RequestFile, post

BATCH_CONNECTIONS = 8
CONNECTIONS = 64
P99_LIMIT = 10.0
RATE_STEPS = 6
FRESH = 1 << 30
"""Number of the first person whom no load ever mentions."""


class Measured(msgspec.Struct, frozen=True):
    """A run of the load generator, and the processor time it cost the server, in seconds."""

    result: Result
    server_cpu: float
    units: int = 1
    """Events in a request."""

    @property
    def rate(self) -> float:
        """Units per second that were accepted."""
        return (self.result.requests - self.result.errors) * self.units / self.result.seconds

    @property
    def cost(self) -> float:
        """Processor microseconds of the server for each unit."""
        return self.server_cpu / (self.result.requests * self.units) * 1e6

    def __str__(self) -> str:
        return f"{self.result}; server {self.server_cpu / self.result.seconds:.2f} cores, {self.cost:.0f} us each unit"


def send_all(target: server.Server, file: RequestFile, progress: Progress | None = None) -> Measured:
    """Send a whole file by a closed loop. Raises RuntimeError when a request is refused: what follows would be void."""
    measured = _closed(target, BATCH_CONNECTIONS, iter(file), float("inf"), progress, file.events_each)
    if measured.result.errors:
        raise RuntimeError(f"the server refused part of the load: {measured.result}\n{target.log_tail()}")
    return measured


def ingest(target: server.Server, file: RequestFile, seconds: float, progress: Progress | None = None) -> Measured:
    """``/v1/batch`` as fast as it goes."""
    return _closed(target, BATCH_CONNECTIONS, iter(file), seconds, progress, file.events_each)


def track(target: server.Server, file: RequestFile, seconds: float, progress: Progress | None = None) -> Measured:
    """Single events over 64 connections, each sending when its answer came."""
    return _closed(target, CONNECTIONS, iter(file), seconds, progress)


def decide(
    target: server.Server, file: RequestFile, rate: float, seconds: float, progress: Progress | None = None
) -> Measured:
    """Decisions at ``rate`` a second, arriving as a Poisson process."""
    with _connections(target, CONNECTIONS) as connections:
        before = target.cpu_seconds()
        result = open_loop(connections, itertools.cycle(file), rate, seconds, progress=progress)
        return Measured(result, target.cpu_seconds() - before)


def highest_rate(
    target: server.Server, file: RequestFile, seconds: float, tick: Progress
) -> tuple[float, Measured | None]:
    """The highest rate of decisions with p99 <= 10 ms, bisected to a 64th of the throughput.

    A rate is given up when it fails twice: one hiccup of a shared machine would otherwise halve the answer.
    """
    low, high = 0.0, _closed(target, CONNECTIONS, itertools.cycle(file), seconds, None).rate
    best = None
    tick(1)
    for _ in range(RATE_STEPS):
        middle = (low + high) / 2
        for _ in range(2):
            measured = decide(target, file, middle, seconds)
            if measured.result.percentile(99) <= P99_LIMIT and not measured.result.errors:
                low, best = middle, measured
                break
        else:
            high = middle
        tick(1)
    return low, best


def views_seen(target: server.Server, views: int, items: int, saw: "Saw", progress: Progress) -> int:
    """Of ``views`` views by fresh people, how many the very next decision was made from.

    The view goes to one worker; the moment it is acknowledged, a decision is asked of another, while single events keep
    arriving from a third connection at 300 a second.
    """
    seen = 0
    render = payloads.EventWriter(items, seed=FRESH)
    with _connections(target, 2) as connections, _background(target):
        for i in range(views):
            writer, reader = connections[i % 2], connections[1 - i % 2]
            person, item = FRESH + i, i % items
            event = payloads.with_sent_at(render.render("Product Viewed", person, item))
            status, answer = writer.ask(post("/v1/track", event, AUTHORIZATION))
            if status != 200:
                raise RuntimeError(f"the event was refused: {status} {answer[:300]!r}")
            asked = payloads.decision_body(shop.anonymous_id(person), "home", {})
            status, answer = reader.ask(post("/v1/decide", asked, AUTHORIZATION))
            if status != 200:
                raise RuntimeError(f"no decision: {status} {answer[:300]!r}\n{target.log_tail()}")
            seen += saw(reader, msgspec.json.decode(answer), shop.item_id(item))
            progress(1)
    return seen


Saw = Callable[[Connection, dict[str, object], str], bool]
"""(connection to the deciding worker, the decision, the item viewed) -> was it decided from a profile with the view?"""


def start_seconds(start: server.Start, times: int = 3) -> float:
    """Median seconds from starting a server on its filled data to its first answer."""
    found = []
    for _ in range(times):
        with start() as running:
            found.append(running.seconds_to_answer)
    return statistics.median(found)


def help_seconds(times: int = 7) -> float:
    """Median seconds of ``tailorbird --help``, once its files are in the page cache."""
    found = []
    for _ in range(times + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tailorbird", "--help"], check=True, capture_output=True, cwd=server.ROOT)
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def worker_memory(target: server.Server) -> machine.Memory:
    """The larger of the workers."""
    return max((machine.memory(pid) for pid in target.worker_pids()), key=lambda memory: memory.anonymous)


def _closed(
    target: server.Server,
    count: int,
    requests: Iterator[memoryview],
    seconds: float,
    progress: Progress | None,
    units: int = 1,
) -> Measured:
    with _connections(target, count) as connections:
        before = target.cpu_seconds()
        result = closed_loop(connections, requests, seconds, progress)
        return Measured(result, target.cpu_seconds() - before, units)


@contextmanager
def _connections(target: server.Server, count: int) -> Iterator[list[Connection]]:
    connections = target.connect(count)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


@contextmanager
def _background(target: server.Server, rate: int = 300) -> Iterator[None]:
    """Other people's events, from another process, for as long as the block runs."""
    command = [
        *(sys.executable, "-m", "benchmarks.drive", "track", "--port", str(target.address[1]), "--rate", str(rate)),
        *("--connections", "4", "--seconds", "200", "--requests", str(200 * rate), "--seed", "77"),
    ]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=server.ROOT)
        try:
            yield
        finally:
            ended = process.poll()
            process.terminate()
            process.wait()
            if ended not in (None, 0):
                output.seek(0)
                raise RuntimeError(f"the background load failed:\n{output.read().decode(errors='replace')}")
