"""Captures of a MEP port: JSON objects with the hexadecimal ``request`` and ``response`` of one exchange each, in their order."""

import re

import msgspec
from msgspec import Struct

from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.telegram import ContentError, DecodeError, ErrorKind, Event, Protocol, Register, Telegram, error
from chargebridge.wire.osgp import tables
from chargebridge.wire.osgp.client import Answer, MepClient, Repeat
from chargebridge.wire.osgp.packet import PARTIAL_READ_SIZE, SEQUENCE_SIZE, Code, Packet, PacketFramer

MAX_SIZE = 4096
_MARK = re.compile(rb'\{\s*"request"\s*:\s*"[0-9A-Fa-f]{4}')


class _Exchange(Struct):
    request: str
    response: str = ""


def find(data: bytes) -> int:
    """Index of the first exchange, -1 if there is none."""
    found = _MARK.search(data)
    return -1 if found is None else found.start()


class ExchangeDecoder(Framer[Telegram]):
    """Exchanges to telegrams: one for each table of values that was read. Holds at most ``MAX_SIZE`` bytes between calls.

    Without the key nothing is delivered: an exchange that cannot be checked may be anybody's.
    """

    protocol = Protocol.MEP
    longest = MAX_SIZE
    unit = "exchange"

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        super().__init__()
        self._key = options.key
        self._who: tables.Identity | None = None
        self._number: str | None = None
        self._dimensions: tables.Dimensions | None = None
        self._sources = tables.ENERGIES

    def _scan(self, buffer: bytes, events: list[Event], *, final: bool) -> int:
        at = 0
        while (end := buffer.find(b"}", at)) >= 0:
            events.append(self._exchange(buffer[at : end + 1], self._base + at))
            at = end + 1
        if len(buffer) - at > MAX_SIZE:
            events.append(self._error(ErrorKind.OVERSIZE, at, f"no end of an exchange within {MAX_SIZE} bytes"))
            return len(buffer)
        if final and buffer[at:].strip():
            events.append(self._error(ErrorKind.TRUNCATED, at, f"exchange breaks off after {len(buffer) - at} bytes"))
        return len(buffer) if final else at

    def _exchange(self, text: bytes, offset: int) -> Event:
        try:
            exchange = msgspec.json.decode(text[text.index(b"{") :], type=_Exchange)
            request, response = bytes.fromhex(exchange.request), bytes.fromhex(exchange.response)
        except ValueError as problem:
            return error(Protocol.MEP, ErrorKind.CONTENT, offset, f"no exchange: {problem}")
        packets = PacketFramer().feed(request)
        body = packets[0].body if len(packets) == 1 and isinstance(packets[0], Packet) else b""
        if len(body) != PARTIAL_READ_SIZE + SEQUENCE_SIZE or body[0] != Code.PARTIAL_READ:
            return error(Protocol.MEP, ErrorKind.UNSUPPORTED, offset, "the request is no partial read of a table")
        if self._key is None:
            return error(Protocol.MEP, ErrorKind.KEY, offset, "no key (MBK) is known to check the exchange with")
        table, place, count, number = (int.from_bytes(body[a:b], "big") for a, b in ((1, 3), (3, 6), (6, 8), (8, 12)))
        client = MepClient(self._key, number)
        if client.read(table, place, count) != request:
            return error(Protocol.MEP, ErrorKind.KEY, offset, "the request's digest is wrong: another key, or damaged")
        found = client.receive(response)
        if len(found) != 1:
            return error(Protocol.MEP, ErrorKind.TRUNCATED, offset, "the exchange lacks its response")
        match found[0]:
            case Answer(data=data):
                return self._read(table, place, data, offset, len(text))
            case DecodeError() as fault:
                return msgspec.structs.replace(fault, offset=offset)
            case Repeat():
                reason, cure = "the meter expects another sequence number", "none needed: the next exchange has it"
                return error(Protocol.MEP, ErrorKind.CONTENT, offset, reason, cure)
            case _:
                return error(Protocol.MEP, ErrorKind.NOISE, offset, "an alert in place of the response", "none needed")

    def _read(self, table: int, place: int, data: bytes, offset: int, size: int) -> Event:
        """The telegram of one answer; what other tables say about it is remembered."""
        registers: dict[str, Register] = {}
        at = None
        unparsed: tuple[str, ...] = ()
        try:
            match table:
                case tables.BT01 if not place and len(data) >= tables.BT01_SIZE:
                    self._who = tables.identity(data)
                case tables.ET03 if not place and len(data) >= tables.ET03_SERIAL:
                    self._number = tables.serial(data)
                case tables.BT21 if not place and len(data) >= tables.BT21_SIZE:
                    self._dimensions = tables.dimensions(data)
                case tables.BT22 if not place:
                    self._sources = tables.sources(data)
                case tables.BT23 if place == (self._dimensions.energies[0] if self._dimensions else 0):
                    registers = tables.registers(data, self._sources)
                case tables.BT28 if self._dimensions and place == self._dimensions.present[0]:
                    registers = tables.registers(data, tables.PRESENT)
                case tables.BT52 if not place and len(data) >= tables.BT52_SIZE - 1:
                    at = tables.clock(data)
                case _:
                    unparsed = (f"table {table:#06x} from {place}: {data.hex()}",)
        except ContentError as problem:
            return error(Protocol.MEP, ErrorKind.CONTENT, offset, problem.reason)
        made = tables.telegram(registers, who=self._who, meter_id=self._number, at=at, size=size)
        return msgspec.structs.replace(made, offset=offset, unparsed=unparsed)
