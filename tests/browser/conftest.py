"""The demonstration shop, running, and a headless Chromium to visit it with."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from shop_server import ShopServer, build
from tailorbird.demo.asgi import __file__ as asgi_file

_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopServer]:
    """A running shop. Tests share it: each comes as a visitor of its own."""
    folder = tmp_path_factory.mktemp("shop")
    definitions = folder / "definitions.yaml"
    body = yaml.safe_load((Path(asgi_file).parent / "definitions.yaml").read_text())
    for placement in body["placements"].values():
        placement["explore"] = 0  # a slate that changes must have changed because of what was done
    definitions.write_text(yaml.safe_dump(body, sort_keys=False))
    popular = asyncio.run(build(folder / "data", definitions))
    server = ShopServer(folder / "data", definitions, popular)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def browser(shop: ShopServer) -> Iterator[Browser]:
    """Headless Chromium. It comes after the shop, and ends with the module: while it lives this thread has a running event loop,
    which other tests' ``asyncio.run`` would not bear."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed, and CI must have it")
        pytest.skip("Chromium is not installed: the shop cannot be visited (apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, shop: ShopServer) -> Iterator[BrowserContext]:
    """A visitor's browser without any cookies."""
    context = browser.new_context(base_url=shop.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, shop: ShopServer) -> Iterator[Page]:
    """A tab. However it is used: nothing comes from elsewhere, and the browser has nothing to complain of."""
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(shop.url) else complaints.append(request.url))
    yield page
    assert complaints == []
