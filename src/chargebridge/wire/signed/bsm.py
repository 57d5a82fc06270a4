"""BSM-WS36A of Bauer: one snapshot of the meter in JSON, as chargeIT's container has it (maker's documentation of signed snapshots).

Signed are the ``additionalValues`` in their order: of a number its value (4 bytes, high byte first), its scale and its unit (a byte each); of a text
its length (4 bytes) and its bytes. Their names are not signed: a value is what its place says, so names and order must be the meter's. All else in
the object is for reading only, and must say what was signed.

Typ  what the snapshot is: 0 current, 1 turn on, 2 turn off, 3 start, 4 end     RCR  energy since the start     TotWhImp  the register
MA1  the meter's serial   RCnt  counts snapshots   Epoch, TZO  time, and minutes from UTC   Evt  events, as bits   Meta1..3  texts of the station
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
from msgspec import Struct

from chargebridge.wire.signed.der import read_der
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import Kind, Reading, Signature, SignedFormat, SignedRecord, TimeQuality

MAX_BYTES = 64 * 1024
MARK = b"contexts/bsm-ws36a-json"
CURVES = ("secp256r1",)
_WATT_HOURS = 30
_KINDS = {0: Kind.INTERMEDIATE, 1: Kind.BEGIN, 2: Kind.END, 3: Kind.BEGIN, 4: Kind.END}
_ENCODINGS = ("utf-8", "iso-8859-1", "ascii")
_ORDER = (
    *("Typ", "RCR", "TotWhImp", "W", "MA1", "RCnt", "OS", "Epoch", "TZO"),
    *("EpochSetCnt", "EpochSetOS", "DI", "DO", "Meta1", "Meta2", "Meta3", "Evt"),
)
_TEXTS = ("MA1", "Meta1", "Meta2", "Meta3")
_SIGNED_NUMBERS = ("W", "TZO")
_OBIS = {"RCR": "1-0:1.8.0*198", "TotWhImp": "1-0:1.8.0*255"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Measurand(Struct):
    name: str = ""
    id: str = ""


class Measured(Struct, rename="camel"):
    """value: text where value_type is String. scale: power of ten."""

    value: int | str
    value_type: str = ""
    scale: int = 0
    unit_encoded: int = 255
    value_encoding: str = "UTF-8"


class Named(Struct, rename="camel"):
    measured_value: Measured
    measurand: Measurand = msgspec.field(default_factory=Measurand)


class MeterInfo(Struct, rename="camel"):
    meter_id: str = ""
    public_key: str = ""


class Contract(Struct):
    id: str = ""
    type: str = ""


class Snapshot(Struct, rename="camel"):
    signature: str
    additional_values: list[Named]
    meter_info: MeterInfo = msgspec.field(default_factory=MeterInfo)
    contract: Contract = msgspec.field(default_factory=Contract)
    time: str = ""
    measurement_id: int | None = None
    value: Named | None = None


_decoder = msgspec.json.Decoder(Snapshot)


def read_bsm(data: bytes) -> SignedRecord:
    """Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("BSM snapshot", f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        told = _decoder.decode(data)
        _placed(told.additional_values)
        signed = b"".join(_signed(one.measured_value) for one in told.additional_values)
        r, s, leniences = read_der(bytes.fromhex(told.signature))
    except (msgspec.DecodeError, UnicodeError, ValueError, OverflowError) as error:
        raise SignedFormatError("BSM snapshot", str(error)) from None
    by_name = {one.measurand.name: one for one in told.additional_values}
    meter, page = _text(by_name, "MA1"), _number(by_name, "RCnt")
    zone = timezone(timedelta(minutes=max(-1439, min(1439, _number(by_name, "TZO")))))
    at = (_EPOCH + timedelta(seconds=_number(by_name, "Epoch"))).astimezone(zone)
    metas = [_text(by_name, name) for name in ("Meta1", "Meta2", "Meta3")]
    customer = _meta(metas, "contract-id:")
    _agree(told, meter, page, at, customer, by_name)
    key, refused = _key(told.meter_info.public_key)
    events = _number(by_name, "Evt")
    return SignedRecord(
        format=SignedFormat.BSM,
        raw=data,
        signatures=(Signature(signed=signed, r=r, s=s, curve=CURVES[0], curves=CURVES),),
        readings=tuple(_reading(by_name, name, at, events) for name in ("RCR", "TotWhImp")),
        key=key,
        key_refused=refused,
        meter=meter,
        point=_meta(metas, "evse-id:"),
        page=page,
        customer=customer,
        unsigned=("contract", "meterInfo", "time", "value"),
        leniences=leniences,
    )


def _placed(values: Sequence[Named]) -> None:
    """Raises SignedFormatError where a value is not in its place."""
    names = tuple(one.measurand.name for one in values)
    if names != _ORDER:
        raise SignedFormatError("additionalValues", f"they are {', '.join(names)[:200]}, not those of a snapshot in their order")
    for name, one in zip(names, values, strict=True):
        value = one.measured_value.value
        if isinstance(value, str) is not (name in _TEXTS) or (isinstance(value, int) and value < 0 and name not in _SIGNED_NUMBERS):
            raise SignedFormatError(name, f"{str(value)[:40]!r} is no value that it can have")
        if one.measurand.id != _OBIS.get(name, one.measurand.id):
            raise SignedFormatError(name, f"it calls itself {one.measurand.id[:40]}, and is {_OBIS[name]}")


def _signed(one: Measured) -> bytes:
    if isinstance(one.value, str):
        if one.value_encoding.lower() not in _ENCODINGS:
            raise ValueError(f"the encoding {one.value_encoding[:40]!r} is unknown")
        text = one.value.encode(one.value_encoding)
        return len(text).to_bytes(4, "big") + text
    value = one.value.to_bytes(4, "big", signed=one.value < 0)
    return value + one.scale.to_bytes(1, "big", signed=True) + one.unit_encoded.to_bytes(1, "big")


def _reading(by_name: dict[str, Named], name: str, at: datetime, events: int) -> Reading:
    """RCR is what the station bills by: it starts from nothing with the session. The register is there to compare."""
    one = by_name[name]
    value, scale = one.measured_value.value, one.measured_value.scale
    known = isinstance(value, int) and one.measured_value.unit_encoded == _WATT_HOURS
    return Reading(
        kind=_KINDS.get(_number(by_name, "Typ"), Kind.OTHER),
        energy_wh=Decimal(value).scaleb(scale) if known else None,
        step_wh=Decimal(1).scaleb(scale),
        obis=_OBIS[name],
        at=at,
        time_quality=TimeQuality.INFORMATIVE,
        relevant=name == "RCR",
        good=events == 0,
        status=f"event flags {events & 0xFFFFFFFF:08x}",
    )


def _agree(told: Snapshot, meter: str, page: int, at: datetime, customer: str, by_name: dict[str, Named]) -> None:
    """What the object says for reading is what was signed. Raises SignedFormatError."""
    counted = by_name["RCR"].measured_value
    said: Sequence[tuple[str, object, object]] = (
        ("meterId", told.meter_info.meter_id or meter, meter),
        ("measurementId", page if told.measurement_id is None else told.measurement_id, page),
        ("time", _time(told.time) or at, at),
        ("contract", told.contract.id if customer else "", customer.rpartition(":")[2].strip()),
        ("value", told.value.measured_value if told.value else counted, counted),
    )
    for name, shown, signed in said:
        if shown != signed:
            raise SignedFormatError(name, f"it shows {str(shown)[:60]}, signed was {str(signed)[:60]}")


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise SignedFormatError("time", f"{text[:40]!r} is no time") from None


def _key(text: str) -> tuple[PublicKey | None, str]:
    try:
        return (read_key(text, CURVES), "") if text else (None, "")
    except SignedFormatError as error:
        return None, error.reason


def _meta(metas: Sequence[str], tag: str) -> str:
    return next((text.removeprefix(tag).strip() for text in metas if text.startswith(tag)), "")


def _text(by_name: dict[str, Named], name: str) -> str:
    return str(by_name[name].measured_value.value)


def _number(by_name: dict[str, Named], name: str) -> int:
    return int(by_name[name].measured_value.value)
