"""State: what the fold has made of the log so far, in an LMDB environment that is not synced at every commit.

Under the state's folder stands one *generation* per set of definitions::

    state/CURRENT            the name of the generation in force
    state/epoch              eight mapped bytes that change when CURRENT does, so that a look costs nanoseconds
    state/fold.lock          who folds holds this
    state/<generation>/      the LMDB environment, with a marker of the boot it was last written under

A new generation is built beside the old one and switched to in one rename; whoever opens it folds the rest of the log first.
"""

import contextlib
import fcntl
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lmdb

from tailorbird.engine.lmdb_log import storage_error

META = "meta"
_APPLIED = b"applied"


class StateTxn(NamedTuple):
    """A transaction and the tables it may touch: ``tables[name]`` is the LMDB handle to pass as ``db=``."""

    lmdb: Any
    tables: Mapping[str, Any]

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value under ``key``, or None."""
        value: bytes | None = self.lmdb.get(key, db=self.tables[table])
        return value

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Write ``value`` under ``key``."""
        self.lmdb.put(key, value, db=self.tables[table])

    def applied(self) -> tuple[int, int]:
        """(offset of the last record folded in, the log's clock there); zeros at the start."""
        value = self.lmdb.get(_APPLIED, db=self.tables[META])
        return (0, 0) if value is None else (int.from_bytes(value[:8], "big"), int.from_bytes(value[8:], "big"))

    def set_applied(self, offset: int, clock: int) -> None:
        """Say how far this state has come; committed with the state itself, so that nothing is applied twice."""
        self.lmdb.put(_APPLIED, offset.to_bytes(8, "big") + clock.to_bytes(8, "big"), db=self.tables[META])


class Generation:
    """One state environment."""

    def __init__(self, directory: Path, tables: Sequence[str], map_size: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        # readahead off: profiles are read at random. sync off: the log is what is durable; see engine.checkpoint.
        self.env = lmdb.open(
            str(directory),
            map_size=map_size,
            max_dbs=len(tables) + 1,
            max_readers=512,
            readahead=False,
            sync=False,
            metasync=False,
        )
        self.env.reader_check()
        self.tables = {name: self.env.open_db(name.encode()) for name in (META, *tables)}

    @contextlib.contextmanager
    def read(self) -> Iterator[StateTxn]:
        """A snapshot: everything committed before, by any process."""
        with self.env.begin(buffers=False) as txn:
            yield StateTxn(txn, self.tables)

    @contextlib.contextmanager
    def write(self) -> Iterator[StateTxn]:
        """A transaction; committed at the end, undone by any exception. Raises ``errors.Unavailable`` on a full disk."""
        try:
            with self.env.begin(write=True, buffers=False) as txn:
                yield StateTxn(txn, self.tables)
        except lmdb.BadValsizeError:
            raise  # a bug of the view's, not of the disk's
        except (lmdb.Error, OSError) as error:
            raise storage_error(error, "The state") from error

    def close(self) -> None:
        """Let go of the files."""
        self.env.close()


class State:
    """The generation in force, and the way to the next one."""

    def __init__(self, directory: Path, tables: Sequence[str], map_size: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self._tables, self._map_size = directory, tables, map_size
        self._epoch_map = _map_counter(directory / "epoch")
        self._lock_file = os.open(directory / "fold.lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._seen_epoch = self._epoch_map[:8]
        self._generation: Generation | None = None

    def current_name(self) -> str | None:
        """Name of the generation in force, or None before there is one."""
        path = self.directory / "CURRENT"
        return path.read_text().strip() if path.exists() else None

    def create(self, name: str) -> Generation:
        """Open (or begin) the generation ``name``, in force or not."""
        return Generation(self.directory / name, self._tables, self._map_size)

    def switch(self, name: str) -> None:
        """Put ``name`` in force: one rename, then every process sees it at its next look."""
        temporary = self.directory / "CURRENT.new"
        temporary.write_text(name)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.rename(self.directory / "CURRENT")
        self._epoch_map[:8] = (int.from_bytes(self._epoch_map[:8], "little") + 1).to_bytes(8, "little")

    def stale(self) -> bool:
        """Whether another process has put a new generation in force since this one looked."""
        return self._epoch_map[:8] != self._seen_epoch

    def generation(self) -> Generation:
        """The generation that this process has open. ``refresh`` opens the one in force."""
        if self._generation is None:
            return self.refresh()
        return self._generation

    def refresh(self) -> Generation:
        """Open the generation in force; call with no transaction open, and fold it up before reading."""
        self._seen_epoch = self._epoch_map[:8]
        name = self.current_name()
        if name is None:
            raise RuntimeError("no generation has been put in force: prepare() comes first")
        if self._generation is not None and self._generation.directory.name != name:
            # Not closed by hand: a checkpoint may be copying it in a thread. LMDB closes it with the last reference.
            self._generation = None
        if self._generation is None:
            self._generation = self.create(name)
        return self._generation

    def try_lock(self) -> bool:
        """Take the right to fold, without waiting. Freed by ``unlock`` or by the death of the process."""
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def lock(self) -> None:
        """Take the right to fold, waiting for it."""
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)

    def unlock(self) -> None:
        """Let the next one fold."""
        fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the files."""
        if self._generation is not None:
            self._generation.close()
            self._generation = None
        self._epoch_map.close()
        os.close(self._lock_file)


def _map_counter(path: Path) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(descriptor).st_size < 8:
            os.pwrite(descriptor, bytes(8), 0)  # written, not a hole: touching that on a full disk ends the process
        return mmap.mmap(descriptor, 8)
    finally:
        os.close(descriptor)
