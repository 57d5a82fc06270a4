"""``chargebridge meter check``: what is odd about a meter, from a capture and live."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chargebridge.app.cli import app
from chargebridge.sim.telegrams import p1
from chargebridge.sim.telegrams.values import measured

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
WATTS = 3600.0


def telegram(second: int, *, register_factor: float = 1.0) -> bytes:
    energy = 1_000_000 + register_factor * WATTS * second / 3600
    thirds, volts = (WATTS / 3, WATTS / 3, WATTS / 3), (230.0, 230.0, 230.0)
    at = START + timedelta(seconds=second)
    return p1.encode(measured(at=at, meter_id="1", power_w_phases=thirds, voltage_v=volts, energy_import_wh=energy, energy_export_wh=0))


def check(*words: str) -> tuple[int, list[dict[str, Any]]]:
    done = CliRunner().invoke(app, ["meter", "check", *words, "--json"])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_sound_capture_tells_its_figures_only(tmp_path: Path) -> None:
    capture = tmp_path / "p1.txt"
    capture.write_bytes(b"".join(telegram(s) for s in range(0, 1800, 10)))
    code, (day,) = check(str(capture))
    assert code == 0
    assert (day["telegrams"], day["completeness"], day["interval_s"], day["found"]) == (180, 1.0, 10.0, {})
    assert check(f"file://{capture}?protocol=p1")[0] == 0


def test_a_capture_with_a_wrong_scale_and_a_damaged_telegram_tells_both(tmp_path: Path) -> None:
    capture = tmp_path / "p1.txt"
    telegrams = [telegram(s, register_factor=10) for s in range(0, 1800, 10)]
    telegrams[50] = telegrams[50].replace(b"230.0", b"231.0", 1)
    capture.write_bytes(b"".join(telegrams))
    code, (finding, day) = check(str(capture))
    assert code == 1
    assert (finding["kind"], finding["severity"]) == ("scale", "error")
    assert finding["cure"]
    assert day["faults"] == {"checksum": 1}
    assert day["missing"] == 1
    for_people = CliRunner().invoke(app, ["meter", "check", str(capture)])
    assert "10 times as much" in for_people.stdout
    assert "faults: 1 checksum" in for_people.stdout


def test_nothing_heard_is_not_well(tmp_path: Path) -> None:
    empty = tmp_path / "empty.bin"
    empty.touch()
    assert check(str(empty))[0] == 1
    code, (problem,) = check(str(tmp_path / "absent.bin"))
    assert code == 1
    assert problem["cure"]


@pytest.mark.parametrize("off_s", [0, 3600])
def test_a_live_meter_is_listened_to_for_a_while(off_s: int) -> None:
    port: list[int] = []
    ready, done = threading.Event(), threading.Event()

    async def push() -> None:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while not done.is_set():
                second = int((datetime.now(UTC) - START).total_seconds()) + off_s
                writer.write(telegram(second))
                await asyncio.sleep(0.2)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        ready.set()
        await asyncio.to_thread(done.wait)
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(push(),))
    thread.start()
    try:
        assert ready.wait(10)
        code, lines = check(f"tcp://127.0.0.1:{port[0]}", "--seconds", "2")
    finally:
        done.set()
        thread.join()
    assert code == 0
    assert lines[-1]["telegrams"] >= 3
    assert lines[-1]["clock_offset_s"] == pytest.approx(-off_s, abs=2)
