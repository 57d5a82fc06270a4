"""ChargePoint: a bill in JSON, ``secrrct``, and its signature in a file of its own, ``secrrct.sign`` (DER).

Signed are all bytes of the bill as they are: tariff, amounts and times as well as the readings of the meter. The key comes by neither file.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from chargebridge.wire.signed.der import read_der
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.record import Kind, Reading, Signature, SignedFormat, SignedRecord

MAX_BYTES = 1024 * 1024
MARK = b'"meter_endreading"'
CURVES = ("secp224k1", "secp256r1")
_UNITS = {"wh": 0, "kwh": 3}
_CURE = "choose the two files secrrct and secrrct.sign together"


class Additional(Struct):
    meter_startreading: Decimal
    meter_endreading: Decimal
    energy_units: str
    meter_serial: str = ""
    outlet: int | str = ""
    session_id: int | str = ""
    station_mac: str = ""
    driver_info: str = ""


class Item(Struct):
    """A line of the bill; a subtotal has no times. Seconds since 1970."""

    start_time_utc: int | None = None
    end_time_utc: int | None = None


class Bill(Struct):
    additional_info: Additional
    energy: list[Item] = []
    parking: list[Item] = []


_decoder = msgspec.json.Decoder(Bill)


def read_chargepoint(data: bytes, signature: bytes | None) -> SignedRecord:
    """signature: the other file. Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("secrrct", f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        bill = _decoder.decode(data)
        times = _times([*bill.energy, *bill.parking])
    except (msgspec.DecodeError, UnicodeError, ValueError, OverflowError, OSError) as error:
        raise SignedFormatError("secrrct", str(error)) from None
    if signature is None:
        raise SignedFormatError("secrrct.sign", "the signature of a ChargePoint bill stands in a file of its own, which is missing", _CURE)
    r, s, leniences = read_der(signature)
    told = bill.additional_info
    ends = ((Kind.BEGIN, told.meter_startreading, times[0]), (Kind.END, told.meter_endreading, times[1]))
    return SignedRecord(
        format=SignedFormat.CHARGEPOINT,
        raw=data,
        signatures=(Signature(signed=data, r=r, s=s, curves=CURVES),),
        readings=tuple(_reading(kind, value, told.energy_units, at) for kind, value, at in ends),
        meter=told.meter_serial,
        point=f"{told.station_mac} outlet {told.outlet}" if told.station_mac else "",
        session=str(told.session_id),
        customer=told.driver_info,
        leniences=leniences,
    )


def _reading(kind: Kind, value: Decimal, unit: str, at: datetime | None) -> Reading:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not -12 <= exponent <= 12 or len(value.as_tuple().digits) > 18:
        raise SignedFormatError("additional_info", f"{str(value)[:40]} is no value of a meter")
    power = _UNITS.get(unit.lower())
    return Reading(
        kind=kind,
        energy_wh=None if power is None else value.scaleb(power),
        step_wh=Decimal(1).scaleb(exponent + (power or 0)),
        at=at,
    )


def _times(items: Sequence[Item]) -> tuple[datetime | None, datetime | None]:
    begins = [one.start_time_utc for one in items if one.start_time_utc is not None]
    ends = [one.end_time_utc for one in items if one.end_time_utc is not None]
    return (
        datetime.fromtimestamp(min(begins), UTC) if begins else None,
        datetime.fromtimestamp(max(ends), UTC) if ends else None,
    )
