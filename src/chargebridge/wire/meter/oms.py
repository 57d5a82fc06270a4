"""The meter data of Netz Oberösterreich's AMIS meters (Siemens TD-351x): M-Bus records under OMS encryption mode 5.

``identification 4 | maker 2 | version 1 | medium 1 | access number 1 | status 1 | configuration 2 | AES-128-CBC blocks``, all low byte first. The
header is that of the display to which the meter speaks, the same for all. Initial value: maker, identification, version, medium, and eight times
the access number. The content begins and ends with 2F. Nothing in it can be authenticated, and the access number has eight bits, so that repeated
telegrams cannot be told from new ones.

Source: Netz Oberösterreich "Spezifikation Kundenschnittstelle AMIS" of 2021-11-05; OMS volume 2 issue 3.0.1; EN 13757-3.
"""

from datetime import UTC, datetime, timedelta, timezone

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from chargebridge.wire.meter.lists.common import CLOCK
from chargebridge.wire.meter.number import register
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.telegram import ClockOrigin, ContentError, ErrorKind, Event, Protocol, Register, Telegram, error

TO_DEVICE = 0x5B
"""CI: data for a device, behind a header of twelve bytes."""
HEADER_SIZE = 12
_BLOCK = 16
_MODE = 5
_FILLER = b"\x2f\x2f"
_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 6: 6, 7: 8}
"""Bytes of a value by the data field of its DIF."""
_CLOCK_RECORD = bytes.fromhex("066d")
_RECORDS: dict[bytes, tuple[str, str]] = {
    bytes.fromhex("0403"): ("1-0:1.8.0", "Wh"),
    bytes.fromhex("04833c"): ("1-0:2.8.0", "Wh"),
    bytes.fromhex("8410fb8273"): ("1-0:3.8.1", "varh"),
    bytes.fromhex("8410fb82f33c"): ("1-0:4.8.1", "varh"),
    bytes.fromhex("042b"): ("1-0:1.7.0", "W"),
    bytes.fromhex("04ab3c"): ("1-0:2.7.0", "W"),
    bytes.fromhex("04fb14"): ("1-0:3.7.0", "var"),
    bytes.fromhex("04fb943c"): ("1-0:4.7.0", "var"),
    bytes.fromhex("0483ff04"): ("1-0:1.128.0", "Wh"),
}
"""Code and unit by DIF and VIF (table 2 of the specification); only the last, the prepayment counter, has a sign."""
_SIGNED = "1-0:1.128.0"
_NO_KEY = "ask Netz Oberösterreich for this meter's key and name it by key_file or key_env"
_WRONG_KEY = "check key_file or key_env, digit by digit; a new meter has a new key"


def read(data: bytes, options: DecoderOptions, *, offset: int, size: int) -> Event:
    """The telegram in what follows CI 5B. Never raises."""

    def refused(kind: ErrorKind, reason: str, cure: str | None = None) -> Event:
        return error(Protocol.DLMS_MBUS, kind, offset, reason, cure)

    if len(data) < HEADER_SIZE:
        return refused(ErrorKind.CONTENT, "too short for its header")
    configuration = int.from_bytes(data[10:12], "little")
    length = (configuration >> 4 & 0x0F) * _BLOCK
    if configuration >> 8 & 0x1F != _MODE:
        return refused(ErrorKind.UNSUPPORTED, f"configuration {configuration:04x} is not encryption mode 5")
    if not length or len(data) < HEADER_SIZE + length:
        return refused(ErrorKind.CONTENT, f"{length} enciphered bytes cannot be in {len(data) - HEADER_SIZE}")
    if options.key is None:
        return refused(ErrorKind.KEY, "enciphered by an AMIS meter, and no key is told", _NO_KEY)
    plaintext = _cipher(data, options.key).decryptor().update(data[HEADER_SIZE : HEADER_SIZE + length])
    if not plaintext.startswith(_FILLER):
        return refused(ErrorKind.KEY, "the key does not fit this AMIS meter", _WRONG_KEY)
    try:
        registers, unparsed, clock = _records(plaintext, options.standard_offset)
    except ContentError as problem:
        return refused(ErrorKind.CONTENT, f"byte {problem.position} of the records: {problem.reason}")
    if not registers:
        return refused(ErrorKind.CONTENT, "no record is known")
    return Telegram(
        protocol=Protocol.DLMS_MBUS,
        profile="amis",
        device=None,
        meter_id=None,
        registers=registers,
        clock=None if clock is None else clock.astimezone(UTC),
        clock_origin=ClockOrigin.NONE if clock is None else ClockOrigin.ASSUMED,
        clock_text=None if clock is None else clock.replace(tzinfo=None).isoformat(),
        crc_ok=True,
        authenticated=False,
        unparsed=unparsed,
        offset=offset,
        size=size,
    )


def _cipher(header: bytes, key: bytes) -> Cipher[modes.CBC]:
    initial = header[4:6] + header[:4] + header[6:8] + header[8:9] * 8
    return Cipher(algorithms.AES128(key), modes.CBC(initial))


def _records(data: bytes, standard_offset: timedelta) -> tuple[dict[str, Register], tuple[str, ...], datetime | None]:
    """All records; those that no rule knows as hexadecimal text. Raises ``ContentError``."""
    registers: dict[str, Register] = {}
    unparsed: list[str] = []
    clock: datetime | None = None
    at = 0
    while at < len(data):
        if data[at] == _FILLER[0]:
            at += 1
            continue
        begin = at
        width = _SIZES.get(data[at] & 0x0F)
        if width is None:
            raise ContentError(at, f"DIF {data[at]:02x} cannot be")
        at = _chain(data, _chain(data, at))
        name, value = data[begin:at], data[at : at + width]
        if len(value) < width:
            raise ContentError(at, "the last record breaks off")
        at += width
        if name == _CLOCK_RECORD:
            clock = _time(value, standard_offset)
            registers[CLOCK] = Register(None if clock is None else clock.astimezone(UTC), "", value)
        elif name in _RECORDS:
            code, unit = _RECORDS[name]
            registers[code] = register(int.from_bytes(value, "little", signed=code == _SIGNED), 0, unit)
        else:
            unparsed.append((name + value).hex())
    return registers, tuple(unparsed), clock


def _chain(data: bytes, at: int) -> int:
    """Index behind a DIF or VIF with its extensions, of which each but the last has its highest bit set."""
    while at < len(data) and data[at] & 0x80:
        at += 1
    return at + 1


def _time(data: bytes, standard_offset: timedelta) -> datetime | None:
    """EN 13757-3 annex A, type I: local time to the second; bit 6 of the first byte = summer time. None where the meter calls it invalid."""
    second, minute, hour, day, month = data[:5]
    if minute & 0x80:
        return None
    year = 2000 + (day >> 5 | (month & 0xF0) >> 1)
    offset = standard_offset + timedelta(hours=1 if second & 0x40 else 0)
    try:
        return datetime(year, month & 0x0F, day & 0x1F, hour & 0x1F, minute & 0x3F, second & 0x3F, tzinfo=timezone(offset))
    except ValueError:
        return None


def encode(plaintext: bytes, *, key: bytes, access: int) -> bytes:
    """The other way round: header and cipher blocks of records, filled up to whole blocks."""
    padded = plaintext + b"\x2f" * (-len(plaintext) % _BLOCK)
    configuration = (_MODE << 8 | len(padded) // _BLOCK << 4).to_bytes(2, "little")
    header = bytes.fromhex("000000002d4c010e") + bytes((access & 0xFF, 0)) + configuration
    return header + _cipher(header, key).encryptor().update(padded)
