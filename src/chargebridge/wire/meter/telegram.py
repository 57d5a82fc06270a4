"""What every meter decoder delivers: a telegram with its registers, or an event that says what was wrong.

A decoder takes bytes in any pieces and returns events: ``decoder.feed(data) -> [Telegram | DecodeError, ...]`` and, at the end of
a stream, ``decoder.close()``. Nothing in here raises on bad input; a bad frame costs that frame and yields one ``DecodeError``.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol as TypingProtocol
from typing import runtime_checkable

from msgspec import Struct


class Protocol(StrEnum):
    """The languages of meters and their gateways.

    DLMS is pushed in HDLC frames, DLMS_MBUS in M-Bus long frames, DLMS_APDU without any frame (captures). P1 may be enciphered (Luxembourg,
    Austria, Poland). ``detect.LANGUAGES`` has the decoders of those that can be read from a stream; the others answer questions,
    and their clients on floor 2 put the answers into telegrams.
    """

    P1 = "p1"
    SML = "sml"
    DLMS = "dlms"
    DLMS_MBUS = "dlms-mbus"
    DLMS_APDU = "dlms-apdu"
    D0 = "d0"
    TIC = "tic"
    COSEM = "cosem"
    MEP = "mep"
    SMGW = "smgw"
    CHAIN2 = "chain2"
    MODBUS = "modbus"
    JSON = "json"


class Scale(StrEnum):
    """Where a value's unit and power of ten come from: the telegram itself, a profile of the meter's maker, or nowhere."""

    TELEGRAM = "telegram"
    PROFILE = "profile"
    UNKNOWN = "unknown"


class ClockOrigin(StrEnum):
    """How sure the meter's clock is: offset to UTC stated in the telegram, assumed from a setting, or no usable clock at all."""

    TELEGRAM = "telegram"
    ASSUMED = "assumed"
    NONE = "none"


Value = int | float | Decimal | str | datetime | None
Raw = int | float | str | bytes | tuple[str, ...] | None


class Register(Struct, frozen=True, gc=False):
    """One object of a telegram.

    value: cumulative registers (Wh, varh, VAh, m3, GJ) are exact ``Decimal``; other measured quantities ``float``; counters and
    codes ``int``; identifiers ``str``; times aware UTC; None where the object carries no single value (lists, absent values).
    unit: W, var, VA, Wh, varh, VAh, V, A, Hz, deg, m3 ... without prefixes, or "" where there is none.
    raw: as on the wire: the integer before scaling, the bytes of an octet string, or the texts between a P1 line's brackets.
    scaler: power of ten that was applied to ``raw``, None where the telegram's form has none.
    status: the status word of SML. at: when the value was captured, where the telegram tells.
    """

    value: Value
    unit: str = ""
    raw: Raw = None
    scale: Scale = Scale.TELEGRAM
    scaler: int | None = None
    status: int | None = None
    at: datetime | None = None


class Telegram(Struct, frozen=True, kw_only=True):
    """One complete telegram.

    profile: the layout by which the registers were read ("p1", "sml", "aidon", "kaifa", "kamstrup", "embriq").
    device: what the meter calls itself (P1 identification line, SML server id, DLMS type), meter_id: its number.
    clock: aware UTC by the meter, clock_text: as the meter wrote it, clock_origin: how sure.
    registers: by OBIS code in the form ``A-B:C.D.E``, with ``*F`` only where F is not 255.
    crc_ok: None where the protocol's version has no checksum; False only when a decoder was told to accept bad checksums.
    authenticated: True if a keyed check (GCM tag, digest) showed that the meter sent this; False where the telegram was enciphered but
    nothing could be checked (no tag, or no authentication key); None where the protocol knows no such check.
    counter: the invocation counter of an enciphered telegram.
    unparsed: parts that no rule understood, kept as text. offset, size: where the frame lies in the stream, bytes.
    """

    protocol: Protocol
    profile: str
    device: str | None
    meter_id: str | None
    registers: dict[str, Register]
    clock: datetime | None = None
    clock_origin: ClockOrigin = ClockOrigin.NONE
    clock_text: str | None = None
    crc_ok: bool | None = None
    authenticated: bool | None = None
    counter: int | None = None
    unparsed: tuple[str, ...] = ()
    offset: int = 0
    size: int = 0


class ErrorKind(StrEnum):
    """What was wrong.

    NOISE: bytes outside any frame. CONTENT: the frame was whole but said something impossible. KEY: enciphered, and no key is known or
    the one that is known is wrong. REPLAY: an enciphered telegram whose counter did not grow.
    """

    NOISE = "noise"
    CHECKSUM = "checksum"
    TRUNCATED = "truncated"
    OVERSIZE = "oversize"
    CONTENT = "content"
    UNSUPPORTED = "unsupported"
    KEY = "key"
    REPLAY = "replay"


class DecodeError(Struct, frozen=True, kw_only=True):
    """An event, not an exception: one stretch of the stream that could not be used.

    offset: of its first byte in the stream. reason: what was found there. cure: what a person can do about it.
    """

    protocol: Protocol | None
    kind: ErrorKind
    offset: int
    reason: str
    cure: str


Event = Telegram | DecodeError


class Decoder(TypingProtocol):
    """What all decoders have in common. ``feed`` may be called with pieces of any size; ``close`` tells what was left over."""

    def feed(self, data: bytes) -> list[Event]: ...

    def close(self) -> list[Event]: ...


@runtime_checkable
class Impatient(TypingProtocol):
    """A decoder whose frames tell their length. ``pause`` says that no byte came for longer than any frame allows: what waits for the rest of
    a frame is judged now. Without it, a damaged length would swallow the short telegrams that follow, up to as many bytes as it claims.
    """

    def pause(self) -> list[Event]: ...


@runtime_checkable
class Answering(TypingProtocol):
    """A decoder whose meter goes on only when it is answered: ``answer`` gives the bytes to send now, b"" for none."""

    def answer(self) -> bytes: ...


DecoderFactory = Callable[[], Decoder]


class ContentError(Exception):
    """Raised inside a decoder when a frame's content cannot be; becomes a ``DecodeError`` before it leaves ``feed``.

    position: offset of the offending byte inside the content that was being read.
    """

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


CURES = {
    ErrorKind.NOISE: "check baud rate, parity and the polarity of the port",
    ErrorKind.CHECKSUM: "check the cable and the interface; single damaged telegrams are skipped",
    ErrorKind.TRUNCATED: "wait for the next telegram; if it persists, the port drops bytes",
    ErrorKind.OVERSIZE: "check that the port really carries this protocol",
    ErrorKind.CONTENT: "keep the telegram and report it: this meter needs a profile",
    ErrorKind.UNSUPPORTED: "see the list of supported meters",
    ErrorKind.KEY: "ask the grid operator for this meter's key and give it by key_file or key_env",
    ErrorKind.REPLAY: "somebody repeats old telegrams, or the meter's counter began anew (new key, repair): then start chargebridge again",
}


def error(protocol: Protocol | None, kind: ErrorKind, offset: int, reason: str, cure: str | None = None) -> DecodeError:
    """A ``DecodeError`` with the usual cure for its kind."""
    return DecodeError(protocol=protocol, kind=kind, offset=offset, reason=reason, cure=cure or CURES[kind])
