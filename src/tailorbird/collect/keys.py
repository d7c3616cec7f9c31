"""Write keys: which source is sending, and what it may assume of people who have not answered."""

import fcntl
import secrets
from pathlib import Path

import msgspec

from tailorbird.errors import InvalidInput, Unauthorized


class Source(msgspec.Struct, frozen=True):
    """Where events come from."""

    name: str
    key: str
    purposes: int = 0
    """Mask that holds for people who have said nothing: the legal basis is the team's to have. Default: none."""


class KeyRing:
    """The write keys of an installation, in one file that is read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = -1
        self._sources: dict[str, Source] = {}

    def find(self, key: str | None) -> Source:
        """The source of ``key``. Raises ``Unauthorized``."""
        source = self._sources.get(key) if key else None
        if source is None:
            self.refresh()
            source = self._sources.get(key) if key else None
        if source is None:
            raise Unauthorized(
                "no such write key: send it as Basic auth 'KEY:' or as writeKey in the body; `tailorbird keys list` shows them"
            )
        return source

    def refresh(self) -> None:
        """Read the file if it has changed since."""
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            self._sources, self._stamp = {}, -1
            return
        if stamp != self._stamp:
            listed = msgspec.json.decode(self._path.read_bytes(), type=list[Source])
            self._sources = {source.key: source for source in listed}
            self._stamp = stamp

    def all(self) -> list[Source]:
        """Every source, by name."""
        self.refresh()
        return sorted(self._sources.values(), key=lambda source: source.name)

    def add(self, name: str, *, key: str | None = None, purposes: int = 0) -> Source:
        """A new source; its key is drawn at random unless given. Raises ``InvalidInput`` when the name or key is taken."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # workers and the command line may add at the same time
            self.refresh()
            if any(source.name == name for source in self._sources.values()):
                raise InvalidInput(f"there is a source {name!r} already")
            source = Source(name, key or secrets.token_urlsafe(24), purposes)
            if source.key in self._sources:
                raise InvalidInput("this key is in use already")
            self._write([*self._sources.values(), source])
        return source

    def _write(self, sources: list[Source]) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(sources)))
        temporary.rename(self._path)
        self.refresh()
