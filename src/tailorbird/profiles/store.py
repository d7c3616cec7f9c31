"""The profile-store port: profiles by key, with redirects from the keys of their other ids."""

from typing import Protocol

from tailorbird.engine.state import StateTxn
from tailorbird.ids import ProfileKey
from tailorbird.profiles import profile as codec
from tailorbird.profiles.profile import Profile

TABLE = "profiles"


class ProfileStore(Protocol):
    """What the domain asks of a store of profiles."""

    def find(self, key: ProfileKey) -> tuple[ProfileKey, Profile] | None:
        """The profile that ``key`` leads to and the key it stands under; the object returned may be changed and ``hold``-ed."""

    def hold(self, key: ProfileKey, profile: Profile) -> None:
        """Keep a new or changed profile for ``flush``."""

    def redirect(self, key: ProfileKey, target: ProfileKey) -> None:
        """From now on ``key`` leads to ``target``."""

    def flush(self) -> None:
        """Write back everything held."""


class LmdbProfiles:
    """The embedded store: a table of the state, read and written within one transaction of it."""

    def __init__(self, txn: StateTxn) -> None:
        self._get, self._put, self._table = txn.lmdb.get, txn.lmdb.put, txn.tables[TABLE]
        self._cursor = txn.lmdb.cursor
        self._held: dict[ProfileKey, Profile | ProfileKey] = {}

    def find(self, key: ProfileKey) -> tuple[ProfileKey, Profile] | None:
        held = self._held
        while True:
            found = held.get(key)
            if found is None:
                value = self._get(key, db=self._table)
                if value is None:
                    return None
                found = codec.decode(value)
                if isinstance(found, Profile):
                    held[key] = found
            if isinstance(found, Profile):
                return key, found
            key = found

    def hold(self, key: ProfileKey, profile: Profile) -> None:
        self._held[key] = profile

    def redirect(self, key: ProfileKey, target: ProfileKey) -> None:
        self._held[key] = target

    def flush(self) -> None:
        rows = [
            (key, codec.encode(held) if isinstance(held, Profile) else codec.redirect(held))
            for key, held in self._held.items()
        ]
        rows.sort()  # neighbours share a B-tree page
        with self._cursor(db=self._table) as cursor:
            cursor.putmulti(rows)
        self._held.clear()
