"""What OCSP answers and revocation lists say of a certificate that is named by its hashes. No sockets, no clock.

A certificate is named as OCSP does (RFC 6960 4.1.1) and OCPP after it (CertificateHashDataType, OCSPRequestDataType): by hashes of its issuer's name
and key, and its serial number. An answer counts when it is about that certificate, holds now, and is signed by its issuer, or by one whom the
issuer has named for that. Whether the issuer can be known depends on who has its certificate: the one who asks, or the answer itself.
"""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from msgspec import Struct

from chargebridge.model.errors import ChargebridgeError

Status = Literal["Good", "Revoked", "Unknown"]

ALGORITHMS: dict[str, hashes.HashAlgorithm] = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
SKEW = timedelta(minutes=5)  # by which a responder's clock may be ahead of ours
MAX_AGE = timedelta(days=7)  # for so long at most an answer may be kept (2.1 M07; ISO 15118-20)
UNDATED_AGE = timedelta(hours=1)  # an answer that does not say when there will be a newer one


class UnprovenError(ChargebridgeError):
    """Nothing can be said about the certificate: there is no answer, or none that counts."""


class HashData(Protocol):
    """What `v201.OCSPRequestDataType` and `v21.CertificateHashDataType` have in common."""

    @property
    def hash_algorithm(self) -> str: ...
    @property
    def issuer_name_hash(self) -> str: ...
    @property
    def issuer_key_hash(self) -> str: ...
    @property
    def serial_number(self) -> str: ...


class Named(Struct, frozen=True):
    """One certificate. algorithm: SHA256, SHA384, SHA512; name, key: the hashes of its issuer's."""

    algorithm: str
    name: bytes
    key: bytes
    serial: int

    def __str__(self) -> str:
        return f"certificate {self.serial:X}"


class Finding(Struct, frozen=True):
    """until: a newer answer is due then. proven: its signature is that of the issuer, or of one whom the issuer has named. raw: DER."""

    status: Status
    until: datetime
    proven: bool
    raw: bytes = b""


def named(told: HashData) -> Named:
    """Raises UnprovenError when a hash is none."""
    try:
        name, key = bytes.fromhex(told.issuer_name_hash), bytes.fromhex(told.issuer_key_hash)
        found = Named(told.hash_algorithm, name, key, int(told.serial_number, 16))
    except ValueError as error:
        raise unproven(f"certificate {told.serial_number}", f"is not named by hexadecimal digits ({error})") from error
    size = ALGORITHMS[found.algorithm].digest_size
    if len(found.name) != size or len(found.key) != size or found.serial <= 0:
        raise unproven(f"certificate {told.serial_number}", f"is not named by hashes of {size} bytes")
    return found


def name_of(certificate: x509.Certificate, issuer: x509.Certificate, algorithm: str = "SHA256") -> Named:
    return Named(algorithm, _digest(algorithm, certificate.issuer.public_bytes()), key_hash(issuer, algorithm), certificate.serial_number)


def issued_by(wanted: Named, issuer: x509.Certificate) -> bool:
    return wanted.key == key_hash(issuer, wanted.algorithm) and wanted.name == _digest(wanted.algorithm, issuer.subject.public_bytes())


def key_hash(issuer: x509.Certificate, algorithm: str) -> bytes:
    """Of the public key's bits alone, without tag, length and count of unused bits (RFC 6960 4.1.1)."""
    key = issuer.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        bits = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        bits = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        bits = key.public_bytes_raw()
    else:
        return b""
    return _digest(algorithm, bits)


def _digest(algorithm: str, data: bytes) -> bytes:
    digest = hashes.Hash(ALGORITHMS[algorithm])
    digest.update(data)
    return digest.finalize()


def question(wanted: Named) -> bytes:
    """The OCSP request, DER. Without a nonce: responders answer from what they have signed beforehand."""
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(wanted.name, wanted.key, wanted.serial, ALGORITHMS[wanted.algorithm])
    return builder.build().public_bytes(serialization.Encoding.DER)


def read_answer(raw: bytes, wanted: Named, now: datetime, issuers: Iterable[x509.Certificate]) -> Finding:
    """What an OCSP response says. issuers: certificates that are trusted to be the issuer if the hashes fit. Raises UnprovenError."""
    try:
        response = ocsp.load_der_ocsp_response(raw)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise unproven(str(wanted), f"the responder says {response.response_status.name}")
        single = next((one for one in response.responses if _is_about(one, wanted)), None)
        carried = response.certificates
    except (ValueError, UnsupportedAlgorithm) as error:
        raise unproven(str(wanted), f"the answer is no OCSP response ({error})") from error
    if single is None:
        raise unproven(str(wanted), "the answer is about another certificate")
    until = _in_time(str(wanted), single.this_update_utc, single.next_update_utc, now)
    issuer = next((one for one in (*carried, *issuers) if issued_by(wanted, one)), None)
    if issuer is not None and not _is_signed(response, issuer, carried, now):
        raise unproven(str(wanted), "the answer is not signed by the issuer, nor by one whom it has named")
    statuses: dict[ocsp.OCSPCertStatus, Status] = {
        ocsp.OCSPCertStatus.GOOD: "Good", ocsp.OCSPCertStatus.REVOKED: "Revoked", ocsp.OCSPCertStatus.UNKNOWN: "Unknown",
    }  # fmt: skip
    return Finding(statuses[single.certificate_status], until, proven=issuer is not None, raw=raw)


