"""Group commit: what is in flight is made durable together, folded, and only then acknowledged."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tailorbird.engine.clock import Clock
from tailorbird.engine.fold import Group, View, catch_up
from tailorbird.engine.log import Log, NewRecord
from tailorbird.engine.state import Generation, State
from tailorbird.errors import Overloaded, TailorbirdError

_PATIENCE = 8
"""How often a worker lets another fold its own records first, before it reads and folds them in its stead."""
LINGER = 0.02
"""Seconds that a lingering record waits at most. A commit costs half a millisecond of a worker, whatever is in it."""
_LOCK_PAUSE = 0.0005
"""Seconds between two looks at a fold lock that another worker holds; a fold of 100 events takes about 3 ms."""


class Committer:
    """One per worker process. The sync waits in a thread of its own, so that requests are parsed meanwhile."""

    def __init__(
        self, log: Log, state: State, current: Callable[[], tuple[Generation, View]], clock: Clock, *,
        group_size: int = 1_000, queue_size: int = 20_000,
    ) -> None:  # fmt: skip
        self._log, self._state, self._current, self._clock = log, state, current, clock
        self._group_size, self._queue_size = group_size, queue_size
        self._waiting: deque[tuple[Sequence[NewRecord], asyncio.Future[int]]] = deque()
        self._count = 0
        self._wake: asyncio.Event
        self._thread: ThreadPoolExecutor
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to serve; call from within the event loop. After a stop it may be started again, in another loop."""
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log-append")
        self._task = asyncio.create_task(self._run(), name="committer")

    async def stop(self) -> None:
        """Commit what waits, then stop."""
        self._wake.set()
        while self._count:  # noqa: ASYNC110 - once per process; the hot path need not signal for it
            await asyncio.sleep(0.005)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        """Records that are not yet committed."""
        return self._count

    def submit(self, records: Sequence[NewRecord], *, linger: bool = False) -> asyncio.Future[int]:
        """A future of the first record's offset, done when all of ``records`` are durable and visible to every reader.

        With ``linger`` they wait up to ``LINGER`` seconds for others to share a commit with: for what nobody is waiting for.

        Raises ``errors.Overloaded`` at once when too much is waiting; the future raises ``errors.Unavailable`` when the disk
        refuses. In both cases sending again is safe.
        """
        if self._count + len(records) > self._queue_size and self._count:
            raise Overloaded("Too much is in flight. Wait a second and send again; nothing of this request was kept.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        self._waiting.append((records, future))
        self._count += len(records)
        if not linger:
            self._wake.set()
        elif len(self._waiting) == 1:
            loop.call_later(LINGER, self._wake.set)
        return future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                gathered: list[NewRecord] = []
                futures: list[tuple[int, asyncio.Future[int]]] = []
                while self._waiting and len(gathered) < self._group_size:
                    records, future = self._waiting.popleft()
                    futures.append((len(gathered), future))
                    gathered.extend(records)
                try:
                    first, at = await loop.run_in_executor(self._thread, self._log.append, gathered, self._clock.now())
                    await self._fold(Group(first, at, gathered))
                except Exception as error:
                    # A bug must reach the one who waits, not only the log: an unanswered request would hang.
                    for _, future in futures:
                        if not future.done():
                            future.set_exception(error)
                    if not isinstance(error, TailorbirdError):
                        asyncio.get_running_loop().call_exception_handler(
                            {"message": "the fold failed", "exception": error}
                        )
                else:
                    for index, future in futures:
                        if not future.done():
                            future.set_result(first + index)
                finally:
                    self._count -= len(gathered)

    async def _fold(self, group: Group) -> None:
        patience = _PATIENCE
        while True:
            while not self._state.try_lock():  # noqa: ASYNC110 - another process holds it: no event tells
                await asyncio.sleep(_LOCK_PAUSE)
            try:
                generation, view = self._current()
                if patience and self._others_first(generation, group):
                    patience -= 1
                else:
                    catch_up(self._log, generation, view, group)
                    return
            finally:
                self._state.unlock()
            await asyncio.sleep(_LOCK_PAUSE)

    def _others_first(self, generation: Generation, group: Group) -> bool:
        """Whether records of another worker, which has them decoded, come before ours and are still to be folded."""
        with generation.read() as txn:
            return txn.applied()[0] + 1 < group.first
