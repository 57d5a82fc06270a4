"""The signed file of a gateway's meter readings: CMS (RFC 5652) around an XML object ``profile_generic`` (DKE/AK 461, class 7).

One column per register; each entry with value, scaler, unit, status, time in UTC and the gateway's signature. The XML stands in the CMS as it is,
so that it can be found by its first and last tag; the seal of the whole file is not checked here: keep the file for that.
"""

import xml.etree.ElementTree as ET

from chargebridge.wire.meter import obis
from chargebridge.wire.smgw.value import MAX_ANSWER, Value, content_error, logical_name, moment, scaled

_PROFILE = "{urn:k461-dke-de:profile_generic-1}"
_EXTENSION = "{urn:k461-dke-de:extension-1}"
_BEGIN = b"<?xml"
_END = b":object>"
_VALID = {0: True, 3: False, 4: False}
"""Status of a measured value: 0 valid, 3 there is none (the last one is repeated), 4 invalid."""


def find(data: bytes) -> int:
    """Where the XML begins, -1 if this is no such file."""
    at = data.find(_BEGIN)
    return at if at >= 0 and data.find(b"k461-dke-de:profile_generic-1", at, at + 4096) >= 0 else -1


def values(data: bytes) -> list[Value]:
    """All entries, oldest first. Raises ``SmgwError``."""
    begin, end = find(data), data.rfind(_END)
    if len(data) > MAX_ANSWER or begin < 0 or end < begin:
        raise content_error("no signed file of meter readings")
    text = data[begin : end + len(_END)]
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise content_error("the file has a document type, which none has")
    try:
        root = ET.fromstring(text)  # noqa: S314  (as above)
    except (ET.ParseError, ValueError, LookupError) as problem:
        raise content_error(f"its XML cannot be read: {problem}") from None
    names = {
        capture.get("id"): logical_name(capture.findtext(f"{_EXTENSION}logical_name", ""))
        for capture in root.iter(f"{_PROFILE}capture_object")
    }
    found = [
        _value(entry, name)
        for column in root.iter(f"{_PROFILE}column")
        if (name := names.get(column.get("id"))) is not None
        for entry in column.findall(f"{_PROFILE}entry_gateway_signed")
    ]
    return sorted(found, key=lambda value: (value.at is not None and value.at.timestamp(), value.code))


def _value(entry: ET.Element, name: tuple[str, str | None]) -> Value:
    text = {part: entry.findtext(f"{_EXTENSION}{part}", "").strip() for part in ("scaler", "unit", "capture_time", "smgw_signature")}
    raw = entry.findtext(f"{_EXTENSION}value/{_EXTENSION}long64", "").strip()
    status = entry.findtext(f"{_EXTENSION}status/{_EXTENSION}unsigned", "").strip()
    try:
        scaler, unit, state = int(text["scaler"] or 0), int(text["unit"] or 255), int(status) if status else None
    except ValueError as problem:
        raise content_error(f"an entry of {name[0]} cannot be read: {problem}") from None
    return Value(
        code=name[0],
        value=scaled(raw, scaler),
        unit=obis.UNITS.get(unit, f"unit {unit}"),
        raw=raw,
        scaler=scaler,
        captured=moment(text["capture_time"]),
        meter=name[1],
        status=state,
        valid=None if state is None else _VALID.get(state),
        signature=text["smgw_signature"] or None,
    )