def _is_about(one: ocsp.OCSPSingleResponse, wanted: Named) -> bool:
    same = one.serial_number == wanted.serial and one.issuer_key_hash == wanted.key and one.issuer_name_hash == wanted.name
    return same and one.hash_algorithm.name == ALGORITHMS[wanted.algorithm].name


def _is_signed(response: ocsp.OCSPResponse, issuer: x509.Certificate, carried: Sequence[x509.Certificate], now: datetime) -> bool:
    signed, signature, hashed = response.tbs_response_bytes, response.signature, response.signature_hash_algorithm
    return any(
        _verifies(signer, signature, signed, hashed)
        for signer in (issuer, *(one for one in carried if _may_answer(one, issuer, now)))
    )  # fmt: skip


def _may_answer(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    """An issuer names its responder by a certificate of its own for that purpose (RFC 6960 4.2.2.2)."""
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
        return ExtendedKeyUsageOID.OCSP_SIGNING in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def _verifies(signer: x509.Certificate, signature: bytes, signed: bytes, hashed: hashes.HashAlgorithm | None) -> bool:
    key = signer.public_key()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and hashed is not None:
            key.verify(signature, signed, ec.ECDSA(hashed))
        elif isinstance(key, rsa.RSAPublicKey) and hashed is not None:
            key.verify(signature, signed, padding.PKCS1v15(), hashed)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def load_crl(raw: bytes, where: str) -> x509.CertificateRevocationList:
    """DER, as they are published (RFC 5280 4.2.1.13), or PEM. Raises UnprovenError."""
    try:
        crl = x509.load_pem_x509_crl(raw) if raw.lstrip().startswith(b"-----BEGIN") else x509.load_der_x509_crl(raw)
        partly = [extension.oid.dotted_string for extension in crl.extensions if extension.critical]
    except ValueError as error:
        raise unproven(where, f"is no list of revoked certificates ({error})") from error
    if partly:  # an indirect list, a difference, one for some reasons or certificates only (RFC 5280 5.2)
        raise unproven(where, f"is a list of a kind that is not read here ({', '.join(partly)})")
    return crl


def read_crl(crl: x509.CertificateRevocationList, wanted: Named, now: datetime, issuers: Iterable[x509.Certificate]) -> Finding:
    """What a list says; one who is not in it is good. Raises UnprovenError when it is another's list, or not of now."""
    if _digest(wanted.algorithm, crl.issuer.public_bytes()) != wanted.name:
        raise unproven(str(wanted), "the list of revoked certificates is another issuer's")
    until = _in_time(str(wanted), crl.last_update_utc, crl.next_update_utc, now)
    issuer = next((one for one in issuers if issued_by(wanted, one)), None)
    if issuer is not None and not _signs(issuer, crl):
        raise unproven(str(wanted), "the list of revoked certificates is not signed by the issuer")
    revoked = crl.get_revoked_certificate_by_serial_number(wanted.serial) is not None
    return Finding("Revoked" if revoked else "Good", until, proven=issuer is not None)


def _signs(issuer: x509.Certificate, crl: x509.CertificateRevocationList) -> bool:
    try:
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # raises TypeError for a key that cannot sign
    except (TypeError, UnsupportedAlgorithm):
        return False


def _in_time(what: str, since: datetime, until: datetime | None, now: datetime) -> datetime:
    """When a newer answer is due."""
    if since > now + SKEW:
        raise unproven(what, f"the answer holds only from {since:%Y-%m-%d %H:%M}")
    if until is not None and until <= now:
        raise unproven(what, f"the answer is out of date since {until:%Y-%m-%d %H:%M}")
    return min(until or now + UNDATED_AGE, now + MAX_AGE)


def responders(certificate: x509.Certificate) -> list[str]:
    """The OCSP responders that a certificate names."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    places = [one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
    return _by_http(places)


def lists(certificate: x509.Certificate) -> list[str]:
    """Where a certificate says that its issuer's list of revoked ones is."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return _by_http(name for point in points for name in point.full_name or ())


def _by_http(places: Iterable[x509.GeneralName]) -> list[str]:
    """Others, such as LDAP, are not asked."""
    urls = [place.value for place in places if isinstance(place, x509.UniformResourceIdentifier)]
    return [url for url in urls if url.casefold().startswith(("http://", "https://"))]


def as_text(finding: Finding) -> str:
    """As OCPP carries an OCSP answer: base64 of its DER (GetCertificateStatusResponse, ocspResult)."""
    return base64.b64encode(finding.raw).decode()


unproven = partial(UnprovenError, cure="see whether the responder or the list can be reached from here, and docs/stations.md, Security")
