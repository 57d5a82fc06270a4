"""What the page tests have in common."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from playwright.sync_api import Error as PlaywrightError

PASSWORD = "correct horse"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1440, "height": 900}

Open = Callable[..., Page]


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.goto("/login")
    page.get_by_label("Owner's password").fill(password)
    page.get_by_role("button", name="Log in").click()


def leave(pages: Iterable[Page]) -> None:
    """Empty pages instead of closing them, which has been seen to hang for ever in Chromium; they go with their context."""
    for page in pages:
        with suppress(PlaywrightError):
            page.goto("about:blank", timeout=5000)


@contextmanager
def site_process(script: str, folder: Path) -> Iterator[dict[str, str]]:
    """A whole site in a process of its own, and what it says of itself in its first line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, str(Path(__file__).with_name(script)), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise AssertionError(f"the site ended with {server.wait()}")
        try:
            yield json.loads(line)
        finally:
            server.kill()


@contextmanager
def owners_browser(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """Logged in."""
    made = browser.new_context(base_url=address, locale="en-GB", reduced_motion="reduce")
    made.set_default_timeout(15_000)
    page = made.new_page()
    log_in(page)
    page.wait_for_url(f"{address}/")
    leave([page])
    yield made
    made.close()


@contextmanager
def pages_of(context: BrowserContext) -> Iterator[Open]:
    """``open_(path, viewport)``; errors of a page's scripts fail the test."""
    errors: list[str] = []
    pages: list[Page] = []

    def open_(path: str, viewport: ViewportSize = DESKTOP) -> Page:
        page = context.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_viewport_size(viewport)
        page.goto(path)
        return page

    yield open_
    leave(pages)
    assert errors == []


def until(condition: Callable[[], Any], timeout_s: float) -> Any:
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)
    return found
