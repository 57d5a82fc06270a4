"""A whole site that forwards: from its file to the limit book, the list of sessions and the metrics."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "stations"))

from forward_kit import Foreign
from forward_place import start16
from ocpp.v16 import call as call16
from ocpp_kit import connect, until

from chargebridge.site.config_file import ConfigInvalidError, parse

MAIN = "from chargebridge.app.cli import main; main()"
SITE = """
[site]
name = "Home"
store = "{store}"

[web]
port = 0

[ocpp]
port = 0

[[circuit]]
id = "main"
name = "Grid connection"
fuse_a = 35

[[station]]
id = "CP-1"
open = true

[[point]]
id = "carport"
name = "Carport"
circuit = "main"
station = "CP-1"

[[backend]]
id = "maker"
url = "ws://127.0.0.1:{port}/ocpp"
stations = ["CP-1"]
password_env = "MAKER_PASSWORD"
"""


def test_what_is_wrong_with_a_back_end_is_told() -> None:
    text = SITE.format(store="x.db", port=1)
    with pytest.raises(ConfigInvalidError, match="station CP-2 is not there"):
        parse(text.replace('stations = ["CP-1"]', 'stations = ["CP-1", "CP-2"]'))
    with pytest.raises(ConfigInvalidError, match="a certificate without its key"):
        parse(text.replace("ws://", "wss://") + 'certificate = "a.pem"\n')
    with pytest.raises(ConfigInvalidError, match="no use for"):
        parse(text + 'ca = "a.pem"\n')
    with pytest.raises(ConfigInvalidError, match="no tolerance profile 'nokia'"):
        parse(text.replace("open = true", 'open = true\ntolerance = "nokia"'))


async def test_a_site_that_forwards(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign:
        foreign.cards = {"THEIRS"}
        site = tmp_path / "site.toml"
        site.write_text(SITE.format(store=tmp_path / "site.db", port=foreign.port))
        environment = os.environ | {"MAKER_PASSWORD": "secret"}
        command = [sys.executable, "-c", MAIN, "up", str(site), "--json"]
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        try:
            await _try(foreign, json.loads(await process.stdout.readline()))
        finally:
            process.terminate()
            await process.wait()


async def _try(foreign: Foreign, told: dict[str, Any]) -> None:
    port = int(told["stations"].split(":")[2].split("/")[0])
    station = await connect(port, password=None)
    await station.boot()
    assert await until(lambda: foreign.actions() == ["BootNotification"], 20)
    assert foreign.asked_password == "Basic Q1AtMTpzZWNyZXQ="
    async with httpx.AsyncClient(base_url=told["page"], headers={"Authorization": f"Bearer {told['token']}"}) as web:

        async def get(path: str) -> Any:
            return (await web.get(f"/api/v1/{path}")).json()

        answer = (await station.call("StartTransaction", start16("THEIRS")))[2]
        assert answer["idTagInfo"]["status"] == "Accepted", "though no [[token]] has it"
        (session,) = await get("sessions")
        assert (session["token"], session["billed_by"]) == ("THEIRS", "maker")
        assert await until(lambda: "StartTransaction" in foreign.actions())
        schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 0}]}
        profile = {
            "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative",
            "chargingSchedule": schedule,
        }  # fmt: skip
        done = await foreign.station.call(call16.SetChargingProfile(connector_id=1, cs_charging_profiles=profile))
        assert done.status == "Accepted"
        (limit,) = [limit for limit in await get("limits") if limit["source"] == "back_end"]
        assert limit["id"] == "maker at carport"
        (backend,) = await get("backends")
        assert (backend["backend"], backend["station"], backend["connected"], backend["commands"]) == ("maker", "CP-1", True, 1)
        metrics = (await web.get("/metrics")).text
        assert 'chargebridge_backend_connected{backend="maker",station="CP-1"} 1.0' in metrics
    await station.close()
