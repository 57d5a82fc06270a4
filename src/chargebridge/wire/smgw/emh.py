"""EMH CASA 1.1: JSON over GET, as known from public clients of it; the maker gives its description on request only.

``/json/metering/origin/`` lists the meters, ``/json/metering/origin/<meter>/extended`` tells the present values of one, and
``/json/metering/derived/<contract>`` a contract with its tariff case.
"""

import re
from typing import TypeVar

import msgspec
from msgspec import Struct

from chargebridge.wire.meter import obis
from chargebridge.wire.smgw.value import MAX_ANSWER, UsagePoint, Value, content_error, logical_name, meter_number, moment, number_of, scaled

METERS = "/json/metering/origin/"
CONTRACTS = "/json/metering/derived"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_TAF = re.compile(r"TAF-?(\d{1,2})", re.ASCII)
_UNSIGNED = ("", "-")
_T = TypeVar("_T")


def readings_path(meter: str) -> str:
    """Where a meter's present values are; ``meter`` as the gateway lists it."""
    return f"{METERS}{meter}/extended"


def contract_path(contract: str) -> str:
    return f"{CONTRACTS}/{contract}"


class _Value(Struct):
    logical_name: str
    value: str | int
    scaler: int = 0
    unit: int = 255
    signature: str | None = None


class _Reading(Struct):
    values: list[_Value]
    capture_time: str | None = None
    timestamp: str | None = None
    status: str | None = None


class _Contract(Struct):
    taf_type: str
    sensor_domains: list[str] = []


_READING = msgspec.json.Decoder(_Reading, strict=False)
_CONTRACT = msgspec.json.Decoder(_Contract, strict=False)
_NAMES = msgspec.json.Decoder(list[str])


def _decode(decoder: "msgspec.json.Decoder[_T]", data: bytes, what: str) -> _T:
    if len(data) > MAX_ANSWER:
        raise content_error(f"an answer of {len(data)} bytes is longer than any")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise content_error(f"no {what} of a CASA: {problem}") from None


def names(data: bytes) -> list[str]:
    """The meters, or contracts, that the gateway lists, as it writes them. Raises ``SmgwError``, as all of these do."""
    found = _decode(_NAMES, data, "list")
    odd = [name for name in found if not _ID.fullmatch(name)]
    if odd:
        raise content_error(f"{odd[0]!r:.40} is no name of a meter or contract")
    return found


def contract(data: bytes, name: str) -> UsagePoint:
    """A contract with its tariff case and meters."""
    found = _decode(_CONTRACT, data, "contract")
    taf = _TAF.fullmatch(found.taf_type.strip())
    if taf is None:
        raise content_error(f"{found.taf_type!r:.40} is no tariff case")
    meters = tuple(meter_number(meter) for meter in found.sensor_domains)
    return UsagePoint(id=name, name=name, taf=int(taf[1]), running=True, meters=meters)


def values(data: bytes) -> list[Value]:
    """The present values of one meter."""
    found = _decode(_READING, data, "readings")
    captured, status = moment(found.capture_time), number_of(found.status)
    read = []
    for value in found.values:
        name = logical_name(value.logical_name)
        if name is not None:
            read.append(
                Value(
                    code=name[0],
                    value=scaled(value.value, value.scaler),
                    unit=obis.UNITS.get(value.unit, f"unit {value.unit}"),
                    raw=str(value.value),
                    scaler=value.scaler,
                    captured=captured,
                    meter=name[1],
                    status=status,
                    signature=None if value.signature in _UNSIGNED else value.signature,
                )
            )
    return read


def unread(data: bytes) -> tuple[str, ...]:
    """Entries whose name is no OBIS code."""
    return tuple(value.logical_name for value in _decode(_READING, data, "readings").values if logical_name(value.logical_name) is None)
