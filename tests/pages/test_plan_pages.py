"""The plan on the driver's and the owner's page, in a real browser: drawn, dragged, answered at once, taken."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from page_tools import PHONE, Open
from playwright.sync_api import Page, expect

LINK = "/p/p02?key=key-of-p02-0123456789abcdef"


def facts(page: Page) -> str:
    return page.locator(".cb-plan-facts").inner_text()


def handle(page: Page) -> tuple[float, float]:
    page.locator(".cb-plan-buttons, .cb-plan-said").last.scroll_into_view_if_needed()
    box = page.locator(".cb-plan-leave circle").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_driver_drags_his_departure_and_sees_what_it_costs(open_page: Open, api: httpx.Client, tmp_path: Path) -> None:
    page = open_page(LINK, viewport=PHONE)
    plan = page.get_by_label("The plan for this car")
    expect(plan.locator(".cb-plan-facts")).to_contain_text("4.08 €")  # 12 kWh in the next three hours at 0.34
    assert "now" in facts(page)
    x, y = handle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y, steps=6)
    page.mouse.up()
    expect(plan.locator(".cb-plan-facts")).to_contain_text("1.32 €")  # in the cheap hours, 0.11
    expect(plan).to_contain_text("Costs 2.76 € less.")
    before = api.get("/api/v1/points/p02").json()["preference"]["target_at"]
    page.screenshot(path=tmp_path / "driver_drags.png")
    plan.get_by_role("button", name="Do it so").click()
    expect(page.get_by_text("Saved. The plan follows your wish.")).to_be_visible()
    after = api.get("/api/v1/points/p02").json()["preference"]
    assert datetime.fromisoformat(after["target_at"]) - datetime.fromisoformat(before) > timedelta(hours=3)
    assert after["energy_min_wh"] == 12_000
    expect(plan.get_by_role("button", name="Do it so")).to_have_count(0)
    expect(plan.locator(".cb-plan-facts")).to_contain_text("1.32 €")
    page.screenshot(path=tmp_path / "driver.png")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_by_keyboard_and_by_energy(open_page: Open) -> None:
    page = open_page(LINK, viewport=PHONE)
    slider = page.get_by_role("slider", name="When you leave")
    slider.focus()
    for _ in range(5):
        slider.press("PageUp")
    expect(page.locator(".cb-plan-facts")).to_contain_text("1.32 €")
    page.get_by_role("button", name="Back").click()
    expect(page.locator(".cb-plan-facts")).to_contain_text("4.08 €")
    energy = page.get_by_label("Energy that I need")
    energy.fill("40")
    expect(page.get_by_label("The plan for this car")).to_contain_text("cannot be had until then")
    expect(page.locator(".cb-plan-facts")).to_contain_text("not in time")


def test_without_a_plan_he_is_told_why(open_page: Open, turn) -> None:  # type: ignore[no-untyped-def]
    turn("empty")
    page = open_page("/p/p02?key=key-of-p02-0123456789abcdef", viewport=PHONE)
    turn("empty")
    expect(page.get_by_label("The plan for this car")).to_contain_text(re.compile("Plug in and start charging|being made"))


def test_the_owner_sees_plan_price_sun_and_savings(open_page: Open, api: httpx.Client, tmp_path: Path) -> None:
    late = (datetime.now(UTC) + timedelta(hours=12)).isoformat()
    api.put("/api/v1/points/p02/preference", json={"energy_min_wh": 12_000, "target_at": late}).raise_for_status()
    page = open_page("/", owner=True)
    panel = page.get_by_label("The plan", exact=True)
    expect(panel.locator(".is-good").first).to_have_text(re.compile("2.76 €.*less than charging at once"))
    expect(panel.locator(".is-good").last).to_have_text(re.compile("5.25 €.*less than at once since .*: 61.0 kWh in 5 stays cost 9.10 €"))
    expect(panel).to_contain_text("Bay 2")
    expect(panel).to_contain_text("1 other car charges at once, as nobody said by when: Bay 1.")
    expect(panel).to_contain_text(re.compile(r"Made at .* for a car, exactly in 12 ms\."))
    chart = panel.locator(".cb-chart svg")
    for name in ("House", "Cars", "Solar", "Grid by plan", "if all charged at once", "Grid as it was", "Price"):
        expect(chart).to_contain_text(name)
    expect(chart).to_contain_text("€/kWh")
    panel.scroll_into_view_if_needed()
    panel.screenshot(path=tmp_path / "owner_plan.png")


def test_the_interface_gives_plan_and_trial(api: httpx.Client, turn) -> None:  # type: ignore[no-untyped-def]
    turn("busy")
    plan = api.get("/api/v1/plan").json()
    assert len(plan["starts"]) == len(plan["price_per_kwh"]) == len(plan["cars"][0]["power_w"]) == 96
    late = (datetime.now(UTC) + timedelta(hours=9)).isoformat()
    key = {"Authorization": "Bearer key-of-p02-0123456789abcdef"}
    trial = api.post("/api/v1/points/p02/what-if", json={"energy_min_wh": 12_000, "target_at": late}, headers=key).json()
    assert trial["more"] < -2.7
    assert api.post("/api/v1/points/p03/what-if", json={}, headers=key).status_code == 401
    assert api.get("/api/v1/points/p02/plan", headers=key).json()["point"] == "p02"
    assert api.get("/api/v1/points/p09/plan").status_code == 404
    assert api.get("/api/v1/plan", headers=key).status_code == 401
    wrong = api.put("/api/v1/prices", json=[{"starts_at": "2026-11-21T18:00", "ends_at": late, "per_kwh": 0.3}])
    assert wrong.status_code == 422
    turn("empty")
    assert api.get("/api/v1/plan").json()["reason"] == "the first plan is being made"
