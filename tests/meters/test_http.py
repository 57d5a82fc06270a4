"""Meters over real HTTP: each device that comes along, with and without passwords, slow, wrong, gone."""

import asyncio
import ssl
from contextlib import aclosing
from pathlib import Path

import pytest

from chargebridge.meters.registry import open_meter
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.sim.http_json import JsonServer, shelly_3em, shelly_pro_3em, tasmota_sml

PEM = Path(__file__).parents[1] / "stations" / "localhost.pem"


async def collect(url: str, clock, count: int = 1) -> list[Reading | MeterFault]:
    found: list[Reading | MeterFault] = []
    async with asyncio.timeout(15), aclosing(open_meter(url, "grid", clock).readings()) as readings:
        async for event in readings:
            found.append(event)
            if len(found) == count:
                break
    return found


def pages(values) -> dict[str, object]:
    live, counted = shelly_pro_3em(values)
    return {
        "/status": shelly_3em(values),
        "/rpc/EM.GetStatus?id=0": live,
        "/rpc/EMData.GetStatus?id=0": counted,
        "/cm?cmnd=Status%2010": {"StatusSNS": tasmota_sml(values)},
        "/api/states/sensor.grid": {"state": "2990", "attributes": {"unit_of_measurement": "W"}},
    }


@pytest.mark.parametrize("name", ["shelly-3em", "shelly-pro-3em", "tasmota-sml-http"])
async def test_devices_with_phases(name, clock, values):
    async with JsonServer(pages(values)) as server:
        first, second = await collect(f"http://127.0.0.1:{server.port}?map={name}&every=2", clock, 2)
    for reading in (first, second):
        assert isinstance(reading, Reading)
        assert reading.power_w == 2990.0
        assert reading.power_w_phases == (2300.0, -460.0, 1150.0)
        assert reading.current_a == (10.0, -2.0, 5.0)
        assert reading.voltage_v == (230.0, 230.0, 230.0)
    if name != "shelly-3em":
        assert (first.energy_import_wh, first.energy_export_wh) == (1000, 20)
    assert clock.slept == [2.0]


async def test_home_assistant_with_its_token(clock, values, tmp_path):
    token = tmp_path / "token"
    token.write_text("ey.secret\n")
    async with JsonServer(pages(values), token="ey.secret") as server:
        url = f"http://127.0.0.1:{server.port}/api/states/sensor.grid?map=home-assistant"
        (reading,) = await collect(f"{url}&token_file={token}", clock)
        (refused,) = await collect(url, clock)
    assert isinstance(reading, Reading)
    assert reading.power_w == 2990.0
    assert isinstance(refused, MeterFault)
    assert "access refused (401)" in refused.reason
    assert "token_file" in refused.cure


@pytest.mark.parametrize("auth", ["basic", "digest"])
async def test_passwords(auth, clock, values, monkeypatch):
    monkeypatch.setenv("SHELLY", "pass word")
    async with JsonServer(pages(values), **{auth: ("admin", "pass word")}) as server:
        url = f"http://127.0.0.1:{server.port}?map=shelly-3em&user=admin&password_env=SHELLY"
        (reading,) = await collect(f"{url}&auth={auth}", clock)
        monkeypatch.setenv("SHELLY", "wrong")
        (refused,) = await collect(f"{url}&auth={auth}", clock)
    assert isinstance(reading, Reading)
    assert isinstance(refused, MeterFault)
    assert "access refused" in refused.reason
    assert "wrong" not in refused.reason + refused.cure + refused.where


async def test_tls_is_verified(clock, values):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(PEM)
    async with JsonServer(pages(values), tls=tls) as server:
        url = f"https://localhost:{server.port}?map=shelly-3em"
        (reading,) = await collect(f"{url}&ca_file={PEM}", clock)
        (fault,) = await collect(url, clock)
    assert isinstance(reading, Reading)
    assert isinstance(fault, MeterFault)
    assert "certificate" in fault.reason.lower()


async def test_wrong_pages_are_told_and_it_comes_back(clock, values):
    good = pages(values)
    async with JsonServer({"/status": b"<html>"}) as server:
        url = f"http://127.0.0.1:{server.port}?map=shelly-3em"
        async with asyncio.timeout(10), aclosing(open_meter(url, "grid", clock).readings()) as readings:
            assert "is no JSON" in (await anext(readings)).reason
            server.pages = {}
            assert "404" in (await anext(readings)).reason
            server.pages = {"/status": b"1" * 300_000}
            assert "longer than" in (await anext(readings)).reason
            server.pages = {"/status": {"hello": 1}}
            assert "none of the map's values" in (await anext(readings)).reason
            server.pages = good
            assert isinstance(await anext(readings), Reading)
    (gone,) = await collect(url, clock)
    assert isinstance(gone, MeterFault)
    assert "no usable answer" in gone.reason
    assert clock.slept[:3] == [1, 2, 4]


@pytest.mark.parametrize(("url", "reason"), [
    ("http://host", "the map is missing"),
    ("http://?map=number", "the host is missing"),
    ("http://host?map=nonesuch", "map 'nonesuch' is unknown"),
    ("http://admin:pw@host?map=number", "do not belong before the host"),
    ("http://host?map=number&user=admin", "belong together"),
    ("http://host?map=number&auth=ntlm", "auth=ntlm is unknown"),
    ("http://host?map=number&ca_file=/x", "ca_file without TLS"),
    ("https://host?map=number&ca_file=/nowhere", "cannot be used"),
    ("http://host?map=number&every=0", "every=0 cannot be"),
    ("http://host?map=number&interval=1", "unknown setting interval"),
])  # fmt: skip
def test_bad_address(url, reason, refused):
    refused(url, reason)
