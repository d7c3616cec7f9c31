"""Interactions as columns, and their split by time."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tailorbird.errors import InvalidInput
from tailorbird.events.ecommerce import ORDER, Interaction
from tailorbird.recommend.history import DAY_MS


class Interactions(msgspec.Struct, frozen=True):
    """Who did what with which item when, in order of time.

    All columns have shape ``(n,)``: ``user`` int32 and ``item`` int32 point into ``users`` and ``items``; ``at``
    int64, ms since the epoch (UTC); ``kind`` uint8, VIEW, ADD or ORDER.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    at: NDArray[np.int64]
    kind: NDArray[np.uint8]
    users: Sequence[bytes]
    items: Sequence[str]

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: NDArray[np.bool_]) -> "Interactions":
        """The rows that the mask keeps, with the same id tables."""
        return Interactions(self.user[mask], self.item[mask], self.at[mask], self.kind[mask], self.users, self.items)

    def feed(self) -> Iterator[Interaction]:
        """The rows as records of the feed."""
        columns = (self.user.tolist(), self.item.tolist(), self.at.tolist(), self.kind.tolist())
        for user, item, at, kind in zip(*columns, strict=True):
            yield Interaction(self.users[user], self.items[item], at, kind)


def from_feed(feed: Iterable[Interaction]) -> Interactions:
    """Columns from the feed, sorted by time (records with the same time stay in the feed's order)."""
    users: dict[bytes, int] = {}
    items: dict[str, int] = {}
    rows = [
        (users.setdefault(record.person, len(users)), items.setdefault(record.item, len(items)), record.at, record.kind)
        for record in feed
    ]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return from_columns(columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 3], list(users), list(items))


def from_columns(
    user: NDArray[np.integer],
    item: NDArray[np.integer],
    at: NDArray[np.integer],
    kind: NDArray[np.integer] | None,
    users: Sequence[bytes],
    items: Sequence[str],
) -> Interactions:
    """Checked columns, sorted by time. ``kind`` None means that all are orders.

    Raises InvalidInput when lengths differ or a code points outside its id table.
    """
    if not len(user) == len(item) == len(at) or (kind is not None and len(kind) != len(user)):
        raise InvalidInput(f"columns differ in length: user {len(user)}, item {len(item)}, at {len(at)}")
    for name, codes, table in (("user", user, users), ("item", item, items)):
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < len(table):
            raise InvalidInput(f"a code in column {name} points outside its table of {len(table)} ids")
    order = np.argsort(at, kind="stable")
    kinds = np.full(len(user), ORDER, np.uint8) if kind is None else kind.astype(np.uint8)
    return Interactions(
        user[order].astype(np.int32),
        item[order].astype(np.int32),
        at[order].astype(np.int64),
        kinds[order],
        users,
        items,
    )


class Split(msgspec.Struct, frozen=True):
    """Three periods in a row; ``validation_from`` and ``test_from`` are the instants (ms) of their beginning."""

    train: Interactions
    validation: Interactions
    test: Interactions
    validation_from: int
    test_from: int


def split_by_time(interactions: Interactions, test_days: float, validation_days: float) -> Split:
    """Cuts off the last ``test_days`` as test and the ``validation_days`` before them as validation.

    Raises InvalidInput when nothing is left to train on.
    """
    if test_days < 0 or validation_days < 0:
        raise InvalidInput("test_days and validation_days count days and cannot be negative")
    if not len(interactions):
        raise InvalidInput("there are no interactions to split: send events first")
    end = int(interactions.at[-1]) + 1
    test_from = end - round(test_days * DAY_MS)
    validation_from = test_from - round(validation_days * DAY_MS)
    at = interactions.at
    train = interactions.where(at < validation_from)
    if not len(train):
        days = (end - int(at[0])) / DAY_MS
        raise InvalidInput(
            f"{days:.1f} days of interactions are too few for {test_days:g} days of test "
            f"and {validation_days:g} of validation"
        )
    split = Split(
        train,
        interactions.where((at >= validation_from) & (at < test_from)),
        interactions.where(at >= test_from),
        validation_from,
        test_from,
    )
    check_no_leak(split.train, split.validation)
    check_no_leak(split.train, split.test)
    check_no_leak(split.validation, split.test)
    return split


def check_no_leak(earlier: Interactions, later: Interactions) -> None:
    """Refuses a split in which what is learnt from does not end before what is judged on begins (InvalidInput)."""
    if len(earlier) and len(later) and int(earlier.at.max()) >= int(later.at.min()):
        raise InvalidInput(
            f"the split leaks: the earlier part reaches {int(earlier.at.max())}, "
            f"the later begins at {int(later.at.min())}"
        )
