"""DLMS push telegrams: HDLC segments joined, LLC header, DataNotification, and the maker's list inside.

``E6 E7 00`` (LLC, meter to client; first segment only) ``0F`` (DataNotification) ``invoke-id 4`` ``date-time`` ``body`` (IEC 62056-53, Green Book
clause 9.4.6.14). The date-time is ``00`` (absent), ``0C`` and twelve bytes, or, against the standard, ``09 0C`` and twelve bytes (Kaifa).
"""

from msgspec import Struct

from chargebridge.wire.meter import axdr, cosem_time, lists
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.hdlc import Frame, HdlcFramer
from chargebridge.wire.meter.lists import DEFAULT_OPTIONS, ListOptions
from chargebridge.wire.meter.telegram import (
    ClockOrigin,
    ContentError,
    DecodeError,
    ErrorKind,
    Event,
    Protocol,
    Telegram,
    error,
)

LLC = b"\xe6\xe7\x00"
DATA_NOTIFICATION = 0x0F
_CIPHERED = frozenset((0xDB, 0xDF))
_BLOCK_TRANSFER = 0xE0
MAX_APDU = 8192


class DataNotification(Struct, frozen=True, gc=False):
    """The push APDU. time: the one before the body, if the meter sends it there."""

    invoke_id: int
    time: MeterTime | None
    body: Data


def parse_apdu(data: bytes, options: ListOptions = DEFAULT_OPTIONS) -> DataNotification:
    """Read one DataNotification, with or without its LLC header. Raises ``ContentError``."""
    at = len(LLC) if data.startswith(LLC) else 0
    if len(data) < at + 6:
        raise ContentError(len(data), "too short for a DataNotification")
    tag = data[at]
    if tag != DATA_NOTIFICATION:
        raise ContentError(at, f"APDU tag {tag:02x} is not a DataNotification (0f){_hint(tag)}")
    invoke_id = int.from_bytes(data[at + 1 : at + 5], "big")
    at += 5
    time = None
    if data[at] == 0:
        at += 1
    else:
        at += 1 if data[at] == axdr.OCTETS else 0
        if data[at : at + 1] != b"\x0c" or len(data) < at + 1 + cosem_time.SIZE:
            raise ContentError(at, "neither a date-time nor its absence stands before the body")
        at += 1 + cosem_time.SIZE
        time = cosem_time.parse(data[at - cosem_time.SIZE : at], options.standard_offset)
    body, end = axdr.parse(data, at)
    if end != len(data):
        raise ContentError(end, f"{len(data) - end} bytes follow the body")
    return DataNotification(invoke_id, time, body)


def decode_apdu(
    data: bytes, options: ListOptions = DEFAULT_OPTIONS, *, offset: int = 0, size: int | None = None, crc_ok: bool | None = None
) -> Event:
    """The telegram in one push APDU, or what is wrong with it. Never raises."""
    protocol = Protocol.DLMS_APDU if crc_ok is None else Protocol.DLMS
    try:
        notification = parse_apdu(data, options)
        found = lists.read(notification.body, options)
    except ContentError as problem:
        return error(protocol, _kind_of(data), offset, f"byte {problem.position} of the APDU: {problem.reason}")
    if found is None:
        return error(protocol, ErrorKind.UNSUPPORTED, offset, f"no layout for the list {notification.body!r:.80}")
    clock = notification.time or found.clock
    return Telegram(
        protocol=protocol,
        profile=found.profile,
        device=found.device,
        meter_id=found.meter_id,
        registers=found.registers,
        clock=None if clock is None else clock.utc,
        clock_origin=ClockOrigin.NONE if clock is None else clock.origin,
        clock_text=None if clock is None else clock.text,
        crc_ok=crc_ok,
        offset=offset,
        size=len(data) if size is None else size,
    )


def _kind_of(data: bytes) -> ErrorKind:
    at = len(LLC) if data.startswith(LLC) else 0
    unsupported = at < len(data) and (data[at] in _CIPHERED or data[at] == _BLOCK_TRANSFER)
    return ErrorKind.UNSUPPORTED if unsupported else ErrorKind.CONTENT


def _hint(tag: int) -> str:
    if tag in _CIPHERED:
        return ": the telegram is encrypted"
    return ": a general block transfer" if tag == _BLOCK_TRANSFER else ""


class DlmsDecoder:
    """HDLC stream to telegrams. Holds at most one frame and ``MAX_APDU`` bytes of segments between calls."""

    def __init__(self, options: ListOptions = DEFAULT_OPTIONS) -> None:
        self._options = options
        self._framer = HdlcFramer()
        self._segments: list[Frame] = []

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, return the telegrams and errors that they completed."""
        return self._join(self._framer.feed(data))

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        events = self._join(self._framer.close())
        self._drop(events)
        return events

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their telegram."""
        return self._framer.pending + sum(len(segment.information) for segment in self._segments)

    def _join(self, frames: list[Frame | DecodeError]) -> list[Event]:
        events: list[Event] = []
        for frame in frames:
            if isinstance(frame, DecodeError):
                events.append(frame)
                continue
            if frame.information.startswith(LLC):
                self._drop(events)
            if not frame.segmented and not self._segments:
                events.append(self._decode(frame.information, frame))
                continue
            self._segments.append(frame)
            information = b"".join(segment.information for segment in self._segments)
            if len(information) > MAX_APDU:
                events.append(error(Protocol.DLMS, ErrorKind.OVERSIZE, self._segments[0].offset, f"segments join to over {MAX_APDU} bytes"))
                self._segments.clear()
            elif not frame.segmented:
                events.append(self._decode(information, self._segments[0]))
                self._segments.clear()
        return events

    def _drop(self, events: list[Event]) -> None:
        """Segments that found no last one."""
        if self._segments:
            events.append(error(Protocol.DLMS, ErrorKind.TRUNCATED, self._segments[0].offset, "the last segment never came"))
            self._segments.clear()

    def _decode(self, information: bytes, first: Frame) -> Event:
        size = first.size + sum(segment.size for segment in self._segments[1:])
        return decode_apdu(information, self._options, offset=first.offset, size=size, crc_ok=True)
