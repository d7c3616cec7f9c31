"""A load generator that costs the server's machine next to nothing: one thread, epoll, requests rendered beforehand.

Two ways of asking. A *closed* loop keeps ``n`` connections busy, each sending when its answer came: it finds the
throughput. An *open* loop sends at instants drawn beforehand, whatever the server does, and counts a request's latency
from the instant at which it was due, not from when a connection was free to carry it: a stalled server cannot hide the
requests that piled up behind the stall (the "coordinated omission" of Tene, 2015). Instants are those of a Poisson
process, as independent visitors make them; evenly spaced ones, as wrk2 sends, would never queue.

``python -m benchmarks.drive`` points it at a running server.
"""

import ctypes
import gc
import os
import re
import select
import socket
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

Address = tuple[str, int]
Request = bytes | memoryview
Progress = Callable[[int], None]
"""Told, several times a second, how many more requests were answered."""

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PROGRESS_EVERY = 0.25


class Result(msgspec.Struct, frozen=True):
    """What one run measured. ``latencies`` are milliseconds, float64, one for each answer, in order of arrival."""

    requests: int
    errors: int
    seconds: float
    latencies: np.ndarray
    client_cpu: float
    """Processor seconds that this process itself spent, of ``seconds``."""
    statuses: dict[int, int]
    first_error: str | None

    @property
    def rate(self) -> float:
        """Answers per second, errors included."""
        return self.requests / self.seconds

    @property
    def client_share(self) -> float:
        """The part of one core that the client took from the server."""
        return self.client_cpu / self.seconds

    def percentile(self, q: float) -> float:
        """The latency, in milliseconds, that ``q`` per cent of the answers did not exceed."""
        return float(np.percentile(self.latencies, q)) if len(self.latencies) else float("nan")

    def __str__(self) -> str:
        p50, p90, p99, worst = (self.percentile(q) for q in (50, 90, 99, 100))
        failed = f", {self.errors} errors {self.statuses}: {self.first_error}" if self.errors else ""
        return (
            f"{self.rate:,.0f} requests/s in {self.seconds:.1f} s; p50 {p50:.2f}, p90 {p90:.2f}, p99 {p99:.2f}, max "
            f"{worst:.2f} ms; client {self.client_share:.0%} of a core, "
            f"{self.client_cpu / self.requests * 1e6:.0f} us each{failed}"
        )


