"""Public keys in all the forms in which stations, labels and registers write them, and the one form in which they are compared.

bytes                                   where
SubjectPublicKeyInfo (RFC 5480)         OCMF, OCPI, registers; hex, base64, PEM, also in groups with blanks
04 X Y (SEC 1)                          PCDF, some OCMF
02 or 03 X (SEC 1, compressed)          Alfen, in Base32
X Y                                     EDL40, ISA, Mennekes; 64 and 96 bytes do not tell their curve
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence

from msgspec import Struct

from chargebridge.wire.signed.curves import BY_NAME, BY_OID, Curve
from chargebridge.wire.signed.errors import SignedFormatError

MAX_TEXT = 4096
_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}\Z")
_BASE32 = re.compile(r"[A-Z2-7]+=*\Z")
_CURE = "compare it with the key on the meter, or in the register"


class PublicKey(Struct, frozen=True):
    """A point of a curve, checked to be on it. bare: it came without its curve's name."""

    curve: str
    x: int
    y: int
    bare: bool = False

    def spki(self) -> bytes:
        """SubjectPublicKeyInfo in DER: the form in which keys are kept, shown and compared."""
        curve = BY_NAME[self.curve]
        point = b"\x00\x04" + self.x.to_bytes(curve.size, "big") + self.y.to_bytes(curve.size, "big")
        return _tlv(0x30, _tlv(0x30, _EC_PUBLIC_KEY + _tlv(0x06, curve.oid)) + _tlv(0x03, point))

    def fingerprint(self) -> str:
        """SHA-256 of ``spki``, hexadecimal."""
        return hashlib.sha256(self.spki()).hexdigest()

    def same(self, other: "PublicKey") -> bool:
        return (self.curve, self.x, self.y) == (other.curve, other.x, other.y)


def read_key(text: str | bytes, curves: Sequence[str] = ()) -> PublicKey:
    """The key in ``text``, or in the bytes themselves. curves: those that a bare point may be on, the likeliest first. Raises SignedFormatError."""
    if isinstance(text, bytes):
        return _key_of(text, curves)
    if len(text) > MAX_TEXT:
        raise SignedFormatError("public key", f"{len(text)} characters, more than {MAX_TEXT}", _CURE)
    reasons: list[str] = []
    for data in _decodings(text):
        try:
            return _key_of(data, curves)
        except SignedFormatError as error:
            reasons.append(error.reason)
    raise SignedFormatError(
        "public key", reasons[-1] if reasons else f"{text[:40]!r} is neither hexadecimal, base64, Base32 nor PEM", _CURE
    )


def _decodings(text: str) -> list[bytes]:
    """What the text may stand for: hex digits are base64 too, and what is Base32 may be either."""
    inside = re.sub(r"-----(BEGIN|END) [A-Z ]+-----", "", text)
    packed = re.sub(r"[\s:]", "", inside)
    found: list[bytes] = []
    if _HEX.match(packed):
        found.append(bytes.fromhex(packed))
    for pattern, decode in ((_BASE32, base64.b32decode), (_BASE64, base64.b64decode)):
        bare = packed.rstrip("=")
        if pattern.match(packed):
            padded = bare + "=" * (-len(bare) % (8 if decode is base64.b32decode else 4))
            try:
                found.append(decode(padded.replace("-", "+").replace("_", "/")))
            except (binascii.Error, ValueError):
                continue
    return found


def _key_of(data: bytes, curves: Sequence[str]) -> PublicKey:
    if data[:1] == b"\x30":
        return _from_spki(data)
    candidates = [BY_NAME[name] for name in curves] or list(BY_NAME.values())
    head, size = data[:1], len(data)
    reason = f"{size} bytes that begin with {data[:2].hex()} are no key"
    for curve in candidates:
        if size == 2 * curve.size and head != b"\x30":
            point = data[: curve.size], data[curve.size :]
        elif size == 2 * curve.size + 1 and head == b"\x04":
            point = data[1 : curve.size + 1], data[curve.size + 1 :]
        elif size == curve.size + 1 and head in (b"\x02", b"\x03"):
            return _compressed(curve, data)
        else:
            continue
        x, y = int.from_bytes(point[0], "big"), int.from_bytes(point[1], "big")
        if curve.holds(x, y):
            return PublicKey(curve.name, x, y, bare=True)
        reason = f"the point is not on {curve.name}"
    raise SignedFormatError("public key", reason, _CURE)


def _compressed(curve: Curve, data: bytes) -> PublicKey:
    x = int.from_bytes(data[1:], "big")
    y = curve.lift(x, odd=data[0] == 3)
    if y is None:
        raise SignedFormatError("public key", f"there is no point of {curve.name} with this x", _CURE)
    return PublicKey(curve.name, x, y, bare=True)


def _from_spki(data: bytes) -> PublicKey:
    try:
        outer, rest = _open(data, 0x30)
        algorithm, bits = _open(outer, 0x30)
        point, _ = _open(bits, 0x03)
        oid, _ = _open(algorithm[len(_EC_PUBLIC_KEY) :] or b"\x06\x00", 0x06)
    except (IndexError, ValueError) as error:
        raise SignedFormatError("public key", f"no SubjectPublicKeyInfo: {error}", _CURE) from None
    if rest or not algorithm.startswith(_EC_PUBLIC_KEY):
        raise SignedFormatError("public key", "no key for elliptic curves", _CURE)
    curve = BY_OID.get(oid)
    if curve is None:
        raise SignedFormatError("public key", f"curve with OID {oid.hex()} is unknown", _CURE)
    key = _key_of(point[1:], [curve.name])
    return PublicKey(key.curve, key.x, key.y)


def _open(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the element that ``data`` begins with, and what follows it."""
    if not data or data[0] != tag:
        raise ValueError(f"an element {tag:02x} is missing")
    size, at = data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    if at + size > len(data):
        raise ValueError("it breaks off")
    return data[at : at + size], data[at + size :]


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, size] if size < 0x80 else [tag, 0x81, size]) + content
