"""A small installation of the demonstration shop, and a server over it."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from servers import free_port
from tailorbird.app import Tailorbird
from tailorbird.config import load_settings
from tailorbird.consent.purposes import ALL
from tailorbird.decide.decider import DecideRequest
from tailorbird.demo import dataset
from tailorbird.demo.shop.customers import CHOSEN
from tailorbird.recommend.interactions import from_feed
from tailorbird.recommend.train import train

KINDS = ("Mugs & cups", "Bags", "Garlands & bunting", "T-light holders", "Clocks", "Cushions & throws", "Earrings")
PER_KIND, EVENTS, MAP_GB = 45, 1_000, 8
START_SECONDS = 60.0


class ShopServer:
    """The shop in a process of its own, ended by its id."""

    def __init__(self, data: Path, definitions: Path, popular: list[str]) -> None:
        self.popular = popular
        """What the home page shows to whom nothing is known of, once the server has learnt from the whole history."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = data.parent / "shop.log"
        environment = os.environ | {
            "TAILORBIRD_DATA": str(data), "TAILORBIRD_DEFINITIONS": str(definitions), "TAILORBIRD_MAP_SIZE_GB": str(MAP_GB),
        }  # fmt: skip
        command = (
            *(sys.executable, "-m", "uvicorn", "tailorbird.demo.asgi:create_app", "--factory"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"),
        )
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, bytes]:
        """One request by hand: (status, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        """What a route of the API answers; None for 404."""
        status, body = self.ask("GET", path)
        if status == 404:
            return None
        assert status == 200, (status, body)
        return json.loads(body)

    def offset(self) -> int:
        """Where the log ends."""
        return int(self.json("/health")["log_offset"])

    def wait(self) -> None:
        """Until it answers, and its recommender has followed the whole history."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"the shop ended:\n{self.output()}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, body = self.ask("GET", "/")
                if (
                    status == 200
                    and [part.split('"')[0] for part in body.decode().split('data-item="')[1:]] == self.popular
                ):
                    return
            time.sleep(0.02)
        raise AssertionError(f"the shop did not show {self.popular} in {START_SECONDS} s:\n{self.output()}")

    def output(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")[-4_000:]

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)


async def build(data: Path, definitions: Path) -> list[str]:
    """Seven kinds of the products and a thousand of the events, trained on; returns what is popular then."""
    app = Tailorbird(load_settings(data=str(data), definitions=str(definitions), map_size_gb=MAP_GB))
    app.prepare()
    history = app.keys.add("history", purposes=ALL)
    by_kind: dict[str | None, list[Any]] = {}
    for item in dataset.items():
        by_kind.setdefault(item.category, []).append(item)
    items = [item for kind in KINDS for item in by_kind[kind][:PER_KIND]]
    ids = {item.id for item in items}
    events = []
    for event in dataset.events(dataset.weeks_until(datetime.now(UTC).date())):
        if event.get("event") == "Order Completed":
            products = [each for each in event["properties"]["products"] if each["product_id"] in ids]
            event = event | {"properties": event["properties"] | {"products": products}}
            if not products:
                continue
        events.append(event)
    chosen = [event for event in events if event.get("userId") in CHOSEN]
    events = (
        chosen[-EVENTS // 2 :] + [event for event in chosen if event["type"] == "identify"] + events[-EVENTS // 2 :]
    )
    await app.start()
    try:
        await app.put_items(items)
        for start in range(0, len(events), 100):
            await app.collect(json.dumps({"batch": events[start : start + 100]}).encode(), None, history.key)
        rows, last = app.interactions()
        train(from_feed(rows), app.items(), data / "models", seed=7, now=app.clock.now(), feed_offset=last)
        app.recommender.refresh()
        while True:
            with app.read() as txn:
                if app.follow(txn, 10_000):
                    break
        return [slot.item for slot in app.decide(DecideRequest("home"), keep=False).slate]
    finally:
        await app.stop()
        app.close(clean=True)
