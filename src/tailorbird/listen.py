"""One port, a socket per worker: the kernel deals the connections out.

On a single shared socket the worker that wakes first takes every connection that is waiting, and keeps it as long as the client does;
sixteen busy clients were seen to end up with one worker of two, the other idle.
"""

import socket

from tailorbird.errors import InvalidInput

Address = tuple[str, int]


class SharedPort(socket.socket):
    """A socket bound to an address that several sockets may be bound to; sent to another process, it is a new one there."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.bind((host, port))
        self._address: Address = (host, port)

    def __reduce__(self) -> tuple[type["SharedPort"], Address]:
        return SharedPort, self._address


def shared_port(host: str, port: int) -> SharedPort:
    """A socket for each worker to make its own of. Raises ``InvalidInput`` when somebody else has the port."""
    try:
        # Sockets that share a port do so with anybody's: only a bind that does not share tells that it is free.
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
        return SharedPort(host, port)
    except OSError as error:
        raise InvalidInput(
            f"cannot listen on {host}, port {port}: {error.strerror}. Choose another with --port"
        ) from error
