"""Fixtures that several kinds of tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import Server

Start = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Start]:
    """Start servers, each on a data folder of its own with the write key ``servers.KEY``; all end with the test."""
    servers: list[Server] = []

    def start(definitions: str = "", *, workers: int = 1, purposes: str = "personalization,analytics,marketing",
              data: Path | None = None, **settings: object) -> Server:  # fmt: skip
        server = Server(data or tmp_path / f"data{len(servers)}", definitions=definitions, workers=workers, **settings)
        servers.append(server)
        server.add_key(purposes=purposes)
        return server.start()

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def server(start_server: Start) -> Server:
    """A running server without definitions."""
    return start_server()
