"""One Modbus/TCP connection to one unit. Whatever goes wrong ends it, but for a refusal: the next connection starts afresh."""

from collections.abc import Awaitable, Callable

from pymodbus import ModbusException
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from chargebridge.model.errors import ChargebridgeError
from chargebridge.plants.address import ModbusAddress
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


class LinkError(ChargebridgeError):
    """No usable answer. Whether the device acted is not known."""


class RefusedError(LinkError):
    """The device answered with an exception."""


class ModbusLink:
    """``connect`` first; after any ``LinkError`` that is no ``RefusedError`` it is closed and of no more use."""

    def __init__(self, address: ModbusAddress) -> None:
        self._where = str(address)
        self._unit = address.unit
        self._client = AsyncModbusTcpClient(address.host, port=address.port, timeout=TIMEOUT_S, retries=0, reconnect_delay=0)

    async def connect(self) -> None:
        if not await self._client.connect():
            raise LinkError(
                self._where, f"no connection within {TIMEOUT_S:g} s", "check address and network, and that Modbus is switched on"
            )

    async def read(self, span: Span) -> list[int]:
        """Holding registers (function 3)."""
        answer = await self._ask(self._client.read_holding_registers, span.address, count=span.count)
        if len(answer.registers) != span.count:
            raise self._broken(f"sent {len(answer.registers)} registers instead of {span.count}")
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
            answer = await request(address, device_id=self._unit, **what)
        except ModbusException as problem:
            raise self._broken(f"no usable answer within {TIMEOUT_S:g} s ({problem})") from None
        if answer.isError():
            code = answer.exception_code
            reason = f"refused registers from {address} on with exception {code} ({_EXCEPTIONS.get(code, 'unknown')})"
            raise RefusedError(
                self._where, reason, "check the unit id, and that the device lets itself be read and controlled over SunSpec"
            )
        return answer

    def _broken(self, reason: str) -> LinkError:
        self.close()
        return LinkError(self._where, reason, "check its power and network, the unit id, and that nothing else speaks on this port")
