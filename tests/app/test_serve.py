"""The process: it ends in order when it is told to, speaks JSON where that was asked for, and keeps logins over a restart."""

import json
import signal
import socket
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import pytest

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.doctor import _eebus, _listen
from chargebridge.app.commands.replay import ReplayError, minute
from chargebridge.app.demo import demo_world, stations
from chargebridge.app.serve import Running, StartError, heartbeat_s, owner_access, serve, station_settings
from chargebridge.links.eebus.door import DoorError
from chargebridge.links.eebus.identity_folder import IdentityFolder, NewNode
from chargebridge.sim.ocpp_station.signing import keys_of
from chargebridge.site.config import MeterTable
from chargebridge.site.config_eebus import EebusTable
from chargebridge.site.config_file import ConfigInvalidError, parse
from chargebridge.store import Database
from chargebridge.store.passwords import matches

DEMO = (files("chargebridge.app") / "demo.toml").read_text()
MAIN = "from chargebridge.app.cli import main; main()"


def test_ctrl_c_ends_it_in_order_and_standard_output_is_json_only(tmp_path: Path) -> None:
    words = ["up", "--json", "--port", "0", "--ocpp-port", "0", "--demo-ports", "0", "--store", str(tmp_path / "site.db")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", MAIN, *words], text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["page"].startswith("http://127.0.0.1:")
        assert process.stderr is not None
        assert any("station connected" in line for line in process.stderr)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=15)
    assert process.returncode == 0, err
    assert time.monotonic() - begun < 30, "in order, not by a time-out"
    assert out == "", "the log goes to standard error"
    assert "station disconnected" in err, "stations were told to go"
    assert "Traceback" not in err, err
    assert not (tmp_path / "site.db-wal").exists(), "the store was closed"


async def test_logins_outlive_a_restart_while_the_password_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse(DEMO.replace("[web]\n", '[web]\npassword_env = "OWNER_PASSWORD"\n', 1))
    database = Database.open(tmp_path / "site.db")

    async def cookie_is_good(cookie: dict[str, object]) -> bool:
        return (await owner_access(config, database, None)).login_of(cookie) is not None

    monkeypatch.setenv("OWNER_PASSWORD", "first")
    cookie: dict[str, object] = {}
    access = await owner_access(config, database, None)
    access.begin(cookie)
    assert matches(b"first", access.password_hash)
    assert await cookie_is_good(cookie)
    monkeypatch.setenv("OWNER_PASSWORD", "second")
    assert not await cookie_is_good(cookie), "a new password ends all logins"
    monkeypatch.delenv("OWNER_PASSWORD")
    with pytest.raises(StartError, match="OWNER_PASSWORD is not set"):
        await owner_access(config, database, None)
    database.close()


def test_stations_that_share_a_variable_share_its_hash_and_send_heartbeats_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve hashes cost seconds at each start; a heartbeat a minute would be too late for an age limit of a minute."""
    monkeypatch.setenv("CHARGEBRIDGE_DEMO_PASSWORD", "x" * 20)
    config = parse(DEMO)
    assert len({s.password_hash for s in station_settings(config)}) == 1
    assert heartbeat_s(config) == 20


@pytest.mark.parametrize(("given", "missing"), [("certificate", "key"), ("key", "certificate")])
def test_half_of_a_certificate_is_refused_instead_of_serving_without_tls(given: str, missing: str) -> None:
    with pytest.raises(ConfigInvalidError, match=f"the {missing} is missing"):
        parse(DEMO.replace("[ocpp]\n", f'[ocpp]\n{given} = "some.pem"\n', 1))


async def test_doctor_tells_of_a_meter_that_cannot_be_opened() -> None:
    found = await _listen(MeterTable(id="m", url="file:///nowhere/capture.bin"))
    assert not found.ok
    assert found.cure


def test_replay_in_a_time_zone_that_is_none_says_so() -> None:
    with pytest.raises(ReplayError, match="is no minute"):
        minute("2026-11-21 12:00", "Europe/Nowhere", None)


async def test_an_eebus_port_that_is_taken_is_told_before_the_site_is_said_to_be_live(tmp_path: Path) -> None:
    text = f'[site]\nname = "x"\nstore = "{tmp_path / "site.db"}"\n[[circuit]]\nid = "main"\nname = "m"\nfuse_a = 35\n'
    ready: list[Running] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = parse(f'{text}[web]\nport = 0\n[ocpp]\nport = 0\n[eebus]\nfolder = "{tmp_path / "eebus"}"\nport = {port}\n')
        with pytest.raises(DoorError) as told:
            await serve(config, WallClock(), password="x", ready=ready.append)
    assert str(port) in told.value.where + told.value.reason
    assert told.value.cure
    assert ready == []


def test_doctor_tells_who_we_are_by_eebus_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    table, folder = EebusTable(folder=tmp_path, interfaces=("eth0",)), IdentityFolder(tmp_path)
    near, empty = _eebus(table)
    assert (near.ok, "from this machine only" in near.found, "[eebus] host" in near.cure) == (True, True, True)
    assert (empty.ok, empty.found) == (True, f"{tmp_path} is empty: one is made by the first start")
    own = folder.open(NewNode("Acme", "House"), WallClock().now())
    table = EebusTable(folder=tmp_path, host="192.0.2.1")
    assert [(one.ok, one.found) for one in _eebus(table)] == [(True, f"SKI {own.identity.ski}")]
    (folder.node / "key.pem").unlink()
    (broken,) = _eebus(table)
    assert (broken.ok, "key.pem" in broken.found, bool(broken.cure)) == (False, True, True)


def test_the_demo_has_the_keys_of_its_stations() -> None:
    """They stand in its configuration as an owner would write them."""
    config, clock = parse(DEMO), WallClock()
    made = stations(demo_world(config, clock, seed=1, ports=0), "ws://127.0.0.1:1/ocpp", clock, "x" * 20)
    told = {(point.station, point.signing_meter, point.public_key) for point in config.point if point.calibrated}
    assert told == {(key.station, key.meter, key.public_key) for station in made for key in keys_of(station)}
    assert {station.plan.version for station in made if station.plan.signing} == {"ocpp1.6", "ocpp2.0.1", "ocpp2.1"}
