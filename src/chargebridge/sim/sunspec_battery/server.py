"""Modbus/TCP in front of a device (Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1). Written here, so that ours and pymodbus check
each other."""

import asyncio
import struct

from chargebridge.model.clock import Clock
from chargebridge.sim.stream_server import HOST, StreamServer
from chargebridge.sim.sunspec_battery.device import (
    DEVICE_FAILURE,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    NO_SUCH_UNIT,
    BatterySide,
    RefusalError,
    SunSpecDevice,
)
from chargebridge.wire.sunspec import READ_MAX, WRITE_MAX, SunSpecError

_HEADER = struct.Struct(">HHHB")
"""Transaction, protocol (0), length of what follows it, unit."""
_LONGEST = 254


class BatteryServer(StreamServer):
    """Other units than ``unit`` do not exist."""

    def __init__(self, side: BatterySide, clock: Clock, *, port: int = 0, unit: int = 1) -> None:
        super().__init__(port)
        self.unit = unit
        self._device = SunSpecDevice(side, clock)
        self._clock = clock
        self._timer: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """As it is written in a site's configuration."""
        return f"modbus+tcp://{HOST}:{self.port}?unit={self.unit}"

    async def open(self) -> None:
        await super().open()
        self._wind()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await super().close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            transaction, protocol, length, unit = _HEADER.unpack(await reader.readexactly(_HEADER.size))
            if protocol != 0 or not 2 <= length <= _LONGEST:
                break
            answer = self._answer(unit, await reader.readexactly(length - 1))
            writer.write(_HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer)
            await writer.drain()

    def _answer(self, unit: int, request: bytes) -> bytes:
        try:
            if unit != self.unit:
                raise RefusalError(NO_SUCH_UNIT)
            return self._do(request)
        except RefusalError as no:
            code = no.code
        except struct.error:
            code = ILLEGAL_VALUE
        except SunSpecError:
            code = DEVICE_FAILURE
        return bytes((request[0] | 0x80, code))

    def _do(self, request: bytes) -> bytes:
        match request[0]:
            case 3:  # read holding registers
                _, address, count = struct.unpack(">BHH", request)
                if not 1 <= count <= READ_MAX:
                    raise RefusalError(ILLEGAL_VALUE)
                return struct.pack(f">BB{count}H", request[0], 2 * count, *self._device.read(address, count))
            case 6:  # write single register
                _, address, value = struct.unpack(">BHH", request)
                self._write(address, (value,))
                return request
            case 16:  # write multiple registers
                _, address, count, size = struct.unpack_from(">BHHB", request)
                if not 1 <= count <= WRITE_MAX or size != 2 * count:
                    raise RefusalError(ILLEGAL_VALUE)
                self._write(address, struct.unpack(f">{count}H", request[6:]))
                return request[:5]
            case _:
                raise RefusalError(ILLEGAL_FUNCTION)

    def _write(self, address: int, registers: tuple[int, ...]) -> None:
        self._device.write(address, registers)
        self._wind()

    def _wind(self) -> None:
        """The reversion timer runs on when nobody talks to the device."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if self._device.due_s is None else asyncio.create_task(self._keep_time())

    async def _keep_time(self) -> None:
        while (due_s := self._device.due_s) is not None:
            await self._clock.sleep(due_s)
            self._device.tick()
