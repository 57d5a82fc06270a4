"""What a node is known by: its key, its self-signed certificate, its SKI and its fingerprint (SHIP 1.0.1 chapter 12).

There is no authority: nodes trust a SKI, the SHA-1 of a public key (RFC 3280 4.2.1.2 method 1), or a fingerprint, the SHA-256 of a certificate.
Key and certificate must never change once the node is paired, or a metering operator has to come again.
"""

import hashlib
import re
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec import Struct

from chargebridge.wire.eebus.ship.errors import CertificateError

CURVES = ("secp256r1", "brainpoolP256r1", "brainpoolP384r1")
"""What a peer's key may be on. Ours is on the first, which every peer can do."""

VALID_YEARS = 10
MAX_CERTIFICATE = 16 * 1024
MAX_NAME = 64  # characters of a name in a certificate (RFC 5280, upper bounds)
_RENEW = "make a new certificate with an EC key on P-256 and its SubjectKeyIdentifier, and pair again"


class Identity(Struct, frozen=True):
    """Of our own node. key_pem: PKCS #8 without a password, to be kept with mode 0600; it never shows in a repr."""

    key_pem: bytes
    certificate_pem: bytes
    ski: str
    fingerprint: str

    def __repr__(self) -> str:
        return f"Identity(ski={self.ski!r})"


class PeerCertificate(Struct, frozen=True):
    """What a peer's certificate says. not_after: aware UTC; an expired one is still good for SHIP, but the user is to be warned early."""

    ski: str
    fingerprint: str
    curve: str
    common_name: str
    organization: str
    not_before: datetime
    not_after: datetime


def normal_ski(text: str) -> str:
    """40 hexadecimal digits in lower case, of a SKI as people write it: with blanks, dashes, colons, in capitals. Raises CertificateError."""
    ski = re.sub(r"[\s:.-]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{40}", ski):
        raise CertificateError("SKI", f"{text[:60]!r} has not 40 hexadecimal digits", "copy it as the device's page or label shows it")
    return ski


def normal_fingerprint(text: str) -> str:
    """64 hexadecimal digits in capitals, as the pairing service writes them. Raises CertificateError."""
    fingerprint = re.sub(r"[\s:-]", "", text).upper()
    if not re.fullmatch(r"[0-9A-F]{64}", fingerprint):
        raise CertificateError(
            "fingerprint", f"{text[:80]!r} has not 64 hexadecimal digits", "copy it as the device's page or QR code shows it"
        )
    return fingerprint


def ski_of(public_key: ec.EllipticCurvePublicKey) -> str:
    """SHA-1 over the uncompressed point."""
    return x509.SubjectKeyIdentifier.from_public_key(public_key).digest.hex()


def fingerprint_of(certificate_der: bytes) -> str:
    return hashlib.sha256(certificate_der).hexdigest().upper()


def make_identity(common_name: str, organization: str, now: datetime, country: str = "DE", years: int = VALID_YEARS) -> Identity:
    """A new key on P-256 and its certificate. common_name: usually model and serial number; organization: the brand; each of up to 64 characters.

    now: aware; the certificate is valid from a day before on, for peers whose clock is late. Raises CertificateError.
    """
    if not (0 < len(common_name) <= MAX_NAME and 0 < len(organization) <= MAX_NAME and len(country) == 2):
        reason = f"{common_name[:80]!r} of {organization[:80]!r}, {country[:20]!r}"
        raise CertificateError("subject", reason, f"give a name and a brand of 1 to {MAX_NAME} characters and a country of two letters")
    key = ec.generate_private_key(ec.SECP256R1())
    names = (NameOID.COUNTRY_NAME, country), (NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name)
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in names])
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)  # digitalSignature
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * years))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return load_identity(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate.public_bytes(serialization.Encoding.PEM),
    )


def load_identity(key_pem: bytes, certificate_pem: bytes) -> Identity:
    """Of a backup. Raises CertificateError if the two do not belong together or cannot be used."""
    try:
        key = serialization.load_pem_private_key(key_pem, None)
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError("PEM", str(error), "restore key and certificate from a backup of this node") from None
    peer = read_certificate(certificate.public_bytes(serialization.Encoding.DER))
    if not isinstance(key, ec.EllipticCurvePrivateKey) or ski_of(key.public_key()) != peer.ski:
        raise CertificateError("key", "the certificate is of another key", "restore key and certificate from one and the same backup")
    return Identity(key_pem, certificate_pem, peer.ski, peer.fingerprint)


def read_certificate(der: bytes) -> PeerCertificate:
    """A peer's certificate, as TLS has it. The SKI is reckoned anew from the key; a certificate that claims another one is refused.

    Raises CertificateError.
    """
    if len(der) > MAX_CERTIFICATE:
        raise CertificateError("certificate", f"{len(der)} bytes, more than {MAX_CERTIFICATE}", _RENEW)
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        extension = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        names = [certificate.subject.get_attributes_for_oid(kind) for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)]
        not_before, not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except x509.ExtensionNotFound:
        raise CertificateError("SubjectKeyIdentifier", "there is none", _RENEW) from None
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise CertificateError("certificate", f"cannot be read: {error}", _RENEW) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        kind = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__.strip("_")
        raise CertificateError("public key", f"{kind}, not on one of {', '.join(CURVES)}", _RENEW)
    ski = ski_of(key)
    if extension.value.digest.hex() != ski:
        raise CertificateError("SubjectKeyIdentifier", f"{extension.value.digest.hex()[:64]}, while the key's is {ski}", _RENEW)
    common_name, organization = (str(found[0].value) if found else "" for found in names)
    return PeerCertificate(ski, fingerprint_of(der), key.curve.name, common_name, organization, not_before, not_after)
