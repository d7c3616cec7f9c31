"""A full disk: 503 with Retry-After, nothing acknowledged is lost, and it goes on by itself once there is room again."""

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from conftest import Start
from servers import Answer, Server

DEFINITIONS = "features:\n  hits: {count: Hit}\n  kinds: {set: Hit.kind}\n"
MIB = 1 << 20


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of ``size`` bytes at ``folder``; skips the test where none may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Sender:
    """Sends hits, and knows which were acknowledged and which must be sent again."""

    def __init__(self, server: Server) -> None:
        self._server, self.acknowledged = server, 0
        self.again: list[dict] = []

    def send(self, events: list[dict]) -> Answer:
        answer = self._server.ask("POST", "/v1/batch", {"batch": events})
        if answer.status == 200:
            self.acknowledged += len(events)
        else:
            self.again += events
        return answer

    def hits(self, count: int = 50) -> Answer:
        return self.send(
            [
                {"type": "track", "event": "Hit", "userId": f"u{number}", "messageId": str(uuid4()),
                 "properties": {"kind": f"{uuid4()}", "filler": "x" * 500}}
                for number in range(count)
            ]
        )  # fmt: skip

    def until_refused(self) -> Answer:
        for _ in range(2_000):
            answer = self.hits()
            if answer.status != 200:
                return answer
        raise AssertionError("the disk never filled")

    def resend(self) -> None:
        """What every client does: the same again, until it is taken."""
        deadline = time.monotonic() + 30
        while self.again:
            events, self.again = self.again[:500], self.again[500:]
            if self.send(events).status != 200:
                assert time.monotonic() < deadline, "it did not recover by itself"
                time.sleep(0.1)

    def count(self) -> int:
        return sum(self._server.profile(f"user:u{number}")["features"]["hits"] for number in range(50))


def check_refused(answer: Answer) -> None:
    assert answer.status == 503, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert "free some space" in answer.json["detail"]


def check_whole(server: Server, sender: Sender) -> None:
    """Everything acknowledged is there once, also after a restart and by replay."""
    assert sender.count() == sender.acknowledged
    assert "Traceback" not in server.output()
    server.kill()
    server.start()
    assert sender.count() == sender.acknowledged
    assert server.stop() == 0
    arguments = ("--quiet", "--data", str(server.data), "--definitions", str(server.definitions))
    outcome = server.command("rebuild", "--check", *arguments, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("full", ["log", "state", ""])
def test_a_full_disk_refuses_and_recovers(tmp_path: Path, start_server: Start, full: str) -> None:
    data = tmp_path / "data"
    with small_disk(data / full, 24 * MIB):
        server = start_server(DEFINITIONS, workers=2, data=data)
        ballast = data / full / "ballast"
        sender = Sender(server)
        assert sender.hits().status == 200
        ballast.write_bytes(b"\0" * 19 * MIB)
        try:
            check_refused(sender.until_refused())
            for _ in range(10):  # on every worker, and again and again
                check_refused(sender.hits())
            before = sender.count()
            assert before >= sender.acknowledged, "what was acknowledged must be seen even now"
            assert server.ask("POST", "/v1/decide", {"who": {"userId": "u1"}}).status == 200
            assert server.ask("GET", "/health").status == 200
            ballast.unlink()
            sender.resend()
            assert sender.hits().status == 200
            check_whole(server, sender)
        finally:
            server.kill()


def test_a_file_that_may_not_grow_refuses_and_recovers(start_server: Start) -> None:
    """The same without a disk of its own: the kernel's limit on the size of a file, lowered and raised from outside."""
    server = start_server(DEFINITIONS, workers=2)
    sender = Sender(server)
    for _ in range(5):
        assert sender.hits().status == 200
    sizes = [path.stat().st_size for path in server.data.rglob("data.mdb")]
    hard = resource.RLIM_INFINITY
    for pid in server.pids():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (max(sizes) + MIB, hard))
    answer = sender.until_refused()
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) > 0
    assert sender.count() >= sender.acknowledged
    for pid in server.pids():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    sender.resend()
    assert sender.hits().status == 200
    check_whole(server, sender)
