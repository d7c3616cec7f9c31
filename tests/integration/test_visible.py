"""Acknowledged means visible: to the very next decision and to the very next look at the profile, whichever worker answers."""

import http.client
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from conftest import Start
from servers import AUTH, Server, request

DEFINITIONS = """
features:
  hits: {count: Hit}
  bought: {set: "Order Completed.products[].product_id"}
segments:
  third: {where: hits = 3}
placements:
  home: {n: 20, exclude: bought, explore: 0}
"""
EVENTS = 500


def _connections(server: Server, count: int = 8) -> list[http.client.HTTPConnection]:
    """Enough that every worker has some: the kernel deals them out."""
    return [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(count)]


def test_an_acknowledged_event_is_seen_by_the_next_request_on_any_worker(start_server: Start) -> None:
    server = start_server(DEFINITIONS, workers=2)
    items = [{"id": f"i{number}", "name": f"Item {number}"} for number in range(20)]
    assert server.ask("POST", "/v1/items", {"items": items}).status == 200
    connections = _connections(server)
    bought: list[str] = []
    for number in range(EVENTS):
        writer, reader, decider = (connections[(number * 3 + step) % len(connections)] for step in (0, 1, 2))
        person, first = f"u{number // 10}", number % 10 == 0
        bought = ([] if first else bought) + [f"i{number % 20}"]
        order = {"event": "Order Completed", "userId": person, "properties": {"products": [{"product_id": bought[-1]}]}}
        assert request(writer, "POST", "/v1/track", order).status == 200
        slate = request(decider, "POST", "/v1/decide", {"who": {"userId": person}}).json
        shown = {slot["item"]["id"] for slot in slate["slate"]}
        assert slate["personal"]
        assert not shown & set(bought), f"event {number} was acknowledged and not seen by a decision"
        profile = request(reader, "GET", f"/v1/profiles/user:{person}?purpose=personalization").json
        assert sorted(profile["features"]["bought"]) == sorted(bought), f"event {number} was acknowledged and not seen"
        assert profile["events"] == len(bought)
    pids = server.ask("GET", "/metrics").body.decode().count('tailorbird_waiting{worker="')
    assert pids == 2, "both workers must have answered"


def test_a_segment_is_entered_and_left_by_the_next_request(start_server: Start) -> None:
    server = start_server(DEFINITIONS, workers=2)
    connections = _connections(server)
    seen = []
    for number in range(5):
        assert request(connections[number], "POST", "/v1/track", {"userId": "u", "event": "Hit"}).status == 200
        seen.append(
            request(connections[number - 1], "GET", "/v1/profiles/user:u?purpose=personalization").json["segments"]
        )
    assert seen == [[], [], ["third"], [], []]
    moves = [(each["type"], each["segment"]) for each in server.ask("GET", "/v1/changes").json]
    assert moves == [("Segment Entered", "third"), ("Segment Exited", "third")]


def test_a_withdrawn_consent_holds_for_the_next_decision_on_any_worker(start_server: Start) -> None:
    server = start_server(DEFINITIONS, workers=2)
    connections = _connections(server)
    for number in range(100):
        allow = number % 2 == 0
        choice = {"who": {"userId": "u"}, "purposes": {"personalization": allow}}
        assert request(connections[number % 8], "POST", "/v1/consent", choice).json == {"success": True}
        decision = request(connections[(number + 3) % 8], "POST", "/v1/decide", {"who": {"userId": "u"}}).json
        assert decision["personal"] is allow


def test_workers_that_write_to_one_person_at_once_lose_nothing(start_server: Start) -> None:
    server = start_server(DEFINITIONS, workers=2)
    rounds, writers = 40, 8
    start = threading.Barrier(writers)

    def write(number: int) -> None:
        connection = _connections(server, 1)[0]
        start.wait(30)
        for step in range(rounds):
            hit = {"type": "track", "event": "Hit", "userId": "one"}
            twin = hit | {"messageId": f"twin-{step}"}  # all writers send it: it counts once
            batch = {"batch": [hit | {"messageId": str(uuid4())}, twin, hit | {"userId": f"own{number}"}]}
            assert request(connection, "POST", "/v1/batch", batch, AUTH).json == {"success": True}

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    assert server.profile("user:one")["features"]["hits"] == rounds * writers + rounds
    own = Counter({number: server.profile(f"user:own{number}")["features"]["hits"] for number in range(writers)})
    assert own == Counter(dict.fromkeys(range(writers), rounds))
    check = server.command("rebuild", "--check", "--quiet", "--data", str(server.data), check=False)
    assert check.returncode == 0, check.stdout + check.stderr
