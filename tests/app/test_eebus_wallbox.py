"""``chargebridge eebus wallbox`` in a process of its own, at a site's side of EEBUS over real TLS."""

import asyncio
import json
import sys

import pytest
from tests.stations.eebus.kit import House, until
from typer.testing import CliRunner

from chargebridge.app.cli import app
from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.identity_folder import IdentityFolder, NewNode

PROGRAM = "from chargebridge.app.cli import main; main()"


async def test_its_car_comes_charges_and_goes(tmp_path):
    folder = tmp_path / "wallbox"
    ski = IdentityFolder(folder).open(NewNode(brand="Acme", model="Virtual"), WallClock().now()).identity.ski
    house = await House(tmp_path, ski).start()
    options = ["--port", str(house.device.hub.port), "--folder", str(folder), "--says", "00:11:22:33:44:55", "--after", "0.5", "--json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "eebus", "wallbox", house.device.ski, *options, "--stays", "4", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert json.loads(await process.stdout.readline()) == {"ski": ski}
        await until(lambda: house.box.online, 30)
        assert house.sink.boots[0].model == "Virtual"
        await until(lambda: house.box.bays[1].evse.transaction and house.box.bays[1].seen.way, 30)
        await until(lambda: [event.token for event in house.sink.events() if event.token] == ["00:11:22:33:44:55"])
        answer = await house.box.offer(1, 9.0, 3, 60.0, house.box.bays[1].evse.transaction)
        assert answer.outcome == "accepted"
        while (row := json.loads(await process.stdout.readline())).get("allowed_a") != 9.0:
            pass
        assert (row["peer"], row["car"]) == ("connected", True)
        await until(lambda: house.sink.transactions()[0][2] == "EVDisconnected", 30)
    finally:
        process.terminate()
        await process.wait()
        await house.stop()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "SKI"),
        (["0" * 40, "--car", "tank"], "--car"),
        (["0" * 40, "--deviation", "no-shame"], "--deviation"),
    ],
)
def test_a_slip_is_told(words, said):
    done = CliRunner().invoke(app, ["eebus", "wallbox", *words])
    assert done.exit_code == 2
    assert said in done.output
