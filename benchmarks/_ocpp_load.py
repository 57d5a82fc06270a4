"""The load: charging stations of bare sockets, each with one CALL under way, that cost the server's core nothing.

Their websocket frames are masked with zeros, which a server has to unmask like any others.
"""

import asyncio
import json
import os
import struct
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime

Say = Callable[["LoadStation"], tuple[str, str]]
"""Of a station to action and payload of its next message."""

PHASES = ("L1", "L2", "L3")


def _sampled_16() -> str:
    """Nine values as a three-phase station samples them."""
    common = '"context":"Sample.Periodic","format":"Raw","location":"Outlet"'
    currents = [f'{{"value":"15.8{i}",{common},"measurand":"Current.Import","phase":"{p}","unit":"A"}}' for i, p in enumerate(PHASES)]
    volts = [f'{{"value":"230.{i}",{common},"measurand":"Voltage","phase":"{p}-N","unit":"V"}}' for i, p in enumerate(PHASES)]
    rest = [
        f'{{"value":"10935.2",{common},"measurand":"Power.Active.Import","unit":"W"}}',
        f'{{"value":"%d",{common},"measurand":"Energy.Active.Import.Register","unit":"Wh"}}',
        '{"value":"57","context":"Sample.Periodic","format":"Raw","location":"EV","measurand":"SoC","unit":"Percent"}',
    ]
    return f"[{','.join(currents + volts + rest)}]"


def _sampled_2() -> str:
    common = '"context":"Sample.Periodic","location":"Outlet"'
    unit = '"unitOfMeasure":{"unit":"%s","multiplier":0}'
    rows = [(f"15.8{i}", "Current.Import", p, "A") for i, p in enumerate(PHASES)]
    rows += [(f"230.{i}", "Voltage", f"{p}-N", "V") for i, p in enumerate(PHASES)]
    values = [f'{{"value":{v},{common},"measurand":"{m}","phase":"{p}",{unit % u}}}' for v, m, p, u in rows]
    values.append(f'{{"value":10935.2,{common},"measurand":"Power.Active.Import",{unit % "W"}}}')
    values.append(f'{{"value":%d,{common},"measurand":"Energy.Active.Import.Register",{unit % "Wh"}}}')
    values.append(f'{{"value":57.0,"context":"Sample.Periodic","location":"EV","measurand":"SoC",{unit % "Percent"}}}')
    return f"[{','.join(values)}]"


SAMPLED_16, SAMPLED_2 = _sampled_16(), _sampled_2()


def moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def meter_values_16(station: "LoadStation") -> tuple[str, str]:
    values = SAMPLED_16 % (1000 + station.count)
    return "MeterValues", (
        f'{{"connectorId":1,"transactionId":{station.transaction},"meterValue":[{{"timestamp":"{moment()}","sampledValue":{values}}}]}}'
    )


def transaction_event(station: "LoadStation") -> tuple[str, str]:
    values, at = SAMPLED_2 % (1000 + station.count), moment()
    return "TransactionEvent", (
        f'{{"eventType":"{station.kind}","timestamp":"{at}","triggerReason":"MeterValuePeriodic","seqNo":{station.count},"offline":false,'
        f'"numberOfPhasesUsed":3,"transactionInfo":{{"transactionId":"{station.identity}-{station.transaction}","chargingState":"Charging",'
        f'"timeSpentCharging":{station.count}}},"evse":{{"id":1,"connectorId":1}},'
        f'"meterValue":[{{"timestamp":"{at}","sampledValue":{values}}}]}}'
    )


def heartbeat(_: "LoadStation") -> tuple[str, str]:
    return "Heartbeat", "{}"


def boot_16(_: "LoadStation") -> tuple[str, str]:
    return "BootNotification", '{"chargePointVendor":"load","chargePointModel":"load"}'


def boot_2(_: "LoadStation") -> tuple[str, str]:
    return "BootNotification", '{"chargingStation":{"model":"load","vendorName":"load"},"reason":"PowerUp"}'


def start_16(_: "LoadStation") -> tuple[str, str]:
    return "StartTransaction", f'{{"connectorId":1,"idTag":"LOAD","meterStart":1000,"timestamp":"{moment()}"}}'


class LoadStation(asyncio.Protocol):
    """One connection. Whatever it is asked it answers with NotSupported."""

    def __init__(self, identity: str, protocol: str) -> None:
        self.identity = identity
        self.protocol = protocol
        self.count = 0
        self.transaction = os.getpid()
        self.kind = "Started"
        self.last = b""
        self.refused = 0
        self.answered: asyncio.Event = asyncio.Event()
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self._buffer = b""
        self._say: Say | None = None
        self._left = 0
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ocpp/{self.identity} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {self.protocol}\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        for waiting in (self.open, self._done):
            if waiting is not None and not waiting.done():
                waiting.set_exception(ConnectionError(f"the server let go of {self.identity}: {exc}"))

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        if not self.open.done():
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self.open.set_result(None)
        while len(data) >= 2:
            start, length = 2, data[1]
            if length == 126:
                start, length = 4, int.from_bytes(data[2:4], "big")
            elif length == 127:
                start, length = 10, int.from_bytes(data[2:10], "big")
            if len(data) < start + length:
                break
            self._frame(data[0] & 15, data[start : start + length])
            data = data[start + length :]
        self._buffer = data

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._write(0x8A, payload)
        if opcode != 1:
            return
        if payload.startswith(b"[2"):
            self._write(0x81, b'[4,"%s","NotSupported","",{}]' % json.loads(payload)[1].encode())
            return
        self.last = payload
        self.refused += payload.startswith(b"[4")
        self.answered.set()
        self._next()

    def _write(self, head: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes((head, 128 | size)) if size < 126 else struct.pack("!BBH", head, 254, size)
        self.transport.write(length + b"\0\0\0\0" + payload)

    def _next(self) -> None:
        if self._left == 0 or self._say is None:
            if self._done is not None and not self._done.done():
                self._done.set_result(None)
            return
        self._left -= 1
        self.count += 1
        action, payload = self._say(self)
        self._write(0x81, f'[2,"{self.identity}-{self.count:08}","{action}",{payload}]'.encode())

    async def run(self, say: Say, messages: int) -> None:
        """Send so many, each after the answer to the one before."""
        self._say, self._left = say, messages
        self._done = asyncio.get_running_loop().create_future()
        self._next()
        await self._done


class Echoed(LoadStation):
    """A station whose own frames come back to it, CALLs and all."""

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == 1:
            self._next()


async def connect(kind: type[LoadStation], port: int, identity: str, protocol: str) -> LoadStation:
    _, station = await asyncio.get_running_loop().create_connection(lambda: kind(identity, protocol), "127.0.0.1", port)
    await station.open
    return station
