"""An OCSP responder (RFC 6960) with its authorities' revocation lists beside it, and what can go wrong with one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from chargebridge.sim.charging_pki.authority import Issuer
from chargebridge.sim.http_server import HttpServer, Response

Fault = Literal["mute", "error", "try later", "out of date", "another certificate", "another signer", "bare"]
"""bare: signed by the authority's delegate, but without the certificates by which that could be seen."""

KINDS: dict[str, hashes.HashAlgorithm] = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


class Responder(HttpServer):
    """OCSP at ``/ocsp``, lists at ``/crl/0``, ``/crl/1`` ... in the order of its authorities. asked: what came, by path.

    carries_issuer: whether an answer holds the authority's own certificate too.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__()
        self.issuers: Sequence[Issuer] = ()
        self.fault = fault
        self.asked: list[str] = []
        self.carries_issuer = False

    @property
    def ocsp_url(self) -> str:
        return f"{self.url}/ocsp"

    def list_of(self, number: int) -> str:
        return f"{self.url}/crl/{number}"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response | None:
        self.asked.append(path)
        if self.fault == "mute":
            return None
        if self.fault == "error":
            return 500, "text/plain", b"broken"
        if method == "GET" and path.startswith("/crl/") and int(path[5:]) < len(self.issuers):
            crl = self.issuers[int(path[5:])].revocation_list()
            return 200, "application/pkix-crl", crl.public_bytes(serialization.Encoding.DER)
        if method != "POST" or path != "/ocsp":
            return 404, "text/plain", b""
        response = self._judge(ocsp.load_der_ocsp_request(body))
        return 200, "application/ocsp-response", response.public_bytes(serialization.Encoding.DER)

    def _judge(self, asked: ocsp.OCSPRequest) -> ocsp.OCSPResponse:
        issuer = next((one for one in self.issuers if _is_of(asked, one)), None)
        if self.fault == "try later":
            return ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
        if issuer is None:
            return ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        serial = asked.serial_number
        status, at = ocsp.OCSPCertStatus.GOOD, None
        if serial in issuer.revoked:
            status, at = ocsp.OCSPCertStatus.REVOKED, issuer.revoked[serial]
        elif serial not in issuer.issued:
            status = ocsp.OCSPCertStatus.UNKNOWN
        since = issuer.now - (timedelta(days=30) if self.fault == "out of date" else timedelta(minutes=1))
        certificate, key = issuer.delegate
        if self.fault == "another signer":
            key = ec.generate_private_key(ec.SECP256R1())
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            asked.issuer_name_hash,
            asked.issuer_key_hash,
            serial + 1 if self.fault == "another certificate" else serial,
            asked.hash_algorithm,
            status,
            since,
            since + timedelta(days=7),
            at,
            None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        if self.fault != "bare":
            carried = [certificate, issuer.certificate] if self.carries_issuer else [certificate]
            builder = builder.certificates(carried)
        return builder.sign(key, hashes.SHA256())


def _is_of(asked: ocsp.OCSPRequest, issuer: Issuer) -> bool:
    probe = ocsp.OCSPRequestBuilder().add_certificate(_any_of(issuer), issuer.certificate, KINDS[asked.hash_algorithm.name]).build()
    return probe.issuer_key_hash == asked.issuer_key_hash and probe.issuer_name_hash == asked.issuer_name_hash


def _any_of(issuer: Issuer) -> x509.Certificate:
    return issuer.delegate[0]
