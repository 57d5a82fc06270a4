"""kill -9 of the back end at every message of a transaction, before it is stored and before it is answered: nothing lost, nothing doubled.

The server keeps what it is told in the site's own store. `make soak` lets many more updates kill it.
"""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ocpp_kit import Cars, until

from chargebridge.sim.ocpp_station import StationPlan, VirtualStation
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.port import TransactionEvent

UPDATES = int(os.environ.get("KILL_UPDATES", "3"))
PATIENCE_S = 60 + 3 * UPDATES


class Server:
    """The server process, which comes up again by itself."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        command = [sys.executable, str(Path(__file__).parent / "server_process.py"), str(folder), str(self.port), str(UPDATES)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)

    def deaths(self, kind: str) -> int:
        return len(list(self.folder.glob(f"{kind}-*")))

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.folder / "site.db") as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()


async def test_kill_at_every_message(server: Server, spoken: str) -> None:
    cars = Cars()
    plan = StationPlan(
        identity="CP-1",
        uri=f"ws://127.0.0.1:{server.port}",
        version=spoken,  # type: ignore[arg-type]
        reconnect_s=0.05,
        backoff_doublings=0,
        tick_s=0.05,
        retry_s=0.1,
        sample_interval_s=1,
    )
    station = VirtualStation(plan, cars, WallClock())
    outbox, answered = station.uplink.outbox, []

    def note(letter: Any, response: Any, through: Any = outbox.answered) -> None:
        answered.append(letter.id)
        through(letter, response)

    outbox.answered = note  # type: ignore[method-assign]
    task = asyncio.create_task(station.run())
    try:
        assert await until(lambda: station.online, 20)
        station.plug(1)
        assert await station.present(1, "TAG")
        assert await until(lambda: server.deaths("updated") == 2 * UPDATES and station.online, PATIENCE_S)
        station.unplug(1)
        register = int(cars.energy_wh[1])
        assert await until(lambda: server.deaths("ended") == 2 and not len(outbox), PATIENCE_S)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert server.deaths("started") == 2
    sessions = server.rows("SELECT number, meter_start_wh, energy_wh, end_reason FROM session")
    assert [row[1:] for row in sessions] == [(0, register, "EVDisconnected")]
    filed = server.rows("SELECT session, payload FROM transaction_event ORDER BY rowid")
    assert {number for number, _ in filed} == {sessions[0][0]}, "each message is filed under the one session"
    events = [msgspec.json.decode(payload, type=TransactionEvent) for _, payload in filed]
    assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)
    assert len(events) == len(answered) >= UPDATES + 2, "what was answered is stored, once"
    if spoken != "ocpp1.6":
        assert [event.sequence for event in events] == list(range(len(events))), "in order and without a gap"
