"""The operator's pages of the charging stations, their REST interface and their commands, over a whole site with stations at real sockets."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from page_tools import DESKTOP, PHONE, Open, owners_browser, pages_of, site_process, until
from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect
from typer.testing import CliRunner

from chargebridge.app.cli import app as cli


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where the site is, and its token."""
    with site_process("operation_server.py", tmp_path_factory.mktemp("operation")) as told:
        yield told


@pytest.fixture(scope="module")
def api(told: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{told['page']}/api/v1", headers={"Authorization": f"Bearer {told['token']}"}, timeout=20) as client:
        until(lambda: client.get("/stations/CARPORT/messages", params={"action": "MeterValues"}).json(), 20)
        yield client


@pytest.fixture(scope="module")
def context(browser: Browser, told: dict[str, str], api: httpx.Client) -> Iterator[BrowserContext]:
    with owners_browser(browser, told["page"]) as made:
        yield made


@pytest.fixture
def open_page(context: BrowserContext) -> Iterator[Open]:
    with pages_of(context) as open_:
        yield open_


def test_the_list_shows_every_station_and_finds_some(open_page: Open) -> None:
    page = open_page("/stations")
    expect(page.locator("[data-station]")).to_have_count(6)
    carport = page.locator('[data-station="CARPORT"]')
    expect(carport).to_contain_text("online")
    expect(carport).to_contain_text("Elbwerk Kai 22")
    expect(carport).to_contain_text("Carport: charging")
    expect(page.locator('[data-station="VISITORS"]')).to_contain_text("never heard")
    expect(page.locator(".in-strangers")).to_contain_text("GARAGE-7")
    page.get_by_label("Find stations").fill("nordlicht 2.1")
    expect(page.locator("[data-station]")).to_have_count(1)
    page.locator('[data-station="BAY-2"] a').click()
    expect(page.get_by_role("heading", level=1).last).to_have_text("BAY-2")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_screen(open_page: Open, viewport: ViewportSize) -> None:
    for path, ready in (("/stations", "[data-station]"), ("/stations/CARPORT", "[data-message]")):
        page = open_page(path, viewport)
        page.locator(ready).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_messages_are_readable_with_what_changed_and_what_was_wrong(open_page: Open) -> None:
    page = open_page("/stations/YARD-1")
    page.get_by_text("Only what went wrong").click()
    expect(page.locator(".cb-message-fault").first).to_contain_text("at $[3].status: Invalid enum value 'Sleeping'")
    page = open_page("/stations/CARPORT")
    page.get_by_label("Action begins with").fill("StatusN")
    changed = page.locator("[data-message]", has_text="status Charging").last
    expect(changed.locator(".cb-changes")).to_contain_text("Preparing")
    changed.locator(".cb-message").click()
    expect(changed.locator(".cb-json")).to_contain_text('"errorCode": "NoError"')


def test_a_command_shows_the_stations_own_answer(open_page: Open) -> None:
    page = open_page("/stations/BAY-1")
    page.get_by_role("button", name="Give a command").click()
    page.get_by_label("Command", exact=True).click()
    page.get_by_role("option", name="Version of the local list").click()
    page.get_by_role("button", name="Send").click()
    answer = page.locator(".q-dialog .cb-commands")
    expect(answer).to_contain_text("GetLocalListVersion")
    page.get_by_label("Command", exact=True).click()
    page.get_by_role("option", name="Clear the card cache").click()
    page.get_by_role("button", name="Send").click()
    expect(answer).to_contain_text("accepted")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".in-commands")).to_contain_text("ClearCache")


def test_how_a_station_proves_who_it_is(open_page: Open) -> None:
    page = open_page("/stations/BAY-2")
    expect(page.locator(".in-security")).to_contain_text("Profile it came by0: none")
    page.get_by_role("button", name="Renew").click()
    page.get_by_text("Its certificate").click()
    expect(page.locator(".q-notification")).to_contain_text("there is no CA of ours")
    assert page.locator(".in-backends").count() == 0, "it is forwarded to nobody"


def test_a_campaign_goes_on_before_ones_eyes_and_spares_the_car(open_page: Open, api: httpx.Client) -> None:
    page = open_page("/stations")
    page.get_by_role("button", name="New campaign").click()
    page.get_by_label("Name", exact=True).fill("Autumn")
    page.get_by_text("All stations").last.click()
    page.get_by_label("Address of the file").fill("https://firmware.example/6.bin")
    page.get_by_label("Version in it").fill("6.0.0")
    page.get_by_label("Stations at a time").fill("4")
    page.get_by_role("button", name="Begin").click()
    campaign = page.locator("[data-campaign]").first
    expect(campaign).to_contain_text("4 of 6 installed", timeout=20_000)
    states = {s["station"]: (s["state"], s["detail"]) for s in api.get("/campaigns").json()[0]["stations"]}
    assert states["CARPORT"] == ("waiting", "charges a car")
    assert states["VISITORS"] == ("waiting", "offline")
    campaign.get_by_role("button", name="Abort").click()
    expect(campaign).to_contain_text("aborted")
    assert api.post("/campaigns/1", json={"to": "pause"}).status_code == 422


