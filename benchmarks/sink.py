"""A server that reads a request and answers 200 at once: what is left to measure is the client.

``python -m benchmarks.sink PORT``. It stands in for no product; :mod:`benchmarks.drive` prices its client by it.
"""

import asyncio
import re
import sys
from typing import cast

import uvloop

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{"success":true}'
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Sink(asyncio.Protocol):
    """Counts the bytes of each request and answers."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)
        self._missing = 0

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole. The client sends heads in one piece."""
        if not self._missing:
            length = LENGTH.search(data)
            self._missing = data.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
        self._missing -= len(data)
        if self._missing <= 0:
            self._missing = 0
            self._transport.write(ANSWER)


async def serve(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
