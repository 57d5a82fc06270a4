"""A real server in a process of its own, one per test worker, and a real Chromium, one per module; every test begins with a fresh site."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


sys.path.insert(0, str(Path(__file__).parent))
from page_tools import DESKTOP, Open, leave, log_in  # noqa: E402


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    script = Path(__file__).with_name("page_server.py")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    with subprocess.Popen([sys.executable, str(script), "0"], stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        line = server.stdout.readline().strip()
        if not line:
            pytest.fail(f"the page server ended with {server.wait()}")
        try:
            yield line
        finally:
            server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright's loop occupies the thread: it ends with the module, so that asynchronous tests can follow in the same worker."""
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def turn(address: str) -> Callable[[str], None]:
    """Begin afresh as a site that is "busy", "lost", "empty" or "broken"."""
    return lambda mode: httpx.post(f"{address}/test/{mode}").raise_for_status() and None


@pytest.fixture
def api(address: str) -> Iterator[httpx.Client]:
    """As the owner."""
    with httpx.Client(base_url=address, headers={"Authorization": "Bearer owner-token-for-tests"}) as client:
        yield client


@pytest.fixture(scope="module")
def contexts(browser: Browser, address: str) -> Iterator[dict[bool, BrowserContext]]:
    """The owner's browser, already logged in, and a stranger's; shared, so that scripts are fetched and compiled once."""
    found = {owner: new_context(browser, address) for owner in (True, False)}
    page = found[True].new_page()
    log_in(page)
    page.wait_for_url(f"{address}/")
    leave([page])
    yield found
    for context in found.values():
        context.close()


@pytest.fixture
def open_page(contexts: dict[bool, BrowserContext], turn: Callable[[str], None]) -> Iterator[Open]:
    """``open_page(path, owner=True, viewport=..., scheme=...)``; errors of a page's scripts fail the test."""
    turn("busy")
    pages: list[Page] = []
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 40" not in message.text:
            errors.append(message.text)

    def open_(path: str, *, owner: bool = False, viewport: ViewportSize = DESKTOP, scheme: Literal["light", "dark"] = "light") -> Page:
        page = contexts[owner].new_page()
        pages.append(page)
        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        page.goto(path)
        return page

    yield open_
    leave(pages)
    assert errors == []


def new_context(browser: Browser, address: str) -> BrowserContext:
    """Its clock is not the site's: pages tell the site's time. Without motion, which costs more than all else."""
    context = browser.new_context(base_url=address, locale="en-GB", timezone_id="America/New_York", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    return context