def test_rest_gives_the_log_as_json_lines_to_go_on_from(api: httpx.Client) -> None:
    lines = [json.loads(line) for line in api.get("/station-log", params={"limit": 20}).text.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 21))
    assert {"station", "at", "direction", "action", "payload", "changes"} <= set(lines[0])
    following = api.get("/station-log", params={"limit": 1, "after": 20}).text
    assert json.loads(following)["number"] == 21
    detail = api.get("/stations/CARPORT").json()
    assert detail["transactions"][0]["token"] == "04A2B9F1"
    assert any("is connected" in text for _, text in detail["events"])


def test_rest_checks_commands_and_names_what_is_wrong(api: httpx.Client) -> None:
    good = api.post("/stations/BAY-1/commands", json={"action": "Reset", "payload": {"type": "OnIdle"}})
    assert good.json()["outcome"] == "accepted"
    for body, where in (
        ({"action": "Reset", "payload": {"type": "Soft"}}, "Reset $.type"),
        ({"name": "reset", "arguments": {"how": "gently"}}, "reset: how"),
        ({"name": "reset", "action": "Reset"}, "body"),
        ({}, "body"),
    ):
        answer = api.post("/stations/BAY-1/commands", json=body)
        assert (answer.status_code, answer.json()["where"]) == (422, where)
    assert api.post("/stations/NOBODY/commands", json={"name": "reset"}).status_code == 404
    assert api.get("/stations/NOBODY/messages").status_code == 404
    assert api.get("/stations/VISITORS/commands/actions").status_code == 422
    assert "SetDERControl" in api.get("/stations/BAY-2/commands/actions").json()
    paths = api.get("/openapi.json").json()["paths"]
    assert "/api/v1/stations/{station}/messages" in paths


def test_without_a_login_there_is_nothing(told: dict[str, str]) -> None:
    for path in ("/stations", "/stations/CARPORT", "/stations/CARPORT/log.jsonl"):
        assert httpx.get(told["page"] + path).headers["location"] == "/login"
    for path in ("/stations", "/station-log", "/station-file", "/campaigns", "/strangers"):
        assert httpx.get(f"{told['page']}/api/v1{path}").status_code == 401


def test_commands_of_the_shell_do_the_same(told: dict[str, str], tmp_path: Path) -> None:
    runner = CliRunner(env={"CHARGEBRIDGE_URL": told["page"], "CHARGEBRIDGE_TOKEN": told["token"]})

    def run(*words: str) -> tuple[int, str]:
        made = runner.invoke(cli, ["stations", *words])
        return made.exit_code, made.stdout

    code, text = run("list", "--json")
    assert code == 0
    assert [json.loads(line)["identity"] for line in text.splitlines()][:2] == ["CARPORT", "BAY-1"]
    code, text = run("command", "BAY-1", "unlock", "evse=1", "--json")
    assert (code, json.loads(text)["outcome"]) == (0, "accepted")
    assert run("command", "VISITORS", "unlock")[0] == 1
    assert run("command", "BAY-1")[0] == 0
    assert "Elbwerk" in run("show", "CARPORT")[1]
    assert "StatusNotification" in run("log", "YARD-1")[1]
    assert "GARAGE-7" in run("strangers")[1]
    code, text = run(
        "campaign", "begin", "night", "https://firmware.example/7.bin", "YARD-1", "--not-before", "2030-01-01T00:00:00Z", "--json"
    )
    number = str(json.loads(text)["number"])
    for word, state in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        assert json.loads(run("campaign", word, number, "--json")[1])["state"] == state
    assert "skipped" in run("campaign", "show", number)[1]
    code, text = run("log", "YARD-1", "--action", "Boot", "--json")
    assert json.loads(text.splitlines()[0])["action"] == "BootNotification"
    file = tmp_path / "new.csv"
    file.write_text("id,point,name,circuit\nNEW-1,new,Bay 9,main\n")
    code, text = run("import", str(file), "--json")
    assert (code, len(json.loads(text)["password"])) == (0, 20)
    code, text = run("export", "--format", "csv")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text))}
    assert (rows["NEW-1"]["point"], rows["NEW-1"]["password"]) == ("new", "")
    assert run("remove", "NEW-1")[0] == 0
    assert run("remove", "CARPORT")[0] == 1
