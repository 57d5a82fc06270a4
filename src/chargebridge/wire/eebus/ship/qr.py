"""The text of SHIP's QR code: who a node is, read by a phone instead of typed (installation requirements; SHIP Pairing Service annex A.1).

    SHIP;SKI:A805 56A2 ...;ID:..;BRAND:..;TYPE:..;MODEL:..;SERIAL:..;CAT:2;FPH256:..;SPSEC:..;ENDSHIP;

SPSEC is the secret of the pairing service: who has read it can pair, so a code with it is for the owner's eyes only.
"""

import re

from msgspec import Struct

from chargebridge.wire.eebus.ship.errors import CertificateError, RecordError
from chargebridge.wire.eebus.ship.identity import normal_fingerprint, normal_ski
from chargebridge.wire.eebus.ship.mdns import categories_of

MAX_TEXT = 2048
SECRET_BYTES = 16
MAX_SECRET_BYTES = 64
FINGERPRINTS = {"FPH256": "secp256r1", "BFPH256": "brainpoolP256r1", "B2FPH256": "brainpoolP384r1"}
"""The keys of fingerprints, by the curve of the certificate; best first."""


class ShipCode(Struct, frozen=True):
    """ski: 40 digits in lower case. fingerprints: 64 digits in capitals, by curve. secret: of the pairing service, None in a plain code."""

    ski: str
    ship_id: str
    brand: str = ""
    type: str = ""
    model: str = ""
    serial: str = ""
    categories: tuple[int, ...] = ()
    fingerprints: dict[str, str] = {}
    secret: bytes | None = None

    def __repr__(self) -> str:
        return f"ShipCode(ski={self.ski!r}, ship_id={self.ship_id!r}, secret={'...' if self.secret else None})"


def to_text(code: ShipCode) -> str:
    """Raises RecordError for a value with a semicolon, which would end it."""
    fields = {
        "SKI": " ".join(re.findall("....", code.ski.upper())),
        "ID": code.ship_id,
        "BRAND": code.brand,
        "TYPE": code.type,
        "MODEL": code.model,
        "SERIAL": code.serial,
        "CAT": ",".join(map(str, code.categories)),
        **{key: code.fingerprints.get(curve, "") for key, curve in FINGERPRINTS.items()},
        "SPSEC": code.secret.hex().upper() if code.secret else "",
    }
    for key, value in fields.items():
        if ";" in value:
            raise RecordError(key, "a semicolon, which ends a value", "choose a text without one")
    return "SHIP;" + "".join(f"{key}:{value};" for key, value in fields.items() if value) + "ENDSHIP;"


def from_text(text: str) -> ShipCode:
    """Raises RecordError. Unknown fields are passed over."""
    if len(text) > MAX_TEXT:
        raise RecordError("QR code", f"{len(text)} characters, more than {MAX_TEXT}", "scan the code of an EEBUS device")
    head, *parts = text.strip().removesuffix(";").split(";")
    if head != "SHIP" or not parts or parts[-1] != "ENDSHIP":
        raise RecordError("QR code", "does not begin with SHIP; and end with ENDSHIP;", "scan the code of an EEBUS device, and all of it")
    fields: dict[str, str] = {}
    for part in parts[:-1]:
        key, colon, value = part.partition(":")
        if not colon or key in fields:
            raise RecordError(key[:20], "stands twice" if colon else "has no value", "scan the code again")
        fields[key] = value
    try:
        ski = normal_ski(fields.get("SKI", ""))
        fingerprints = {curve: normal_fingerprint(fields[key]) for key, curve in FINGERPRINTS.items() if fields.get(key)}
    except CertificateError as error:
        raise RecordError(error.position, error.reason, "scan the code again") from None
    return ShipCode(
        ski=ski,
        ship_id=fields.get("ID", ""),
        brand=fields.get("BRAND", ""),
        type=fields.get("TYPE", ""),
        model=fields.get("MODEL", ""),
        serial=fields.get("SERIAL", ""),
        categories=categories_of(fields.get("CAT", "")),
        fingerprints=fingerprints,
        secret=secret_of(fields["SPSEC"]) if fields.get("SPSEC") else None,
    )


def secret_of(text: str) -> bytes:
    """16 bytes or more, of hexadecimal digits. The error does not show them."""
    digits = re.sub(r"\s", "", text)
    if not re.fullmatch(r"([0-9A-Fa-f]{2})+", digits) or not SECRET_BYTES <= len(digits) // 2 <= MAX_SECRET_BYTES:
        raise RecordError("SPSEC", f"not {2 * SECRET_BYTES} hexadecimal digits", "scan the code again")
    return bytes.fromhex(digits)
