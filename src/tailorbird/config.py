"""Settings: every one has a default, may be given by an environment variable ``TAILORBIRD_<NAME>``, and is documented."""

import os
from pathlib import Path
from typing import Any

import msgspec

from tailorbird.errors import InvalidInput


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How an installation runs. ``docs/reference/settings.md`` tells the same."""

    data: str = ".tailorbird"
    """Folder that holds everything: log, state, models, keys."""
    definitions: str = ""
    """YAML file of features, segments and placements; empty: ``definitions.yaml`` in the data folder, if it is there."""
    max_body: int = 4_194_304
    """Bytes of a request body, after decompression."""
    max_event: int = 262_144
    """Bytes of one event as the log keeps it; a longer one is quarantined. (Segment stops at 32 KB; a wholesale order of a
    thousand lines takes 120.)"""
    max_batch: int = 2_500
    """Events in one batch."""
    map_size_gb: int = 256
    """Address space reserved for each LMDB environment; the files grow only as far as they are used."""
    group_size: int = 1_000
    """Events made durable by one sync, at most."""
    queue_size: int = 20_000
    """Events a worker holds in memory before it answers 429."""
    session_minutes: int = 30
    """Inactivity that ends a session."""
    attribution_days: int = 7
    """How long after a decision a click or an order still counts as its reward."""
    dedup_days: int = 30
    """How long a messageId is remembered, at least."""
    archive_days: int = 0
    """Log records older than this are handed to the archive; 0: the log keeps everything."""
    checkpoint_minutes: int = 5
    """How often a synced copy of the state is taken."""
    admin_token: str = ""
    """Bearer token for reading profiles and decisions and for administration; empty: only loopback clients may."""


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, then ``overrides`` (those that are not None). Raises ``InvalidInput`` naming the variable."""
    values: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        variable = f"TAILORBIRD_{name.upper()}"
        if variable in os.environ:
            values[name] = os.environ[variable]
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"A setting is wrong: {error}. Settings are TAILORBIRD_* environment variables.") from error


def data_path(settings: Settings) -> Path:
    """The data folder, made if need be and readable by its owner only."""
    path = Path(settings.data)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
