"""The scheduler: jobs at intervals, some in every worker and some in only one of them, with no process of its own."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

Job = Callable[[], Awaitable[None]]
log = structlog.get_logger("tailorbird.scheduler")


class Leadership:
    """At most one process holds it; it passes on when that process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._held = False

    def held(self) -> bool:
        """Whether this process leads, which it does from the first time that nobody else did."""
        if not self._held:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._held = True
        return self._held

    def close(self) -> None:
        """Let another lead."""
        os.close(self._file)


class Scheduler:
    """Runs jobs until it is stopped. A job that fails is reported and tried again at its next turn."""

    def __init__(self, leadership: Leadership) -> None:
        self._leadership = leadership
        self._tasks: list[asyncio.Task[None]] = []

    def every(self, seconds: float, job: Job, *, leader_only: bool = True) -> None:
        """Run ``job`` now and then every ``seconds``; call from within the event loop."""
        self._tasks.append(asyncio.create_task(self._repeat(seconds, job, leader_only), name=job.__name__))

    async def stop(self) -> None:
        """Cancel every job and wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._leadership.close()

    async def _repeat(self, seconds: float, job: Job, leader_only: bool) -> None:
        while True:
            if not leader_only or self._leadership.held():
                try:
                    await job()
                except Exception as error:
                    log.error("job_failed", job=job.__name__, error=type(error).__name__, detail=str(error))
            await asyncio.sleep(seconds)
