"""The owner's page in a real browser."""

import re
from collections.abc import Callable

import httpx
import pytest
from page_tools import DESKTOP, PHONE, Open, log_in
from playwright.sync_api import Page, ViewportSize, expect


def test_nothing_is_seen_before_the_right_password(open_page: Open) -> None:
    page = open_page("/")
    expect(page).to_have_url(re.compile("/login$"))
    expect(page.get_by_text("Lindenhof")).to_have_count(0)
    log_in(page, "wrong horse")
    expect(page.get_by_role("alert")).to_have_text("That is not the owner's password.")
    log_in(page)
    expect(page.get_by_role("heading", name="Lindenhof 12")).to_be_visible()
    page.get_by_role("button", name="Log out").click()


def test_logging_out_ends_the_other_tabs_too(open_page: Open) -> None:
    page, other = open_page("/login"), open_page("/login")
    log_in(page)
    other.goto("/")
    expect(other.locator(".cb-card").first).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile("/login$"))
    expect(other).to_have_url(re.compile("/login$"))
    page.goto("/")
    expect(page).to_have_url(re.compile("/login$"))


def test_figures_move_without_the_page_being_rebuilt(open_page: Open) -> None:
    page = open_page("/", owner=True)
    card = page.locator("[data-point=p01]")
    expect(card).to_be_visible()
    page.evaluate("window.first = document.querySelector('[data-point=p01] .cb-power'); window.bar = document.querySelector('.cb-bar i')")
    clock, power = page.locator(".cb-clock").inner_text(), page.locator("[data-party=cars] b").inner_text()
    page.wait_for_function(
        "([clock, power]) => document.querySelector('.cb-clock').innerText !== clock"
        " && document.querySelector('[data-party=cars] b').innerText !== power",
        arg=[clock, power],
    )
    assert page.evaluate("window.first.isConnected && window.bar.isConnected")


def test_flow_says_direction_in_words_and_numbers(open_page: Open, turn: Callable[[str], None]) -> None:
    page = open_page("/", owner=True)
    expect(page.locator("[data-party=grid]")).to_contain_text(re.compile(r"\d+\.\d kW\s*from the grid"))
    expect(page.locator("[data-party=battery]")).to_contain_text("64 %, discharging")
    turn("empty")
    expect(page.locator("[data-party=grid]")).to_contain_text("to the grid")
    expect(page.locator("[data-party=cars]")).to_contain_text("no car plugged in")


def test_each_fuse_shows_its_three_phases_and_a_lost_meter(open_page: Open, turn: Callable[[str], None]) -> None:
    page = open_page("/", owner=True)
    yard = page.locator("[data-node=yard]")
    expect(yard.get_by_role("img")).to_have_count(3)
    expect(yard.get_by_role("img").first).to_have_attribute(
        "aria-label", re.compile(r"L1: \d+.* A, of it .* cars; at most 40 A, fuse 40 A")
    )
    expect(page.locator("[data-node=root]")).to_contain_text("phase balance: at most 20 A apart")
    turn("lost")
    expect(yard).to_contain_text("meter silent for 23 s: worst case assumed")
    alert = page.locator(".cb-alert").filter(has_text="Courtyard")
    expect(alert).to_contain_text("What to do: Check the cable")


def test_a_tap_on_a_card_opens_the_whole_why_chain(open_page: Open) -> None:
    page = open_page("/", owner=True)
    expect(page.locator("[data-point=p01]")).to_contain_text("the fuse of Garage north is shared by 4 cars")
    page.get_by_role("button", name="Why, and more about Bay 1").click()
    sheet = page.locator(".cb-sheet")
    expect(sheet.locator(".cb-chain li")).to_have_count(5)
    binding = sheet.locator(".cb-chain li.is-binding")
    expect(binding).to_have_count(1)
    expect(binding).to_contain_text("50 A − 39 A of others")
    expect(binding).to_contain_text("this decides")
    expect(sheet).to_contain_text("Session since")


def test_owner_steers_a_point_and_hands_out_its_link(open_page: Open, address: str, api: httpx.Client) -> None:
    page = open_page("/", owner=True)
    page.get_by_role("button", name="Why, and more about Bay 2").click()
    sheet = page.locator(".cb-sheet")
    sheet.get_by_role("button", name="Higher priority").click()
    expect(sheet.locator(".cb-priority")).to_have_text("1")
    link = sheet.get_by_label("Link for the driver").input_value()
    assert link == f"{address}/p/p02?key=key-of-p02-0123456789abcdef"
    expect(sheet.locator(".cb-qr svg path").first).to_be_attached()
    sheet.get_by_role("button", name="Stop charging").click()
    expect(page.get_by_text("Stop at Bay 2: the station has agreed.")).to_be_visible()
    expect(sheet.get_by_role("button", name="Start charging")).to_be_visible()
    assert api.get("/api/v1/points/p02").json()["session"] is None


