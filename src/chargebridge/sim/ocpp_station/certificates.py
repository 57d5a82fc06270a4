"""The station's certificates and keys: roots that it trusts, its own chain, and the request for a new one (2.0.1 part 2 A02, M03 to M05)."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec import Struct

MAX_ROOTS = 20
CSMS_ROOT = "CSMSRootCertificate"  # 1.6: CentralSystemRootCertificate
MANUFACTURER_ROOT = "ManufacturerRootCertificate"


class CertificateHash(Struct, frozen=True):
    """SHA-256 in hex: of the issuer's name (DER), of the issuer's public key (bits); serial: hex without leading zeros (CertificateHashDataType)."""

    issuer_name: str
    issuer_key: str
    serial: str


def read_chain(pem: str) -> list[x509.Certificate]:
    """Certificates of a PEM text, in its order. Raises ValueError."""
    return x509.load_pem_x509_certificates(pem.encode())


def hash_of(certificate: x509.Certificate, issuer: x509.Certificate | None = None) -> CertificateHash:
    """issuer: None for one that signed itself."""
    spki = (issuer or certificate).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return CertificateHash(
        issuer_name=hashlib.sha256(certificate.issuer.public_bytes()).hexdigest(),
        issuer_key=hashlib.sha256(_key_bits(spki)).hexdigest(),
        serial=f"{certificate.serial_number:x}",
    )


def _key_bits(spki: bytes) -> bytes:
    """The value of the BIT STRING that ends a SubjectPublicKeyInfo, without its count of unused bits (RFC 5280 4.1, RFC 6960 4.1.1)."""
    _, start, _ = _tlv(spki, 0)
    _, inside, length = _tlv(spki, start)
    _, bits, size = _tlv(spki, inside + length)
    return spki[bits + 1 : bits + size]


def _tlv(data: bytes, at: int) -> tuple[int, int, int]:
    """(tag, where the value begins, its length) of the DER element at a place."""
    length, begin = data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, begin = int.from_bytes(data[begin : begin + count]), begin + count
    return data[at], begin, length


def leads_to(chain: list[x509.Certificate], roots: list[x509.Certificate], now: datetime) -> bool:
    """Whether each certificate of the chain is valid now and signed by the next, and the last by one of the roots (or is one)."""
    if not chain or any(not c.not_valid_before_utc <= now <= c.not_valid_after_utc for c in chain):
        return False
    if any(not _signed_by(lower, upper) for lower, upper in pairwise(chain)):
        return False
    return any(chain[-1] == root or _signed_by(chain[-1], root) for root in roots)


def _signed_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


class CertificateStore:
    """What is in the station's secure memory. own, key: PEM, empty without. pending: the key of the request that waits for its certificate."""

    def __init__(self, trusted: str, own: str, key: str) -> None:
        self.roots: list[tuple[str, x509.Certificate]] = [(CSMS_ROOT, root) for root in (read_chain(trusted) if trusted else [])]
        self.own, self.key = own, key
        self.pending: ec.EllipticCurvePrivateKey | None = None

    def trusted(self, use: str) -> list[x509.Certificate]:
        return [root for found, root in self.roots if found == use]

    def pem(self, use: str) -> str:
        return "".join(root.public_bytes(serialization.Encoding.PEM).decode() for root in self.trusted(use))

    def trusted_pem(self) -> str:
        return self.pem(CSMS_ROOT)

    def install(self, use: str, pem: str, now: datetime) -> str:
        """Accepted, Rejected (it is no certificate that holds now) or Failed (no room)."""
        try:
            (root,) = read_chain(pem)
        except ValueError:
            return "Rejected"
        if not root.not_valid_before_utc <= now <= root.not_valid_after_utc:
            return "Rejected"
        if (use, root) in self.roots:
            return "Accepted"
        if len(self.roots) >= MAX_ROOTS:
            return "Failed"
        self.roots.append((use, root))
        return "Accepted"

    def delete(self, wanted: CertificateHash) -> str:
        """Accepted, NotFound, or Failed: the last root that leads to the Central System stays (M04.FR.08)."""
        for use, root in self.roots:
            if hash_of(root) == wanted:
                if use == CSMS_ROOT and len(self.trusted(CSMS_ROOT)) == 1:
                    return "Failed"
                self.roots.remove((use, root))
                return "Accepted"
        return "NotFound"

    def hashes(self, uses: set[str] | None) -> Iterator[tuple[str, CertificateHash]]:
        """(use, hash) of the installed ones; uses: None for all."""
        for use, root in self.roots:
            if uses is None or use in uses:
                yield use, hash_of(root)

    def request(self, name: str, organisation: str) -> str:
        """A new key, and the signing request for it: CN is the identity, O the operator (A02.FR.02)."""
        self.pending = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if organisation:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
        return builder.sign(self.pending, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def accept_signed(self, pem: str, now: datetime) -> bool:
        """Take the chain in place of the old one, if it is for the pending key and holds now (A02.FR.07)."""
        try:
            chain = read_chain(pem)
        except ValueError:
            return False
        if self.pending is None or chain[0].public_key() != self.pending.public_key() or not leads_to(chain, [chain[-1]], now):
            return False
        self.own = pem
        self.key = self.pending.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.pending = None
        return True
