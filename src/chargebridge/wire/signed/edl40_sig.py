"""EDL40 with the signed block itself: XML ``<signedMeterValue>`` whose ``<encodedMeterValue>`` holds the 320 bytes of ``edl40_block``.

The signature is verified over the bytes as given, not over what a reader would rebuild of them.
"""

import base64
import binascii
from datetime import UTC, datetime
from decimal import Decimal

from chargebridge.wire.signed.edl40_block import SIZE, WATT_HOURS, contract_text, signature_of
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import Kind, Reading, SignedFormat, SignedRecord, TimeQuality
from chargebridge.wire.signed.xml_safe import read_xml


def read_edl40_sig(data: bytes) -> SignedRecord:
    """Raises SignedFormatError."""
    root = read_xml(data)
    fields = {element.tag: element for element in root.iter()}
    decoded: dict[str, bytes] = {}
    for name in ("encodedMeterValue", "meterValueSignature", "publicKey"):
        element = fields.get(name)
        if element is None or not element.text:
            if name == "publicKey":
                continue
            raise SignedFormatError(f"<{root.tag}>", f"<{name}> is missing")
        decoded[name] = _decode(name, element.text, element.get("encoding", "base64"))
    block, signature = decoded["encodedMeterValue"], decoded["meterValueSignature"]
    if len(block) != SIZE:
        raise SignedFormatError("<encodedMeterValue>", f"{len(block)} bytes instead of {SIZE}")
    raw = signature[:-2] if len(signature) in (50, 66) else signature
    made = signature_of(block, raw)
    key, refused = _key(decoded.get("publicKey"), made.curves)
    unit, scaler = block[29], int.from_bytes(block[30:31], "big", signed=True)
    value = int.from_bytes(block[31:39], "little", signed=True)
    seconds = int.from_bytes(block[10:14], "little")
    return SignedRecord(
        format=SignedFormat.EDL40_SIG,
        raw=data,
        signatures=(made,),
        readings=(
            Reading(
                kind=Kind.OTHER,
                energy_wh=Decimal(value).scaleb(scaler) if unit == WATT_HOURS else None,
                step_wh=Decimal(1).scaleb(scaler),
                obis=block[23:29].hex(),
                at=datetime.fromtimestamp(seconds, UTC),
                time_quality=TimeQuality.INFORMATIVE,
                status=f"{block[14]:02x}",
            ),
        ),
        key=key,
        key_refused=refused,
        meter=block[:10].hex(),
        session=block[39:41].hex(),
        page=int.from_bytes(block[19:23], "little"),
        customer=contract_text(block[41:169]),
    )


def _decode(name: str, text: str, encoding: str) -> bytes:
    packed = "".join(text.split())
    try:
        return bytes.fromhex(packed) if encoding == "hex" else base64.b64decode(packed, validate=True)
    except (ValueError, binascii.Error):
        raise SignedFormatError(f"<{name}>", f"{packed[:20]!r} is not {encoding}") from None


def _key(data: bytes | None, curves: tuple[str, ...]) -> tuple[PublicKey | None, str]:
    if data is None:
        return None, ""
    try:
        return read_key(data, curves), ""
    except SignedFormatError as error:
        return None, error.reason
