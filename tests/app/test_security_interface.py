"""Quarantine and the security of stations as a person uses them: by REST and by command, at a site with its CA, its TLS port and real stations."""

import asyncio
import base64
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from cryptography.hazmat.primitives import serialization
from fastapi import FastAPI
from msgspec.structs import replace
from typer.testing import CliRunner

from chargebridge.app.cli import app as cli
from chargebridge.app.guards import Guards
from chargebridge.app.serve import station_settings
from chargebridge.app.web.access import Access
from chargebridge.app.web.api import Guard, add_api
from chargebridge.app.web_server import WebServer
from chargebridge.sim.ocpp_station import EvsePlan, Faults, StationPlan, VirtualStation
from chargebridge.sim.world.clock import FastClock
from chargebridge.site.config_file import parse
from chargebridge.site.operation import Office
from chargebridge.site.site import Site
from chargebridge.stations.ocpp import CentralSystem
from chargebridge.stations.ocpp.pki import Authority, serial_of
from chargebridge.stations.ocpp.pki_files import make_key, write_key
from chargebridge.store import Database
from chargebridge.store.passwords import hash_password

sys.path.insert(0, str(Path(__file__).parents[1] / "stations"))
from ocpp_kit import PASSWORD, Cars, RawStation, until

TOKEN = "the-owner-of-this-test"
CONFIG = """
[site]
name = "S"
[[circuit]]
id = "main"
name = "Main"
fuse_a = 35
[[station]]
id = "WB-1"
password_hash = "{hash}"
[ocpp]
port = 0
plain_port = 0
quarantine = "listen"
ca = "{folder}/ca"
certificate = "{folder}/server.pem"
key = "{folder}/server.key"
"""


