"""The ASGI application of one worker process."""

import asyncio
import gc
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
        flushing = asyncio.create_task(calls.keep_flushing())
        try:
            yield
        finally:
            flushing.cancel()
            await jobs.stop()
            await tailorbird.stop()
            tailorbird.close()

    calls = Calls(tailorbird, Counts(tailorbird.data / "metrics"))
    return HotRoutes(calls, build(tailorbird, calls, lifespan, more(tailorbird)), tailorbird.settings.max_body)
