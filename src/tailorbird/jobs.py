"""What an installation does by itself, whether or not anybody sends anything."""

import asyncio
import os
import sys
import time
from functools import partial

import structlog

from tailorbird.app import Tailorbird
from tailorbird.engine import checkpoint
from tailorbird.engine.archive import archive_older
from tailorbird.engine.log import NewRecord, RecordKind
from tailorbird.engine.scheduler import Leadership, Scheduler
from tailorbird.errors import DefinitionError
from tailorbird.spine import TIMERS

TICK_SECONDS = 0.25
"""How late a person may move by time alone as told by feeds; decisions look at the clock themselves."""
FOLLOW_SHARE, BACKGROUND_STEP = 0.05, 64
"""Share of a worker's time, and rows at once, for learning from what others do while nobody asks for a decision."""
_MINUTE, _DAY = 60, 86_400_000
log = structlog.get_logger("tailorbird")


class Jobs:
    """The standing jobs of one worker process."""

    def __init__(self, tailorbird: Tailorbird) -> None:
        self._app = tailorbird
        self._scheduler = Scheduler(Leadership(tailorbird.data / "scheduler.lock"))
        self._source_seen: float | None = None
        self._not_before = 0.0
        self._checkpointed = 0

    def start(self) -> None:
        """Begin; call from within the event loop."""
        settings = self._app.settings
        self._scheduler.every(TICK_SECONDS, self.tick)
        self._scheduler.every(0.05, self.follow, leader_only=False)
        self._scheduler.every(1.0, self.reload)
        self._scheduler.every(settings.checkpoint_minutes * _MINUTE, self.checkpoint)
        if settings.archive_days:
            self._scheduler.every(60 * _MINUTE, self.archive)

    async def stop(self) -> None:
        """End them all."""
        await self._scheduler.stop()

    async def tick(self) -> None:
        """When somebody is due and no event has come to advance the log's clock, a tick does."""
        now = self._app.clock.now()
        with self._app.read() as txn, txn.lmdb.cursor(db=txn.tables[TIMERS]) as cursor:
            due = cursor.first() and int.from_bytes(cursor.key()[:8], "big") <= now
        if due:
            await self._app.committer.submit([NewRecord(RecordKind.TICK, b"")])

    async def follow(self) -> None:
        """Keep this worker's recommender abreast, between requests and for at most ``FOLLOW_SHARE`` of the time."""
        done = False
        while not done:
            started = time.perf_counter()
            with self._app.read() as txn:
                done = self._app.follow(txn, BACKGROUND_STEP)
            await asyncio.sleep((time.perf_counter() - started) * (1 / FOLLOW_SHARE - 1))
        self._app.recommender.refresh()

    async def reload(self) -> None:
        """When the definitions file has changed: a good one is built beside the old and switched to, a bad one is reported."""
        path = self._app.source_path()
        stamp = path.stat().st_mtime if path.exists() else 0.0
        if stamp == self._source_seen or time.monotonic() < self._not_before:
            return
        self._source_seen = stamp
        problem = self._app.data / "definitions.error"
        try:
            wanted = self._app.read_source()
        except DefinitionError as error:
            problem.write_text(str(error))
            log.error("definitions_refused", reason=str(error), kept=self._app.definitions.version)
            return
        problem.unlink(missing_ok=True)
        if wanted.version != self._app.definitions.version:
            log.info("definitions_changed", version=wanted.version)
            # In a process of its own: replaying the log would hold this one's requests up.
            environment = os.environ | {"TAILORBIRD_DATA": str(self._app.data)}
            if self._app.settings.definitions:
                environment["TAILORBIRD_DEFINITIONS"] = self._app.settings.definitions
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tailorbird", "rebuild", "--switch", "--quiet", env=environment
            )
            if await process.wait():
                log.error("definitions_not_built", kept=self._app.definitions.version)
                problem.write_text(
                    "The definitions are good, but the state could not be built by them: the server's log says why. The last good "
                    "ones stay in force, and it is tried again in a minute."
                )
                self._source_seen, self._not_before = None, time.monotonic() + _MINUTE

    async def checkpoint(self) -> None:
        """A synced copy of the state, when something has come since the last."""
        with self._app.read() as txn:
            applied = txn.applied()[0]
        if applied == self._checkpointed:
            return
        generation, _ = self._app.current()
        # LMDB lets go of the GIL while it copies, so the thread costs the event loop nothing.
        await asyncio.to_thread(partial(checkpoint.take, generation, self._app.state.directory))
        self._checkpointed = applied

    async def archive(self) -> None:
        """Hand old log segments to the archive."""
        before = self._app.clock.now() - self._app.settings.archive_days * _DAY
        generation, _ = self._app.current()
        await asyncio.to_thread(archive_older, self._app.log, self._app.archive, generation, before)
