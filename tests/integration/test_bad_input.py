"""Whatever is sent: a clear 4xx or quarantine, as problem+json that says what to do; never a traceback, never a stuck worker."""

import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import AUTH, KEY, Answer, Server

COLLECT = ("identify", "track", "page", "screen", "group", "alias", "batch", "import")
POSTS = tuple(f"/v1/{each}" for each in (*COLLECT, "decide", "consent", "items"))
LIMIT = 200_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("bad") / "data",
        definitions="features: {hits: {count: Hit}}",
        max_body=LIMIT,
        max_event=32768,
    )
    server.add_key()
    try:
        yield server.start()
        assert server.stop() == 0, "the server must still be able to end well"
        assert "Traceback" not in server.output()
    finally:
        server.kill()


@pytest.fixture(autouse=True)
def _still_answers(server: Server) -> Iterator[None]:
    yield
    assert server.ask("POST", "/v1/track", {"userId": "well", "event": "Hit"}).body == b'{"success":true}'


def post(server: Server, path: str, body: bytes, **headers: str) -> Answer:
    return server.ask("POST", path, body, {"content-type": "application/json", **AUTH, **headers})


def check_problem(answer: Answer, status: int, *words: str) -> None:
    """RFC 9457, and the detail speaks of ``words``."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    for word in words:
        assert word in problem["detail"], problem
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) > 0


def newest_reason(server: Server) -> str:
    return server.ask("GET", "/v1/quarantine?limit=1").json[0]["reason"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[", b"null", b"true", b"1", b'"x"', b"{]", b"\x00", b"\xff\xfe{", b'{"a":NaN}', b'{"a":Infinity}',
     b'{"a":1}}', b"{'a':1}", b"not json at all", b"\xc3\x28", b"[" * 100_000, b'{"a":' * 30_000],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(server: Server, path: str, body: bytes) -> None:
    answer = post(server, path, body)
    check_problem(answer, 400, "the body is no")


@pytest.mark.parametrize("path", POSTS)
def test_broken_and_overlong_gzip_is_refused(server: Server, path: str) -> None:
    whole = gzip.compress(json.dumps({"userId": "u", "event": "Hit"}).encode())
    bomb = gzip.compress(b" " * 500_000_000, 9)
    assert len(bomb) > LIMIT
    small_bomb = gzip.compress(b'{"userId":"' + b"a" * (10 * LIMIT) + b'"}', 9)
    assert len(small_bomb) < LIMIT
    check_problem(post(server, path, whole[:-9]), 400, "gzip")
    check_problem(post(server, path, b"\x1f\x8b" + b"\x00" * 50), 400, "gzip")
    check_problem(post(server, path, small_bomb), 413, str(LIMIT))
    check_problem(post(server, path, bomb), 413, str(LIMIT))


@pytest.mark.parametrize("path", POSTS)
def test_an_overlong_body_is_refused_before_it_is_read(server: Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n"
        link.sendall(head.encode() + f"Authorization: {AUTH['authorization']}\r\n\r\n".encode())
        response = http.client.HTTPResponse(link)
        response.begin()
        assert response.status == 413
        assert response.getheader("content-type") == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/track", "/v1/items", "/v1/decide"])
def test_an_overlong_body_in_chunks_is_refused_too(server: Server, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", path, iter([b"x" * 50_000] * 10), AUTH, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 413
    connection.close()


def test_a_client_that_leaves_half_way_harms_nobody(server: Server) -> None:
    for path in POSTS:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
            link.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{".encode())


@pytest.mark.parametrize("path", [f"/v1/{each}" for each in (*COLLECT, "consent")])
@pytest.mark.parametrize("authorization", [None, "Basic !!!", "Basic bm9ib2R5Og==", "Bearer nobody", "Basic /w==", "x"])
def test_an_unknown_write_key_is_401(server: Server, path: str, authorization: str | None) -> None:
    message = {"userId": "u", "event": "Hit", "type": "track", "groupId": "g", "previousId": "p"}
    body: dict = {"batch": [message]} if path in ("/v1/batch", "/v1/import") else message
    if path == "/v1/consent":
        body = {"who": {"userId": "u"}, "purposes": {"analytics": True}}
    headers = {} if authorization is None else {"authorization": authorization}
    check_problem(server.ask("POST", path, json.dumps(body).encode(), headers), 401, "write key")


def test_an_unknown_path_or_method_says_what_there_is(server: Server) -> None:
    check_problem(server.ask("GET", "/v1/nothing"), 404, "/schema")
    check_problem(server.ask("GET", "/v1/profiles/user:nobody"), 404)
    check_problem(server.ask("GET", "/v1/profiles/nobody"), 400, "user:ID")
    check_problem(server.ask("GET", "/v1/profiles/user:x?purpose=fun"), 400, "personalization")
    check_problem(server.ask("GET", "/v1/decisions/nothing/why"), 404, "/v1/decide")
    answer = server.ask("GET", "/v1/track")
    check_problem(answer, 405, "POST")
    assert "POST" in answer.headers["allow"]
    answer = server.ask("DELETE", "/v1/profiles/user:x")
    check_problem(answer, 405, "GET")
    check_problem(server.ask("GET", "/v1/changes?limit=x"), 400, "limit")
    check_problem(server.ask("GET", "/v1/changes?after=99999999999999999999"), 400, "after")
    check_problem(server.ask("GET", "/v1/quarantine?before=-1"), 400, "before")


def _properties(value: object) -> bytes:
    return json.dumps({"userId": "u", "event": "Hit", "properties": {"a": value}}).encode()


def _deep(levels: int) -> bytes:
    return b'{"userId":"u","event":"Hit","properties":{"a":' + b"[" * levels + b"]" * levels + b"}}"


def _at(moment: object) -> bytes:
    return json.dumps({"userId": "u", "event": "Hit", "timestamp": moment}).encode()


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"userId":"u"}', "event"),
        (b'{"event":"Hit"}', "userId"),
        (b'{"userId":null,"anonymousId":"","event":"Hit"}', "userId"),
        (b'{"userId":["u"],"event":"Hit"}', "userId"),
        (b'{"userId":"u","event":5}', "event"),
        (b'{"userId":"u","event":"Hit","properties":[]}', "properties"),
        (b'{"userId":"u","event":"Hit","context":[]}', "context"),
        (b'{"userId":"u","event":"Hit","context":{"consent":{"categoryPreferences":{"analytics":"yes"}}}}', "bool"),
        (b'{"userId":"' + b"u" * 600 + b'","event":"Hit"}', "512"),
        (b'{"userId":"u","messageId":"' + b"m" * 101 + b'","event":"Hit"}', "100"),
        (b'{"userId":"u","event":"' + b"e" * 300 + b'"}', "256"),
        (_properties("x" * 40_000), "32768"),
        (_properties(2**70), "ints"),
        (json.dumps({"userId": "u", "event": "Hit", "properties": {f"p{n}": n for n in range(10_000)}}).encode(), "32768"),
        (_deep(65), "64"),
        (_deep(900), "64"),
        (_at("1970-01-01T00:00:00Z"), "2000"),
        (_at(0), "2000"),
        (_at("2100-01-01T00:00:00Z"), "future"),
        (_at(4_102_444_800_000), "future"),
        (_at(1e300), "9999"),
        (_at("yesterday"), "yesterday"),
        (_at("0001-01-01T00:00:00+14:00"), ""),
        (b'{"userId":"u","event":"Hit","timestamp":{}}', "timestamp"),
    ],
)  # fmt: skip
def test_a_bad_event_is_quarantined_and_says_why(server: Server, body: bytes, word: str) -> None:
    answer = post(server, "/v1/track", body)
    assert answer.status == 200
    assert word in answer.json["quarantined"][0]
    assert word in newest_reason(server)
    in_batch = (
        b'{"batch":[{"type":"track","userId":"good","event":"Hit"},' + body[:1] + b'"type":"track",' + body[1:] + b"]}"
    )
    before = (server.profile("user:good") or {"events": 0})["events"]
    answer = post(server, "/v1/batch", in_batch)
    assert answer.status == 200
    assert len(answer.json["quarantined"]) == 1
    assert server.profile("user:good")["events"] == before + 1


@pytest.mark.parametrize(
    "body",
    [
        rb'{"userId":"\ud800","event":"Hit"}',
        rb'{"userId":"u","event":"\udfff"}',
        rb'{"userId":"u","event":"Hit","properties":{"\ud800":"\udc00\ud800"}}',
        rb'{"userId":"u","event":"Hit","messageId":"\ud83d"}',
        rb'{"userId":"u","event":"Hit","context":{"a":"\ud800"}}',
    ],
)
def test_lone_surrogates_are_refused_or_kept_but_break_nothing(server: Server, body: bytes) -> None:
    for path in ("/v1/track", "/v1/identify"):
        answer = post(server, path, body)
        assert answer.status in (200, 400), answer
        if answer.status == 400:
            check_problem(answer, 400)
    assert server.ask("GET", "/v1/quarantine").status == 200


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{}", "batch"), (b'{"batch":[]}', "empty"), (b'{"batch":{}}', "array"), (b'{"batch":null}', "array"),
        (json.dumps({"batch": [{}] * 2501}).encode(), "2500"),
    ],
)  # fmt: skip
def test_a_bad_batch_is_refused_whole(server: Server, body: bytes, word: str) -> None:
    check_problem(post(server, "/v1/batch", body), 400, word)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"placement": "nowhere"}, "nowhere"), ({"n": 0}, "n is 0"), ({"n": 101}, "100"), ({"n": 10**30}, "n is"),
        ({"who": "u"}, "$.who"), ({"who": {"userId": 5}}, "$.who.userId"), ({"context": {"items": [None]}}, "items"),
        ({"exclude": ["x"] * 1001}, "1000"), ({"context": {"category": "c" * 600}}, "512"),
    ],
)  # fmt: skip
def test_a_bad_decide_request_is_refused(server: Server, body: dict, word: str) -> None:
    check_problem(post(server, "/v1/decide", json.dumps(body).encode()), 400, word)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"items": [{"id": ""}]}, "items[0].id"), ({"items": [{"id": "x" * 201}]}, "200"), ({"items": [{}]}, "id"),
        ({"items": [{"id": "x", "price": "free"}]}, "price"), ({}, "items"),
    ],
)  # fmt: skip
def test_a_bad_item_is_refused(server: Server, body: dict, word: str) -> None:
    check_problem(post(server, "/v1/items", json.dumps(body).encode()), 400, word)
    deep = b'{"items":[{"id":"x","attributes":{"a":' + b"[" * 100 + b"]" * 100 + b"}}]}"
    check_problem(post(server, "/v1/items", deep), 400, "64")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"who": {}, "purposes": {"analytics": True}}, "userId"), ({"who": {"userId": "u"}, "purposes": {}}, "purposes"),
        ({"who": {"userId": "u"}, "purposes": {"fun": True}}, "fun"),
        ({"who": {"userId": "u"}, "purposes": {"analytics": "yes"}}, "bool"),
    ],
)  # fmt: skip
def test_a_bad_consent_is_refused(server: Server, body: dict, word: str) -> None:
    check_problem(post(server, "/v1/consent", json.dumps(body).encode()), 400, word)


def test_ten_thousand_small_properties_within_the_limit_are_fine(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", max_event=500_000)
    server.add_key()
    try:
        server.start()
        many = {"userId": "u", "event": "Hit", "properties": {f"p{n}": n for n in range(10_000)}}
        began = time.monotonic()
        assert server.ask("POST", "/v1/track", many).body == b'{"success":true}'
        assert server.ask("POST", "/v1/identify", {"userId": "u", "traits": many["properties"]}).status == 200
        assert time.monotonic() - began < 5
        assert len(server.profile("user:u", "analytics")["traits"]) < 1_000
    finally:
        server.kill()


def test_http_that_is_none_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        link.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100)
        assert link.recv(100).startswith(b"HTTP/1.1 400")


def test_the_key_may_stand_in_the_body(server: Server) -> None:
    body = json.dumps({"userId": "keyed", "event": "Hit", "writeKey": KEY}).encode()
    assert server.ask("POST", "/v1/track", body).status == 200
    check_problem(server.ask("POST", "/v1/track", body.replace(KEY.encode(), b"other")), 401)
