"""The definitions file changes under a running server: a good one takes over without a failed request, a bad one is told of."""

import http.client
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from conftest import Start
from servers import Server, request

ONE = "features:\n  hits: {count: Hit}\n"
TWO = ONE + "  total: {sum: Hit.amount}\nsegments:\n  many: {where: total >= 10}\nplacements:\n  cart: {n: 2}\n"
BAD = "features:\n  hits: {count: Hit}\n\n  total: {summ: Hit.amount}\n"
WORSE = "features: {hits: {count: Hit}\nsegments: [\n"


class Load(threading.Thread):
    """Asks all the time; every answer must be a 200."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._server, self.failures, self.hits = server, [], 0
        self.leave = threading.Event()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        while not self.leave.is_set():
            hit = {"event": "Hit", "userId": "u", "messageId": str(uuid4()), "properties": {"amount": 1}}
            for path, body in (("/v1/track", hit), ("/v1/decide", {"who": {"userId": "u"}})):
                answer = request(connection, "POST", path, body)
                if answer.status != 200:
                    self.failures.append(answer)
            self.hits += 1


def _until(server: Server, holds: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 60
    while not holds(health := server.ask("GET", "/health").json):
        assert time.monotonic() < deadline, health
        time.sleep(0.05)
    return health


def _write(server: Server, text: str) -> None:
    temporary = server.definitions.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(server.definitions)


@pytest.mark.slow
def test_definitions_change_while_it_serves(start_server: Start) -> None:
    server = start_server(ONE, workers=2)
    first = server.ask("GET", "/health").json["definitions"]
    loads = [Load(server) for _ in range(3)]
    for load in loads:
        load.start()
    try:
        for text, line in ((BAD, ":4"), (WORSE, ":2")):
            _write(server, text)
            health = _until(server, lambda health, line=line: line in (health["definitions_error"] or ""))
            assert health["definitions"] == first, "the last good ones must go on serving"
            assert server.definitions.name in health["definitions_error"]
        _write(server, TWO)
        health = _until(server, lambda health: health["definitions"] != first)
        assert health["definitions_error"] is None
        for _ in range(20):  # every worker, at once and for good
            assert server.ask("POST", "/v1/decide", {"placement": "cart"}).status == 200
            assert set(server.profile("user:u")["features"]) == {"hits", "total"}
            assert server.ask("GET", "/v1/segments").json[0]["name"] == "many"
    finally:
        for load in loads:
            load.leave.set()
    for load in loads:
        load.join(30)
        assert not load.failures, load.failures[:3]
    hits = sum(load.hits for load in loads)
    features = server.profile("user:u")["features"]
    assert features == {"hits": hits, "total": hits}, "the new feature knows the time before it was defined"
    assert server.stop() == 0
    arguments = ("--quiet", "--data", str(server.data), "--definitions", str(server.definitions))
    assert server.command("rebuild", "--check", *arguments, check=False).returncode == 0


def test_a_bad_file_at_the_start_leaves_the_last_good_ones_in_force(start_server: Start) -> None:
    server = start_server(ONE)
    assert server.ask("POST", "/v1/track", {"event": "Hit", "userId": "u"}).status == 200
    server.stop()
    _write(server, BAD)
    server.start()
    assert server.profile("user:u")["features"] == {"hits": 1}
    assert ":4" in server.output()
    _until(server, lambda health: ":4" in (health["definitions_error"] or ""))
    server.definitions.write_bytes(b"\xff\xfe")
    _until(server, lambda health: "cannot be read" in (health["definitions_error"] or ""))
    _write(server, ONE)
    _until(server, lambda health: health["definitions_error"] is None)
    server.stop()
    server.definitions.write_bytes(b"\xff\xfe")
    server.start()
    assert server.profile("user:u")["features"] == {"hits": 1}
    assert "Traceback" not in server.output()


def test_a_bad_file_at_the_very_first_start_is_refused_in_one_line(start_server: Start) -> None:
    with pytest.raises(AssertionError, match=r"data0\.yaml:4"):
        start_server(BAD)
