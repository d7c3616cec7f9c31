"""Starting, watching and stopping the servers under test, each a subprocess known by its pid."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import machine
from benchmarks.load import Address, Connection, open_connections
from benchmarks.payloads import WRITE_KEY

ROOT = Path(__file__).parent.parent
DEFINITIONS = Path(__file__).parent / "definitions.yaml"
START_SECONDS = 120.0
STOP_SECONDS = 30.0
HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

Start = Callable[[], "Server"]


class Server:
    """A running server, to be used in a ``with``. ``seconds_to_answer``: from its start to the first 200 of /health."""

    def __init__(
        self, command: Sequence[str], port: int, workers: int, log: Path, env: dict[str, str] | None = None
    ) -> None:
        self.address: Address = ("127.0.0.1", port)
        self._workers = workers
        self._log = log
        self._output = log.open("ab")
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        try:
            self._await_answer(began + START_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.seconds_to_answer = time.perf_counter() - began

    def _await_answer(self, deadline: float) -> None:
        while time.perf_counter() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with status {self._process.returncode}:\n{self.log_tail()}")
            with contextlib.suppress(OSError):
                connection = Connection(self.address)
                try:
                    if connection.ask(HEALTH)[0] == 200:
                        return
                finally:
                    connection.close()
            time.sleep(0.005)
        raise RuntimeError(f"no answer in {START_SECONDS:.0f} s:\n{self.log_tail()}")

    def log_tail(self, lines: int = 30) -> str:
        """The last lines the server wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    @property
    def pids(self) -> list[int]:
        """Every process of the server, the one that was started first."""
        return [self._process.pid, *machine.children(self._process.pid)]

    def worker_pids(self) -> set[int]:
        """The processes that answer, as the kernel tells from whose sockets they are; not the supervisor."""
        connections = self.connect(2 * self._workers)
        owners = {self._owner(connection.port) for connection in connections}
        for connection in connections:
            connection.close()
        return {pid for pid in owners if pid is not None}

    def connect(self, count: int) -> list[Connection]:
        """Open ``count`` connections, spread evenly over the workers."""
        return open_connections(self.address, count, self._owner, self._workers)

    def _owner(self, client_port: int) -> int | None:
        return machine.owner_of(self.pids, self.address[1], client_port)

    def cpu_seconds(self) -> float:
        """Processor time that all its processes have spent."""
        return sum(machine.cpu_seconds(pid) for pid in self.pids)

    def stop(self) -> None:
        """Ask it to end; after a while, make it."""
        if self._process.poll() is None:
            pids = self.pids
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                for pid in reversed(pids):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self._process.wait()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tailorbird(data: Path, workers: int = 2) -> Server:
    """Serve ``data`` with the benchmark's definitions."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "tailorbird", "serve", "--data", str(data), "--definitions", str(DEFINITIONS)),
        *("--workers", str(workers), "--host", "127.0.0.1", "--port", str(port)),
    ]
    return Server(command, port, workers, data.parent / f"{data.name}.log")


def add_write_key(data: Path) -> None:
    """Let the load in: its source may collect for every purpose."""
    command = [
        *(sys.executable, "-m", "tailorbird", "keys", "add", "bench", "--key", WRITE_KEY),
        *("--purposes", "personalization,analytics,marketing", "--data", str(data)),
    ]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


def baseline(data: Path, workers: int = 2) -> Server:
    """Serve the naive peer on the SQLite file in ``data``."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.baseline.app:app", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(workers), "--no-access-log", "--log-level", "warning"),
    ]
    return Server(command, port, workers, data.parent / f"{data.name}.log", {"BASELINE_DB": str(data / "baseline.db")})


def sink() -> Server:
    """Serve nothing: price the client."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.sink", str(port)]
    return Server(command, port, 1, Path(os.devnull))
