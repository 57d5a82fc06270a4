"""One Modbus connection to one unit. Whatever goes wrong ends it, but for a refusal: the next connection starts afresh."""

from collections.abc import Awaitable, Callable
from enum import IntEnum

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.pdu import ModbusPDU

from chargebridge.links.cancelled import cancellation_kept
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.sunspec import Span, Write

TIMEOUT_S = 2.0
"""For connecting and for each answer."""
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still at work",
    6: "device busy",
    10: "gateway path unavailable",
    11: "no such unit behind the gateway",
}
"""Modbus Application Protocol V1.1b3, chapter 7."""
_NOT_THERE = (1, 2, 3)


class Function(IntEnum):
    """The two functions that read registers (chapter 6)."""

    HOLDING = 3
    INPUT = 4


class LinkError(ChargebridgeError):
    """No usable answer. Whether the device acted is not known."""


class RefusedError(LinkError):
    """The device answered with an exception. code: which."""

    def __init__(self, where: str, reason: str, cure: str, code: int) -> None:
        super().__init__(where, reason, cure)
        self.code = code

    @property
    def not_there(self) -> bool:
        """It will never have these registers; otherwise it may have them another time."""
        return self.code in _NOT_THERE


class ModbusLink:
    """``connect`` first; after any ``LinkError`` that is no ``RefusedError`` it is closed and of no more use. Made by ``tcp`` or ``serial``."""

    def __init__(self, where: str, unit: int, client: ModbusBaseClient) -> None:
        self._where = where
        self._unit = unit
        self._client = client

    @classmethod
    def tcp(cls, where: str, host: str, port: int, unit: int, *, rtu: bool = False) -> "ModbusLink":
        """rtu: frames of the serial line, passed on by a bridge that does not translate them."""
        framer = FramerType.RTU if rtu else FramerType.SOCKET
        client = AsyncModbusTcpClient(host, port=port, framer=framer, timeout=TIMEOUT_S, retries=0, reconnect_delay=0)
        return cls(where, unit, client)

    @classmethod
    def serial(cls, where: str, device: str, unit: int, *, baud: int, data_bits: int, parity: str, stop_bits: int) -> "ModbusLink":
        """parity: N, E or O."""
        client = AsyncModbusSerialClient(
            device,
            framer=FramerType.RTU,
            baudrate=baud,
            bytesize=data_bits,
            parity=parity,
            stopbits=stop_bits,
            timeout=TIMEOUT_S,
            retries=0,
            reconnect_delay=0,
        )
        return cls(where, unit, client)

    async def connect(self) -> None:
        with cancellation_kept():
            connected = await self._client.connect()
        if not connected:
            raise LinkError(
                self._where, f"no connection within {TIMEOUT_S:g} s", "check address and network, and that Modbus is switched on"
            )

    async def read(self, span: Span, function: Function = Function.HOLDING, expected: int | None = None) -> list[int]:
        """Registers. expected: how many 16-bit words come for ``span.count``, where a device counts otherwise than Modbus does."""
        request = self._client.read_input_registers if function is Function.INPUT else self._client.read_holding_registers
        answer = await self._ask(request, span.address, count=span.count)
        wanted = span.count if expected is None else expected
        if len(answer.registers) != wanted:
            raise self._broken(f"sent {len(answer.registers)} registers instead of {wanted}")
        return list(answer.registers)

    async def write(self, write: Write) -> None:
        """Holding registers (function 16)."""
        answer = await self._ask(self._client.write_registers, write.address, values=list(write.registers))
        if (answer.address, answer.count) != (write.address, len(write.registers)):
            raise self._broken(f"confirmed {answer.count} registers at {answer.address}, not {len(write.registers)} at {write.address}")

    def close(self) -> None:
        self._client.close()

    async def _ask(self, request: Callable[..., Awaitable[ModbusPDU]], address: int, **what: object) -> ModbusPDU:
        try:
            with cancellation_kept():
                answer = await request(address, device_id=self._unit, **what)
        except ModbusException as problem:
            raise self._broken(f"no usable answer within {TIMEOUT_S:g} s ({problem})") from None
        if answer.isError():
            code = answer.exception_code
            reason = f"refused registers from {address} on with exception {code} ({_EXCEPTIONS.get(code, 'unknown')})"
            cure = "check the unit id, and that the device is the model that is read, with its Modbus or SunSpec interface on"
            raise RefusedError(self._where, reason, cure, code)
        return answer

    def _broken(self, reason: str) -> LinkError:
        self.close()
        return LinkError(self._where, reason, "check its power and network, the unit id, and that nothing else speaks on this port")
