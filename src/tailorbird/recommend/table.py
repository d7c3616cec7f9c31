"""The catalog as a worker holds it: an item id is a row, and what filters need stands in arrays by row."""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.catalog.items import Item

NO_CATEGORY = -1


class ItemTable:
    """Rows for item ids, in order of first sight; rows are never reused, so retrievers may key arrays by them.

    An id that only events know (no item was sent for it) has a row as well, but is not ``shown``: it can be a cause,
    never a recommendation. Items are kept encoded, about 150 bytes each instead of 500, and decoded when one is asked
    for.
    """

    def __init__(self, max_rows: int = 1_000_000) -> None:
        self._max_rows = max_rows
        self._rows: dict[str, int] = {}
        self.ids: list[str] = []
        self._encoded: list[bytes | None] = []
        self._shown = np.zeros(256, dtype=bool)
        self._category = np.full(256, NO_CATEGORY, dtype=np.int32)
        self._category_codes: dict[str, int] = {}
        self.categories: list[str] = []
        self._members: dict[int, NDArray[np.int32]] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Item).decode

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Shape ``(len(self),)``: the item is in the catalog and available."""
        return self._shown[: len(self.ids)]

    @property
    def category(self) -> NDArray[np.int32]:
        """Shape ``(len(self),)``: the category's code, ``NO_CATEGORY`` for none."""
        return self._category[: len(self.ids)]

    def row(self, item_id: str) -> int:
        """The row of an id, or -1."""
        return self._rows.get(item_id, -1)

    def row_or_new(self, item_id: str, *, bounded: bool = False) -> int:
        """The row of an id, made when it is new. ``bounded``: -1 instead when the table is full, for ids out of
        events: a flood of made-up ones must not fill memory."""
        row = self._rows.get(item_id)
        if row is not None:
            return row
        row = len(self.ids)
        if bounded and row >= self._max_rows:
            return -1
        if row >= len(self._shown):
            self._shown = _doubled(self._shown, False)
            self._category = _doubled(self._category, NO_CATEGORY)
        self._rows[item_id] = row
        self.ids.append(item_id)
        self._encoded.append(None)
        return row

    def upsert(self, items: Iterable[Item]) -> list[int]:
        """Takes in new and changed items; returns the rows of those whose content (not only availability) changed."""
        changed = []
        for item in items:
            row = self.row_or_new(item.id)
            encoded = self._encode(item)
            before = self._encoded[row]
            self._shown[row] = item.available
            if before == encoded:
                continue
            code = NO_CATEGORY if item.category is None else self._category_code(item.category)
            if self._category[row] != code or before is None:
                self._members.clear()
            self._category[row] = code
            self._encoded[row] = encoded
            changed.append(row)
        return changed

    def item(self, item_id: str) -> Item | None:
        """The item of an id; None when the catalog was never told of it."""
        row = self._rows.get(item_id)
        encoded = None if row is None else self._encoded[row]
        return None if encoded is None else self._decode(encoded)

    def item_at(self, row: int) -> Item | None:
        """The item of a row; None when only events know it."""
        encoded = self._encoded[row]
        return None if encoded is None else self._decode(encoded)

    def members(self, category: str) -> NDArray[np.int32]:
        """Rows of a category's items, ascending; empty for an unknown category."""
        code = self._category_codes.get(category)
        return np.zeros(0, dtype=np.int32) if code is None else self.members_of_code(code)

    def members_of_code(self, code: int) -> NDArray[np.int32]:
        """Rows of the items whose category has this code."""
        rows = self._members.get(code)
        if rows is None:
            rows = self._members[code] = np.flatnonzero(self.category == code).astype(np.int32)
        return rows

    def _category_code(self, category: str) -> int:
        code = self._category_codes.get(category)
        if code is None:
            code = self._category_codes[category] = len(self.categories)
            self.categories.append(category)
        return code


def _doubled(array: NDArray[Any], fill: object) -> NDArray[Any]:
    grown = np.full(2 * len(array), fill, dtype=array.dtype)
    grown[: len(array)] = array
    return grown
