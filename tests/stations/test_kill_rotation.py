"""kill -9 in the middle of a password's rotation: what the station then holds lets it in, and the old one ends only when the new one was shown."""

import asyncio
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import websockets
from ocpp_kit import PASSWORD, DurableSink, connect, until

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp import CentralSystem, ServerSettings, StationSettings
from chargebridge.stations.ocpp.security import Security
from chargebridge.store import Database, passwords
from chargebridge.store.passwords import hash_password

PROCESS = Path(__file__).parent / "rotation_process.py"


class Server:
    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *point: str) -> None:
        words = [sys.executable, str(PROCESS), str(self.folder / "store.db"), str(self.port), *point]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def come(self, password: str, *, patient: bool = True) -> Any:
        """Connect as soon as it listens. Raises InvalidStatus when refused. patient: also try again when it dies meanwhile."""
        for _ in range(1500):
            with suppress(*((OSError, EOFError, websockets.InvalidMessage) if patient else (ConnectionRefusedError,))):
                return await connect(self.port, password=password)
            await asyncio.sleep(0.02)
        pytest.fail("the server does not listen")

    async def died(self) -> bool:
        assert self.process is not None
        return await until(lambda: self.process is not None and self.process.poll() is not None, 30)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def value_in(station: Any) -> str | None:
    """The new password as the station was told it, if it was."""
    told = [frame[3]["value"] for frame in station.asked if frame[2] == "ChangeConfiguration" and frame[3]["key"] == "AuthorizationKey"]
    return bytes.fromhex(told[-1]).decode() if told else None


@pytest.mark.ocpp("1.6", "A01.FR.04")
@pytest.mark.usefixtures("full_cost")
async def test_killed_before_the_answer_and_before_the_proof_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 16)  # as in the other process
    server = Server(tmp_path)
    holds = PASSWORD
    try:
        server.start()  # it has heard, and taken it, and we do not know
        station = await server.come(holds)
        station.obeys = False
        booting = asyncio.create_task(station.boot())
        assert await until(lambda: station.asked)
        while value_in(station) is None:
            await station.send([3, station.asked[-1][1], {"status": "Accepted"}])
            heard = len(station.asked)
            assert await until(lambda heard=heard: len(station.asked) > heard)
        server.kill()
        await booting
        before, holds = holds, value_in(station) or ""

        server.start("proven:before")  # it shows the new one, and we die before that is kept
        with pytest.raises((websockets.InvalidMessage, EOFError, ConnectionResetError)):
            await server.come(holds, patient=False)
        assert await server.died()

        database = Database.open(tmp_path / "store.db")
        clock = WallClock()
        stations = [StationSettings(identity="CP-1", password_hash=hash_password(PASSWORD))]
        security = Security(clock, database=database)
        async with CentralSystem(ServerSettings(port=0), stations, DurableSink(":memory:"), clock, security) as central:
            await (await connect(central.port, password=before)).close()  # not proven: had the station rolled back, it would be let in
            await (await connect(central.port, password=holds)).close()
            with pytest.raises(websockets.InvalidStatus):
                await connect(central.port, password=before)
        database.close()
    finally:
        server.kill()
