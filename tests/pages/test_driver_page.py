"""The driver's page in a real browser."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
from page_tools import PHONE, Open
from playwright.sync_api import Page, expect

from chargebridge.calibration.transparency import check_file

LINK = "/p/p02?key=key-of-p02-0123456789abcdef"


def save(page: Page, **fields: str) -> None:
    for label, value in fields.items():
        field = page.get_by_label(label.replace("_", " "))
        field.fill(value)
        expect(field).to_have_value(value)
    page.get_by_role("button", name="Save").click()


def test_link_opens_his_point_and_nothing_else(open_page: Open) -> None:
    page = open_page(LINK, viewport=PHONE)
    now = page.get_by_label("Charging now")
    expect(now).to_contain_text("Bay 2")
    expect(now).to_contain_text("16 A: all that this car asks for.")
    expect(now).to_contain_text(re.compile(r"\d+\.\d kWh"))
    assert not re.search(r"Bay 1|Bay 3|Courtyard|§ 14a", page.content())
    page.goto("/")
    expect(page).to_have_url(re.compile("/login$"))


def test_a_wrong_or_missing_key_is_refused_kindly(open_page: Open) -> None:
    for path in ("/p/p02?key=key-of-p01-0123456789abcdef", "/p/p02", "/p/unknown?key=x"):
        page = open_page(path)
        expect(page.get_by_role("heading", name="This link does not fit")).to_be_visible()
        assert "Bay 2" not in page.content()


def test_power_is_live(open_page: Open) -> None:
    page = open_page(LINK, viewport=PHONE)
    power = page.locator(".cb-driver-power b")
    before = power.inner_text()
    expect(power).not_to_have_text(before)


def test_preference_is_saved_in_the_sites_time(open_page: Open, api: httpx.Client) -> None:
    page = open_page(LINK, viewport=PHONE)
    expect(page.get_by_label("At least")).to_have_value("12")
    ready = (datetime.now(ZoneInfo("Europe/Vienna")) + timedelta(hours=5)).replace(second=0, microsecond=0)
    save(
        page,
        At_least="20",
        At_most="45.5",
        Ready_by=ready.strftime("%Y-%m-%dT%H:%M"),
        For_the_least_I_need="0.35",
        For_what_goes_beyond="0.2",
    )
    expect(page.get_by_text("Saved. Charging follows your wish")).to_be_visible()
    preference = api.get("/api/v1/points/p02").json()["preference"]
    assert datetime.fromisoformat(preference.pop("target_at")) == ready.astimezone(UTC)
    back = {"may_discharge": False, "reserve_soc": 0.5}
    assert preference == {"energy_min_wh": 20_000, "energy_max_wh": 45_500, "price_cap_min": 0.35, "price_cap_max": 0.2} | back


def test_contradictions_are_told_at_the_field(open_page: Open, api: httpx.Client) -> None:
    page = open_page(LINK, viewport=PHONE)
    save(page, At_least="60", At_most="50", Ready_by="2020-01-01T08:00")
    expect(page.get_by_text("At most cannot be less than at least.")).to_be_visible()
    expect(page.get_by_text("That time is already past.")).to_be_visible()
    assert api.get("/api/v1/points/p02").json()["preference"]["energy_min_wh"] == 12_000


def test_what_cannot_be_reached_is_saved_and_said(open_page: Open, api: httpx.Client) -> None:
    page = open_page(LINK, viewport=PHONE)
    ready = datetime.now(ZoneInfo("Europe/Vienna")) + timedelta(hours=1)
    save(page, At_least="80", Ready_by=ready.strftime("%Y-%m-%dT%H:%M"))
    expect(page.get_by_text("this point can give")).to_be_visible()
    assert api.get("/api/v1/points/p02").json()["preference"]["energy_min_wh"] == 80_000


def test_what_he_types_stays_while_the_figures_move(open_page: Open) -> None:
    page = open_page(LINK, viewport=PHONE)
    field = page.get_by_label("At least")
    expect(field).to_have_value("12")
    field.fill("33")
    before = page.locator(".cb-driver-power b").inner_text()
    expect(page.locator(".cb-driver-power b")).not_to_have_text(before)
    expect(field).to_have_value("33")


def test_driver_stops_and_starts(open_page: Open) -> None:
    page = open_page(LINK, viewport=PHONE)
    page.get_by_role("button", name="Stop charging").click()
    expect(page.get_by_label("Charging now")).to_contain_text("No car is plugged in.")
    page.get_by_role("button", name="Start charging").click()
    expect(page.get_by_label("Charging now")).to_contain_text("16 A: all that this car asks for.")


def test_the_last_charging_is_shown_with_its_proof(open_page: Open) -> None:
    page = open_page(LINK, viewport=PHONE)
    proof = page.get_by_label("Proof of the last charging")
    for text in ("The signature holds", "1 000.000 kWh", "1 012.500 kWh", "12.500 kWh", "M1 at DE*ABC*E2", "register, entry e2"):
        expect(proof).to_contain_text(text)
    expect(proof.get_by_role("link", name="Check them yourself")).to_have_attribute("href", "/verify/good-proof-0123456789abc")
    expect(page.get_by_role("link", name="Check an invoice")).to_have_attribute("href", "/verify")
    with page.expect_download() as told:
        proof.get_by_role("link", name="Signed values").click()
    (checked,) = check_file(told.value.path().read_bytes())
    assert checked.verdict.energy_billable
    page.goto("/p/p03?key=key-of-p03-0123456789abcdef")
    expect(proof).to_contain_text("Not billed")
    expect(proof).to_contain_text("The station has sent no signed values")
    expect(proof.get_by_role("link", name="Signed values")).to_have_count(0)


def test_a_proof_that_nobody_has_cannot_be_fetched(api: httpx.Client) -> None:
    stranger = httpx.get(f"{api.base_url}/proof/nothing.xml")
    assert (stranger.status_code, stranger.headers["content-type"].split(";")[0]) == (404, "text/html")
    assert api.get("/api/v1/sessions/s4/proof").json()["state"] == "billable"
    assert api.get("/api/v1/sessions/77/proof").status_code == 404
    assert api.get("/api/v1/sessions").json()[1]["proof"] == {"id": "good-proof-0123456789abc", "state": "billable", "reason": ""}
