"""kill -9 while forwarding, at each message of a transaction, on both sides of each write: the back end takes every message once, in order."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from forward_place import event2, start16, stop16, values16
from ocpp_kit import until

from chargebridge.store import Database
from chargebridge.store.forward_tables import forward_outbox

MOMENTS = ("queued:before", "queued:after", "done:before", "done:after")
POINTS = {
    "ocpp1.6": ["StartTransaction:queued:after", "StartTransaction:done:before", "MeterValues:done:after", "StopTransaction:queued:before"],
    "ocpp2.0.1": [f"TransactionEvent:{moment}" for moment in MOMENTS],
}
ALL = [f"{action}:{moment}" for action in ("StartTransaction", "MeterValues", "StopTransaction") for moment in MOMENTS]
COURSES = [
    pytest.param("ocpp1.6", POINTS["ocpp1.6"], id="1.6"),
    pytest.param("ocpp2.0.1", POINTS["ocpp2.0.1"], id="2.0.1"),
    pytest.param("ocpp1.6", ALL, id="1.6 everywhere", marks=pytest.mark.slow),
    pytest.param("ocpp2.1", POINTS["ocpp2.0.1"], id="2.1", marks=pytest.mark.slow),
]


class Recorder:
    """A back end that takes a message once by its id, as OCPP asks, and answers it as often as it comes. frames: (id, action, payload)."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, dict[str, Any]]] = {}
        self.times = 0
        self.port = 0

    async def serve(self, line: Any) -> None:
        try:
            async for text in line:
                _, message_id, action, payload = json.loads(text)
                self.times += 1
                self.taken.setdefault(message_id, (action, payload))
                await line.send(json.dumps([3, message_id, self.answer(action, message_id)]))
        except websockets.ConnectionClosed:
            pass

    def answer(self, action: str, message_id: str) -> dict[str, Any]:
        now = "2026-01-05T12:00:00Z"
        accepted = {"idTagInfo": {"status": "Accepted"}}
        match action:
            case "BootNotification":
                return {"currentTime": now, "interval": 300, "status": "Accepted"}
            case "Heartbeat":
                return {"currentTime": now}
            case "StartTransaction":
                return accepted | {"transactionId": 4711 + list(self.taken).index(message_id)}
            case "Authorize":
                return accepted
        return {}

    def course(self) -> list[tuple[str, dict[str, Any]]]:
        return [said for said in self.taken.values() if said[0] not in ("Heartbeat", "BootNotification", "Authorize")]


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    recorder = Recorder()
    versions = [websockets.Subprotocol(name) for name in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")]
    async with websockets.serve(recorder.serve, "127.0.0.1", 0, subprotocols=versions) as server:
        recorder.port = next(iter(server.sockets)).getsockname()[1]
        yield recorder


class Process:
    """Our Central System, there again whenever it was killed."""

    def __init__(self, folder: Path, backend_port: int, points: list[str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        program = str(Path(__file__).parent / "forward_process.py")
        command = [sys.executable, program, str(folder), str(self.port), str(backend_port), *points]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)

    def stop(self) -> None:
        assert self._process.poll() is None, "it has ended by itself"
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


async def say(port: int, version: str, number: int, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """As a station does it: again and again under one id, over as many connections as it takes, until it is answered."""
    frame = json.dumps([2, f"m{number}", action, payload])
    while True:
        try:
            async with websockets.connect(f"ws://127.0.0.1:{port}/CP-1", subprotocols=[websockets.Subprotocol(version)]) as line:
                await line.send(frame)
                async for text in line:
                    answer = json.loads(text)
                    if answer[1] == f"m{number}":
                        assert answer[0] == 3, answer
                        return dict(answer[2])
        except (OSError, websockets.WebSocketException):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("spoken", "points"), COURSES)
async def test_kill_while_forwarding(tmp_path: Path, recorder: Recorder, spoken: str, points: list[str]) -> None:
    process = Process(tmp_path, recorder.port, points)
    try:
        async with asyncio.timeout(150):
            if spoken == "ocpp1.6":
                await say(process.port, spoken, 0, "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
                await say(process.port, spoken, 1, "Authorize", {"idTag": "THEIRS"})
                ours = (await say(process.port, spoken, 2, "StartTransaction", start16("THEIRS")))["transactionId"]
                for number, wh in enumerate((120, 140, 160, 180), 3):
                    await say(process.port, spoken, number, "MeterValues", values16(ours, wh))
                await say(process.port, spoken, 9, "StopTransaction", stop16(ours, 200))
                expected = ["StartTransaction", *["MeterValues"] * 4, "StopTransaction"]
            else:
                about = {"chargingStation": {"model": "M", "vendorName": "V"}, "reason": "PowerUp"}
                await say(process.port, spoken, 0, "BootNotification", about)
                kinds = ["Started", *["Updated"] * 4, "Ended"]
                for number, kind in enumerate(kinds):
                    await say(process.port, spoken, number + 1, "TransactionEvent", event2(kind, number))
                expected = ["TransactionEvent"] * 6
            marks = [tmp_path / point.replace(":", "-") for point in points]
            assert await until(lambda: len(recorder.course()) >= len(expected) and all(mark.exists() for mark in marks), 150)
            await asyncio.sleep(0.3)
    finally:
        process.stop()
    assert [action for action, _ in recorder.course()] == expected
    if spoken == "ocpp1.6":
        numbers = {payload["transactionId"] for action, payload in recorder.course() if "transactionId" in payload}
        assert len(numbers) == 1
        assert min(numbers) >= 4711, "theirs"
    else:
        assert [payload["seqNo"] for _, payload in recorder.course()] == list(range(6))
    database = Database.open(tmp_path / "store.db")
    left = await database.read(lambda c: [row.outcome for row in c.execute(forward_outbox.select())])
    database.close()
    assert set(left) == {"delivered"}
