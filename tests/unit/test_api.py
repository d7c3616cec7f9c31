"""The HTTP face without a network: the framework's own handlers, the guards, the document, the page and the counts."""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tailorbird.api.calls import Calls
from tailorbird.api.counts import BOUNDS, Counts, reset
from tailorbird.api.hot import COLLECT, HotRoutes
from tailorbird.api.metrics import exposition
from tailorbird.api.routes import build
from tailorbird.api.security import from_this_machine
from tailorbird.app import Tailorbird
from tailorbird.config import load_settings
from tailorbird.consent.purposes import ANALYTICS, MARKETING
from tailorbird.consent.signals import CONSENT_EVENT
from tailorbird.decide.decider import Who
from tailorbird.errors import Overloaded, Unavailable
from tailorbird.events.model import decode as decode_event

KEY = {"authorization": "Basic " + b64encode(b"k:").decode()}
HERE, ELSEWHERE = ("127.0.0.1", 5), ("192.0.2.7", 5)


class Site:
    """An installation with both doors: ``framework`` is Litestar alone, ``hot`` has the fast door before it."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.app = Tailorbird(load_settings(data=str(data), map_size_gb=1, **settings))
        self.app.keys.add("s", key="k", purposes=7)
        self.app.prepare()
        self.counts = Counts(data / "metrics")
        calls = Calls(self.app, self.counts)
        self.framework = build(self.app, calls, _no_lifespan)
        self.hot = HotRoutes(calls, self.framework, self.app.settings.max_body)

    async def ask(
        self, method: str, path: str, body: Any = None, *, door: str = "framework", client: tuple[str, int] = HERE,
        **headers: str,
    ) -> httpx.Response:  # fmt: skip
        transport = httpx.ASGITransport(getattr(self, door), client=client, raise_app_exceptions=False)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as session:
            return await session.request(
                method,
                path,
                content=content,
                headers={name.replace("_", "-"): value for name, value in headers.items()},
            )


@asynccontextmanager
async def _no_lifespan(_: object) -> AsyncIterator[None]:
    yield


def run(data: Path, talk: Callable[[Site], Coroutine[Any, Any, None]], **settings: Any) -> None:
    """Hold a talk with a site whose committer runs."""

    async def main() -> None:
        site = Site(data, **settings)
        await site.app.start()
        try:
            await talk(site)
        finally:
            await site.app.stop()
            site.app.close()
            site.counts.close()

    asyncio.run(main())


MESSAGE = {"type": "track", "userId": "u", "event": "Hit", "groupId": "g", "previousId": "p"}


@pytest.mark.parametrize("door", ["framework", "hot"])
def test_both_doors_answer_alike(tmp_path: Path, door: str) -> None:
    async def talk(site: Site) -> None:
        for path in COLLECT:
            body = {"batch": [MESSAGE]} if COLLECT[path] is None else MESSAGE
            answer = await site.ask("POST", path, body, door=door, **KEY)
            assert (answer.status_code, answer.json()) == (200, {"success": True}), path
            assert (await site.ask("POST", path, body, door=door)).status_code == 401
            answer = await site.ask("POST", path, b"{", door=door, **KEY)
            assert answer.status_code == 400
            assert answer.headers["content-type"] == "application/problem+json"
        found = site.app.find_profile(Who(user_id="u"), 1)
        assert found is not None
        assert found.events == len(COLLECT)
        answer = await site.ask("POST", "/v1/track", {"event": "Hit"}, door=door, **KEY)
        assert answer.json() == {"success": True, "quarantined": [answer.json()["quarantined"][0]]}
        answer = await site.ask("POST", "/v1/decide", {"who": {"userId": "u"}}, door=door, **KEY)
        assert answer.status_code == 200
        assert answer.json()["personal"] is True
        assert (await site.ask("POST", "/v1/decide", {"n": 0}, door=door, **KEY)).status_code == 400
        assert (await site.ask("POST", "/v1/decide", {"who": {"userId": "u"}}, door=door)).status_code == 401
        choice = {"who": {"userId": "u"}, "purposes": {"personalization": False}}
        assert (await site.ask("POST", "/v1/consent", choice, door=door, **KEY)).json() == {"success": True}
        answer = await site.ask("POST", "/v1/decide", {"who": {"userId": "u"}}, door=door, **KEY)
        assert answer.json()["personal"] is False
        answer = await site.ask("POST", "/v1/track", b"x" * 2_000, door=door, **KEY)
        assert answer.status_code == 413

    run(tmp_path, talk, max_body=1_000)


def test_consent_stands_in_the_log_as_segments_event(tmp_path: Path) -> None:
    async def talk(site: Site) -> None:
        choice = {
            "who": {"anonymousId": "a"}, "purposes": {"analytics": True, "marketing": False}, "messageId": "m-1",
        }  # fmt: skip
        for _ in range(2):
            assert (await site.ask("POST", "/v1/consent", choice, door="hot", **KEY)).status_code == 200
        events = [decode_event(record.payload) for record in site.app.log.scan()]
        assert [(each.name, each.message_id) for each in events] == [(CONSENT_EVENT, "m-1")] * 2
        assert (events[0].answered, events[0].purposes & events[0].answered) == (ANALYTICS | MARKETING, ANALYTICS)
        found = site.app.find_profile(Who(anonymous_id="a"), 1)
        assert found is not None
        assert (found.answered, found.events) == (["analytics", "marketing"], 1)
        nobody = {
            "who": {"userId": "x"},
            "purposes": dict.fromkeys(("personalization", "analytics", "marketing"), False),
        }
        assert (await site.ask("POST", "/v1/consent", nobody, door="hot", **KEY)).status_code == 200
        assert site.app.find_profile(Who(user_id="x"), 1) is None, "of who refuses everything nothing is kept"
        loud = choice | {"who": {"userId": "y"}, "purposes": {"marketing": True}, "messageId": "m-2"}
        assert (await site.ask("POST", "/v1/consent", loud, door="hot", sec_gpc="1", **KEY)).status_code == 200
        found = site.app.find_profile(Who(user_id="y"), 1)
        assert found is not None
        assert "marketing" not in found.purposes, "Global Privacy Control holds over it"

    run(tmp_path, talk)


GUARDED = ("/v1/profiles/user:u", "/v1/segments", "/v1/changes", "/v1/quarantine", "/v1/decisions/x/why", "/metrics")


@pytest.mark.parametrize("path", GUARDED)
def test_what_is_guarded_needs_the_token_or_this_machine(tmp_path: Path, path: str) -> None:
    async def without_token(site: Site) -> None:
        assert (await site.ask("GET", path)).status_code in (200, 404)
        assert (await site.ask("GET", path, client=ELSEWHERE)).status_code == 401
        for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via"):
            assert (await site.ask("GET", path, **{name: "127.0.0.1"})).status_code == 401, name
            assert (await site.ask("GET", path, client=ELSEWHERE, **{name: "127.0.0.1"})).status_code == 401, name
        answer = await site.ask("GET", path, host="rebound.example")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert "TAILORBIRD_ADMIN_TOKEN" in answer.json()["detail"]

    async def with_token(site: Site) -> None:
        for wrong in (
            "",
            "Bearer",
            "Bearer ",
            "Bearer wrong",
            "Basic secret",
            "secret",
            "Bearer secret2",
        ):
            headers = {"authorization": wrong} if wrong else {}
            assert (await site.ask("GET", path, **headers)).status_code == 401, wrong
        for client in (HERE, ELSEWHERE):
            answer = await site.ask("GET", path, client=client, authorization="Bearer secret")
            assert answer.status_code in (200, 404)

    run(tmp_path / "without", without_token)
    run(tmp_path / "with", with_token, admin_token="secret")


@pytest.mark.parametrize(
    ("client", "host", "expected"),
    [
        (("127.0.0.1", 1), b"localhost:8700", True), (("::1", 1), b"[::1]:8700", True),
        (("127.1.2.3", 1), b"127.0.0.1", True), (("::ffff:127.0.0.1", 1), b"localhost", True), (None, b"localhost", False),
        (("127.0.0.1", 1), b"shop.example", False), (("127.0.0.1.example", 1), b"localhost", False),
        (("10.0.0.1", 1), b"localhost", False), (("127.0.0.1", 1), b"localhost.example", False),
    ],
)  # fmt: skip
def test_who_is_on_this_machine(client: tuple[str, int] | None, host: bytes, expected: bool) -> None:
    assert from_this_machine(client, [(b"host", host)]) is expected


@pytest.mark.parametrize("door", ["framework", "hot"])
def test_overload_and_a_full_disk_ask_the_client_to_come_back(
    tmp_path: Path, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(site: Site) -> None:
        for error, status in ((Overloaded("wait"), 429), (Unavailable("full"), 503)):

            async def refuse(*_: object, error: Exception = error) -> None:
                raise error

            monkeypatch.setattr(site.app, "collect", refuse)
            answer = await site.ask("POST", "/v1/track", MESSAGE, door=door, **KEY)
            assert answer.status_code == status
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["status"] == status

    run(tmp_path, talk)


def test_a_full_queue_is_429_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    async def talk(site: Site) -> None:
        batch = {"batch": [MESSAGE] * 8}
        answers = await asyncio.gather(*(site.ask("POST", "/v1/batch", batch, door="hot", **KEY) for _ in range(30)))
        taken = sum(answer.status_code == 200 for answer in answers)
        assert {answer.status_code for answer in answers} == {200, 429}
        found = site.app.find_profile(Who(user_id="u"), 1)
        assert found is not None
        assert found.events == 8 * taken

    run(tmp_path, talk, queue_size=20)


@pytest.mark.parametrize("door", ["framework", "hot"])
def test_a_bug_is_500_without_a_traceback_and_logged_without_what_was_sent(
    tmp_path: Path, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(site: Site) -> None:
        async def broken(*_: object) -> None:
            raise KeyError("ada@example.com")

        monkeypatch.setattr(site.app, "collect", broken)
        monkeypatch.setattr(site.app, "find_profile", lambda *_: {}["ada@example.com"])
        with capture_logs() as logs:
            answers = [
                await site.ask("POST", "/v1/track", MESSAGE, door=door, **KEY),
                await site.ask("GET", "/v1/profiles/user:ada@example.com", door=door),
            ]
        for answer in answers:
            assert answer.status_code == 500
            assert answer.headers["content-type"] == "application/problem+json"
            assert "ada" not in answer.text
            assert "Traceback" not in answer.text
            assert ".py" not in answer.text
        assert [each["error"] for each in logs] == ["KeyError", "KeyError"]
        assert any("test_api.py" in frame for frame in logs[0]["frames"])
        assert "ada" not in str(logs)

    run(tmp_path, talk)


def test_the_document_tells_of_every_route_and_its_problems(tmp_path: Path) -> None:
    site = Site(tmp_path)
    document = site.framework.openapi_schema.to_schema()
    assert document["openapi"].startswith("3.1")
    assert set(COLLECT) | {"/v1/decide", "/v1/consent", "/v1/items", "/health", "/metrics"} <= document["paths"].keys()
    served = {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in site.framework.routes
        for method in route.methods
        if method != "OPTIONS" and not route.path.startswith("/schema")
    }
    told = {(path, method) for path, item in document["paths"].items() for method in item}
    assert told == served
    identifiers = set()
    for item in document["paths"].values():
        for operation in item.values():
            identifiers.add(operation["operationId"])
            assert operation["summary"]
            assert len(operation["description"]) > 20
            assert operation["tags"]
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], operation["operationId"]
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                assert content["example"]
                assert content["schema"]["type"] == "object"
                assert {"400", "413"} <= operation["responses"].keys()
            for needed in operation.get("security", []):
                assert needed.keys() <= document["components"]["securitySchemes"].keys()
    assert len(identifiers) == len(told)
    collect = document["paths"]["/v1/batch"]["post"]["responses"]
    assert {"200", "400", "401", "413", "429", "503"} <= collect.keys()


def test_the_examples_of_the_document_are_taken(tmp_path: Path) -> None:
    async def talk(site: Site) -> None:
        for path, item in site.framework.openapi_schema.to_schema()["paths"].items():
            body = item.get("post", {}).get("requestBody")
            if body is not None:
                example = body["content"]["application/json"]["example"]
                answer = await site.ask("POST", path, example, **KEY)
                assert answer.status_code == 200, (path, answer.text)
                assert "quarantined" not in answer.json(), (path, answer.text)

    run(tmp_path, talk)


def test_the_page_shows_every_route_and_loads_nothing_from_outside(tmp_path: Path) -> None:
    async def talk(site: Site) -> None:
        answer = await site.ask("GET", "/schema")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        for path in site.framework.openapi_schema.to_schema()["paths"]:
            assert path in answer.text
        assert "<script" not in answer.text
        assert not re.search(r"""(src|href)=["'](https?:)?//""", answer.text)
        assert not re.search(r"url\(|@import", answer.text)
        assert (await site.ask("GET", "/schema/openapi.json")).json()["openapi"].startswith("3.1")

    run(tmp_path, talk)


