"""What a worker counts.

Each worker counts in plain memory, which costs under 1 us a request, and writes its counts down every half second, so that whichever
worker is asked can add up all of them. prometheus_client's own multiprocess mode would cost 2 us a request.
"""

import contextlib
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

FLUSH_SECONDS = 0.5
STATUSES = (200, 400, 401, 413, 429, 500, 503)
ROUTES = ("collect", "decide", "consent")
BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper bounds of the latency buckets, in seconds."""
RECEIVED, QUARANTINED, REFUSED, WAITING = range(4)
ANSWERS = 4
LATENCY = ANSWERS + len(ROUTES) * len(STATUSES)
WIDTH = len(BOUNDS) + 2  # the buckets, one for what is slower, and the sum
SIZE = LATENCY + len(ROUTES) * WIDTH
_INDEX = {status: number for number, status in enumerate(STATUSES)}


class Counts:
    """One worker's counts."""

    def __init__(self, directory: Path) -> None:
        self._values = [0.0] * SIZE
        self._file = -1
        with contextlib.suppress(OSError):  # a full disk: better to serve uncounted
            directory.mkdir(exist_ok=True)
            self._file = os.open(directory / f"{os.getpid()}.counts", os.O_RDWR | os.O_CREAT, 0o600)

    def received(self, events: int, quarantined: int, refused: int) -> None:
        """A request's messages: taken in, put in quarantine, not kept for want of consent."""
        values = self._values
        values[RECEIVED] += events
        if quarantined:
            values[QUARANTINED] += quarantined
        if refused:
            values[REFUSED] += refused

    def answered(self, route: int, status: int, seconds: float) -> None:
        """A request of ``ROUTES[route]`` was answered."""
        values = self._values
        values[ANSWERS + route * len(STATUSES) + _INDEX.get(status, 1)] += 1
        first = LATENCY + route * WIDTH
        values[first + bisect_left(BOUNDS, seconds)] += 1
        values[first + WIDTH - 1] += seconds

    def flush(self, waiting: int) -> None:
        """Write them down; ``waiting`` events are in the worker's queue now."""
        self._values[WAITING] = waiting
        with contextlib.suppress(OSError):
            os.pwrite(self._file, array("d", self._values).tobytes(), 0)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def reset(directory: Path) -> None:
    """Begin at zero: called once, before the workers start."""
    for path in directory.glob("*.counts"):
        path.unlink(missing_ok=True)


def workers(directory: Path) -> Iterator[tuple[str, list[float]]]:
    """Every worker's process id and counts, those of workers that have died too."""
    for path in sorted(directory.glob("*.counts")):
        data = path.read_bytes()
        if len(data) == SIZE * 8:
            yield path.stem, list(array("d", data))
