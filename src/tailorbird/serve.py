"""The process that starts the workers, and marks the state clean when all have stopped."""

import os
import signal
import sys

from tailorbird.config import Settings, data_path
from tailorbird.listen import shared_port


def serve(
    settings: Settings, host: str, port: int, workers: int, factory: str = "tailorbird.api.asgi:create_app"
) -> None:
    """Serve until told to stop; the installation has been prepared. ``factory`` makes each worker's application.

    Raises ``InvalidInput`` when the port is taken.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from tailorbird.api import counts
    from tailorbird.app import Tailorbird

    listener = shared_port(host, port)
    counts.reset(data_path(settings) / "metrics")
    # A worker is one thread of arithmetic beside other workers; BLAS threads would only wait for one another's cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in Settings.__struct_fields__:
        os.environ[f"TAILORBIRD_{name.upper()}"] = str(getattr(settings, name))
    # A lone worker runs in this very process, and uvicorn raises the signal again once it has stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # The peer's own address, not what a header says of it: api.security decides by it.
    config = uvicorn.Config(
        factory, factory=True, workers=workers, loop="uvloop", http="httptools", access_log=False, log_level="warning",
        server_header=False, date_header=False, proxy_headers=False, timeout_graceful_shutdown=10,
    )  # fmt: skip
    try:
        if workers > 1:
            Multiprocess(config, [listener]).run()
        else:
            uvicorn.Server(config).run([listener])
    finally:
        Tailorbird(settings).close(clean=True)
