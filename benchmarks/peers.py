"""The two servers that are compared, behind one face."""

from pathlib import Path
from typing import Protocol

import msgspec

from benchmarks import server
from benchmarks.baseline.fill import fill
from benchmarks.files import Load, Sizes
from benchmarks.load import Connection, Progress
from benchmarks.measure import Measured, send_all
from benchmarks.payloads import AUTHORIZATION


class Peer(Protocol):
    """A server that can be measured."""

    name: str

    def prepare(self, data: Path) -> None:
        """Make what must be there before the server starts."""

    def start(self, data: Path) -> server.Server:
        """Serve ``data``."""

    def fill(self, data: Path, load: Load, sizes: Sizes, progress: Progress) -> Measured | None:
        """Take in the catalog and everybody's history; ``progress`` hears of batches. What it measured, if it did."""

    def saw(self, connection: Connection, decision: dict[str, object], item: str) -> bool:
        """Whether ``decision`` was made from a profile that holds the view of ``item``."""


class Tailorbird:
    """Two workers on the benchmark's definitions."""

    name = "Tailorbird"

    def prepare(self, data: Path) -> None:
        """Add the write key."""
        server.add_write_key(data)

    def start(self, data: Path) -> server.Server:
        """Serve with two workers."""
        return server.tailorbird(data)

    def fill(self, data: Path, load: Load, sizes: Sizes, progress: Progress) -> Measured | None:
        """Through the API, as users would: the catalog, then the history by batches of 100."""
        with self.start(data) as running:
            send_all(running, load.catalog)
            return send_all(running, load.history, progress)

    def saw(self, connection: Connection, decision: dict[str, object], item: str) -> bool:
        """Ask why: the decision's record holds what it knew of the person."""
        path = f"/v1/decisions/{decision['decisionId']}/why"
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {AUTHORIZATION}\r\n\r\n"
        status, body = connection.ask(head.encode())
        if status != 200:
            raise RuntimeError(f"no answer to {path}: {status} {body[:300]!r}")
        why = msgspec.json.decode(body)
        return why["eventsSeen"] == 1 and item in [one["item"] for one in why["inputs"]]


class Baseline:
    """FastAPI and SQLite, two workers."""

    name = "FastAPI + SQLite"

    def prepare(self, data: Path) -> None:
        """Make the folder."""
        data.mkdir(exist_ok=True)

    def start(self, data: Path) -> server.Server:
        """Serve with two workers."""
        return server.baseline(data)

    def fill(self, data: Path, load: Load, sizes: Sizes, progress: Progress) -> Measured | None:
        """By its own code but without HTTP or syncs: over HTTP a million would take an hour."""
        fill(data / "baseline.db", load.history, sizes.items, lambda events: progress(1))
        return None

    def saw(self, connection: Connection, decision: dict[str, object], item: str) -> bool:
        """Its decisions carry what they knew of the person."""
        known = decision["profile"]
        assert isinstance(known, dict)
        return known["events"] == 1 and item in known["recent"]
