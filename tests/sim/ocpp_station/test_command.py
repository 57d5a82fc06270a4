"""`chargebridge station run` against a Central System over a real socket."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import websockets
from station_kit import Csms
from typer.testing import CliRunner

from chargebridge.app.cli import app
from chargebridge.calibration.session import judge
from chargebridge.sim.charging_pki import Issuer
from chargebridge.sim.charging_pki.authority import pem
from chargebridge.wire.signed import formats
from chargebridge.wire.signed.envelope import unwrap
from chargebridge.wire.signed.keys import read_key


async def test_stations_charge_and_tell(version: str) -> None:
    csms = Csms(version)
    async with websockets.serve(csms.serve, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol(version)]) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        words = ["station", "run", "--url", url, "--identity", "V", "--version", version.removeprefix("ocpp"), "--count", "2"]
        words += ["--car", "family", "--interval", "1", "--for", "2.5", "--fault", "lies=1.1", "--json", "--frames"]
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert {(e["station"], e["event"]) for e in events} >= {("V-1", "online"), ("V-2", "transaction"), ("V-1", "sent"), ("V-1", "received")}
    assert csms.heard("MeterValues" if version == "ocpp1.6" else "TransactionEvent")


async def test_a_car_that_shows_its_contract(tmp_path: Path) -> None:
    csms = Csms("ocpp2.1")
    now = datetime.now(UTC)
    above = Issuer("sub", now, Issuer("root", now))
    (tmp_path / "contract.pem").write_text(pem(above.issue("DE8AACA2B3C4D51")[0], above.certificate))
    async with websockets.serve(csms.serve, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("ocpp2.1")]) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        words = ["station", "run", "--url", url, "--version", "2.1", "--car", "family", "--for", "0.8", "--json"]
        words += ["--contract", str(tmp_path / "contract.pem")]
        assert (await asyncio.to_thread(CliRunner().invoke, app, words)).exit_code == 0
    (asked,) = csms.heard("Authorize")
    assert (asked.id_token.id_token, asked.id_token.type) == ("DE8AACA2B3C4D51", "eMAID")
    assert asked.certificate == (tmp_path / "contract.pem").read_text()


async def test_meters_that_sign_show_their_keys() -> None:
    csms = Csms("ocpp1.6")
    async with websockets.serve(csms.serve, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("ocpp1.6")]) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        words = ["station", "run", "--url", url, "--sign", "one", "--sign-seed", "s", "--evse-id", "DE*ABC*E1", "--for", "1.5", "--json"]
        words += ["--car", "family", "--stays", "0.6"]
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
    (key,) = [json.loads(line) for line in result.stdout.splitlines() if '"key"' in line]
    (ended,) = csms.heard("StopTransaction")
    (record,) = formats.read(unwrap(ended.transaction_data[0].sampled_value[0].value).data)
    assert (record.point, record.meter) == ("DE*ABC*E1", key["meter"])
    assert judge([record], read_key(key["public_key"])).energy_billable


def test_what_cannot_be_is_said() -> None:
    for words in (
        ["--version", "3.0"],
        ["--car", "tank"],
        ["--fault", "sulks"],
        ["--contract", "contract.pem"],
        ["--sign", "three"],
        ["--sign-seed", "x"],
    ):
        result = CliRunner().invoke(app, ["station", "run", "--url", "ws://127.0.0.1:1", *words])
        assert result.exit_code == 2
    nobody = CliRunner().invoke(app, ["station", "run", "--url", "ws://127.0.0.1:1", "--for", "0.3", "--json"])
    assert nobody.exit_code == 1
    assert "offline" in {json.loads(line)["event"] for line in nobody.stdout.splitlines()}
