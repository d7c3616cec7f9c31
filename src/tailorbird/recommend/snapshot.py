"""What the live retrievers have learnt, on disk: a worker that starts takes it up and reads on from the feed's offset.

Replaying half a million interactions takes seconds; reading what they came to takes a tenth of one. No person's id is
in it: sessions are numbers, and whose session was open is forgotten (the next interaction opens a new one).
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.recommend.engine import Engine

_ARRAYS = "live.npz"
_IDS = "live.json"


def save(engine: Engine, directory: Path) -> None:
    """Writes the state of popularity and session index, and the item table's ids, into a directory."""
    arrays = {f"session_{name}": array for name, array in engine.session.dump().items()}
    arrays |= {f"popularity_{name}": array for name, array in engine.popularity.dump().items()}
    np.savez(directory / _ARRAYS, allow_pickle=False, **arrays)
    (directory / _IDS).write_bytes(msgspec.json.encode(engine.table.ids))


def restore(engine: Engine, directory: Path) -> bool:
    """Fills an engine that has seen nothing yet; False, and nothing is done, when there is no snapshot, or one of an
    index with other capacities. Raises OSError, ValueError or KeyError when it is broken."""
    if len(engine.table) or not (directory / _ARRAYS).is_file():
        return False
    ids = msgspec.json.decode((directory / _IDS).read_bytes(), type=list[str])
    with np.load(directory / _ARRAYS, allow_pickle=False) as file:
        arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
    if not engine.session.restore(_of("session_", arrays)):
        return False
    engine.popularity.restore(_of("popularity_", arrays))
    for item_id in ids:
        engine.table.row_or_new(item_id)
    return True


def _of(prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
