"""A whole site in a process of its own, with stations of few words at its real Central System, for the operator's pages, REST and commands."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import websockets
from page_tools import PASSWORD

from chargebridge.app.clock import WallClock
from chargebridge.app.serve import Running, serve
from chargebridge.site.config_file import parse
from chargebridge.store.passwords import hash_password

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.site.scripted import Scripted

NAMES = ("Carport", "Bay 1", "Bay 2", "Yard left", "Yard right", "Visitors")
STATIONS = (
    ("CARPORT", "ocpp1.6", "Elbwerk", "1.4.2"),
    ("BAY-1", "ocpp2.0.1", "Nordlicht", "5.0.0"),
    ("BAY-2", "ocpp2.1", "Nordlicht", "5.0.0"),
    ("YARD-1", "ocpp1.6", "Elbwerk", "1.4.1"),
    ("YARD-2", "ocpp1.6", "Elbwerk", "1.4.1"),
    ("VISITORS", "ocpp2.0.1", "Nordlicht", ""),
)


def config(folder: Path) -> str:
    text = f"""
[site]
name = "Lindenhof 12"
timezone = "Europe/Vienna"
store = "{folder / "site.db"}"
open_to_all = true

[web]
port = 0
password_hash = "{hash_password(PASSWORD)}"

[ocpp]
port = 0

[[circuit]]
id = "main"
name = "Grid connection"
fuse_a = 100
"""
    for (identity, *_), name in zip(STATIONS, NAMES, strict=True):
        text += f'\n[[station]]\nid = "{identity}"\nopen = true\n'
        text += f'\n[[point]]\nid = "{identity.lower()}"\nname = "{name}"\ncircuit = "main"\nstation = "{identity}"\n'
    return text


async def life(running: Running) -> None:
    """All but the last station connect; one charges, one says nonsense, one is refused at the door."""
    stations = [
        Scripted(running.ocpp_url, identity, version, firmware, vendor=vendor) for identity, version, vendor, firmware in STATIONS[:-1]
    ]
    for station in stations:
        station.next_firmware, station.step_s = "6.0.0", 0.15
        await station.start()
    first = stations[0]
    await first.status("Preparing")
    start = {"connectorId": 1, "idTag": "04A2B9F1", "meterStart": 1000, "timestamp": "2026-11-21T12:00:00Z"}
    transaction = (await first.call("StartTransaction", start))[2]["transactionId"]
    await first.status("Charging")
    await stations[3].socket.send('[2, "bad-1", "StatusNotification", {"connectorId": 1, "status": "Sleeping", "errorCode": "NoError"}]')
    stranger = Scripted(running.ocpp_url, "GARAGE-7")
    with contextlib.suppress(websockets.InvalidStatus):
        await stranger.start()
    wh, n = 1000, 0
    while True:
        wh, n = wh + 40, n + 1
        values: list[dict[str, Any]] = [
            {"measurand": "Current.Import", "phase": phase, "unit": "A", "value": f"{9.1 + n % 5 / 10:.1f}"} for phase in ("L1", "L2", "L3")
        ]
        values.append({"measurand": "Energy.Active.Import.Register", "unit": "Wh", "value": str(wh)})
        await first.call(
            "MeterValues",
            {"connectorId": 1, "transactionId": transaction, "meterValue": [{"timestamp": "2026-11-21T12:00:00Z", "sampledValue": values}]},
        )
        await asyncio.sleep(2)


def ready(running: Running) -> None:
    print(json.dumps({"page": running.web_url, "token": running.api_token, "ocpp": running.ocpp_url}), flush=True)


if __name__ == "__main__":
    site = parse(config(Path(sys.argv[1])))
    asyncio.run(serve(site, WallClock(), beside=life, ready=ready))
