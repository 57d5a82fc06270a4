"""The product as ``make up`` starts it, in a real browser: the demo's first minute, on a desktop and on a phone."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_tools import DESKTOP, PHONE, leave
from playwright.sync_api import Browser, ViewportSize, expect


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What ``chargebridge up --json`` announces."""
    store = tmp_path_factory.mktemp("demo") / "demo.db"
    words = ["up", "--json", "--port", "0", "--ocpp-port", "0", "--demo-ports", "0", "--store", str(store)]
    command = [sys.executable, "-c", "from chargebridge.app.cli import main; main()", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                pytest.fail("the demo did not end within 20 s of SIGTERM")


@pytest.mark.parametrize(("name", "viewport"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_the_owner_sees_cars_charge_and_why(
    browser: Browser, demo: dict[str, Any], name: str, viewport: ViewportSize, tmp_path: Path
) -> None:
    page = browser.new_page(viewport=viewport, reduced_motion="reduce")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(demo["page"])
    page.locator("input[type=password]").fill(demo["password"])
    page.keyboard.press("Enter")
    card = page.locator("[data-point=g1]")
    expect(card).to_be_visible(timeout=15_000)
    expect(card.locator(".cb-power")).to_have_text(re.compile(r"[1-9]\d*(\.\d)? k?W"), timeout=60_000)
    expect(page.locator("[data-node=main]")).to_contain_text("63 A")
    expect(page.locator("[data-party=grid]")).to_contain_text("grid")
    card.click()
    expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"\d+(\.\d)? A"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=tmp_path / f"{name}.png")
    assert errors == []
    leave([page])


def test_a_driver_says_what_he_needs(browser: Browser, demo: dict[str, Any]) -> None:
    page = browser.new_page(viewport=PHONE, reduced_motion="reduce")
    page.goto(demo["drivers"]["g1"])
    expect(page.get_by_text("Garage 1")).to_be_visible(timeout=15_000)
    page.get_by_label("At most").fill("9")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(re.compile("to go")).first).to_be_visible(timeout=15_000)
    other = demo["drivers"]["g1"].replace("/p/g1", "/p/g3")
    page.goto(other)
    expect(page.get_by_text("Garage 3")).to_have_count(0)
    leave([page])
