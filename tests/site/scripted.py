"""A charging station of few words over a real socket, for the operator's tests: boots, reports, answers, and takes new firmware step by step."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import websockets

STEPS = ("Downloading", "Downloaded", "Installing", "Installed")
ANSWERS: dict[str, dict[str, Any]] = {
    "GetConfiguration": {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]},
    "GetLocalListVersion": {"listVersion": 7},
    "UnlockConnector": {"status": "Unlocked"},
    "GetLog": {"status": "Accepted", "filename": "diagnostics.zip"},
    "GetDiagnostics": {"fileName": "diagnostics.zip"},
    "UpdateFirmware": {},
    "SetVariables": {},
    "GetVariables": {},
}


class Scripted:
    """version: of OCPP. step_s: of each step of an update; fails: so many updates fail at first; stops_at: it falls silent there."""

    def __init__(self, url: str, identity: str, version: str = "ocpp1.6", firmware: str = "1.0", *, vendor: str = "Elbwerk") -> None:
        self.url, self.identity, self.version, self.firmware, self.vendor = url, identity, version, firmware, vendor
        self.next_firmware = "2.0"
        self.step_s = 0.02
        self.fails = 0
        self.stops_at: str | None = None
        self.obeys = True
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.updates = 0
        self.socket: Any = None
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0

    @property
    def old(self) -> bool:
        return self.version == "ocpp1.6"

    async def start(self) -> None:
        """Connected, booted, its connector told of."""
        self.socket = await websockets.connect(f"{self.url}{self.identity}", subprotocols=[websockets.Subprotocol(self.version)])
        self._spawn(self._read(self.socket))
        about = {"chargePointVendor": self.vendor, "chargePointModel": "Kai 22", "chargePointSerialNumber": f"SN-{self.identity}"}
        if self.old:
            await self.call("BootNotification", {**about, "firmwareVersion": self.firmware})
            await self.status("Available")
            return
        station = {"vendorName": self.vendor, "model": "Kai 22", "serialNumber": f"SN-{self.identity}", "firmwareVersion": self.firmware}
        await self.call("BootNotification", {"reason": "PowerUp", "chargingStation": station})
        await self.status("Available")

    async def status(self, word: str, connector: int = 1) -> None:
        now = datetime.now(UTC).isoformat()
        if self.old:
            said = {"connectorId": connector, "status": word, "errorCode": "NoError", "timestamp": now}
        else:
            said = {"evseId": connector, "connectorId": 1, "connectorStatus": word, "timestamp": now}
        await self.call("StatusNotification", said)

    async def call(self, action: str, payload: dict[str, Any]) -> list[Any]:
        self._number += 1
        name = f"{self.identity}-{self._number}"
        self._answers[name] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps([2, name, action, payload]))
        return await asyncio.wait_for(self._answers[name], 5)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.socket is not None:
            await self.socket.close()

    def _spawn(self, job: Any) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, socket: Any) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in socket:
                frame = json.loads(text)
                if frame[0] == 2:
                    await self._asked(socket, *frame[1:])
                elif (waiting := self._answers.pop(frame[1], None)) is not None:
                    waiting.set_result(frame)

    async def _asked(self, socket: Any, name: str, action: str, payload: dict[str, Any]) -> None:
        self.asked.append((action, payload))
        if not self.obeys:
            return
        if action == "SetVariables":
            results = [{"attributeStatus": "Accepted", **{k: d[k] for k in ("component", "variable")}} for d in payload["setVariableData"]]
            answer: dict[str, Any] = {"setVariableResult": results}
        elif action == "UpdateFirmware" and not self.old:
            answer = {"status": "Accepted"}
        else:
            answer = ANSWERS.get(action, {"status": "Accepted"})
        await socket.send(json.dumps([3, name, answer]))
        if action in ("UpdateFirmware", "SignedUpdateFirmware"):
            self.updates += 1
            self._spawn(self._update(payload.get("requestId")))
        if action == "TriggerMessage" and payload["requestedMessage"] == "FirmwareStatusNotification":
            self._spawn(self._tell("Idle", None))

    async def _update(self, request: int | None) -> None:
        for step in STEPS:
            await asyncio.sleep(self.step_s)
            if step == self.stops_at:
                return
            if step == "Downloaded" and self.fails:
                self.fails -= 1
                await self._tell("DownloadFailed", request)
                return
            if step == "Installed":
                self.firmware = self.next_firmware
                await self.socket.close()
                await self.start()
            await self._tell(step, request)

    async def _tell(self, step: str, request: int | None) -> None:
        await self.call("FirmwareStatusNotification", {"status": step} | ({} if request is None or self.old else {"requestId": request}))
