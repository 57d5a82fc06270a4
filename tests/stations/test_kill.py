"""kill -9 of the server at every message of a transaction, before it is stored and after: nothing lost, nothing doubled."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ocpp_kit import Cars, DurableSink, until

from chargebridge.sim.ocpp_station import StationPlan, VirtualStation
from chargebridge.sim.world.clock import WallClock

POINTS = [f"{kind}:{moment}" for kind in ("started", "updated", "ended") for moment in ("before", "after")]


class Server:
    """The server process; brought up again whenever it has died."""

    def __init__(self, database: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.command = [sys.executable, str(Path(__file__).parent / "server_process.py"), str(database), str(self.port), *POINTS]
        self.process = self.spawn()
        self.database = database

    def spawn(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self.command, stdout=subprocess.DEVNULL)

    def died_at(self, *points: str) -> bool:
        return all(self.database.with_suffix("." + point.replace(":", "-")).exists() for point in points)

    async def keep_alive(self) -> None:
        while True:
            if self.process.poll() is not None:
                self.process = self.spawn()
            await asyncio.sleep(0.02)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "sink.db")
    yield server
    server.process.kill()
    server.process.wait()


async def test_kill_at_every_message(server: Server, tmp_path: Path, version: Any) -> None:
    cars = Cars()
    plan = StationPlan(
        identity="CP-1",
        uri=f"ws://127.0.0.1:{server.port}",
        version=version,
        reconnect_s=0.05,
        tick_s=0.05,
        retry_s=0.1,
        sample_interval_s=1,
    )
    station = VirtualStation(plan, cars, WallClock())
    tasks = [asyncio.create_task(station.run()), asyncio.create_task(server.keep_alive())]
    try:
        assert await until(lambda: station.online, 20)
        station.plug(1)
        assert await station.present(1, "TAG")
        assert await until(lambda: server.died_at(*POINTS[:4]) and station.online, 60)
        station.unplug(1)
        register = int(cars.energy_wh[1])
        assert await until(lambda: server.died_at(*POINTS[4:]) and not len(station.uplink.outbox), 60)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    sink = DurableSink(tmp_path / "sink.db")
    assert sink.transactions() == [(0, register, "EVDisconnected")]
    events = sink.events()
    assert sink.kinds().count("started") == sink.kinds().count("ended") == 1
    if version == "ocpp2.0.1":
        assert [event.sequence for event in events] == list(range(len(events))), "in order and without a gap"
