"""Where a plant is: ``modbus+tcp://host:port?unit=1``, checked before anything is opened."""

from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from chargebridge.plants.port import PlantError

MODBUS_PORT = 502
"""Registered with IANA for Modbus/TCP."""


class ModbusAddress(Struct, frozen=True):
    """unit: the device behind the address (unit identifier of the Modbus/TCP header), 0 to 255."""

    host: str
    port: int = MODBUS_PORT
    unit: int = 1

    def __str__(self) -> str:
        return f"modbus+tcp://{self.host}:{self.port}?unit={self.unit}"


def parse(url: str) -> ModbusAddress:
    """Take the URL apart; raises ``PlantError`` for what it does not know."""
    like = "write it like modbus+tcp://192.168.1.30:502?unit=1"
    try:
        parts = urlsplit(url)
        port = MODBUS_PORT if parts.port is None else parts.port
        settings = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        unit = int(settings.pop("unit", "1"))
    except ValueError as problem:
        raise PlantError(url, f"cannot be read: {problem}", like) from None
    if not parts.hostname or parts.path.strip("/") or parts.username or settings:
        raise PlantError(url, "needs a host, and knows the setting unit only", like)
    if not 0 <= unit <= 255:
        raise PlantError(url, f"unit {unit} cannot be", "give 0 to 255, as the device's manual says, mostly 1")
    return ModbusAddress(parts.hostname, port, unit)
