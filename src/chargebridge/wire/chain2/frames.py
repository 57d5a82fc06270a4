"""Messages of a Chain 2 gateway: ``{"Chain2Data": {"Id", "Ts", "Meter": "M1", "Type": "CF21", "Payload": {...}}}`` one after the other.

M1 is the meter at the connection point, M2 that of the production. ``Chain2Info`` and ``Chain2State`` tell of the gateway and are passed over. JSON
has no checksum: what a bad line changes into another number cannot be seen.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from chargebridge.wire.chain2.fields import FIELDS, KNOWN, METER_NUMBER, TIMES, Field, Form
from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.telegram import ClockOrigin, ErrorKind, Event, Protocol, Register, Telegram, Value, error

MAX_SIZE = 16384
MARK = re.compile(rb'\{\s{0,64}"Chain2(?:Data|Info|State)"\s{0,64}:')
_MARK_SIZE = 160
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}]', re.S)
_FILLING = b" \t\r\n\0,[]"
_UNSET = re.compile(r".*255/65535.*")
_LATEST = 2**33


class _Payload(msgspec.Struct):
    Id: str
    Type: str
    Payload: dict[str, int | float | str | bool | None]
    Meter: str = "M1"
    Ts: str = ""


class _Message(msgspec.Struct):
    Chain2Data: _Payload | None = None


_DECODER = msgspec.json.Decoder(_Message)


def find(data: bytes) -> int:
    """Where the first message begins, -1 if there is none."""
    mark = MARK.search(data)
    return -1 if mark is None else mark.start()


class Chain2Decoder(Framer[Telegram]):
    """Stream to telegrams, one for each compact frame. Holds at most ``MAX_SIZE`` bytes and one piece between calls."""

    protocol = Protocol.CHAIN2
    longest = MAX_SIZE
    unit = "message"
    filling = _FILLING
    noise_cure = "check the gateway's address"

    def _scan(self, buffer: bytes, events: list[Event], *, final: bool) -> int:
        at = 0
        while at < len(buffer):
            mark = MARK.search(buffer, at)
            if mark is None:
                keep = len(buffer) if final else max(at, buffer.rfind(b"{", max(at, len(buffer) - _MARK_SIZE)))
                keep = keep if final or buffer[keep : keep + 1] == b"{" else len(buffer)
                self._skip(buffer, at, keep, events)
                at = keep
                break
            self._skip(buffer, at, mark.start(), events)
            at = mark.start()
            following = MARK.search(buffer, at + 1)
            limit = len(buffer) if following is None else following.start()
            end = _end(buffer, at, min(limit, at + MAX_SIZE))
            if end:
                self._noise = None
                events += _read(buffer[at:end], self._base + at)
                at = end
            elif limit - at >= MAX_SIZE:
                self._lose(ErrorKind.OVERSIZE, at, f"no end within {MAX_SIZE} bytes", events)
                at += MAX_SIZE
            elif following is not None or final:
                self._lose(ErrorKind.TRUNCATED, at, f"message breaks off after {limit - at} bytes", events)
                at = limit
            else:
                break
        return at


def _end(buffer: bytes, start: int, limit: int) -> int:
    """Where the object that begins at ``start`` ends, 0 if it does not before ``limit``."""
    depth = 0
    for token in _TOKEN.finditer(buffer, start, limit):
        match token[0]:
            case b"{":
                depth += 1
            case b"}":
                depth -= 1
                if not depth:
                    return token.end()
            case b'"':  # a text that has not ended yet
                return 0
    return 0


def _read(message: bytes, offset: int) -> list[Event]:
    try:
        told = _DECODER.decode(message).Chain2Data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return [error(Protocol.CHAIN2, ErrorKind.CONTENT, offset, f"message cannot be read: {problem}", "keep it and report it")]
    if told is None:
        return []
    registers: dict[str, Register] = {}
    unparsed: list[str] = []
    for name, value in told.Payload.items():
        field = FIELDS.get(name.lower()) if told.Type in KNOWN else None
        if field is None:
            if told.Type not in KNOWN or name.lower() not in TIMES:
                unparsed.append(f"{name}={value}")
            continue
        try:
            known = _value(field, value)
        except ValueError:
            return [error(Protocol.CHAIN2, ErrorKind.CONTENT, offset, f"{told.Type} {name} is {value!r}", "keep the message and report it")]
        if known is not None:
            raw = value if isinstance(value, int | float | str) else None
            registers[field[0]] = Register(known, field[1], raw, field[3])
    clock = _clock(told.Payload)
    number = registers.get(METER_NUMBER)
    return [
        Telegram(
            protocol=Protocol.CHAIN2,
            profile=told.Type.lower(),
            device=f"{told.Id} {told.Meter}",
            meter_id=None if number is None else str(number.value),
            registers=registers,
            clock=clock,
            clock_origin=ClockOrigin.NONE if clock is None else ClockOrigin.TELEGRAM,
            clock_text=told.Ts or None,
            unparsed=tuple(unparsed),
            offset=offset,
            size=len(message),
        )
    ]


def _value(field: Field, value: object) -> Value:
    """None for a moment that is not set and an empty text. Raises ``ValueError`` for what is no such value."""
    match field[2], value:
        case Form.TEXT, str():
            return value.strip() or None
        case Form.MOMENT, str():
            return None if _UNSET.fullmatch(value) else value.strip() or None
        case ((Form.ENERGY | Form.COUNT), int()) if not isinstance(value, bool) and 0 <= value < 1 << 63:
            return Decimal(value) if field[2] is Form.ENERGY else value
        case Form.MEASURED, (int() | float()) if not isinstance(value, bool) and abs(value) < 1e12:
            return float(value)
    raise ValueError


def _clock(payload: dict[str, int | float | str | bool | None]) -> datetime | None:
    times = {name.lower(): value for name, value in payload.items()}
    seconds = next((times[name] for name in TIMES if times.get(name)), None)
    usable = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < _LATEST
    return datetime.fromtimestamp(seconds, UTC) if usable and isinstance(seconds, int) else None
