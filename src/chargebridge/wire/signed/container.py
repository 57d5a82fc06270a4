"""The files in which customers get signed values: the XML of the S.A.F.E. transparency software, a Mennekes bill, JSON of PTB, chargeIT or
ChargePoint, or bare records.

What these files say of format and encoding is often wrong; the content decides. Their keys prove nothing by themselves: that they are the meter's is
for a register, or the meter's own display, to say.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

import msgspec

from chargebridge.wire.signed import formats
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.record import SignedFormat
from chargebridge.wire.signed.xml_safe import read_xml

MAX_BYTES = 4 * 1024 * 1024
MAX_VALUES = 10_000
_BLANK = b"\xef\xbb\xbf \t\r\n"
_DETACHED = ".sign"
SAFE_FORMATS = {
    SignedFormat.OCMF: ("OCMF", "plain"),
    SignedFormat.ALFEN: ("ALFEN", "plain"),
    SignedFormat.EDL40: ("SML_EDL40_P", "hex"),
    SignedFormat.ISA_EDL40: ("ISA_EDL_40_P", "hex"),
    SignedFormat.MENNEKES: ("EDL_40_MENNEKES", "plain"),
    SignedFormat.EDL40_SIG: ("EDL_40_SIG", "plain"),
    SignedFormat.PCDF: ("PCDF", "plain"),
}
"""How the transparency software names formats and wants them encoded."""


class ContainedValue(msgspec.Struct, frozen=True):
    """data: as it stands there, perhaps still encoded. key: public key beside it. transaction, context: as the file names them.

    signature: where it stands in a file of its own.
    """

    data: bytes
    key: str | None = None
    transaction: str = ""
    context: str = ""
    signature: bytes | None = None


class _Place(msgspec.Struct, rename="camel"):
    transaction_id: str = ""


class _ChargeIt(msgspec.Struct, rename="camel"):
    signed_meter_values: list[msgspec.Raw]


def read_container(data: bytes, signature: bytes | None = None) -> tuple[ContainedValue, ...]:
    """The signed values of a file. signature: of the whole file, where it stands in another. Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("file", f"{len(data)} bytes, more than {MAX_BYTES}", "choose the file with the signed values alone")
    head = data.lstrip(_BLANK)
    if not head:
        raise SignedFormatError("file", "it is empty", "choose the file that came with the invoice")
    if head.startswith(b"<"):
        return _from_xml(head)
    if head.startswith(b"{"):
        return _from_json(data, signature)
    return tuple(ContainedValue(line) for line in _records(head))


def write_safe_xml(values: Iterable[ContainedValue]) -> bytes:
    """What the transparency software loads. Raises SignedFormatError for data that are no signed record."""
    root = ElementTree.Element("values")
    for value in values:
        record, found = formats.unpack(value.data)
        if found not in SAFE_FORMATS:
            raise SignedFormatError("record", f"S.A.F.E. XML has no place for {found}", "hand over the file as it is")
        name, encoding = SAFE_FORMATS[found]
        attributes = {"transactionId": value.transaction, "context": value.context}
        element = ElementTree.SubElement(root, "value", {key: text for key, text in attributes.items() if text})
        signed = ElementTree.SubElement(element, "signedData", {"format": name, "encoding": encoding})
        signed.text = record.hex() if encoding == "hex" else record.decode()
        if value.key:
            ElementTree.SubElement(element, "publicKey", {"encoding": "hex"}).text = value.key
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _from_xml(data: bytes) -> tuple[ContainedValue, ...]:
    root = read_xml(data)
    found = list(root.iter("value"))
    if not found:
        return (ContainedValue(data),)
    if len(found) > MAX_VALUES:
        raise SignedFormatError("file", f"{len(found)} values, more than {MAX_VALUES}", "split it by transactions")
    return tuple(_value(element, place) for place, element in enumerate(found, 1))


def _value(element: ElementTree.Element, place: int) -> ContainedValue:
    signed = element.find("signedData")
    if signed is None:
        sealed = element.find("encodedData") is not None
        reason = "it is sealed by RSA (SAFE Seal), which is not read here" if sealed else "there is no <signedData>"
        raise SignedFormatError(
            f"value {place}", reason, "load it in the S.A.F.E. transparency software" if sealed else "ask for the file anew"
        )
    inside = "".join(ElementTree.tostring(child, encoding="unicode") for child in signed)
    text = (inside or signed.text or "").strip()
    transaction = element.get("transactionId") or signed.get("transactionId") or ""
    return ContainedValue(text.encode(), (element.findtext("publicKey") or "").strip() or None, transaction, element.get("context") or "")


def with_signatures(files: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes, bytes | None]]:
    """Files by name and content, each with its signature where another of them is that: ``secrrct`` and ``secrrct.sign``.

    They are taken in their order where several have one name.
    """
    names = {name for name, _ in files}
    signatures: dict[str, list[bytes]] = {}
    for name, data in files:
        if name.endswith(_DETACHED) and name.removesuffix(_DETACHED) in names:
            signatures.setdefault(name.removesuffix(_DETACHED), []).append(data)
    found: list[tuple[str, bytes, bytes | None]] = []
    for name, data in files:
        if name.removesuffix(_DETACHED) not in signatures or not name.endswith(_DETACHED):
            waiting = signatures.get(name)
            found.append((name, data, waiting.pop(0) if waiting else None))
    return found


def _from_json(data: bytes, signature: bytes | None) -> tuple[ContainedValue, ...]:
    head = data.lstrip(_BLANK)
    if b'"signedMeterValues"' in head:
        return _from_chargeit(head)
    if formats.format_of(data):
        return (ContainedValue(data, signature=signature),)  # with what stands around it: the whole file may be signed
    try:
        told: Any = msgspec.json.decode(head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SignedFormatError("JSON", str(error)) from None
    if isinstance(told, dict) and isinstance(told.get("ocmfBegin"), str):
        key = told.get("publicKey")
        pairs = [("Transaction.Begin", told["ocmfBegin"]), ("Transaction.End", told.get("ocmfEnd"))]
        return tuple(
            ContainedValue(text.encode(), key if isinstance(key, str) else None, "1", context)
            for context, text in pairs
            if isinstance(text, str)
        )
    raise SignedFormatError("JSON", "it is no container of signed values that is known", "choose the file that came with the invoice")


def _from_chargeit(data: bytes) -> tuple[ContainedValue, ...]:
    try:
        values = msgspec.json.decode(data, type=_ChargeIt).signed_meter_values
        places = [msgspec.json.decode(value, type=_Place) for value in values]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SignedFormatError("signedMeterValues", str(error)) from None
    if len(values) > MAX_VALUES:
        raise SignedFormatError("file", f"{len(values)} values, more than {MAX_VALUES}", "split it by transactions")
    return tuple(ContainedValue(bytes(value), transaction=place.transaction_id) for value, place in zip(values, places, strict=True))


def _records(data: bytes) -> list[bytes]:
    """Bare records, one a line where each line is one."""
    if data.count(b"\n") > MAX_VALUES:
        return [data.strip()]
    lines = [line.strip() for line in data.splitlines() if line.strip()]
    return lines if all(formats.format_of(line) for line in lines) else [data.strip()]
