"""A small authority like the meter operators' own, and certificates by it."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgspec import Struct

_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_DAYS = 36500


class Identity(Struct, frozen=True):
    """A certificate and its key, in one file of PEM."""

    name: str
    file: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def fingerprint(self) -> str:
        """As it is written in a meter's URL."""
        return "sha256:" + hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).hexdigest()


class Authority:
    """Makes certificates below ``folder``."""

    def __init__(self, folder: Path, name: str = "Test SM-PKI") -> None:
        self._folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._sign(self._name, self._key, ca=True).public_bytes(Encoding.PEM))

    def issue(self, name: str, curve: ec.EllipticCurve | None = None, *, password: str | None = None) -> Identity:
        """A certificate for ``name`` such as ``EPPC0210000001.SMGW``; its key enciphered if a password is given."""
        key = ec.generate_private_key(curve or ec.SECP256R1())
        certificate = self._sign(_name(name), key, ca=False)
        file = self._folder / f"{name}.pem"
        sealed = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed))
        return Identity(name, file, certificate, key)

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BEGIN)
            .not_valid_after(_BEGIN + timedelta(days=_DAYS))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"), x509.NameAttribute(NameOID.COMMON_NAME, common)])
