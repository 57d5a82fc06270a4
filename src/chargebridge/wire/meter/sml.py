"""SML telegrams of German meters (BSI TR-03109-1 annex IV, "SML 1.04"): the readings in GetList responses.

A file holds messages ``{transaction, group, abort, {tag, body}, crc, 00}``, each with a checksum of its own. Tag 0701 is GetList.Res =
``{client, server, list name, sensor time, entries, signature, gateway time}``, an entry ``{code, status, time, unit, scaler, value, signature}``.
"""

from datetime import UTC, datetime

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.crc import kermit, x25
from chargebridge.wire.meter.number import scaled
from chargebridge.wire.meter.sml_transport import SmlFile, SmlFramer
from chargebridge.wire.meter.sml_tree import END_OF_MESSAGE, Element, parse
from chargebridge.wire.meter.telegram import (
    ClockOrigin,
    ContentError,
    DecodeError,
    ErrorKind,
    Event,
    Protocol,
    Register,
    Scale,
    Telegram,
    error,
)

GET_LIST_RESPONSE = 0x0701
_CHECKSUM_HEAD = 0x63
_SERVER_ID_SIZE = 10
_SERVER_ID_KINDS = (0x09, 0x0A)
_MANUFACTURERS = ("1-0:96.50.1*1", "129-129:199.130.3")
_METER_NUMBERS = ("1-0:96.1.0", "1-0:0.0.9", "1-0:0.0.0", "0-0:96.1.255")


class SmlDecoder:
    """Stream to telegrams, one for each GetList response. Holds at most one file's bytes between calls."""

    def __init__(self) -> None:
        self._framer = SmlFramer()

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their file."""
        return self._framer.pending

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, return the telegrams and errors that they completed."""
        return _read_all(self._framer.feed(data))

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        return _read_all(self._framer.close())


def _read_all(files: list[SmlFile | DecodeError]) -> list[Event]:
    events: list[Event] = []
    for file in files:
        if isinstance(file, SmlFile):
            events += read(file)
        else:
            events.append(file)
    return events


def read(file: SmlFile) -> list[Event]:
    """The readings in one file; a message that cannot be read ends it with an error and leaves the earlier ones."""
    events: list[Event] = []
    data, at = file.payload, 0
    try:
        while at < len(data):
            if data[at] == END_OF_MESSAGE:
                at += 1
                continue
            message, end = parse(data, at)
            body = _body(data, at, end, message)
            if body is not None:
                events.append(_list(body, file))
            at = end
    except ContentError as problem:
        reason = f"byte {problem.position} of the file: {problem.reason}"
        events.append(error(Protocol.SML, ErrorKind.CONTENT, file.offset, reason))
    return events


def _body(data: bytes, at: int, end: int, message: Element) -> list[Element] | None:
    """The body of the message between ``at`` and ``end`` if it is a GetList response, None if it is another message."""
    match message:
        case [_, _, _, [int() as tag, body], int() as stated, None]:
            width = data[end - 4] == _CHECKSUM_HEAD
            covered = data[at : end - 4] if width else data[at : end - 3]
            if (stated & 0xFF) << 8 | stated >> 8 not in (x25(covered), kermit(covered)):
                raise ContentError(at, "checksum of a message is wrong")
            if tag != GET_LIST_RESPONSE:
                return None
            if not isinstance(body, list) or len(body) != 7:
                raise ContentError(at, "GetList response without its seven elements")
            return body
    raise ContentError(at, "no SML message stands where one should")


def _list(body: list[Element], file: SmlFile) -> Telegram:
    _, server, _, sensor_time, entries, _, _ = body
    registers: dict[str, Register] = {}
    if not isinstance(entries, list):
        raise ContentError(0, "GetList response without entries")
    for entry in entries:
        match entry:
            case [bytes() as code, status, time, unit, scaler, value, _] if len(code) == 6:
                registers[obis.name(code)] = _register(status, time, unit, scaler, value)
            case _:
                raise ContentError(0, f"{entry!r:.60} is no list entry")
    clock = _time(sensor_time)
    manufacturer = next((str(registers[code].value) for code in _MANUFACTURERS if code in registers), None)
    return Telegram(
        protocol=Protocol.SML,
        profile="sml",
        device=manufacturer,
        meter_id=_meter_id(server, registers),
        registers=registers,
        clock=clock,
        clock_origin=ClockOrigin.NONE if clock is None else ClockOrigin.TELEGRAM,
        clock_text=None if clock is None else clock.isoformat(),
        crc_ok=True,
        offset=file.offset,
        size=file.size,
    )


def _register(status: Element, time: Element, unit: Element, scaler: Element, value: Element) -> Register:
    status = status if isinstance(status, int) else None
    at = None if time is None else _time(time)
    if isinstance(value, bytes):
        text = value.decode("latin-1")
        readable = bool(text) and text.isascii() and text.isprintable()
        return Register(text if readable else value.hex(), "", value, Scale.TELEGRAM, None, status, at)
    if isinstance(value, int):
        name = obis.UNITS.get(unit, f"unit {unit}") if isinstance(unit, int) else ""
        if not isinstance(scaler, int):
            return Register(scaled(value, 0, name) if name else value, name, value, Scale.TELEGRAM, None, status, at)
        if not -128 <= scaler < 128:
            raise ContentError(0, f"scaler {scaler} cannot be")
        return Register(scaled(value, scaler, name), name, value, Scale.TELEGRAM, scaler, status, at)
    return Register(None, "", None, Scale.TELEGRAM, None, status, at)


def _time(element: Element) -> datetime | None:
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
