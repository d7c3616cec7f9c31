"""A file of whole HTTP requests, memory-mapped: sending one costs the client a pointer and a copy by the kernel."""

import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np


class RequestFile:
    """The requests of one file, by number. ``file[i]`` is a memoryview that lives as long as the file is open."""

    def __init__(self, path: Path, *, events_each: int = 1) -> None:
        self.events_each = events_each
        self._ends = np.fromfile(path.with_suffix(".ends"), dtype=np.int64).tolist()
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._view = memoryview(self._map)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, i: int) -> memoryview:
        if not 0 <= i < len(self._ends):
            raise IndexError(i)
        return self._view[self._ends[i - 1] if i else 0 : self._ends[i]]

    def __iter__(self) -> Iterator[memoryview]:
        start = 0
        for end in self._ends:
            yield self._view[start:end]
            start = end

    @property
    def mean_size(self) -> float:
        """Bytes of a request, headers and all."""
        return len(self._view) / max(1, len(self))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._view.release()
        self._map.close()


def write(path: Path, requests: Iterable[bytes]) -> None:
    """Write ``requests`` to ``path`` and their ends beside it, and flush both.

    The flush matters: a gigabyte of dirty pages, written back while a server syncs its log, would count as its own.
    """
    ends: list[int] = []
    end = 0
    with path.open("wb", buffering=1 << 20) as file:
        for request in requests:
            file.write(request)
            end += len(request)
            ends.append(end)
        file.flush()
        os.fsync(file.fileno())
    np.array(ends, dtype=np.int64).tofile(path.with_suffix(".ends"))


def post(path: str, body: bytes, authorization: str | None = None) -> bytes:
    """One HTTP/1.1 POST of a JSON body, as a well-behaved client library sends it."""
    auth = f"Authorization: {authorization}\r\n" if authorization else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: analytics-python/2.4.0\r\nAccept: */*\r\n{auth}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def body_of(request: memoryview) -> bytes:
    """The body of a request written by :func:`post`."""
    whole = bytes(request)
    return whole[whole.index(b"\r\n\r\n") + 4 :]
