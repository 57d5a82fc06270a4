"""Modbus in front of a device: over TCP (Messaging on TCP/IP Implementation Guide V1.0b, 3.1) and on a serial line (Serial Line V1.02, 2.5).

Written here, so that ours and pymodbus check each other.
"""

import asyncio
import struct
from types import TracebackType

from chargebridge.sim.modbus_meter.registers import ILLEGAL_FUNCTION, Device, RefusedRequestError
from chargebridge.wire.meter.crc import arc

HOST = "127.0.0.1"
_HEADER = struct.Struct(">HHHB")
"""Transaction, protocol (0), length of what follows it, unit."""
_NO_SUCH_UNIT = 11
_REQUEST_SIZE = 8
"""Of a read on a serial line: unit, function, address, count, checksum."""


def _checksum(frame: bytes) -> int:
    """CRC-16/MODBUS: CRC-16/ARC begun with 0xFFFF, which is the same as the first two bytes inverted; sent low byte first."""
    return arc(bytes((frame[0] ^ 0xFF, frame[1] ^ 0xFF)) + frame[2:])


def answer(device: Device, request: bytes) -> bytes:
    """The answer to a request without its frame."""
    try:
        if request[0] not in (3, 4) or len(request) != 5:
            raise RefusedRequestError(ILLEGAL_FUNCTION)
        data = device.read(*struct.unpack(">BHH", request))
    except RefusedRequestError as no:
        return bytes((request[0] | 0x80, no.code))
    return bytes((request[0], len(data))) + data


class NetworkServer:
    """``async with`` opens a port. silent: takes requests and says nothing. requests: what was asked, as (function, address, count)."""

    def __init__(self, device: Device, *, unit: int = 1, port: int = 0, rtu: bool = False) -> None:
        self.device = device
        self.unit = unit
        self.port = port
        self.silent = False
        self.requests: list[tuple[int, int, int]] = []
        self._rtu = rtu
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "NetworkServer":
        self._server = await asyncio.start_server(self._line if self._rtu else self._talk, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    def hang_up(self) -> None:
        """Ends all connections."""
        for writer in self._writers:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                transaction, _, length, unit = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                request = await reader.readexactly(length - 1)
                self.requests.append(struct.unpack(">BHH", request[:5]))
                if self.silent:
                    continue
                said = answer(self.device, request) if unit == self.unit else bytes((request[0] | 0x80, _NO_SUCH_UNIT))
                writer.write(_HEADER.pack(transaction, 0, len(said) + 1, unit) + said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A bridge that passes on the serial line's own frames."""
        self._writers.add(writer)
        try:
            while True:
                said = line_answer(self.device, self.unit, await reader.readexactly(_REQUEST_SIZE))
                if said and not self.silent:
                    writer.write(said)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


def line_answer(device: Device, unit: int, request: bytes) -> bytes:
    """The frame that answers a request on a serial line; nothing if it is damaged or for another unit."""
    if request[0] != unit or _checksum(request[:-2]) != int.from_bytes(request[-2:], "little"):
        return b""
    said = bytes((unit,)) + answer(device, request[1:-2])
    return said + _checksum(said).to_bytes(2, "little")


class LineServer:
    """A meter at the other end of a terminal line. ``take`` gets what arrived there and returns what goes back."""

    def __init__(self, device: Device, *, unit: int = 1) -> None:
        self.device = device
        self.unit = unit
        self._pending = b""

    def take(self, data: bytes) -> bytes:
        self._pending += data
        said = b""
        while len(self._pending) >= _REQUEST_SIZE:
            request, self._pending = self._pending[:_REQUEST_SIZE], self._pending[_REQUEST_SIZE:]
            said += line_answer(self.device, self.unit, request)
        return said
