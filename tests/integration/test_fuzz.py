"""Anything at all is sent to every POST route: no answer is a 5xx, the server stays alive, and its memory does not grow."""

import copy
import gzip
import http.client
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from servers import AUTH, Server, request, resident_mib

SECONDS = 40.0
"""How long bytes and mutated bodies are sent."""
GROWTH_MIB = 60.0
"""What a worker may hold more at the end than after the first tenth: caches fill, but nothing may pile up."""
DEFINITIONS = """
traits: {country: text, age: number}
features:
  hits: {count: Hit, window: 30d}
  spent: {sum: Order Completed.revenue, window: 1h}
  kinds: {top_k: Product Viewed.category, k: 5, half_life: 14d}
  seen: {distinct: Product Viewed.product_id, window: session}
  last: {last: Hit.at}
  first: {first: Hit.at}
  low: {min: Hit.amount}
  mean: {mean: Hit.amount}
  items: {set: "Order Completed.products[].product_id"}
  ago: {since: Hit}
  recent: {recent: Product Viewed.product_id, k: 5}
segments:
  hitter: {where: "hits >= 2 AND (age > 18 OR country IN ('DE', 'FR'))"}
  lately: {where: ago < INTERVAL '60' SECOND}
placements:
  home: {n: 4, exclude: items}
"""
_TRACK = {
    "type": "track", "userId": "u1", "anonymousId": "a1", "messageId": "m1", "event": "Hit",
    "timestamp": "2026-01-01T00:00:00Z", "originalTimestamp": 1_767_225_600_000, "sentAt": "2026-01-01T00:00:01Z",
    "properties": {"amount": 1.5, "at": "2026-01-01", "revenue": 20, "product_id": "i1", "category": "Mugs",
                   "products": [{"product_id": "i1", "price": 3}, {"sku": 5}]},
    "traits": {"country": "DE", "age": 30},
    "context": {"consent": {"categoryPreferences": {"personalization": True}}, "ip": "127.0.0.1"},
    "groupId": "g1", "previousId": "p1", "name": "Home", "integrations": {"All": True}, "writeKey": "test-key",
}  # fmt: skip
VALID: dict[str, Any] = {
    **{f"/v1/{each}": _TRACK for each in ("identify", "track", "page", "screen", "group", "alias")},
    **{
        f"/v1/{each}": {
            "batch": [_TRACK, _TRACK | {"event": "Order Completed", "messageId": "m2"},
                      _TRACK | {"event": "Product Viewed", "messageId": "m3"}],
            "sentAt": "2026-01-01T00:00:00Z", "context": {"locale": "de"},
        }
        for each in ("batch", "import")
    },
    "/v1/decide": {"who": {"userId": "u1", "anonymousId": "a1"}, "placement": "home", "n": 4,
                   "context": {"items": ["i1"], "category": "Mugs"}, "exclude": ["i2"]},
    "/v1/consent": {"who": {"userId": "u1"}, "purposes": {"personalization": True, "marketing": False}},
    "/v1/items": {"items": [{"id": "i1", "name": "Mug", "category": "Mugs", "price": 3.5, "available": True,
                             "attributes": {"description": "a mug", "size": 3}}]},
}  # fmt: skip

TEXTS = st.one_of(
    st.text(max_size=30), st.sampled_from(["", "\x00", "\ud800", "u1", "Order Completed", "NaN", "9" * 400, "é" * 600]),
    st.text(st.characters(categories=["Cs", "Co", "Cn", "Mn", "Cf"]), max_size=10),
    st.datetimes().map(lambda moment: moment.isoformat()),
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([2**63, -(2**63) - 1, 2**64, 1e308, -0.0, 4_102_444_800_000, 0, -1]),
    st.integers(10**18, 10**40),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(TEXTS, inner, max_size=6)), max_leaves=20,
)  # fmt: skip
_DEEP = st.integers(1, 2_000).map(lambda levels: ("[" * levels + "]" * levels).encode())


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(inner, (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A valid body of some route, with some of its members replaced, dropped, doubled, or turned into something very deep."""
    path = draw(st.sampled_from(sorted(VALID)))
    body = copy.deepcopy(VALID[path])
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(body))
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        holder = body
        for step in way:
            holder = holder[step]
        action = draw(st.sampled_from(["replace", "replace", "replace", "drop", "add"]))
        if action == "drop":
            del holder[last]
        elif action == "add" and isinstance(holder, dict):
            holder[draw(TEXTS)] = draw(VALUES)
        else:
            holder[last] = draw(VALUES)
    text = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        text = text.replace(b'"u1"', draw(_DEEP), 1) if draw(st.booleans()) else text.replace(b"1.5", draw(_DEEP), 1)
    if draw(st.integers(0, 9)) == 0:
        text = gzip.compress(text, 1)
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.binary(max_size=8)) + text[at + draw(st.integers(0, 8)) :]
    return path, text


ANYTHING = st.tuples(st.sampled_from(sorted(VALID)), st.binary(max_size=200))
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            ["application/json", "text/plain", "application/x-www-form-urlencoded", "\x80"]
        ),
        "content-encoding": st.sampled_from(["gzip", "br", "identity"]),
        "sec-gpc": st.sampled_from(["1", "0", "\xff"]),
        "sentat": st.just("2026"),
    },
)


@pytest.mark.slow
def test_no_input_is_answered_with_a_5xx(start_server: Any) -> None:
    server: Server = start_server(DEFINITIONS)
    link = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)]
    statuses: dict[int, int] = {}
    end = time.monotonic() + SECONDS
    early: list[float] = []

    @settings(
        max_examples=200, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.one_of(mutated(), mutated(), mutated(), ANYTHING), HEADERS)
    def send(sent: tuple[str, bytes], headers: dict[str, str]) -> None:
        path, body = sent
        try:
            answer = request(link[0], "POST", path, body, AUTH | headers)
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(f"no answer to {path} {body!r}: {error!r}") from error
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        assert answer.status < 500, f"{answer} to {path} {body!r}"
        if answer.status != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json["detail"]
        if sum(statuses.values()) == 500:
            early.append(resident_mib(server.pid))

    first, rounds = random.randrange(1 << 30), 0
    print(f"seeds from {first}")
    while time.monotonic() < end:
        seed(first + rounds)(send)()
        rounds += 1
    print(statuses)
    assert sum(statuses.values()) > 500
    assert {200, 400} <= statuses.keys()
    assert resident_mib(server.pid) - early[0] < GROWTH_MIB
    server.wait(5)
    assert server.ask("GET", "/v1/quarantine?limit=1000").status == 200
    assert server.ask("GET", "/v1/changes?limit=1000").status == 200
    assert server.ask("GET", "/v1/profiles/user:u1?purpose=personalization").status in (200, 404)
    assert server.stop() == 0
    assert "Traceback" not in server.output()
    arguments = ("--quiet", "--data", str(server.data), "--definitions", str(server.definitions))
    outcome = server.command("rebuild", "--check", *arguments, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