class Place:
    """A running site. rest: its API as the owner sees it."""

    def __init__(self, central: CentralSystem, url: str, clock: FastClock) -> None:
        self.central, self.clock = central, clock
        self.rest = httpx.AsyncClient(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        self._shell = CliRunner(env={"CHARGEBRIDGE_URL": url, "CHARGEBRIDGE_TOKEN": TOKEN})

    async def shell(self, *words: str) -> tuple[int, list[Any]]:
        """Exit code, and the JSON lines of ``chargebridge stations ... --json``."""
        made = await asyncio.to_thread(self._shell.invoke, cli, ["stations", *words, "--json"])
        return made.exit_code, [json.loads(line) for line in made.stdout.splitlines() if line.startswith(("{", "["))]

    async def knock(self, identity: str, password: str | None = None) -> RawStation | int:
        """A station at the plain port, or the status with which it is refused."""
        headers = {} if password is None else {"Authorization": "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode()}
        try:
            url = f"ws://127.0.0.1:{self.central.plain_port}/ocpp/{identity}"
            return RawStation(await websockets.connect(url, subprotocols=[websockets.Subprotocol("ocpp1.6")], additional_headers=headers))
        except websockets.InvalidStatus as refused:
            return refused.response.status_code


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr("chargebridge.app.cli._log_to_stderr", lambda: None)  # commands run in the process of the site that they talk to
    clock = FastClock(20.0)
    authority = Authority.create(tmp_path / "ca", "Test Charging", clock.now())
    key = make_key("ec")
    made = authority.issue_server(["localhost", "127.0.0.1"], key.public_key(), clock.now())
    (tmp_path / "server.pem").write_text(authority.chain(made))
    write_key(tmp_path / "server.key", key, None)
    config = parse(CONFIG.format(hash=hash_password(PASSWORD), folder=tmp_path))
    guards, database = Guards.of(config), Database.open(tmp_path / "site.db")
    settings = replace(guards.settings(config.ocpp, call_timeout_s=20.0, heartbeat_s=60), close_timeout_s=0.2)
    security = guards.security(config.ocpp, clock, database)
    site = await Site.open(
        config, clock, database, lambda sink: CentralSystem(settings, station_settings(config), sink, clock, security), (), ()
    )
    central = site.stations
    assert isinstance(central, CentralSystem)
    office = await Office.open(config, site.live, central, database, clock, tell=site.tell, admit=lambda *_: None)
    site.service.operate_by(office)
    app = FastAPI()
    add_api(app, site.service, Guard(site.service, Access(hash_password("x" * 16), api_token=TOKEN)))
    listener = socket.create_server(("127.0.0.1", 0))
    web = WebServer(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    async with central:
        security.url = f"wss://localhost:{central.port}/ocpp"
        tasks = [asyncio.create_task(job) for job in (site.run(), office.run(), web.serve(sockets=[listener]))]
        found = Place(central, f"http://127.0.0.1:{listener.getsockname()[1]}", clock)
        try:
            yield found
        finally:
            await found.rest.aclose()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    database.close()


async def in_quarantine(place: Place, identity: str) -> RawStation:
    """It came, said what it is, and was told to wait."""
    station = await place.knock(identity)
    assert isinstance(station, RawStation)
    assert (await station.boot())[2]["status"] == "Pending"
    return station


async def test_an_unknown_station_is_approved_and_refused_by_rest(place: Place) -> None:
    station = await in_quarantine(place, "NEW")
    (row,) = (await place.rest.get("/strangers")).json()
    assert (row["identity"], row["vendor"], row["model"], row["protocol"], row["approvable"]) == ("NEW", "raw", "raw", "ocpp1.6", True)
    wrong = await place.rest.post("/strangers/NEW", json={"approve": True, "security_profile": 1, "password": "short"})
    assert wrong.status_code == 422
    assert (await place.rest.post("/strangers/NOBODY", json={"approve": True})).status_code == 404
    told = (await place.rest.post("/strangers/NEW", json={"approve": True, "security_profile": 1})).json()
    rows = {row["identity"]: row for row in (await place.rest.get("/stations")).json()}
    assert rows["NEW"]["security_profile"] == 1, "what it was approved with"
    assert await until(lambda: station.closed is not None)
    assert await place.knock("NEW") == 401
    again = await place.knock("NEW", told["password"])
    assert isinstance(again, RawStation)
    assert (await again.boot())[2]["status"] == "Accepted"
    assert (await place.rest.post("/strangers/NEW", json={"approve": False})).json() == {"password": None}
    assert await until(lambda: again.closed is not None)
    assert await place.knock("NEW", told["password"]) == 404


async def test_an_unknown_station_is_approved_and_refused_by_command(place: Place) -> None:
    await in_quarantine(place, "NEW")
    code, rows = await place.shell("pending")
    assert (code, [row["identity"] for row in rows]) == (0, ["NEW"])
    code, (told,) = await place.shell("approve", "NEW", "--profile", "1")
    assert (code, told["station"]) == (0, "NEW")
    assert await place.shell("pending") == (0, [])
    station = await place.knock("NEW", told["password"])
    assert isinstance(station, RawStation)
    assert (await place.shell("refuse", "NEW"))[0] == 0
    assert await until(lambda: station.closed is not None)
    assert (await place.shell("approve", "NOBODY"))[0] == 1
    assert (await place.shell("approve", "NEW", "--profile", "4"))[0] == 2


@contextlib.asynccontextmanager
async def virtual(place: Place) -> AsyncIterator[VirtualStation]:
    uri = f"ws://127.0.0.1:{place.central.plain_port}/ocpp"
    plan = StationPlan(identity="WB-1", uri=uri, version="ocpp2.0.1", password=PASSWORD, evses=(EvsePlan(),), fallback_a=6.0)
    station = VirtualStation(plan, Cars(), place.clock, Faults())
    running = asyncio.create_task(station.run())
    try:
        yield station
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("by", ["rest", "command"])
async def test_a_station_is_secured_step_by_step(place: Place, by: str) -> None:
    """Password, root, certificate, the list of what it has, a higher profile: the station's own answer each time."""
    central = place.central.station("WB-1")
    assert central is not None

    async def do(what: str, *more: str) -> Any:
        assert await until(lambda: central.online, 15)
        if by == "command":
            return (await place.shell("secure", what, "WB-1", *more))[1]
        body = {"security_profile": int(more[0])} if more else None
        told = (await place.rest.post(f"/stations/WB-1/security/{what}", json=body)).json()
        return told if isinstance(told, list) else [{"answer": told}]

    async def shown() -> Any:
        if by == "command":
            return (await place.shell("secure", "show", "WB-1"))[1][0]
        return (await place.rest.get("/stations/WB-1/security")).json()

    async with virtual(place) as station:
        assert (await do("root"))[0]["answer"]["outcome"] == "accepted"
        assert await until(lambda: central.online, 15)
        if by == "command":
            _, (listed,) = await place.shell("secure", "installed", "WB-1")
        else:
            listed = (await place.rest.get("/stations/WB-1/security/installed")).json()
        root = serial_of(place.central.security.trust.authority.root)  # type: ignore[union-attr]
        assert [(one["use"], one["serial"].upper()) for one in listed["certificates"]] == [("CSMSRootCertificate", root)]
        if by == "command":
            assert (await place.shell("secure", "delete", "WB-1", "77"))[0] == 1
            code, (kept,) = await place.shell("secure", "delete", "WB-1", root)
            assert (code, kept["answer"]["outcome"]) == (1, "rejected"), "the last root stays (M04.FR.03)"
        else:
            kept = (await place.rest.request("DELETE", f"/stations/WB-1/security/installed/{root}")).json()
            assert kept["outcome"] == "rejected"
        assert (await do("certificate"))[0]["answer"]["outcome"] == "accepted"
        assert await until(lambda: [one.outcome for one in place.central.security.given("WB-1")] == ["accepted"], 15)
        assert (await do("password"))[0]["answer"]["outcome"] == "accepted"
        assert await until(lambda: not place.central.security.vault.credentials("WB-1").next_hashes, 15)
        steps = await do("profile", "3")
        assert {step["answer"]["outcome"] for step in steps} == {"accepted"}
        assert await until(lambda: central.online and central.entry is not None and central.entry.profile == 3, 20)
        about = await shown()
        assert (about["security_profile"], about["came_by"], about["upgrade_to"], about["password_pending"]) == (3, 3, None, False)
        assert [one["outcome"] for one in about["certificates"]] == ["accepted", "accepted"]
        (refused,) = await do("profile", "2")
        assert refused["answer"]["outcome"] == "rejected"
        key = serialization.load_pem_private_key(station.certificates.key.encode(), None)
        assert key is not None


async def test_a_station_that_is_not_there(place: Place) -> None:
    for what in ("password", "root", "certificate"):
        assert (await place.rest.post(f"/stations/WB-1/security/{what}")).json()["outcome"] == "offline"
        assert (await place.rest.post(f"/stations/NOBODY/security/{what}")).status_code == 404
    assert (await place.shell("secure", "password", "WB-1"))[0] == 1
    assert (await place.shell("secure", "installed", "WB-1"))[0] == 1
    assert (await place.shell("secure", "show", "NOBODY"))[0] == 1
    about = (await place.rest.get("/stations/WB-1/security")).json()
    assert (about["security_profile"], about["came_by"], about["certificates"]) == (1, None, [])
