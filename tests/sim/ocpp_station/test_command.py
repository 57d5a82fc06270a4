"""`chargebridge station run` against a Central System over a real socket."""

import asyncio
import json

import websockets
from station_kit import Csms
from typer.testing import CliRunner

from chargebridge.app.cli import app


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


def test_what_cannot_be_is_said() -> None:
    for words in (["--version", "3.0"], ["--car", "tank"], ["--fault", "sulks"]):
        result = CliRunner().invoke(app, ["station", "run", "--url", "ws://127.0.0.1:1", *words])
        assert result.exit_code == 2
    nobody = CliRunner().invoke(app, ["station", "run", "--url", "ws://127.0.0.1:1", "--for", "0.3", "--json"])
    assert nobody.exit_code == 1
    assert "offline" in {json.loads(line)["event"] for line in nobody.stdout.splitlines()}
