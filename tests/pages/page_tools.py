"""What the page tests have in common."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, ViewportSize

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
