"""What tests with certificates of cars and vehicles share: an authority with its responder, and how OCPP names a certificate."""

import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from chargebridge.model.clock import Clock
from chargebridge.sim.charging_pki import Issuer, Responder

HASHES = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}


class Pki:
    """A root and a sub-authority below it; both are asked about at one responder."""

    def __init__(self, responder: Responder, clock: Clock, *, ocsp: bool = True, crl: bool = False) -> None:
        now = clock.now()
        self.responder = responder
        where = responder.ocsp_url if ocsp else None
        self.root = Issuer("root", now, ocsp=where, crl=responder.list_of(0) if crl else None)
        self.sub = Issuer("sub", now, self.root, ocsp=where, crl=responder.list_of(1) if crl else None)
        responder.issuers = (self.root, self.sub)

    def hash_data(self, certificate: x509.Certificate, issuer: Issuer, algorithm: str = "SHA256") -> dict[str, Any]:
        """CertificateHashDataType, reckoned here once more, independently of the product."""
        digest = HASHES[algorithm]
        bits = issuer.certificate.public_key().public_bytes(  # type: ignore[union-attr]
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {
            "hashAlgorithm": algorithm,
            "issuerNameHash": digest(certificate.issuer.public_bytes()).hexdigest(),
            "issuerKeyHash": digest(bits).hexdigest(),
            "serialNumber": f"{certificate.serial_number:x}",
        }

    def ocsp_data(self, certificate: x509.Certificate, issuer: Issuer, algorithm: str = "SHA256") -> dict[str, Any]:
        """OCSPRequestDataType."""
        return self.hash_data(certificate, issuer, algorithm) | {"responderURL": self.responder.ocsp_url}
