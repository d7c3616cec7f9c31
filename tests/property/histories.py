"""Strategies: random definitions, and random pasts of a handful of people that hit every window's edge."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fold import ALL, DAY, HOUR, MINUTE, SECOND, START, TICK, event, new
from tailorbird.conditions import Kind
from tailorbird.consent.purposes import names_of
from tailorbird.consent.signals import CONSENT_EVENT
from tailorbird.engine.log import NewRecord
from tailorbird.events.model import EventType
from tailorbird.profiles.features.definition import LISTS, NUMERIC, parse_feature
from tailorbird.profiles.features.definition import parse_duration as duration

USERS, VISITORS = ["u1", "u2", "u3"], ["a1", "a2", "a3", "a4"]
NAMES = ["Order Completed", "Product Viewed", "Product Added"]
WINDOWS = ["5m", "30m", "1h", "1d", "7d"]
SESSION_MINUTES = 20
"""No window is as long, so that a session's end is not a window's by chance."""
EDGES = [length + odd for length in map(duration, [*WINDOWS, f"{SESSION_MINUTES}m"]) for odd in (-1, 0, 1)]
GAPS = [0, 0, 1, SECOND, 30 * SECOND, MINUTE, 25 * MINUTE, HOUR, *EDGES, 10 * DAY, 40 * DAY]
LATENESS = [0, 0, 0, 0, 1, SECOND, MINUTE, 10 * MINUTE, 15 * MINUTE, *EDGES]
NUMBERS = [
    0,
    1,
    2,
    3,
    -1,
    0.1,
    0.2,
    0.7,
    19.99,
    5.0,
    -0.0,
    1e36,
    -1e36,
    1e308,
    2**63,
    1 / 3,
    1e-7,
    123456.789,
    1e16,
    5e-324,
]
TEXTS = ["a", "b", "c", "1", "", "é", "😀", "a'b", 'q"\\', "x" * 300]
ODD = [None, True, False, [], {}, [1], {"a": 1}]

scalars = st.sampled_from(NUMBERS) | st.sampled_from(TEXTS)
values = scalars | scalars | st.sampled_from(ODD)
products = st.lists(
    st.fixed_dictionaries({}, optional={"product_id": values, "price": values}) | st.sampled_from([None, 7, "x", []]), max_size=3
) | st.sampled_from([None, {}, "x"])  # fmt: skip
properties = st.fixed_dictionaries(
    {},
    optional={
        "revenue": st.sampled_from(NUMBERS) | values, "category": st.sampled_from(TEXTS) | values, "product_id": values,
        "products": products, "cart": st.fixed_dictionaries({}, optional={"total": values}) | values, 'odd "key"\\': values,
        "good": st.booleans() | values,
    },
)  # fmt: skip
said = st.fixed_dictionaries(
    {}, optional={"age": values, "country": values, "plan": st.sampled_from(["free", "paid", None]), "member": values,
                  "createdAt": st.sampled_from(["2023-11-14T00:00:00Z", START, 1e300, -1e300, "never", True, None]),
                  "liked": st.lists(values, max_size=3) | values},
)  # fmt: skip
TRAITS = {"age": "number", "plan": "text", "member": "boolean", "liked": "list"}


class Step(NamedTuple):
    """One record, relative to what came before it."""

    gap: int
    """Milliseconds after the record before."""
    late: int
    """Milliseconds between its event and its arrival."""
    kind: str
    """``track``, ``identify``, ``group``, ``alias``, ``consent``, ``tick`` or ``again`` (an earlier message once more)."""
    user: str | None
    visitor: str | None
    name: str
    properties: Mapping[str, Any]
    traits: Mapping[str, Any]
    purposes: int
    answered: int
    other: int
    """Which earlier message is repeated, which id is the previous one."""


def steps(*, merging: bool = True, purposes: st.SearchStrategy[int] | None = None, size: int = 30) -> Any:
    """Lists of steps; without ``merging`` everybody keeps the one id they have."""
    kinds = ["track"] * 8 + ["identify", "group", "consent", "tick", "tick", "again"] + ["alias"] * merging
    one = st.tuples(st.just(None), st.sampled_from(VISITORS)) | st.tuples(st.sampled_from(USERS), st.just(None))
    both = st.tuples(st.sampled_from(USERS), st.sampled_from(VISITORS))
    granted = purposes if purposes is not None else st.sampled_from([ALL] * 12 + [0, 1, 2, 3, 5, 6])
    step = st.builds(
        lambda who, *rest: Step(*rest[:3], *who, *rest[3:]),
        (one | one | both) if merging else one, st.integers(0, 11), st.integers(0, 11), st.sampled_from(kinds),
        st.sampled_from(NAMES), properties, said, granted, st.sampled_from([0, ALL]), st.integers(0, 63),
    )  # fmt: skip
    gaps, late = (st.lists(st.sampled_from(each), min_size=1, max_size=3) for each in (GAPS, LATENESS))
    # Hypothesis makes lists of six on the average: long ones have to be asked for.
    history = st.lists(step, min_size=1, max_size=size) | st.lists(step, min_size=2 * size // 3, max_size=size)
    return st.builds(_among, history, st.sampled_from([1, 1, 2, 4]), gaps, late)


def _among(history: list[Step], crowd: int, gaps: list[int], late: list[int]) -> list[Step]:
    """The same among fewer people and with few lengths of time, so that more happens to each and at each other's edges.

    (Groce et al. 2012, "Swarm testing": random subsets of what can happen find more than everything at once.)
    """
    late = [0, *late]

    def one_of(ids: list[str], who: str | None) -> str | None:
        return who and ids[ids.index(who) % crowd]

    return [
        step._replace(
            user=one_of(USERS, step.user), visitor=one_of(VISITORS, step.visitor), gap=gaps[step.gap % len(gaps)],
            late=late[step.late % len(late)],
        )
        for step in history
    ]  # fmt: skip


class Arrival(NamedTuple):
    """A record and the instant at which it comes."""

    at: int
    record: NewRecord


def arrivals(history: list[Step], view: Any = None, *, ties: bool = True) -> list[Arrival]:
    """The records of a history. Without ``ties`` no two events have happened at the same instant."""
    at, found, messages, taken = START, [], [], set()
    for number, step in enumerate(history):
        at += step.gap
        if step.kind == "tick" or (step.kind == "again" and not messages):
            found.append(Arrival(at, TICK))
            continue
        moment = at - step.late
        while not ties and moment in taken:
            moment -= 1
        taken.add(moment)
        message = messages[step.other % len(messages)] if step.kind == "again" else f"m{number}"
        messages.append(message)
        kind, name, previous = EventType.TRACK, step.name, None
        content: Mapping[str, Any] = step.properties
        user = step.user
        if step.kind in ("identify", "group"):
            kind, content = EventType(step.kind), step.traits
        elif step.kind == "alias":
            ids = [*VISITORS, *USERS]
            kind, previous, user = EventType.ALIAS, ids[step.other % len(ids)], step.user or "u1"
        elif step.kind == "consent":
            name = CONSENT_EVENT
        found.append(
            Arrival(
                at,
                new(
                    event(
                        name, user=user, anonymous=step.visitor, at=moment, properties=dict(content), purposes=step.purposes,
                        answered=step.answered, message=message, kind=kind, previous=previous,
                        group="g" if step.kind == "group" else None,
                    ),
                    view,
                ),
            )
        )  # fmt: skip
    return found


PATHS = ["revenue", "category", "product_id", "products[].product_id", "products[].price", "cart.total", 'odd "key"\\', "good",
         "timestamp"]  # fmt: skip


@st.composite
def feature_bodies(draw: Callable, *, session: bool = True) -> dict[str, Any]:
    """One feature, as a user writes it."""
    aggregation = draw(st.sampled_from(
        ["count", "count", "sum", "mean", "min", "max", "last", "last", "first", "since", "distinct", "set", "top_k", "recent"]
    ))  # fmt: skip
    source = draw(st.sampled_from([*NAMES, *NAMES, "*", "identify"]))
    if aggregation != "since" and (aggregation != "count" or draw(st.booleans())):
        paths = ["revenue", "products[].price", *PATHS] if aggregation in NUMERIC else PATHS
        source += "." + draw(st.sampled_from(["timestamp", *paths] if aggregation == "last" else paths))
    body: dict[str, Any] = {aggregation: source}
    windows = [None, *WINDOWS] + ["session"] * session
    if aggregation in ("since", "recent"):
        windows = [None] + ["session"] * session
    if window := draw(st.sampled_from(windows)):
        body["window"] = window
    if aggregation in LISTS:
        body["k"] = draw(st.integers(1, 3))
    if aggregation == "top_k" and not window and draw(st.booleans()):
        body["half_life"] = draw(st.sampled_from(["1h", "1d"]))
    if aggregation in ("last", "first") and draw(st.integers(0, 2)) == 0:
        body["as"] = draw(st.sampled_from(["number", "text", "boolean"]))
    if draw(st.booleans()):
        body["purposes"] = names_of(draw(st.integers(1, 7)))
    return body


class Conditions:
    """Writes random conditions over columns of known kinds, as text."""

    def __init__(self, draw: Callable, kinds: Mapping[str, Kind]) -> None:
        self.pick = lambda options: draw(st.sampled_from(options))
        self.kinds = kinds

    def write(self, depth: int = 2) -> str:
        if depth and self.pick([True, False]):
            left, right = self.write(depth - 1), self.write(depth - 1)
            return self.pick([f"({left}) AND ({right})", f"({left}) OR ({right})", f"NOT ({left})"])
        name = self.pick(sorted(self.kinds))
        if self.pick(range(8)) == 0:
            return f"{name} IS {self.pick(['', 'NOT '])}NULL"
        return getattr(self, self.kinds[name].name.lower())(name)

    def another(self, kind: Kind) -> str:
        return self.pick(sorted(name for name, each in self.kinds.items() if each is kind))

    def comparison(self) -> str:
        return self.pick(["<", "<=", "=", "<>", ">=", ">"])

    def span(self) -> str:
        return f"INTERVAL '{self.pick([0, 1, 5, 30, 60, 1440, 10080])}' MINUTE"

    def number(self, name: str) -> str:
        other, bound = self.another(Kind.NUMBER), self.pick(["0", "1", "2", "3", "0.3", "19.99", "-1", "199.9"])
        return self.pick([
            f"{name} {self.comparison()} {bound}", f"COALESCE({name}, 0) {self.comparison()} {bound}",
            f"{name} BETWEEN 1 AND 3", f"{name} {self.comparison()} {other}", f"{name} / {other} > {bound}",
        ])  # fmt: skip

    def text(self, name: str) -> str:
        return self.pick(
            [f"{name} = 'a'", f"{name} IN ('a', '1', 'free')", f"{name} LIKE '%a%'", f"LENGTH({name}) > 1"]
        )

    def boolean(self, name: str) -> str:
        return self.pick([name, f"NOT {name}", f"{name} IS TRUE"])

    def timestamp(self, name: str) -> str:
        other = self.another(Kind.TIMESTAMP)
        return self.pick([
            f"now() - {name} {self.comparison()} {self.span()}", f"{name} > COALESCE({other}, TIMESTAMP '1970-01-01')",
            f"{name} + {self.span()} {self.comparison()} now()", f"{name} BETWEEN now() - {self.span()} AND now()",
            "now() > TIMESTAMP '2023-11-15 00:00:00'",
            f"{name} > COALESCE({other}, TIMESTAMP '1970-01-01') AND now() - {name} > {self.span()}",
        ])  # fmt: skip

    def elapsed(self, name: str) -> str:
        return self.pick(
            [f"{name} {self.comparison()} {self.span()}", f"{name} BETWEEN {self.span()} AND INTERVAL '2' DAY"]
        )

    def list(self, name: str) -> str:
        return self.pick(
            [f"CONTAINS({name}, 'a')", f"CONTAINS({name}, 1)", f"LENGTH({name}) >= 2", f"LENGTH({name}) = 0"]
        )


@st.composite
def definitions(draw: Callable, *, session: bool = True) -> str:
    """A whole definitions file (JSON is YAML) with a few features and segments."""
    features = {
        f"f{i}": body for i, body in enumerate(draw(st.lists(feature_bodies(session=session), min_size=2, max_size=6)))
    }
    kinds = {name: parse_feature(name, body).kind for name, body in features.items()}
    kinds |= {name: Kind[kind.upper()] for name, kind in TRAITS.items()} | {
        "country": Kind.TEXT,
        "createdAt": Kind.TIMESTAMP,
    }
    writer = Conditions(draw, kinds)
    segments = {
        f"s{i}": {"where": writer.write(), "purposes": names_of(draw(st.sampled_from([1, 1, 1, 2, 4, 7])))}
        for i in range(draw(st.integers(1, 6)))
    }
    return json.dumps({"traits": TRAITS, "features": features, "segments": segments})


SENSITIVE = json.dumps({
    "traits": TRAITS,
    "features": {
        **{f"n_{window}": {"count": "Order Completed", "window": window} for window in WINDOWS},
        **{f"any_{window}": {"count": "*", "window": window} for window in WINDOWS},
        **{f"last_{window}": {"last": "*.product_id", "window": window} for window in WINDOWS},
        "session": {"count": "*", "window": "session"}, "viewed": {"set": "Product Viewed.product_id", "window": "session"},
        "total": {"count": "Order Completed"}, "since": {"since": "Product Added"}, "added": {"last": "Product Added.timestamp"},
        "ordered": {"last": "Order Completed.timestamp"},
    },
    "segments": {
        **{f"once_{window}": f"n_{window} = 1" for window in WINDOWS},
        **{f"more_{window}": f"any_{window} >= 2 AND n_{window} < 3" for window in WINDOWS},
        **{f"none_{window}": f"last_{window} IS NULL" for window in WINDOWS},
        "here": "session >= 1", "looked": "LENGTH(viewed) > 0", "busy": "session > 2 OR LENGTH(viewed) > 1", "gone": "session = 0 AND total > 0",
        "cooling": "since > INTERVAL '30' MINUTE", "cold": "since BETWEEN INTERVAL '1' HOUR AND INTERVAL '1' DAY",
        "abandoner": "added > COALESCE(ordered, TIMESTAMP '1970-01-01') AND now() - added > INTERVAL '5' MINUTE",
        "both": {"where": "n_1h > 0 AND since < INTERVAL '30' MINUTE", "purposes": ["marketing", "analytics"]},
    },
})  # fmt: skip
"""Definitions under which hardly anything can happen without somebody entering or leaving a segment."""
files = st.just(SENSITIVE) | definitions()
