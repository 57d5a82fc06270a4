"""What an SML GetList response says: ``{client, server, list name, sensor time, entries, signature, gateway time}``.

An entry is ``{code, status, time, unit, scaler, value, signature}`` (SML 1.04 clauses 5.1.15, 6.4).
"""

from datetime import UTC, datetime

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.number import scaled
from chargebridge.wire.meter.sml_transport import SmlFile
from chargebridge.wire.meter.sml_tree import Element
from chargebridge.wire.meter.telegram import ClockOrigin, ContentError, Protocol, Register, Scale, Telegram

_SERVER_ID_SIZE = 10
_SERVER_ID_KINDS = (0x09, 0x0A)
_MANUFACTURERS = ("1-0:96.50.1*1", "129-129:199.130.3")
_METER_NUMBERS = ("1-0:96.1.0", "1-0:0.0.9", "1-0:0.0.0", "0-0:96.1.255")


def read_list(body: list[Element], file: SmlFile) -> Telegram:
    """The telegram in the seven elements of a GetList response. Raises ``ContentError``."""
    _, server, _, sensor_time, entries, _, _ = body
    registers: dict[str, Register] = {}
    if not isinstance(entries, list):
        raise ContentError(0, "GetList response without entries")
    for entry in entries:
        match entry:
            case [bytes() as code, status, time, unit, scaler, value, _] if len(code) == 6:
                status = status if isinstance(status, int) else None
                at = None if time is None else time_of(time)
                registers[obis.name(code)] = register(value, unit_name(unit), scaler, status, at)
            case _:
                raise ContentError(0, f"{entry!r:.60} is no list entry")
    return telegram(server, time_of(sensor_time), registers, file)


def telegram(server: Element, clock: datetime | None, registers: dict[str, Register], file: SmlFile) -> Telegram:
    """All that is left when the registers are known."""
    return Telegram(
        protocol=Protocol.SML,
        profile="sml",
        device=next((str(registers[code].value) for code in _MANUFACTURERS if code in registers), None),
        meter_id=_meter_id(server, registers),
        registers=registers,
        clock=clock,
        clock_origin=ClockOrigin.NONE if clock is None else ClockOrigin.TELEGRAM,
        clock_text=None if clock is None else clock.isoformat(),
        crc_ok=True,
        offset=file.offset,
        size=file.size,
    )


def unit_name(unit: Element) -> str:
    return obis.UNITS.get(unit, f"unit {unit}") if isinstance(unit, int) else ""


def register(value: Element, unit: str, scaler: Element, status: int | None, at: datetime | None) -> Register:
    """One entry's register. Raises ``ContentError`` for a scaler that cannot be."""
    if isinstance(value, bytes):
        text = value.decode("latin-1")
        readable = bool(text) and text.isascii() and text.isprintable()
        return Register(text if readable else value.hex(), "", value, Scale.TELEGRAM, None, status, at)
    if isinstance(value, int):
        if not isinstance(scaler, int):
            return Register(scaled(value, 0, unit) if unit else value, unit, value, Scale.TELEGRAM, None, status, at)
        if not -128 <= scaler < 128:
            raise ContentError(0, f"scaler {scaler} cannot be")
        return Register(scaled(value, scaler, unit), unit, value, Scale.TELEGRAM, scaler, status, at)
    return Register(None, "", None, Scale.TELEGRAM, None, status, at)


def time_of(element: Element) -> datetime | None:
    """SML_Time: a second index tells no time of day; a timestamp counts seconds since 1970 in UTC."""
    match element:
        case [2, int() as seconds] | [3, [int() as seconds, _, _]]:
            try:
                return datetime.fromtimestamp(seconds, UTC)
            except (ValueError, OverflowError, OSError):
                return None
    return None


def _meter_id(server: Element, registers: dict[str, Register]) -> str | None:
    """The number on the meter's face, DIN 43863-5: ``1 EMH 00 12345678`` without blanks, or the identifier as it is."""
    if isinstance(server, bytes) and len(server) == _SERVER_ID_SIZE and server[0] in _SERVER_ID_KINDS:
        maker = server[2:5].decode("latin-1")
        if maker.isascii() and maker.isalnum():
            return f"{server[1]:X}{maker}{server[5]:02X}{int.from_bytes(server[6:], 'big'):08d}"
    for code in _METER_NUMBERS:
        if code in registers:
            return str(registers[code].value)
    return server.hex() if isinstance(server, bytes) else None
