"""The server is killed with SIGKILL at random instants under load: every acknowledged event is there once, and none twice."""

import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest

from conftest import Start
from servers import AUTH, Server, request
from tailorbird.engine.lmdb_log import LmdbLog
from tailorbird.engine.log import RecordKind
from tailorbird.events import model

KILLS = int(os.environ.get("TAILORBIRD_TEST_KILLS", "200"))
DEFINITIONS = """
features:
  hits: {count: Hit}
  hits_1h: {count: Hit, window: 1h}
  total: {sum: Hit.amount}
segments:
  hitter: {where: hits_1h >= 5}
"""
PEOPLE, CLIENTS = 40, 6


class Client(threading.Thread):
    """A client as they are: what was not acknowledged is sent again, the same, until it is."""

    def __init__(self, server: Server, seed: int) -> None:
        super().__init__(daemon=True)
        self._server, self._random = server, random.Random(seed)
        self.acknowledged: list[tuple[str, int]] = []
        """(messageId, person)"""
        self.resent = 0
        self.leave = threading.Event()
        self.errors: list[str] = []

    def run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self.leave.is_set():
            path, body, ids = self._next()
            attempts = 0
            while True:
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
                    answer = request(connection, "POST", path, body, AUTH)
                except (OSError, http.client.HTTPException):
                    if connection is not None:
                        connection.close()
                    connection = None
                    attempts += 1
                    time.sleep(0.02)
                    continue
                if answer.status == 200:
                    break
                self.errors.append(f"{answer.status} {answer.body[:300]!r}")
                attempts += 1
                time.sleep(0.05)
            self.resent += attempts > 0
            self.acknowledged += ids

    def _next(self) -> tuple[str, object, list[tuple[str, int]]]:
        if self._random.random() < 0.1:
            return "/v1/decide", {"who": {"userId": f"u{self._random.randrange(PEOPLE)}"}}, []
        events = [self._event() for _ in range(self._random.choice((1, 1, 3, 25)))]
        ids = [(event["messageId"], int(event["userId"][1:])) for event in events]
        if len(events) == 1:
            return "/v1/track", events[0], ids
        return "/v1/batch", {"batch": events}, ids

    def _event(self) -> dict:
        person = self._random.randrange(PEOPLE)
        ids = {"userId": f"u{person}"} | ({"anonymousId": f"a{person}"} if self._random.random() < 0.5 else {})
        return {"type": "track", "event": "Hit", "messageId": str(uuid4()), "properties": {"amount": 1}, **ids}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_acknowledged_events_survive_kill(start_server: Start) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    server = start_server(DEFINITIONS, workers=2)
    clients = [Client(server, seed + number) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(KILLS):
            if chance.random() < 0.3:
                time.sleep(chance.uniform(0.0, 0.5))
                server.kill()
                server.start()
            else:  # one worker alone: the other goes on, and the supervisor brings a new one
                _await_workers(server, 2)
                time.sleep(chance.uniform(0.0, 0.4))
                _kill_one(server, chance)
        server.wait()
    finally:
        for client in clients:
            client.leave.set()
    for client in clients:
        client.join(60)
        assert not client.is_alive(), "a client still waits for an acknowledgement"
        assert not client.errors, client.errors[:5]
    assert sum(client.resent for client in clients) > KILLS // 4, "the kills must have hit requests in flight"

    acknowledged = [each for client in clients for each in client.acknowledged]
    expected = Counter(person for _, person in acknowledged)
    assert sum(expected.values()) == len({message for message, _ in acknowledged}) > KILLS
    features = [server.profile(f"user:u{person}")["features"] for person in range(PEOPLE)]
    assert [each["hits"] for each in features] == [expected[person] for person in range(PEOPLE)]
    assert [each["total"] for each in features] == [expected[person] for person in range(PEOPLE)]

    assert server.stop() == 0
    assert {message for message, _ in acknowledged} == _messages_in(server.data)
    assert "Equal" in server.command(
        "rebuild", "--check", "--quiet", "--data", str(server.data), "--definitions", str(server.definitions)
    ).stdout  # fmt: skip
    print(f"{len(acknowledged)} events acknowledged, {sum(client.resent for client in clients)} requests sent again")


def test_workers_end_when_their_supervisor_is_killed(start_server: Start) -> None:
    server = start_server(DEFINITIONS, workers=2)
    hit = {"event": "Hit", "userId": "u", "properties": {"amount": 1}}
    assert server.ask("POST", "/v1/track", hit).status == 200
    workers = server.worker_pids()
    assert len(workers) == 2
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while any(_alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "a worker left alone holds on to the port"
        time.sleep(0.05)
    server.kill()
    server.start()
    assert server.profile("user:u")["features"]["hits"] == 1


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _kill_one(server: Server, chance: random.Random) -> None:
    deadline = time.monotonic() + 30
    while not (workers := server.worker_pids()):  # the one before was the last, and its heir is not there yet
        assert time.monotonic() < deadline, "the supervisor brought no new worker"
        time.sleep(0.01)
    os.kill(chance.choice(workers), signal.SIGKILL)


def _await_workers(server: Server, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(server.worker_pids()) < count:
        assert time.monotonic() < deadline, "the supervisor brought no new worker"
        time.sleep(0.02)


def _messages_in(data: Path) -> set[str]:
    """The messageIds in the log; offsets without gaps."""
    log = LmdbLog(data / "log", 8 << 30)
    found: set[str] = set()
    last = 0
    for record in log.scan():
        assert record.offset == last + 1
        last = record.offset
        if record.kind == RecordKind.EVENT:
            found.add(model.decode(record.payload).message_id)
    log.close()
    return found
