"""The ASGI application of one worker process."""

import asyncio
import gc
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar

from tailorbird.api.calls import Calls
from tailorbird.api.counts import Counts
from tailorbird.api.hot import App, HotRoutes
from tailorbird.api.routes import build
from tailorbird.app import Tailorbird
from tailorbird.config import load_settings
from tailorbird.jobs import Jobs


def create_app(more: Callable[[Tailorbird], Sequence[Any]] = lambda _: ()) -> App:
    """For ``uvicorn --factory``: an application that opens the installation which the environment names.

    ``more`` makes the handlers of other faces that share the process, such as the demonstration shop's.
    """
    # Few cycles are made here and many short-lived containers: the default threshold collects thousands of times a second.
    gc.set_threshold(100_000, 20, 100)
    tailorbird = Tailorbird(load_settings())

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await tailorbird.start()
        jobs = Jobs(tailorbird)
        jobs.start()
        beside = [asyncio.create_task(each) for each in (calls.keep_flushing(), _end_with_supervisor())]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await jobs.stop()
            await tailorbird.stop()
            tailorbird.close()

    calls = Calls(tailorbird, Counts(tailorbird.data / "metrics"))
    return HotRoutes(calls, build(tailorbird, calls, lifespan, more(tailorbird)), tailorbird.settings.max_body)


async def _end_with_supervisor() -> None:
    """Stop when the process that started this one has died: a worker left alone would hold on to the port for ever."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return  # a lone worker
    while supervisor.is_alive():  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
