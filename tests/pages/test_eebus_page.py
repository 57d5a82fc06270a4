"""The page of grid and EEBUS, its REST interface and its commands, over a whole site with real counterparts at its EEBUS port."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from page_tools import DESKTOP, PHONE, Open, owners_browser, pages_of, site_process, until
from playwright.sync_api import Browser, BrowserContext, Page, expect
from typer.testing import CliRunner

from chargebridge.app.cli import app as cli
from chargebridge.wire.eebus.ship.qr import from_text

LIMITS = "loadControlLimitListData"
PATIENCE_MS = 20_000


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where the site is, its token, and the SKIs of the control box and of the stranger."""
    with site_process("eebus_server.py", tmp_path_factory.mktemp("eebus")) as told:
        yield told


@pytest.fixture(scope="module")
def api(told: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{told['page']}/api/v1", headers={"Authorization": f"Bearer {told['token']}"}, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def context(browser: Browser, told: dict[str, str]) -> Iterator[BrowserContext]:
    with owners_browser(browser, told["page"]) as made:
        yield made


@pytest.fixture
def open_page(context: BrowserContext) -> Iterator[Open]:
    with pages_of(context) as open_:
        yield open_


@pytest.fixture
def limited(told: dict[str, str], api: httpx.Client) -> None:
    """The control box is paired and has written its limits."""
    if peer_of(api, told["box"])["phase"] != "connected":
        api.post("/eebus/peers", json={"ski": told["box"], "name": "Meter cupboard"}).raise_for_status()
    until(lambda: len([one for one in api.get("/eebus/writes").json() if one["what"] == "limit"]) >= 3, 20)


def peer_of(api: httpx.Client, ski: str) -> dict[str, Any]:
    return until(lambda: next((one for one in api.get("/eebus/peers").json() if one["ski"] == ski), None), 20)


def card(page: Page, ski: str) -> Any:
    return page.locator(f'[data-peer="{ski}"]')


def test_the_owner_confirms_one_that_asks_and_refuses_another(open_page: Open, told: dict[str, str]) -> None:
    page = open_page("/eebus")
    expect(page.locator(".cb-grid-said")).to_contain_text("Just started, limited to 4.2 kW: waiting for a control box")
    page.get_by_role("button", name="Open for 3 minutes").click()
    expect(page.locator(".cb-window")).to_contain_text("left to pair")
    box, stranger = card(page, told["box"]), card(page, told["stranger"])
    expect(box).to_contain_text("asks to be paired", timeout=PATIENCE_MS)
    expect(stranger).to_contain_text("asks to be paired", timeout=PATIENCE_MS)
    written = " ".join(told["box"][at : at + 4] for at in range(0, 40, 4))
    expect(box.locator(".cb-ski-groups")).to_have_text(written)
    box.get_by_role("button", name="Confirm").click()
    expect(box.locator(".cb-chip")).to_have_text("connected", timeout=PATIENCE_MS)
    expect(box).to_contain_text("control box")
    stranger.get_by_role("button", name="Refuse").click()
    expect(page.locator(".q-notification").last).to_contain_text("is refused")
    page.locator(".cb-window").get_by_role("button", name="Close").click()
    expect(stranger).not_to_contain_text("asks to be paired", timeout=PATIENCE_MS)


def test_the_limit_each_write_with_its_answer_and_the_trace_are_shown(open_page: Open, told: dict[str, str], limited: None) -> None:
    page = open_page("/eebus")
    expect(page.locator(".cb-grid-said")).to_contain_text("Limited to 4.2 kW until ")
    expect(page.locator(".cb-beat")).to_contain_text("ago")
    writes = page.locator(".in-writes tbody tr")
    expect(writes.filter(has_text="refused: a limit of consumption below 0 W (LPC-001)")).to_have_count(1)
    accepted = writes.filter(has_text="limit 4.2 kW for 1 h").filter(has_text="accepted")
    expect(accepted).to_have_count(1)
    expect(accepted).to_contain_text("ms")
    card(page, told["box"]).get_by_role("button", name="Trace").click()
    page.get_by_label("Function or value contains").fill("write 4200")
    rows = page.locator("[data-message]")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("limit 0: 4200, active, for PT1H")
    rows.first.locator(".cb-message").click()
    expect(rows.first.locator(".cb-json")).to_contain_text(f'"{LIMITS}"')
    page.get_by_label("Function or value contains").fill("result below")
    expect(rows.first).to_contain_text("error 7, command rejected: a limit of consumption below 0 W")
    page.get_by_label("Function or value contains").fill("")
    beat = rows.filter(has_text="deviceDiagnosisHeartbeatData")
    expect(rows.filter(has_text=LIMITS).first).to_be_visible()
    expect(beat).to_have_count(0)
    page.get_by_text("Heartbeats and values").click()
    expect(beat.first).to_be_visible()
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_the_code_is_without_the_secret_and_a_device_that_is_not_there_can_be_paired(open_page: Open, api: httpx.Client) -> None:
    page = open_page("/eebus")
    node = api.get("/eebus").json()["node"]
    assert from_text(node["code"]).secret is None
    expect(page.locator(".cb-node-ski b")).to_have_text(" ".join(node["ski"][at : at + 4] for at in range(0, 40, 4)))
    expect(page.locator(".in-node .cb-qr svg")).to_be_visible()
    page.get_by_role("button", name="Pair by SKI").click()
    dialog = page.locator(".q-dialog")
    dialog.get_by_label("SKI: 40 digits").fill("12 34")
    dialog.get_by_role("button", name="Pair").click()
    expect(page.locator(".q-notification").last).to_contain_text("has not 40 hexadecimal digits")
    dialog.get_by_label("SKI: 40 digits").fill("AB" * 20)
    dialog.get_by_label("What you call it").fill("Boiler")
    dialog.get_by_role("button", name="Pair").click()
    boiler = card(page, "ab" * 20)
    expect(boiler).to_contain_text("Its address is not known")
    boiler.get_by_role("button", name="Unpair").click()
    page.locator(".q-dialog").get_by_role("button", name="Unpair").click()
    expect(boiler).to_have_count(0)


def test_rest_is_the_owners_and_names_what_is_wrong(told: dict[str, str], api: httpx.Client, limited: None) -> None:
    for path in ("/eebus", "/eebus/peers", "/eebus/limits", "/eebus/writes", "/eebus/trace"):
        assert httpx.get(f"{told['page']}/api/v1{path}").status_code == 401
        assert api.get(path).status_code == 200
    assert httpx.post(f"{told['page']}/api/v1/eebus/peers", json={"ski": "ab" * 20}).status_code == 401
    assert httpx.get(f"{told['page']}/eebus").headers["location"] == "/login"
    assert httpx.get(f"{told['page']}/eebus/trace.jsonl").headers["location"] == "/login"
    assert api.post("/eebus/peers", json={"ski": "g" * 40}).status_code == 422
    assert api.delete(f"/eebus/peers/{'cd' * 20}").status_code == 404
    assert api.post(f"/eebus/peers/{told['box']}/refuse").status_code == 404
    assert api.put("/eebus/window", json={"duration_s": 3600}).status_code == 422
    assert api.put("/eebus/window", json={"duration_s": 60}).status_code == 204
    assert api.get("/eebus").json()["window_until"] is not None
    assert api.delete("/eebus/window").status_code == 204
    assert api.get("/eebus").json()["window_until"] is None
    schema = api.get("/openapi.json").json()
    assert {"EebusView", "PeerView", "GridLimit", "LimitWrite", "TracedMessage"} <= set(schema["components"]["schemas"])
    (limit,) = api.get("/eebus/limits").json()
    assert (limit["use_case"], limit["state"], limit["limit_w"], limit["guard"]) == ("LPC", "limited", 4200.0, told["box"])
    first = api.get("/eebus/trace", params={"limit": 1}).json()[0]["number"]
    until(lambda: [one for one in api.get("/eebus/trace", params={"after": first - 1}).json() if one["number"] >= first], 5)


def test_the_metrics_tell_of_peers_heartbeat_and_writes(told: dict[str, str], limited: None) -> None:
    text = httpx.get(f"{told['page']}/metrics", headers={"Authorization": f"Bearer {told['token']}"}).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("chargebridge_eebus"))
    assert float(lines['chargebridge_eebus_peers{phase="connected"}']) == 1
    assert 0 <= float(lines['chargebridge_eebus_heartbeat_age_seconds{use_case="LPC"}']) < 120
    assert float(lines['chargebridge_eebus_writes_total{outcome="refused",use_case="LPC"}']) >= 1
    assert float(lines['chargebridge_eebus_writes_total{outcome="accepted",use_case="LPC"}']) >= 2
    assert float(lines['chargebridge_eebus_limit_watts{use_case="LPC"}']) == 4200


