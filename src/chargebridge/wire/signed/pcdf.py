"""Porsche's charging data format: ``128.8.0(ST:...)(CT:...)...(RV:0003.276*kWh)...(PK:04...)(SG:...)``, the energy of a whole session.

Signed is the text from ``128.8.0`` up to ``(SG:``. BV=0 or SP=0: the meter says itself that the value must not be billed.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

from chargebridge.wire.signed.der import read_der
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import Kind, Reading, Signature, SignedFormat, SignedRecord, TimeQuality

MAX_BYTES = 8192
HEAD = "128.8.0"
_FIELD = re.compile(r"\(([A-Z]{2,3}):([^()]*)\)")
_VALUE = re.compile(r"(\d{1,9})\.(\d{1,6})\*(kWh|Wh)\Z")
_FIELDS = ("ST", "CT", "CD", "TV", "BV", "CSC", "SP", "RV", "SI", "CS", "HW", "DT", "PK", "SG")
_KINDS = {"1": "RFID", "2": "EMAID", "3": "credit card", "4": "remote", "5": "NFC"}


def read_pcdf(data: bytes) -> SignedRecord:
    """Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("record", f"{len(data)} bytes, more than {MAX_BYTES}")
    text = data.decode("utf-8", "replace")
    start, end = text.find(HEAD), text.rfind(")")
    if start < 0 or end < start:
        raise SignedFormatError("record", f"does not begin with {HEAD}")
    text = text[start : end + 1]
    fields = _FIELD.findall(text)
    names = tuple(name for name, _ in fields)
    if names != _FIELDS or HEAD + "".join(f"({name}:{value})" for name, value in fields) != text:
        raise SignedFormatError("record", f"its fields are {', '.join(names)[:120]}, not {', '.join(_FIELDS)} in this order")
    values = dict(fields)
    try:
        r, s, leniences = read_der(bytes.fromhex(values["SG"]))
    except ValueError:
        raise SignedFormatError("SG", "is not hexadecimal") from None
    signed = text[: text.rindex("(SG:")].encode()
    key, refused = _key(values["PK"])
    energy_wh, step_wh = _energy(values["RV"])
    at = _time(values["CT"])
    user, kind, session = [*values["SI"].split("*"), "", ""][:3]
    billable = values["BV"] == "1" and values["SP"] == "1"
    reading = Reading(
        kind=Kind.ENERGY,
        energy_wh=energy_wh,
        step_wh=step_wh,
        obis=HEAD,
        at=at,
        time_quality=TimeQuality.SYNCHRONISED if values["TV"] == "1" else TimeQuality.INFORMATIVE,
        good=billable,
        status=f"BV={values['BV']} SP={values['SP']}",
        energy_usable=billable,
        time_usable=values["TV"] == "1",
    )
    return SignedRecord(
        format=SignedFormat.PCDF,
        raw=data,
        signatures=(Signature(signed=signed, r=r, s=s, curves=("secp256r1",)),),
        readings=(reading,),
        key=key,
        key_refused=refused,
        meter=values["HW"],
        session=session,
        customer=user,
        customer_kind=_KINDS.get(kind, kind),
        leniences=leniences,
    )


def _energy(text: str) -> tuple[Decimal, Decimal]:
    match = _VALUE.match(text)
    if match is None:
        raise SignedFormatError("RV", f"{text[:40]!r} is no value")
    shift = 3 if match[3] == "kWh" else 0
    return Decimal(f"{match[1]}.{match[2]}").scaleb(shift), Decimal(1).scaleb(shift - len(match[2]))


def _key(text: str) -> tuple[PublicKey | None, str]:
    try:
        return read_key(text, ("secp256r1",)), ""
    except SignedFormatError as error:
        return None, error.reason


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
