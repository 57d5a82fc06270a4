"""kill -9 of the site at each step of a session: nothing signed is lost, the verdict is there, and it is billed once."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargebridge.sim.ocpp_station import EvsePlan, SigningPlan, StationPlan, VirtualStation
from chargebridge.sim.world.clock import FastClock
from tests.site.kit import until
from tests.site.proof_kit import EVSE, PLAN, Register, text

SPEED = 10.0
ROOT = Path(__file__).parents[2]
BEHIND = timedelta(seconds=10)
"""Of the site's clock: its key is public well before the car comes."""
STEPS = ("before started", "after started", "before updated", "after updated", "before ended", "after ended", "")


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(folder / "site.db")) as connection:
        return connection.execute(query).fetchall()
    return []


@pytest.mark.parametrize(
    ("version", "steps"),
    [
        ("ocpp1.6", ("after started", "before ended", "after ended", "")),
        pytest.param("ocpp1.6", STEPS, marks=pytest.mark.slow),
        pytest.param("ocpp2.0.1", STEPS, marks=pytest.mark.slow),
    ],
)
async def test_a_kill_at_each_step(tmp_path: Path, version: str, steps: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    site = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.site.proof_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert site.stdin is not None
    assert site.stdout is not None
    clock, register = FastClock(SPEED), Register()
    signing = SigningPlan(seed=PLAN.seed, evse_ids=(EVSE,), records="two")
    about = StationPlan(
        identity="CP-1", uri=f"ws://127.0.0.1:{port}/ocpp", version=version, evses=(EvsePlan(), EvsePlan()),  # type: ignore[arg-type]
        signing=signing, sample_interval_s=0, reconnect_s=1.0, backoff_doublings=0, retry_s=1.0,
    )  # fmt: skip
    station = VirtualStation(about, register, clock)
    running = asyncio.create_task(station.run())
    child = 0
    try:
        for step in steps:
            life = [str(tmp_path), text(tmp_path), port, SPEED, (clock.now() - BEHIND).isoformat(), step]
            site.stdin.write(json.dumps(life).encode() + b"\n")
            child = await number(site.stdout)
            if step == steps[0]:
                assert await until(lambda: station.online, 20)
                station.plug(1)
                assert await station.present(1, "TAG")
            elif step == "before ended":
                register.energy_wh += 2500
                station.unplug(1)
            if step:
                assert await number(site.stdout) == 0, "it has killed itself"
                child = 0
        assert await until(lambda: not len(station.uplink.outbox), 30)
        assert rows(tmp_path, "select count(*) from session") == [(1,)]
        assert rows(tmp_path, "select energy_wh, ended_at is null from session") == [(2500, 0)]
        assert rows(tmp_path, "select state, code, reason from session_proof") == [("billable", "", "")]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if child:
            os.kill(child, signal.SIGKILL)
        site.kill()
        await site.wait()


async def number(lines: asyncio.StreamReader) -> int:
    """The next life's process id, or 0 when it has gone."""
    while True:
        line = (await lines.readline()).decode().strip()
        assert line, "the process ended"
        if line == "gone":
            return 0
        if line.isdecimal():
            return int(line)
