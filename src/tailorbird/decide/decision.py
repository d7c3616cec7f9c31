"""A decision, as it is logged: enough to explain it to the person it was made for, and to judge another policy by it."""

import msgspec

from tailorbird.engine.log import Record
from tailorbird.engine.state import StateTxn
from tailorbird.recommend.serving import Reason

TABLE, REWARDS = "decisions", "rewards"


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """One position of the slate."""

    item: str
    score: float
    propensity: float
    explored: bool
    reasons: tuple[Reason, ...]


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """What was shown, to whom, on what grounds. Written to disk in this order: append at the end, with a default."""

    id: str
    at: int
    person: bytes
    """Key of the profile; empty where there was none, or it may not be used."""
    placement: str
    n: int
    policy: str
    explore: float
    definitions: str
    """Version of the definitions in force."""
    models: dict[str, str]
    needed: int
    """Mask of the purposes that the placement asks for."""
    granted: int
    """Mask of what the person allowed."""
    personal: bool
    """Whether the gate opened."""
    segments: list[str]
    inputs: list[tuple[str, int, int]]
    """The person's own interactions that went in: (item, when, kind)."""
    context_items: list[str]
    category: str | None
    excluded: dict[str, int]
    """How many items each filter took away."""
    candidates: list[tuple[str, float]]
    """What could have been shown, best first: (item, score)."""
    slate: list[Slot]
    events: int = 0
    """How many events the profile had taken in: what this decision had seen."""


class Reward(msgspec.Struct, frozen=True, array_like=True):
    """Something good that came of a decision."""

    item: str
    kind: int
    at: int
    position: int


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Decision)
_REWARD = msgspec.msgpack.Decoder(Reward)
encode = _ENCODER.encode


def decode(payload: bytes) -> Decision:
    """The decision that ``encode`` wrote."""
    return _DECODER.decode(payload)


def apply(txn: StateTxn, decision: Decision, record: Record) -> None:
    """Fold: where in the log the decision stands."""
    txn.put(TABLE, decision.id.encode(), record.offset.to_bytes(8, "big"))


def offset_of(txn: StateTxn, decision_id: str) -> int | None:
    """Offset of the decision's record, or None for an id that never was."""
    value = txn.get(TABLE, decision_id.encode("utf-8", "surrogatepass")[:500]) if decision_id else None
    return None if value is None else int.from_bytes(value, "big")


def put_reward(txn: StateTxn, decision_id: str, reward: Reward) -> None:
    """Fold: the first click, addition or order of an item counts for its decision; repeating it adds nothing."""
    key = decision_id.encode() + bytes([0, reward.kind, reward.position])
    txn.lmdb.put(key, _ENCODER.encode(reward), overwrite=False, db=txn.tables[REWARDS])


def rewards_of(txn: StateTxn, decision_id: str) -> list[Reward]:
    """What came of a decision, in order of kind and position."""
    prefix = decision_id.encode("utf-8", "surrogatepass")[:400] + b"\0"
    found: list[Reward] = []
    with txn.lmdb.cursor(db=txn.tables[REWARDS]) as cursor:
        alive = cursor.set_range(prefix)
        while alive and cursor.key().startswith(prefix):
            found.append(_REWARD.decode(cursor.value()))
            alive = cursor.next()
    return found
