"""Open Charge Metering Format, 0.1 to 1.4 (OCMF 1.4.1): ``OCMF|<payload>|<signature>``, both JSON.

Signed are the bytes of the payload as they were sent, between the first two bars. Nothing of the signature section is: neither the curve that it
names nor fields of vendors. A bar may stand in a text of the payload; the payload ends at the first bar before which it is whole JSON.

Minor versions only add fields, so one reader does for all; before 0.4 ``IS`` was what ``IL`` is now, and ``EI`` stood for ``EF``. Fields that a
reading leaves out are those of the reading before it. Real stations leave out what the text demands (MS, IT, IL), write numbers as texts and vice
versa; what was wrong is told with the record.
"""

import base64
import binascii
import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice

import msgspec

from chargebridge.wire.signed.der import raw_signature, read_der
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.record import Kind, Lenience, Reading, Signature, SignedFormat, SignedRecord, TimeQuality

MAX_BYTES = 256 * 1024
MAX_READINGS = 10_000
MAX_BARS = 64
"""Of texts in a payload, at most: each takes another try."""
HEAD = b"OCMF|"
_END = re.compile(rb"\}\s*\|")
CURVES = ("secp256r1", "secp192r1", "secp256k1", "brainpoolP256r1", "secp384r1", "brainpoolP384r1", "secp192k1", "secp521r1")
_NAMES = {name.lower(): name for name in CURVES} | {"brainpool256r1": "brainpoolP256r1", "brainpool384r1": "brainpoolP384r1"}
# Looked up once: in Python 3.11 an enum finds each of its members by a function in Python.
_OCMF = SignedFormat.OCMF
_OTHER = Kind.OTHER
_UNKNOWN = TimeQuality.UNKNOWN
_KINDS = {"B": Kind.BEGIN, "C": Kind.INTERMEDIATE, "S": Kind.INTERMEDIATE, "T": Kind.INTERMEDIATE, "X": Kind.EXCEPTION} | dict.fromkeys(
    "ELRAP", Kind.END
)
_QUALITIES = {"S": TimeQuality.SYNCHRONISED, "R": TimeQuality.RELATIVE, "I": TimeQuality.INFORMATIVE, "U": _UNKNOWN}
_NOT_IDENTIFIED = {"MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"}
_UNITS = {"kwh": 3, "wh": 0}
"""By their powers of ten of a Wh."""
_VALUE = re.compile(r"-?[0-9]{1,15}(?:\.([0-9]{1,12}))?(?:[eE]([+-]?[0-9]{1,2}))?\Z")
_WH = {0: Decimal(1), 3: Decimal(1000)}
_STEPS = {exponent: Decimal(1).scaleb(exponent) for exponent in range(-111, 103)}
_PAGE = re.compile(r"([TF])(\d{1,18})\Z")
_OBIS_BYTES = re.compile(r"[0-9A-F]{12}\Z", re.IGNORECASE)
_OBIS = re.compile(
    r"([0-9A-F]{1,2})-([0-9A-FB]{1,2}):([0-9A-F]{1,2})\.([0-9A-F]{1,2})\.([0-9A-F]{1,2})(?:[*.]([0-9A-F]{1,3}))?\Z", re.IGNORECASE
)
_LOSS_FREE = {0x98, 0xB1, 0xB3, 0xC1, 0xC3}
"""C of registers whose losses in the cable are already taken off."""
_RELEVANT = {0x01, 0x98, 0x9E, *range(0xB0, 0xC8)}
_RELEVANT_F = {"00", "0", "FF", "200", "255", None}
_MAKERS_F = {"BSM-WS36A": "198"}
"""Meters whose type approval names another F: Bauer's counts the session's energy (reference cumulative register), from 0 at its begin."""
_RAW_SIZES = (48, 64, 96)

Text = str | int | float | bool | None


class RawReading(msgspec.Struct, gc=False):
    TM: str | None = None
    TX: str | None = None
    RV: msgspec.Raw = msgspec.Raw()
    RI: str | None = None
    RU: str | None = None
    EF: str | None = None
    EI: Text = None
    ST: str | None = None
    CL: msgspec.Raw = msgspec.Raw()


