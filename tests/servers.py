"""A real server for tests: a subprocess in a session of its own, known by its pid, and always ended."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any, NamedTuple

KEY = "test-key"
START_SECONDS = 60.0
AUTH = {"authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode()}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """``python -m tailorbird serve`` on a data folder; may be killed and started again at will."""

    def __init__(self, data: Path, *, definitions: str = "", workers: int = 1, **settings: object) -> None:
        self.data, self.workers = data, workers
        data.mkdir(parents=True, exist_ok=True)
        self.definitions = data.parent / f"{data.name}.yaml"
        self.definitions.write_text(definitions)
        self.log = data.parent / f"{data.name}.log"
        self.port = free_port()
        self._env = os.environ | {f"TAILORBIRD_{name.upper()}": str(value) for name, value in settings.items()}
        self._env |= {"TAILORBIRD_MAP_SIZE_GB": str(settings.get("map_size_gb", 8)), "PYTHONFAULTHANDLER": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    def add_key(
        self, key: str = KEY, name: str = "test", purposes: str = "personalization,analytics,marketing"
    ) -> None:
        """A write key whose source may assume ``purposes``."""
        self.command("keys", "add", name, "--key", key, "--purposes", purposes, "--data", str(self.data))

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``tailorbird`` with ``arguments`` beside the server."""
        return subprocess.run(
            [sys.executable, "-m", "tailorbird", *arguments],
            env=self._env, check=check, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    def start(self) -> "Server":
        """Start, and wait for the first answer."""
        assert self._process is None, "it is running"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tailorbird", "serve", "--data", str(self.data)),
                    *("--definitions", str(self.definitions), "--host", "127.0.0.1"),
                    *("--port", str(self.port), "--workers", str(self.workers)),
                ],
                env=self._env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self.wait()
        except BaseException:
            self.kill()
            raise
        return self

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait for an answer."""
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.output()[-4000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/health", timeout=5).status == 200:
                    return
            time.sleep(0.01)
        raise AssertionError(f"no answer in {seconds} s:\n{self._where_it_stands()[-12_000:]}")

    def _where_it_stands(self) -> str:
        """Every thread's stack, written by the processes themselves as they end."""
        pids = self.pids()
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGABRT)
            time.sleep(0.5)
        return f"processes {pids}\n{self.output()}"

    def output(self) -> str:
        """Everything the server has written."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def pid(self) -> int:
        """The process that was started: the supervisor where there are several workers."""
        assert self._process is not None, "it is not running"
        return self._process.pid

    def pids(self) -> list[int]:
        """Every process of the server, the one that was started first."""
        return [self.pid, *_children(self.pid)]

    def worker_pids(self) -> list[int]:
        """The processes that answer."""
        return [self.pid] if self.workers == 1 else [pid for pid in _children(self.pid) if _is_worker(pid)]

    def kill(self) -> None:
        """SIGKILL to all of its processes at once: they are a session of their own."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def stop(self) -> int:
        """Ask it to end, and make it if it does not; its status."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            return -int(signal.SIGKILL)
        finally:
            self.kill()

    def ask(
        self, method: str, path: str, body: bytes | object = None, headers: dict[str, str] | None = None, *,
        timeout: float = 30,
    ) -> Answer:  # fmt: skip
        """One request on a connection of its own. A body that is no bytes goes as JSON with the write key."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            return request(connection, method, path, body, headers)
        finally:
            connection.close()

    def profile(self, who: str, purpose: str = "personalization") -> Any:
        """A profile by ``user:ID`` or ``anonymous:ID``; None where there is none."""
        answer = self.ask("GET", f"/v1/profiles/{who}?purpose={purpose}")
        if answer.status == 404:
            return None
        assert answer.status == 200, answer
        return answer.json


def request(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | object = None,
    headers: dict[str, str] | None = None,
) -> Answer:  # fmt: skip
    """One request on an open connection."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers = {"content-type": "application/json", **AUTH, **(headers or {})}
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident_mib(pid: int) -> float:
    """Memory of a process that is its own, without pages mapped from files."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").glob("*"):
            found += [int(child) for child in (task / "children").read_text().split()]
    return sorted(found)


def _is_worker(pid: int) -> bool:
    # multiprocessing's resource tracker is a child of the supervisor too.
    with contextlib.suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