def test_the_commands_say_the_same(told: dict[str, str], limited: None) -> None:
    runner = CliRunner(env={"CHARGEBRIDGE_URL": told["page"], "CHARGEBRIDGE_TOKEN": told["token"]})

    def run(*words: str) -> tuple[int, str]:
        made = runner.invoke(cli, ["eebus", *words])
        return made.exit_code, made.output

    assert "limited to 4.2 kW until" in run("limits")[1]
    rows = [json.loads(line) for line in run("limits", "--json")[1].splitlines()]
    assert rows[0]["state"] == "limited"
    assert any(row.get("why", "").startswith("a limit of consumption below 0 W") for row in rows)
    assert "connected" in run("peers")[1]
    assert told["box"] in [json.loads(line).get("ski") for line in run("peers", "--json")[1].splitlines()]
    text = run("trace", told["box"], "--last", "1000")[1]
    assert f"< write {LIMITS}  1:" in text
    assert "limit 0: 4200, active, for PT1H" in text
    assert f'"{LIMITS}"' not in text
    assert f'"{LIMITS}"' in run("trace", told["box"], "--raw", "--last", "1000")[1]
    assert "the pairing window is open for 2 min" in run("window", "--minutes", "2")[1]
    assert json.loads(run("window", "--close", "--json")[1])["window_until"] is None
    code, text = run("pair", "EF" * 20, "--host", "192.0.2.9", "--port", "4712", "--name", "Far box")
    assert code == 0
    assert "On the other device, confirm our SKI" in text
    assert run("unpair", "far BOX")[0] == 0
    code, text = run("unpair", "ef" * 20)
    assert code == 1
    assert "is not" in text
    assert run("pair", "nonsense")[0] == 1
    assert run("refuse", told["box"])[0] == 1


def test_unpaired_by_the_owner_it_is_gone_after_a_question(open_page: Open, told: dict[str, str], limited: None) -> None:
    page = open_page("/eebus")
    box = card(page, told["box"])
    box.get_by_role("button", name="Unpair").click()
    dialog = page.locator(".q-dialog")
    expect(dialog).to_contain_text("The grid operator can limit this site no longer")
    dialog.get_by_role("button", name="Keep it").click()
    expect(box.locator(".cb-chip")).to_have_text("connected")
    box.get_by_role("button", name="Unpair").click()
    page.locator(".q-dialog").get_by_role("button", name="Unpair").click()
    expect(box.locator(".cb-chip")).not_to_have_text("connected")
    expect(page.locator(".cb-grid-said")).to_contain_text("Limited to 4.2 kW")  # its timers end a limit, no closed connection