class Payload(msgspec.Struct, gc=False):
    RD: list[RawReading]
    FV: Text = None
    GS: Text = None
    PG: Text = None
    MM: Text = None
    MS: Text = None
    IS: Text = None
    IL: Text = None
    IT: Text = None
    ID: Text = None
    CT: Text = None
    CI: Text = None
    VI: Text = None


class SignatureSection(msgspec.Struct, gc=False):
    SD: str
    SA: str | None = None
    SE: str | None = None
    SM: str | None = None


_payload = msgspec.json.Decoder(Payload)
_section = msgspec.json.Decoder(SignatureSection)


def read_ocmf(data: bytes, key: PublicKey | None = None) -> SignedRecord:
    """One record. Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("record", f"{len(data)} bytes, more than {MAX_BYTES}")
    if not data.startswith(HEAD):
        raise SignedFormatError("byte 0", f"{data[:5]!r} instead of {HEAD!r}")
    signed, payload, section, leniences = _cut(data)
    signature, more = _signature(signed, section)
    leniences += more
    if payload.FV is None:
        leniences.append(Lenience.NO_VERSION)
    if len(payload.RD) > MAX_READINGS or not payload.RD:
        raise SignedFormatError("RD", f"{len(payload.RD)} readings")
    readings = _readings(payload.RD, _own_register(_text(payload.MM)), leniences)
    context, page = _page(payload.PG)
    level = payload.IL if payload.IL is not None else payload.IS if isinstance(payload.IS, str) else None
    return SignedRecord(
        format=_OCMF,
        raw=data,
        signatures=(signature,),
        readings=readings,
        key=key,
        version=_text(payload.FV),
        meter=_text(payload.MS),
        gateway=_text(payload.GS),
        point=_text(payload.CI),
        context=context,
        page=page,
        customer=_text(payload.ID),
        customer_kind=_text(payload.IT),
        identified=_text(level).upper() not in _NOT_IDENTIFIED,
        leniences=tuple(dict.fromkeys(leniences)),
    )


def _cut(data: bytes) -> tuple[bytes, Payload, SignatureSection, list[Lenience]]:
    reason = "there is no bar after the payload"
    for end in islice(_END.finditer(data, len(HEAD)), MAX_BARS):
        signed = data[len(HEAD) : end.end() - 1]
        try:
            payload = _payload.decode(signed)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = str(error)
            continue
        section, leniences = _read_section(data[end.end() :])
        if signed != signed.strip():
            leniences.append(Lenience.TRIMMED)
        return signed, payload, section, leniences
    raise SignedFormatError("payload", reason)


def _read_section(data: bytes) -> tuple[SignatureSection, list[Lenience]]:
    try:
        return _section.decode(data), []
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        head, bar, _ = data.rpartition(b"|")
        if not bar:
            raise SignedFormatError("signature section", str(error)) from None
    return _read_section(head)[0], [Lenience.FOURTH_SECTION]


def _signature(signed: bytes, section: SignatureSection) -> tuple[Signature, list[Lenience]]:
    curve = _curve(section.SA) if section.SA is not None else None
    text = section.SD.strip()
    try:
        data = base64.b64decode(text, validate=True) if section.SE == "base64" else bytes.fromhex(text)
    except (ValueError, binascii.Error):
        raise SignedFormatError("SD", f"{text[:20]!r} is not {section.SE or 'hex'}") from None
    try:
        r, s, leniences = read_der(data)
    except SignedFormatError:
        if len(data) not in _RAW_SIZES:
            raise
        (r, s), leniences = raw_signature(data), (Lenience.RAW_SIGNATURE,)
    return Signature(signed=signed, r=r, s=s, curve=curve, curves=CURVES), list(leniences)


@lru_cache(maxsize=64)
def _curve(algorithm: str) -> str:
    parts = algorithm.split("-")
    if len(parts) == 3 and parts[0].upper() == "ECDSA" and parts[2].upper() == "SHA256" and (curve := _NAMES.get(parts[1].lower())):
        return curve
    raise SignedFormatError("SA", f"{algorithm[:60]!r} is no algorithm of OCMF's table")


def _own_register(model: str) -> str | None:
    for name, f in _MAKERS_F.items():
        if model.startswith(name):
            return f
    return None


def _readings(raw: list[RawReading], own: str | None, leniences: list[Lenience]) -> tuple[Reading, ...]:
    whole = _inherited(raw)
    registers = [_register(one.RI, own) for one in whole]
    compensated = True in [loss_free for _, loss_free in registers]
    return tuple(
        [_reading(one, loss_free if compensated else counts, leniences) for one, (counts, loss_free) in zip(whole, registers, strict=True)]
    )


def _inherited(raw: list[RawReading]) -> list[RawReading]:
    """With what each left out."""
    before = RawReading()
    whole: list[RawReading] = []
    for one in raw:
        if None not in (one.TM, one.TX, one.RI, one.RU, one.EF, one.ST):
            whole.append(one)
            before = one
            continue
        # RI and RU are one field in this: who names the register names its unit.
        named = one.RI is not None or one.RU is not None
        whole.append(
            RawReading(
                TM=one.TM if one.TM is not None else before.TM,
                TX=one.TX if one.TX is not None else before.TX,
                RV=one.RV,
                RI=one.RI if named else before.RI,
                RU=one.RU if named else before.RU,
                EF=one.EF if one.EF is not None else before.EF,
                ST=one.ST if one.ST is not None else before.ST,
            )
        )
        before = whole[-1]
    return whole


def _reading(one: RawReading, relevant: bool, leniences: list[Lenience]) -> Reading:
    at, quality = _time(one.TM)
    flags = one.EF or ""
    energy_wh, step_wh = _energy(one, leniences)
    return Reading(
        kind=_KINDS.get((one.TX or "")[:1], _OTHER),
        energy_wh=energy_wh,
        step_wh=step_wh,
        obis=one.RI or "",
        at=at,
        time_quality=quality,
        relevant=relevant,
        good=one.ST == "G",
        status=one.ST or "",
        energy_usable="E" not in flags,
        time_usable="t" not in flags,
    )


def _energy(one: RawReading, leniences: list[Lenience]) -> tuple[Decimal | None, Decimal]:
    try:
        text = str(one.RV, "utf-8")
    except UnicodeDecodeError as error:
        raise SignedFormatError("RV", str(error)) from None
    if text.startswith('"'):
        leniences.append(Lenience.VALUE_AS_TEXT)
        text = text.strip('"').strip()
    unit = _UNITS.get((one.RU or "").lower())
    if not text or text == "null" or unit is None:
        return None, Decimal(1)
    match = _VALUE.match(text)
    if match is None:
        raise SignedFormatError("RV", f"{text[:40]!r} is no value of a meter")
    decimals, exponent = match.groups()
    last = (int(exponent) if exponent else 0) - (len(decimals) if decimals else 0)
    return Decimal(text) * _WH[unit], _STEPS[unit + last]


@lru_cache(maxsize=1024)
def _register(code: str | None, own: str | None) -> tuple[bool, bool]:
    """Whether a register may be billed by, and whether the losses are taken off it. Groups are hexadecimal; A is electricity, D energy; C says
    import or export. own: F of the maker's own register."""
    match = _OBIS.match(code or "")
    if match is not None:
        a, _, c, d, _, f = match.groups()
    elif _OBIS_BYTES.match(code or ""):
        a, c, d, f = (str(code)[at : at + 2] for at in (0, 4, 6, 10))
    else:
        return False, False
    if int(a, 16) != 1 or int(d, 16) != 8:
        return False, False
    return int(c, 16) in _RELEVANT and (f is None or f.upper() in _RELEVANT_F or f == own), int(c, 16) in _LOSS_FREE


def _time(text: str | None) -> tuple[datetime | None, TimeQuality]:
    """``2026-01-10T08:00:00,000+0000 S``."""
    if not text:
        return None, _UNKNOWN
    stamp, _, state = text.strip().partition(" ")
    try:
        at = datetime.fromisoformat(stamp.replace(",", "."))
    except ValueError:
        raise SignedFormatError("TM", f"{text[:40]!r} is no time") from None
    if at.tzinfo is None:
        raise SignedFormatError("TM", f"{text[:40]!r} has no offset to UTC")
    return at, _QUALITIES.get(state.strip(), _UNKNOWN)


def _page(value: Text) -> tuple[str, int | None]:
    match = _PAGE.match(_text(value))
    return (match[1], int(match[2])) if match else ("", None)


def _text(value: Text) -> str:
    return "" if value is None else str(value)
