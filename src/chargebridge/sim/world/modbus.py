"""A Modbus/TCP server for one register map: read holding registers (3), write one (6) or several (16).

Frames by "MODBUS Messaging on TCP/IP Implementation Guide" 1.0b, functions and exceptions by "MODBUS Application Protocol" 1.1b3.
"""

from collections.abc import Callable
from struct import pack, unpack
from typing import Protocol

from chargebridge.sim.world.server import Connection, TcpServer

READ, WRITE_ONE, WRITE_SEVERAL = 3, 6, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
_HEAD = 6
_READ_MAX, _WRITE_MAX = 125, 123
_FRAME_MAX = 254
"""The longest unit and PDU that a frame may announce, bytes."""


class Registers(Protocol):
    """A map of holding registers; LookupError: not at this address, ValueError: not this value."""

    def read(self, address: int, count: int, t_s: float) -> list[int]: ...

    def write(self, address: int, values: list[int], t_s: float) -> None: ...


class Framing:
    """One connection: bytes in, answers out, in any pieces. ``None`` where the stream is no Modbus: hang up."""

    def __init__(self, registers: Registers, now_s: Callable[[], float]) -> None:
        self._registers = registers
        self._now_s = now_s
        self._data = b""

    def feed(self, data: bytes) -> bytes | None:
        self._data += data
        answers = b""
        while len(self._data) >= _HEAD:
            transaction, protocol, length = unpack(">HHH", self._data[:_HEAD])
            if protocol != 0 or not 2 <= length <= _FRAME_MAX:
                return None
            if len(self._data) < _HEAD + length:
                break
            unit, pdu = self._data[_HEAD], self._data[_HEAD + 1 : _HEAD + length]
            self._data = self._data[_HEAD + length :]
            answer = self._answer(pdu)
            answers += pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer
        return answers

    def _answer(self, pdu: bytes) -> bytes:
        function = pdu[0]
        try:
            if function == READ:
                return self._read(pdu)
            if function in (WRITE_ONE, WRITE_SEVERAL):
                return self._write(pdu)
        except LookupError:
            return _exception(function, ILLEGAL_ADDRESS)
        except ValueError:
            return _exception(function, ILLEGAL_VALUE)
        return _exception(function, ILLEGAL_FUNCTION)

    def _read(self, pdu: bytes) -> bytes:
        if len(pdu) != 5:
            raise ValueError("a request to read has 5 bytes")
        address, count = unpack(">HH", pdu[1:])
        if not 1 <= count <= _READ_MAX:
            raise ValueError("1 to 125 registers at a time")
        values = self._registers.read(address, count, self._now_s())
        return pack(f">BB{count}H", READ, 2 * count, *values)

    def _write(self, pdu: bytes) -> bytes:
        if len(pdu) < 5:
            raise ValueError("a request to write is longer")
        if pdu[0] == WRITE_ONE:
            address, value = unpack(">HH", pdu[1:5])
            self._registers.write(address, [value], self._now_s())
            return pdu[:5]
        address, count = unpack(">HH", pdu[1:5])
        if not 1 <= count <= _WRITE_MAX or len(pdu) != 6 + 2 * count or pdu[5] != 2 * count:
            raise ValueError("count and bytes do not agree")
        self._registers.write(address, list(unpack(f">{count}H", pdu[6:])), self._now_s())
        return pdu[:5]


def _exception(function: int, code: int) -> bytes:
    return bytes((function | 0x80, code))


class ModbusServer(TcpServer):
    """The socket of one map; any unit number is answered."""

    def __init__(self, registers: Registers, now_s: Callable[[], float], port: int) -> None:
        super().__init__(port)
        self._registers = registers
        self._now_s = now_s

    def connection(self) -> Connection:
        return _Client(self, Framing(self._registers, self._now_s))


class _Client(Connection):
    def __init__(self, server: TcpServer, framing: Framing) -> None:
        super().__init__(server)
        self._framing = framing

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        answers = self._framing.feed(data)
        if answers is None:
            self.transport.abort()
        else:
            self.transport.write(answers)
