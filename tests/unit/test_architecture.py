"""ARCHITECTURE.md tells the truth: its folders are there, and its two paths are what runs."""

import asyncio
import importlib
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest

from tailorbird.api.asgi import create_app
from tailorbird.app import Tailorbird
from tailorbird.config import load_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
PACKAGE = ROOT / "src" / "tailorbird"


def _path(title: str) -> list[str]:
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    steps = [line for line in section.splitlines() if re.match(r"\d+\. ", line)]
    assert len(steps) >= 8
    return [name for step in steps for name in re.findall(r"`(tailorbird[\w.]*:[\w.]+)`", step)]


def test_every_folder_is_on_the_map_and_every_entry_exists() -> None:
    named = set(re.findall(r"`src/tailorbird/(\w+)/`", PAGE))
    there = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert named == there


def test_every_module_beside_the_folders_is_named() -> None:
    plumbing = {"__init__.py", "__main__.py", "config.py", "errors.py", "ids.py"}
    there = {path.name for path in PACKAGE.glob("*.py")} - plumbing
    assert {name for name in there if f"`{name}`" not in PAGE} == set()


@pytest.mark.parametrize("title", ["The way of one event", "The way of one decision"])
def test_every_step_is_code(title: str) -> None:
    for name in _path(title):
        module, _, qualified = name.partition(":")
        found: Any = importlib.import_module(module)
        for part in qualified.split("."):
            found = getattr(found, part)
        assert callable(found)


def test_the_paths_are_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILORBIRD_DATA", str(tmp_path))
    monkeypatch.setenv("TAILORBIRD_MAP_SIZE_GB", "1")
    (tmp_path / "definitions.yaml").write_text(
        "features: {views: {count: Product Viewed}}\nsegments: {viewer: views >= 1}\n"
    )
    installation = Tailorbird(load_settings())
    key = installation.keys.add("web", purposes=7).key
    installation.prepare()
    installation.close()
    event = {"event": "Product Viewed", "anonymousId": "a", "properties": {"product_id": "p"}}
    traces = asyncio.run(_traced(key, {"/v1/track": event, "/v1/decide": {"who": {"anonymousId": "a"}}}))
    for title, trace in zip(("The way of one event", "The way of one decision"), traces, strict=True):
        called = iter(trace)
        for step in _path(title):
            assert step in called, f"{title}: {step} does not come in this order"


async def _traced(key: str, requests: dict[str, Any]) -> list[list[str]]:
    """The functions of tailorbird that each request calls, in order."""
    app = create_app()
    lifespan = _Lifespan(app)
    await lifespan.start()
    traces = []
    for path, body in requests.items():
        calls: list[str] = []

        def note(frame: FrameType, what: str, _: object, calls: list[str] = calls) -> None:
            module = frame.f_globals.get("__name__", "")
            if what == "call" and module.startswith("tailorbird."):
                calls.append(f"{module}:{frame.f_code.co_qualname}")

        threading.setprofile_all_threads(note) if hasattr(threading, "setprofile_all_threads") else _profile(note)
        try:
            assert await _post(app, key, path, msgspec.json.encode(body)) == 200
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
        traces.append(calls)
    await lifespan.stop()
    return traces


def _profile(note: Any) -> None:
    """Before Python 3.12 only threads that start later can be traced; the append thread starts with the first event."""
    threading.setprofile(note)
    sys.setprofile(note)


async def _post(app: Any, key: str, path: str, body: bytes) -> int:
    messages: Iterator[dict[str, Any]] = iter([{"type": "http.request", "body": body}])
    status = 0

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    headers = [(b"authorization", b"Bearer " + key.encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": headers,
        "query_string": b"",
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return status


class _Lifespan:
    """Drives an ASGI application's start and stop."""

    def __init__(self, app: Any) -> None:
        self._inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._task = asyncio.create_task(app({"type": "lifespan", "state": {}}, self._inbox.get, self._outbox.put))

    async def start(self) -> None:
        await self._inbox.put({"type": "lifespan.startup"})
        assert (await self._outbox.get())["type"] == "lifespan.startup.complete"

    async def stop(self) -> None:
        await self._inbox.put({"type": "lifespan.shutdown"})
        assert (await self._outbox.get())["type"] == "lifespan.shutdown.complete"
        await self._task
