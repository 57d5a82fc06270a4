"""EDL40 Mennekes: an XML charging process with two signed values of an EDL40 meter, begin and end.

Signed are the 320 bytes of ``edl40_block`` with the OBIS code of the meter's import register; the log index is the event counter. Neither the
metering point nor the address nor the key is covered.
"""

from datetime import datetime
from xml.etree import ElementTree

from chargebridge.wire.signed.edl40_block import WATT_HOURS, Block, signature_of
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import Kind, Reading, Signature, SignedFormat, SignedRecord, TimeQuality
from chargebridge.wire.signed.xml_safe import read_xml, text_of

_OBIS = bytes.fromhex("0100011100ff")


def read_mennekes(data: bytes) -> tuple[SignedRecord, ...]:
    """Each charging process of a document. Raises SignedFormatError."""
    root = read_xml(data)
    found = [root] if root.tag == "ChargingProcess" else list(root.iter("ChargingProcess"))
    if not found:
        raise SignedFormatError(f"<{root.tag}>", "there is no <ChargingProcess> in it")
    return tuple(_process(one, data) for one in found)


def _process(process: ElementTree.Element, data: bytes) -> SignedRecord:
    server, customer = _hex(process, "ServerId"), _hex(process, "CustomerIdent")
    parts = [process.find(name) for name in ("MeasurementStart", "MeasurementEnd")]
    pairs = [(part, kind) for part, kind in zip(parts, (Kind.BEGIN, Kind.END), strict=True) if part is not None]
    if not pairs:
        raise SignedFormatError("<ChargingProcess>", "there is no measurement in it")
    made = [_measurement(process, part, kind, server, customer) for part, kind in pairs]
    key, refused = _key(process)
    return SignedRecord(
        format=SignedFormat.MENNEKES,
        raw=data,
        signatures=tuple(signature for signature, *_ in made),
        readings=tuple(reading for _, reading, _ in made),
        key=key,
        key_refused=refused,
        meter=server.hex(),
        point=_optional(process, "MeteringPoint"),
        session="/".join(dict.fromkeys(str(int.from_bytes(block.log, "big")) for *_, block in made)),
        page=made[-1][2].page,
        pages=tuple(block.page for *_, block in made),
        customer=customer.hex(),
        unsigned=("MeteringPoint", "SiteAddress", "PublicKey"),
    )


def _measurement(
    process: ElementTree.Element, part: ElementTree.Element, kind: Kind, server: bytes, customer: bytes
) -> tuple[Signature, Reading, Block]:
    raw = _hex(part, "Signature")
    counter = _number(part, "EventCounter")
    log = raw[48:50] if len(raw) == 50 else (counter & 0xFFFF).to_bytes(2, "big")
    at = _time(part, "Timestamp")
    identified = part if part.find("TimestampCustomerIdent") is not None else process
    block = Block(
        server=server,
        value_time=_local(at),
        status=_number(part, "MeterStatus"),
        second_index=_number(part, "SecondIndex"),
        page=_number(part, "Pagination"),
        obis=_OBIS,
        unit=WATT_HOURS,
        scaler=_number(part, "Scaler"),
        value=_number(part, "Value"),
        log=log,
        contract=customer,
        contract_time=_local(_time(identified, "TimestampCustomerIdent")),
    )
    reading = Reading(
        kind=kind,
        energy_wh=block.energy_wh(),
        step_wh=block.step_wh(),
        obis=_OBIS.hex(),
        at=at,
        time_quality=TimeQuality.INFORMATIVE,
        status=f"{block.status & 0xFF:02x}",
    )
    return signature_of(block.encode(), raw[:48]), reading, block


def _key(process: ElementTree.Element) -> tuple[PublicKey | None, str]:
    text = _optional(process, "PublicKey")
    if not text:
        return None, ""
    try:
        return read_key(text, ("secp192r1",)), ""
    except SignedFormatError as error:
        return None, error.reason


def _optional(process: ElementTree.Element, name: str) -> str:
    return (process.findtext(name) or "").strip()


def _hex(part: ElementTree.Element, name: str) -> bytes:
    text = text_of(part, name)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise SignedFormatError(f"<{name}>", f"{text[:40]!r} is not hexadecimal") from None


def _number(part: ElementTree.Element, name: str) -> int:
    text = text_of(part, name)
    if not text.lstrip("-").isdecimal() or len(text) > 19:
        raise SignedFormatError(f"<{name}>", f"{text[:40]!r} is no whole number")
    return int(text)


def _time(part: ElementTree.Element, name: str) -> datetime:
    text = text_of(part, name)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SignedFormatError(f"<{name}>", f"{text[:40]!r} is no time") from None
    if at.tzinfo is None:
        raise SignedFormatError(f"<{name}>", f"{text[:40]!r} has no offset to UTC")
    return at


def _local(at: datetime) -> int:
    """Seconds of local time since 1970."""
    offset = at.utcoffset()
    assert offset is not None
    return int(at.timestamp() + offset.total_seconds())
