"""``modbus://host:502?map=eastron-sdm630&unit=1`` and ``modbus-serial:///dev/ttyUSB0?map=eastron-sdm630&baud=9600``."""

import re
from collections.abc import Callable

from chargebridge.links.modbus import ModbusLink
from chargebridge.meters import map_file
from chargebridge.meters.address import Address
from chargebridge.meters.modbus.by_map import MapAsker
from chargebridge.meters.modbus.by_sunspec import SunSpecAsker
from chargebridge.meters.modbus.source import Asker, ModbusSource
from chargebridge.meters.port import MeterError, TelegramSource
from chargebridge.model.clock import Clock
from chargebridge.wire.modbus import RegisterMap, check

PORT = 502
"""Registered with IANA for Modbus/TCP."""
SUNSPEC = "sunspec"
_COMMON = frozenset({"map", "unit", "every", "turned"})
TCP_SETTINGS, SERIAL_SETTINGS = _COMMON | {"rtu"}, _COMMON | {"baud", "format"}
_FORMAT = re.compile(r"([78])([NEO])([12])")
_PACKAGE = "chargebridge.meters.modbus"


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?map=`` (needed), ``?unit=`` (1), ``?every=`` seconds (1), ``?turned=1`` for a meter that counts the other way round.

    Over TCP ``?rtu=1`` where a bridge passes on the serial line's own frames; on a serial line ``?baud=`` (9600) and ``?format=`` (8N1).
    """
    unit = int(address.number("unit", 1))
    if unit > 255:
        raise MeterError(address.text, f"unit {unit} cannot be", "give 0 to 255, as the meter's menu says, mostly 1")
    every_s = address.number("every", 1.0, least=0.05)
    if address.scheme == "modbus":
        where, link = _network(address, unit)
    else:
        where, link = _line(address, unit)
    if address.settings.get("map") == SUNSPEC:
        profile = SUNSPEC
    else:
        profile, chosen = map_file.load(address, _PACKAGE, RegisterMap, check, (SUNSPEC,))

    def asker() -> Asker:
        return SunSpecAsker(where) if profile == SUNSPEC else MapAsker(where, chosen, clock)

    return ModbusSource(where, link, asker, clock, profile=profile, every_s=every_s, turned=bool(address.number("turned", 0)))


def _network(address: Address, unit: int) -> tuple[str, Callable[[], ModbusLink]]:
    host, port = address.host, address.port or PORT
    if not host or address.path.strip("/"):
        raise MeterError(
            address.text, "needs a host and nothing behind it", "write it like modbus://192.168.1.30:502?map=eastron-sdm630&unit=1"
        )
    where, rtu = f"modbus://{host}:{port}?unit={unit}", bool(address.number("rtu", 0))
    return where, lambda: ModbusLink.tcp(where, host, port, unit, rtu=rtu)


def _line(address: Address, unit: int) -> tuple[str, Callable[[], ModbusLink]]:
    device = address.path
    frame = _FORMAT.fullmatch(address.word("format", "8N1").upper())
    if not device or address.host:
        raise MeterError(address.text, "the device is missing", "write it like modbus-serial:///dev/ttyUSB0?map=eastron-sdm630&baud=9600")
    if frame is None:
        raise MeterError(address.text, "the format cannot be read", "write it like format=8N1 or format=8E1")
    where, baud = f"modbus-serial://{device}?unit={unit}", int(address.number("baud", 9600, least=50))
    data_bits, parity, stop_bits = int(frame[1]), frame[2], int(frame[3])
    return where, lambda: ModbusLink.serial(where, device, unit, baud=baud, data_bits=data_bits, parity=parity, stop_bits=stop_bits)
