"""The process that starts the workers, and marks the state clean when all have stopped."""

import os

from tailorbird.config import Settings


def serve(
    settings: Settings, host: str, port: int, workers: int, factory: str = "tailorbird.api.asgi:create_app"
) -> None:
    """Serve until told to stop; the installation has been prepared. ``factory`` makes each worker's application."""
    import uvicorn

    from tailorbird.api import counts
    from tailorbird.app import Tailorbird
    from tailorbird.config import data_path

    counts.reset(data_path(settings) / "metrics")
    for name in Settings.__struct_fields__:
        os.environ[f"TAILORBIRD_{name.upper()}"] = str(getattr(settings, name))
    uvicorn.run(
        factory, factory=True, host=host, port=port, workers=workers, loop="uvloop",
        http="httptools", access_log=False, log_level="warning", server_header=False, date_header=False,
        timeout_graceful_shutdown=10, proxy_headers=False,
    )  # fmt: skip
    Tailorbird(settings).close(clean=True)