@pytest.mark.parametrize(("kilowatts", "shown"), [("0", "at most 0 kW"), ("7.5", "at most 7.5 kW")])
def test_owner_sets_and_withdraws_his_own_limit(open_page: Open, kilowatts: str, shown: str) -> None:
    page = open_page("/", owner=True)
    page.get_by_role("button", name="Limit Courtyard").click()
    dialog = page.locator(".cb-dialog")
    dialog.get_by_role("button", name="Set limit").click()
    expect(dialog).to_contain_text("Say how many kW")
    dialog.get_by_label("At most").fill(kilowatts)
    dialog.get_by_role("button", name="Set limit").click()
    limit = page.locator("[data-limit=owner-yard]")
    expect(limit).to_contain_text(shown)
    expect(limit).to_contain_text("until withdrawn")
    limit.get_by_role("button", name="Withdraw").click()
    expect(limit).to_have_count(0)


def test_limits_say_their_source_ground_and_time(open_page: Open) -> None:
    page = open_page("/", owner=True)
    limit = page.locator("[data-limit=lpc-1]")
    expect(limit).to_contain_text("Grid operator, EEBUS LPC")
    expect(limit).to_contain_text("§ 14a EnWG")
    expect(limit).to_contain_text(re.compile(r"until (tomorrow )?\d\d:\d\d, 37 min left"))
    expect(limit.get_by_role("button", name="Withdraw")).to_have_count(0)


def test_empty_site_is_told_in_words(open_page: Open, turn: Callable[[str], None]) -> None:
    turn("empty")
    page = open_page("/", owner=True)
    turn("empty")
    expect(page.get_by_text("No limit beyond the fuses")).to_be_visible()
    expect(page.locator("[data-point=p01]")).to_contain_text("No car is plugged in.")
    expect(page.get_by_text("Nothing has happened yet.")).to_be_visible()


def test_chart_and_sessions_arrive(open_page: Open) -> None:
    page = open_page("/", owner=True)
    expect(page.locator(".cb-chart svg path").nth(6)).to_be_attached()
    expect(page.locator(".cb-sessions tbody tr")).to_have_count(9)
    page.get_by_role("button", name="12 h").click()
    expect(page.locator(".cb-chart svg path").nth(6)).to_be_attached()


def test_a_site_that_does_not_answer_is_told_and_comes_back(open_page: Open, turn: Callable[[str], None]) -> None:
    page = open_page("/", owner=True)
    expect(page.get_by_role("status")).to_contain_text("all within limits")
    turn("broken")
    expect(page.get_by_role("status")).to_contain_text("The site does not answer")
    turn("busy")
    expect(page.get_by_role("status")).to_contain_text("all within limits")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", ["/", "/eebus", "/login", "/p/p02?key=key-of-p02-0123456789abcdef", "/p/p02?key=no"])
def test_no_page_scrolls_sideways(open_page: Open, viewport: ViewportSize, path: str) -> None:
    page = open_page(path, owner=path in ("/", "/eebus"), viewport=viewport, scheme="dark")
    expect(page.locator("h1").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert unnamed(page) == []


def unnamed(page: Page) -> list[str]:
    """Controls without an accessible name."""
    return page.evaluate(
        "[...document.querySelectorAll('button, a, input:not([type=hidden]):not(.hidden)')].filter(e => !(e.innerText.trim() || e.ariaLabel"
        " || e.title || (e.labels && e.labels.length))).map(e => e.outerHTML)"
    )


def test_a_heat_pump_shows_what_it_draws_what_it_may_and_why(open_page: Open, turn: Callable[[str], None]) -> None:
    page = open_page("/", owner=True)
    pump = page.locator("[data-load=pump]")
    expect(pump).to_contain_text("2.1 kW")
    expect(pump).to_contain_text("at most 4.2 kW")
    expect(pump).to_contain_text("section 14a EnWG")
    turn("lost")
    expect(pump).to_contain_text("not connected")
    expect(pump).to_contain_text("4.2 kW stay reserved for it")


def test_the_secret_of_the_pairing_service_is_shown_only_when_it_is_asked_for(open_page: Open) -> None:
    page = open_page("/eebus", owner=True)
    page.get_by_role("button", name="Code for a control box").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Show it to your metering operator only")
    assert "00112233445566778899AABBCCDDEEFF" not in page.content()
    dialog.get_by_role("button", name="Show the code").click()
    expect(dialog.get_by_label("Its text")).to_have_value(re.compile("SPSEC:00112233445566778899AABBCCDDEEFF;"))
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    assert "00112233445566778899AABBCCDDEEFF" not in page.content()


def test_a_site_without_eebus_says_how_it_would_get_it(open_page: Open, turn: Callable[[str], None]) -> None:
    turn("empty")
    page = open_page("/eebus", owner=True)
    expect(page.locator(".in-nogrid")).to_contain_text("With an [eebus] table in its configuration")