def test_all_workers_counts_are_told_together(tmp_path: Path) -> None:
    one = Counts(tmp_path / "metrics")
    one.received(5, 1, 2)
    one.answered(0, 200, 0.0004)
    one.answered(0, 503, 3.0)
    one.answered(1, 418, 0.004)
    one.flush(7)
    mine = next((tmp_path / "metrics").iterdir())
    (tmp_path / "metrics" / "99999999.counts").write_bytes(mine.read_bytes())  # a worker that has died
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposition(tmp_path / "metrics", 70, 69).decode())
        for sample in family.samples
    }
    assert found["tailorbird_events_received_total",] == 10
    assert found["tailorbird_events_quarantined_total",] == 2
    assert found["tailorbird_events_refused_total",] == 4
    assert found["tailorbird_answers_total", "collect", "200"] == 2
    assert found["tailorbird_answers_total", "collect", "503"] == 2
    assert found["tailorbird_answer_seconds_bucket", str(BOUNDS[0]), "collect"] == 2
    assert found["tailorbird_answer_seconds_bucket", "5.0", "collect"] == 4
    assert found["tailorbird_answer_seconds_count", "collect"] == 4
    assert found["tailorbird_answer_seconds_sum", "collect"] == pytest.approx(6.0008)
    assert (found["tailorbird_log_offset",], found["tailorbird_applied_offset",]) == (70, 69)
    waiting = [value for (name, *_), value in found.items() if name == "tailorbird_waiting"]
    assert waiting == [7], "a worker that has died has no queue"
    reset(tmp_path / "metrics")
    assert list((tmp_path / "metrics").iterdir()) == []


def test_gpc_is_declared(tmp_path: Path) -> None:
    async def talk(site: Site) -> None:
        assert (await site.ask("GET", "/.well-known/gpc.json", client=ELSEWHERE)).json()["gpc"] is True

    run(tmp_path, talk)
