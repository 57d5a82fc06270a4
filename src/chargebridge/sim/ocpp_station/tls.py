"""The TLS side of the uplink: what the station trusts, and what it shows (security profiles 2 and 3)."""

import ssl
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chargebridge.sim.ocpp_station.certificates import CertificateStore


def client_context(store: CertificateStore, now: datetime, *, wrong: bool = False) -> ssl.SSLContext:
    """TLS 1.2 or newer; the Central System is held against the installed roots (without any: those of the machine).

    wrong: show a certificate that nobody signed. Raises ssl.SSLError, ValueError: an own certificate that cannot be used.
    """
    context = ssl.create_default_context(cadata=store.trusted_pem() or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = _unsigned(now) if wrong else (store.own, store.key)
    if certificate:
        with tempfile.TemporaryDirectory() as folder:  # ssl reads an own certificate from files only
            path = Path(folder) / "own.pem"
            path.touch(mode=0o600)
            path.write_text(f"{certificate}\n{key}")
            context.load_cert_chain(path)
    return context


def _unsigned(now: datetime) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    certificate = builder.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), plain.decode()
