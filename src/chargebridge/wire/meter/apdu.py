"""The APDU of a DLMS push: LLC header, DataNotification, and the maker's list inside, whatever frame carried it.

``E6 E7 00`` (LLC, meter to client; first segment only) ``0F`` (DataNotification) ``invoke-id 4`` ``date-time`` ``body`` (IEC 62056-53, Green Book
clause 9.4.6.14). The date-time is ``00`` (absent), ``0C`` and twelve bytes, or, against the standard, ``09 0C`` and twelve bytes (Kaifa).
"""

from msgspec import Struct

from chargebridge.wire.meter import axdr, cosem_time, lists
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.telegram import (
    ClockOrigin,
    ContentError,
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


def parse_apdu(data: bytes, options: DecoderOptions = DEFAULTS) -> DataNotification:
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
    data: bytes, options: DecoderOptions = DEFAULTS, *, offset: int = 0, size: int | None = None, crc_ok: bool | None = None
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


class ApduDecoder:
    """One bare APDU, as files hold it when somebody stripped the frame: known to be whole only when the stream ends."""

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        self._options = options
        self._data = b""

    def feed(self, data: bytes) -> list[Event]:
        """Collect; more than an APDU's bytes are an error."""
        self._data += data
        if len(self._data) <= MAX_APDU:
            return []
        self._data = b""
        return [error(Protocol.DLMS_APDU, ErrorKind.OVERSIZE, 0, f"no APDU has more than {MAX_APDU} bytes")]

    def close(self) -> list[Event]:
        """The stream has ended: decode."""
        data, self._data = self._data, b""
        return [decode_apdu(data, self._options)] if data else []
