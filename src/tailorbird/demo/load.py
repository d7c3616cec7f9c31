"""The data set's way into an installation: through the same door that a shop's events come in by."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from typing import Any

import msgspec

from tailorbird.app import Tailorbird
from tailorbird.consent.purposes import ALL
from tailorbird.demo import dataset
from tailorbird.errors import InvalidInput

HISTORY_SOURCE = "history"
_IN_FLIGHT = 8
Progress = Callable[[int], None]
"""Told how many more events are in."""


class Loaded(msgspec.Struct):
    """What came of the replay."""

    weeks: int
    """By how many weeks the history was moved forward."""
    sent: int = 0
    accepted: int = 0
    quarantined: int = 0
    refused: int = 0
    items: int = 0


async def load(installation: Tailorbird, today: date, progress: Progress = lambda _: None) -> Loaded:
    """Send the catalog and the whole history as Segment batches of 100. Doing it again changes nothing.

    The customers of 2011 cannot be asked; the source declares their consent, as a shop does that has it on record.
    """
    source = next((each for each in installation.keys.all() if each.name == HISTORY_SOURCE), None)
    if source is None:
        source = installation.keys.add(HISTORY_SOURCE, purposes=ALL)
    marker = installation.data / "demo.json"
    loaded = Loaded(weeks=_weeks(installation, today))
    items = dataset.items()
    for start in range(0, len(items), 500):
        await installation.put_items(items[start : start + 500])
    loaded.items = len(items)
    flying: set[asyncio.Task[None]] = set()

    async def send(body: bytes, count: int) -> None:
        intake = await installation.collect(body, None, source.key)
        loaded.accepted += len(intake.events)
        loaded.quarantined += len(intake.quarantined)
        loaded.refused += intake.refused
        progress(count)

    for batch in _batches(dataset.events(loaded.weeks), 100):
        loaded.sent += len(batch)
        flying.add(asyncio.create_task(send(msgspec.json.encode({"batch": batch}), len(batch))))
        if len(flying) >= _IN_FLIGHT:
            done, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    for task in flying:
        await task
    marker.write_bytes(msgspec.json.encode(loaded))
    return loaded


def loaded_before(installation: Tailorbird) -> Loaded | None:
    """What an earlier replay into this installation came to, None if there was none or it did not end."""
    marker = installation.data / "demo.json"
    return msgspec.json.decode(marker.read_bytes(), type=Loaded) if marker.exists() else None


def _weeks(installation: Tailorbird, today: date) -> int:
    """Settled once per installation: a replay that was cut short must go on with the same times."""
    path = installation.data / "demo.weeks"
    if not path.exists():
        path.write_text(str(dataset.weeks_until(today)))
    try:
        return int(path.read_text())
    except ValueError as error:
        raise InvalidInput(
            f"{path.name} in the data folder is damaged: delete the folder and run the demo again"
        ) from error


def _batches(events: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(events, size)):
        yield batch
