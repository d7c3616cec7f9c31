"""Published models: version directories, and the pointer CURRENT to the one that is served.

A version is written beside its final place and renamed into it; CURRENT is replaced by a rename too. So whoever reads
finds a whole model or the one before, also when training is killed half-way.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from tailorbird.errors import TailorbirdError
from tailorbird.recommend import als, content
from tailorbird.recommend.engine import EngineConfig

FORMAT = 1
"""Raised when files change so that older programs cannot read them."""


class ModelError(TailorbirdError):
    """A model directory cannot be used; the one in use serves on."""

    status = 503
    title = "Model not usable"


class Manifest(msgspec.Struct, frozen=True):
    """What a version is made of and from. ``feed_offset``: the interactions before it were trained on; ``metrics``: of
    the tuned blend on the validation period; ``parts``: the models in the directory; ``config``: all settings, tuned
    weights included."""

    format: int
    version: str
    created: int
    seed: int
    feed_offset: int
    interactions: int
    people: int
    items: int
    packages: dict[str, str]
    parts: list[str]
    metrics: dict[str, float]
    config: EngineConfig


class Loaded(msgspec.Struct, frozen=True):
    """A version read from disk, its arrays mapped."""

    manifest: Manifest
    als: als.AlsModel | None
    content: content.ContentModel | None
    directory: Path


def publish(directory: Path, manifest: Manifest, write: Callable[[Path], None]) -> Path:
    """Has ``write`` fill a new version directory and makes it current. Returns the directory.

    Raises ModelError when the version exists already.
    """
    directory.mkdir(parents=True, exist_ok=True)
    final = directory / manifest.version
    if final.exists():
        raise ModelError(f"{final}: this version exists already")
    unfinished = directory / f".{manifest.version}.{os.getpid()}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        write(unfinished)
        (unfinished / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        _sync(unfinished)
        unfinished.rename(final)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    make_current(directory, manifest.version)
    return final


def make_current(directory: Path, version: str) -> None:
    """Points CURRENT at a version: publishing and rolling back. Raises ModelError when there is no such version."""
    if not (directory / version / "manifest.json").is_file():
        raise ModelError(f"{directory}: no version {version!r}; there are: {', '.join(versions(directory)) or 'none'}")
    pointer = directory / f".CURRENT.{os.getpid()}.tmp"
    with pointer.open("w", encoding="utf-8") as file:
        file.write(version + "\n")
        file.flush()
        os.fsync(file.fileno())
    pointer.replace(directory / "CURRENT")


def versions(directory: Path) -> list[str]:
    """Names of the published versions, oldest first."""
    return sorted(
        path.parent.name for path in directory.glob("*/manifest.json") if not path.parent.name.startswith(".")
    )


def prune(directory: Path, keep: int) -> None:
    """Deletes all but the current and the latest ``keep`` versions. Mapped files of a running worker live on until it
    lets go."""
    current = current_version(directory)
    for version in versions(directory)[: -keep or None]:
        if version != current:
            shutil.rmtree(directory / version, ignore_errors=True)


def current_version(directory: Path) -> str | None:
    """The version that CURRENT names; None when nothing was published yet."""
    try:
        return (directory / "CURRENT").read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{directory / 'CURRENT'} cannot be read: {error}") from error


def load_current(directory: Path) -> Loaded | None:
    """The current version; None when nothing was published yet. Raises ModelError when it is broken or of a newer
    format."""
    version = current_version(directory)
    if version is None:
        return None
    if "/" in version or version.startswith("."):
        raise ModelError(f"{directory / 'CURRENT'} names {version!r}, which is no version; train again")
    return load(directory / version)


def load(directory: Path) -> Loaded:
    """One version. Raises ModelError when it is broken or of a newer format."""
    try:
        raw = (directory / "manifest.json").read_bytes()
        written = msgspec.json.decode(raw, type=_Format).format
        if written != FORMAT:
            raise ModelError(
                f"{directory}: format {written}, this program reads {FORMAT}; train again"
                + (" or upgrade" if written > FORMAT else "")
            )
        manifest = msgspec.json.decode(raw, type=Manifest)
        return Loaded(
            manifest,
            als.load(directory) if "als" in manifest.parts else None,
            content.load(directory) if "content" in manifest.parts else None,
            directory,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, msgspec.MsgspecError) as error:
        raise ModelError(f"{directory}: the model is broken ({error}); train again or roll back") from error


class _Format(msgspec.Struct):
    format: int


def _sync(directory: Path) -> None:
    for path in (*directory.iterdir(), directory):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