class Connection:
    """One kept-alive connection. Not thread-safe; ``sock`` is non-blocking once a :class:`Pool` has it."""

    def __init__(self, address: Address) -> None:
        self.sock = socket.create_connection(address, timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.fd = self.sock.fileno()
        self.started = 0
        self.unsent: memoryview | None = None
        self.received = b""

    @property
    def port(self) -> int:
        """The client's port, which names this connection in ``/proc/net/tcp``."""
        return int(self.sock.getsockname()[1])

    def send(self, request: Request) -> bool:
        """Send what the kernel takes now; the rest waits in ``unsent``. Whether that was all."""
        try:
            sent = self.sock.send(request)
        except BlockingIOError:
            sent = 0
        self.unsent = memoryview(request)[sent:] if sent < len(request) else None
        return self.unsent is None

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Send one request, wait for its whole answer; its status and body. For connections outside a pool."""
        self.sock.sendall(request)
        answer = b""
        while not whole(answer):
            some = self.sock.recv(1 << 16)
            if not some:
                raise ConnectionError("the server closed the connection before it answered")
            answer += some
        return int(answer[9:12]), answer[answer.index(b"\r\n\r\n") + 4 :]

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()


def whole(answer: bytes) -> bool:
    """Whether ``answer`` is a whole HTTP response with a Content-Length (or none to come)."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = LENGTH.search(answer, 0, head)
    return len(answer) >= head + 4 + (int(length[1]) if length else 0)


def open_connections(
    address: Address, count: int, owner: Callable[[int], int | None] | None = None, owners: int = 1
) -> list[Connection]:
    """Open ``count`` connections, spread evenly over the server's ``owners`` processes where ``owner`` can tell them.

    Workers that share a listening socket take connections by chance, and an idle one may take all of a burst; behind a
    load balancer they would be even. ``owner`` maps a client port to the process that holds the other end.
    """
    if owner is None or owners < 2:
        return [Connection(address) for _ in range(count)]
    kept: list[Connection] = []
    spare: list[Connection] = []
    held: Counter[int | None] = Counter()
    fair = -(-count // owners)
    while len(kept) < count and len(spare) < 20 * count:
        connection = Connection(address)
        connection.ask(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        pid = owner(connection.port)
        if held[pid] < fair:
            held[pid] += 1
            kept.append(connection)
        else:
            spare.append(connection)
    kept += [spare.pop() for _ in range(count - len(kept))]
    for connection in spare:
        connection.close()
    return kept


class Timer:
    """A Linux timerfd, for ``epoll`` waits finer than its own millisecond."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = (ctypes.c_long * 4)()

    def arm(self, due: int) -> None:
        """Become readable at ``due`` on the clock of ``time.perf_counter_ns``; at once if it has passed, never if 0."""
        self._spec[2], self._spec[3] = divmod(due, 1_000_000_000)
        if self._libc.timerfd_settime(self.fd, 1, self._spec, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """Close it."""
        os.close(self.fd)


class Pool:
    """Connections driven together by one epoll; both loops stand on it."""

    def __init__(self, connections: Sequence[Connection], progress: Progress | None) -> None:
        self.latencies = array("q")
        self._statuses: Counter[int] = Counter()
        self._first_error: str | None = None
        self._epoll = select.epoll()
        self._by_fd = {c.fd: c for c in connections}
        self._progress = progress
        self._told, self._told_at = 0, time.perf_counter()
        for connection in connections:
            connection.sock.setblocking(False)
            self._epoll.register(connection.fd, select.EPOLLIN)
        gc.collect()
        gc.freeze()
        gc.disable()
        self._began, self._cpu = time.perf_counter(), time.process_time()

    def watch(self, fd: int) -> None:
        """Wake up for this descriptor too."""
        self._epoll.register(fd, select.EPOLLIN)

    def start(self, connection: Connection, request: Request, due: int) -> None:
        """Send a request that was due at ``due`` (ns) on an idle connection."""
        connection.started = due
        if not connection.send(request):
            self._epoll.modify(connection.fd, select.EPOLLIN | select.EPOLLOUT)

    def answered(self) -> Iterator[Connection]:
        """Wait for something to happen; the connections whose answer is complete."""
        for fd, mask in self._epoll.poll(1.0):
            connection = self._by_fd.get(fd)
            if connection is None:
                continue
            if mask & select.EPOLLOUT and connection.unsent is not None and connection.send(connection.unsent):
                self._epoll.modify(fd, select.EPOLLIN)
            if mask & ~select.EPOLLOUT:
                some = connection.sock.recv(1 << 16)
                if not some:
                    raise ConnectionError(f"the server closed a connection after {len(self.latencies):,} answers")
                answer = connection.received + some if connection.received else some
                if whole(answer):
                    self.latencies.append(time.perf_counter_ns() - connection.started)
                    connection.received = b""
                    self._count(answer)
                    yield connection
                else:
                    connection.received = answer
        now = time.perf_counter()
        if self._progress and now - self._told_at > PROGRESS_EVERY:
            self._progress(len(self.latencies) - self._told)
            self._told, self._told_at = len(self.latencies), now

    def _count(self, answer: bytes) -> None:
        status = int(answer[9:12])
        self._statuses[status] += 1
        if status >= 300 and self._first_error is None:
            self._first_error = answer[answer.index(b"\r\n\r\n") + 4 :][:500].decode(errors="replace")

    def result(self) -> Result:
        """Stop measuring."""
        seconds, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu
        gc.enable()
        gc.unfreeze()
        self._epoll.close()
        if self._progress:
            self._progress(len(self.latencies) - self._told)
        bad = sum(n for status, n in self._statuses.items() if status >= 300)
        latencies = np.array(self.latencies, dtype=np.float64) / 1e6
        return Result(
            len(self.latencies), bad, seconds, latencies, cpu, dict(self._statuses), first_error=self._first_error
        )


def closed_loop(
    connections: Sequence[Connection],
    requests: Iterator[Request],
    seconds: float = float("inf"),
    progress: Progress | None = None,
) -> Result:
    """Keep every connection busy until ``requests`` end or ``seconds`` have passed, then wait for what is in flight."""
    pool = Pool(connections, progress)
    clock = time.perf_counter_ns
    end = clock() + int(seconds * 1e9) if seconds < float("inf") else 1 << 62
    in_flight = 0
    for connection in connections:
        request = next(requests, None)
        if request is not None:
            pool.start(connection, request, clock())
            in_flight += 1
    while in_flight:
        for connection in pool.answered():
            now = clock()
            request = next(requests, None) if now < end else None
            if request is None:
                in_flight -= 1
            else:
                pool.start(connection, request, now)
    return pool.result()


def open_loop(
    connections: Sequence[Connection],
    requests: Iterator[Request],
    rate: float,
    seconds: float,
    seed: int = 0,
    progress: Progress | None = None,
) -> Result:
    """Send ``rate`` requests a second for ``seconds`` at Poisson instants; latencies count from when a request was due.

    ``connections`` bounds what is in flight; a request that finds none free waits, and its wait counts.
    """
    gaps = np.random.default_rng(seed).exponential(1e9 / rate, size=int(rate * seconds))
    timer = Timer()
    pool = Pool(connections, progress)
    pool.watch(timer.fd)
    clock = time.perf_counter_ns
    due = (clock() + np.cumsum(gaps).astype(np.int64)).tolist()
    idle = deque(connections)
    sent = 0
    while len(pool.latencies) < len(due):
        while sent < len(due) and idle and due[sent] <= clock():
            pool.start(idle.popleft(), next(requests), due[sent])
            sent += 1
        timer.arm(due[sent] if sent < len(due) and idle else 0)
        idle.extend(pool.answered())
    timer.close()
    return pool.result()
