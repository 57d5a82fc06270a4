"""Signed tree heads (RFC 6962 section 3.5): the registry's word that its log had this root at this time. Who keeps one can hold it to its word.

Signed, with ECDSA on P-256 and SHA-256, is the RFC's structure:

    version 0 (1)   signature type 1, tree_hash (1)   timestamp, ms since 1970 (8)   tree size (8)   root (32)      high byte first
"""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from chargebridge.calibration.registry.errors import RegistryError
from chargebridge.links.durable import write_file

_LAYOUT = struct.Struct(">BBQQ32s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ECDSA = ec.ECDSA(SHA256())


class TreeHead(Struct, frozen=True, kw_only=True):
    """size: entries in the log. at: aware UTC, whole ms. signature: DER."""

    size: int
    at: datetime
    root: bytes
    signature: bytes = b""

    def signed(self) -> bytes:
        return _LAYOUT.pack(0, 1, (self.at - _EPOCH) // timedelta(milliseconds=1), self.size, self.root)


class HeadSigner:
    """The registry's key. public_pem: what everybody checks heads with."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def load(cls, path: Path) -> "HeadSigner":
        """The key in a PEM file; it is made, for its owner alone to read, where there is none. Raises RegistryError."""
        try:
            if not path.exists():
                _make(path)
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise RegistryError(str(path), f"the registry's key cannot be read ({error})", "restore it from its backup") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise RegistryError(str(path), "is no key on P-256", "restore the registry's own key")
        return cls(key)

    def sign(self, size: int, at: datetime, root: bytes) -> TreeHead:
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        head = TreeHead(size=size, at=at, root=root)
        return TreeHead(size=size, at=at, root=root, signature=self._key.sign(head.signed(), _ECDSA))

    def vouches(self, head: TreeHead) -> bool:
        return vouches(self.public_pem, head)


def vouches(public_pem: bytes, head: TreeHead) -> bool:
    """Whether a head is signed by the registry of that key."""
    key = serialization.load_pem_public_key(public_pem)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(head.signature, head.signed(), _ECDSA)
    except InvalidSignature:
        return False
    return True


def _make(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), 0o600)
