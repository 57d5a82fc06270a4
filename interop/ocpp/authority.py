"""A certificate authority made on the spot, for a day's certificates."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """certificate: its own, PEM."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Interop Root")])
        self.certificate = self._issue(self._name, self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, csr: str) -> str:
        """The certificate, PEM, for a signing request, PEM."""
        request = x509.load_pem_x509_csr(csr.encode())
        return self._issue(request.subject, request.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def _issue(self, subject: x509.Name, public_key: bytes) -> str:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, subject, load_pem_public_key(public_key), x509.random_serial_number(), now, now + DAY)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode()
