"""The APDU of a DLMS push: LLC header, protection, DataNotification, and the maker's list inside, whatever frame carried it.

``E6 E7 00`` (LLC, meter to client; first segment only) ``0F`` (DataNotification) ``invoke-id 4`` ``date-time`` ``body`` (IEC 62056-53, Green Book
clause 9.4.6.14). The date-time is ``00`` (absent), ``0C`` and twelve bytes, or, against the standard, ``09 0C`` and twelve bytes (Kaifa).
"""

from msgspec import Struct

from chargebridge.wire.meter import axdr, cosem_time, lists, security
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.security import ENCIPHERED, Opened, Security, SecurityError
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
        raise ContentError(at, f"APDU tag {tag:02x} is not a DataNotification (0f){_HINTS.get(tag, '')}")
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
    data: bytes,
    options: DecoderOptions = DEFAULTS,
    *,
    offset: int = 0,
    size: int | None = None,
    crc_ok: bool | None = None,
    protocol: Protocol | None = None,
    guard: Security | None = None,
) -> Event:
    """The telegram in one push APDU, or what is wrong with it. Never raises.

    protocol: None for HDLC, or for a bare APDU where ``crc_ok`` is None. guard: what opens enciphered APDUs; a decoder keeps one, so that
    it remembers counters.
    """
    protocol = protocol or (Protocol.DLMS_APDU if crc_ok is None else Protocol.DLMS)
    guard = guard or Security(options)
    at = len(LLC) if data.startswith(LLC) else 0
    opened: Opened | None = None
    content = data
    try:
        if at < len(data) and data[at] in ENCIPHERED:
            opened = _open(data, at, guard)
            content = opened.plaintext
        else:
            guard.refuse_plain()
        notification = parse_apdu(content, options)
        found = lists.read(notification.body, options)
    except SecurityError as refused:
        return error(protocol, refused.kind, offset, refused.reason, refused.cure)
    except ContentError as problem:
        if opened is not None and not opened.authenticated:  # the frame's checks held, so that it is the key that made no sense of it
            wrong = security.wrong_key(opened.title)
            return error(protocol, wrong.kind, offset, wrong.reason, wrong.cure)
        return error(protocol, _kind_of(content), offset, f"byte {problem.position} of the APDU: {problem.reason}")
    if found is None:
        return error(protocol, ErrorKind.UNSUPPORTED, offset, f"no layout for the list {notification.body!r:.80}")
    if opened is not None:
        guard.accept(opened)
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
        authenticated=None if opened is None else opened.authenticated,
        counter=None if opened is None else opened.counter,
        offset=offset,
        size=len(data) if size is None else size,
    )


def _open(data: bytes, at: int, guard: Security) -> Opened:
    """The content of the enciphered APDU that starts at ``at`` and ends with ``data``. Raises ``ContentError`` or ``SecurityError``."""
    if data[at] not in (security.GLO, security.DED):
        raise SecurityError(
            ErrorKind.UNSUPPORTED, f"APDU tag {data[at]:02x}: general ciphering with its own key information, or a signature"
        )
    sealed = security.parse(data, at)
    if at + sealed.size != len(data):
        raise ContentError(at + sealed.size, f"{len(data) - at - sealed.size} bytes follow the enciphered part")
    opened = guard.open(sealed)
    if not opened.authenticated and not security.looks_like_content(opened.plaintext):
        raise security.wrong_key(sealed.title)
    return opened


def _kind_of(data: bytes) -> ErrorKind:
    at = len(LLC) if data.startswith(LLC) else 0
    return ErrorKind.UNSUPPORTED if at < len(data) and data[at] in _HINTS else ErrorKind.CONTENT


_HINTS = {_BLOCK_TRANSFER: ": a general block transfer", ord("/"): ": a P1 telegram; name protocol=p1"}


class ApduDecoder:
    """One bare APDU, as files hold it when somebody stripped the frame: known to be whole only when the stream ends."""

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        self._options = options
        self._guard = Security(options)
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
        return [decode_apdu(data, self._options, guard=self._guard)] if data else []
