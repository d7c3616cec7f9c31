"""The ASGI application of one worker process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from tailorbird.api.hot import App, HotRoutes
from tailorbird.api.routes import build
from tailorbird.app import Tailorbird
from tailorbird.config import load_settings
from tailorbird.jobs import Jobs


def create_app() -> App:
    """For ``uvicorn --factory``: an application that opens the installation which the environment names."""
    tailorbird = Tailorbird(load_settings())

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await tailorbird.start()
        jobs = Jobs(tailorbird)
        jobs.start()
        try:
            yield
        finally:
            await jobs.stop()
            await tailorbird.stop()
            tailorbird.close()

    return HotRoutes(tailorbird, build(tailorbird, lifespan))
