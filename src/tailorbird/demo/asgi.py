"""The ASGI application of ``tailorbird demo``: the API, and the shop beside it at ``/``."""

from collections.abc import Sequence
from typing import Any

from tailorbird.api import asgi
from tailorbird.api.hot import App
from tailorbird.app import Tailorbird


def create_app() -> App:
    """For ``uvicorn --factory``: the installation that the environment names, with the shop."""
    return asgi.create_app(_shop)


def _shop(tailorbird: Tailorbird) -> Sequence[Any]:
    from tailorbird.demo.shop.routes import routes

    return routes(tailorbird)
