"""Contract certificates of ISO 15118 cars (2.x C07): is the chain whole, in its time, from a trusted root, of the named contract, and not revoked?

A station that has checked the chain itself sends hashes alone. Then only revocation is left to ask about, and that the last of them is issued
by a root that is trusted here; an answer is proven when the responder sends its issuer's certificate, or that is among the trusted ones.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from chargebridge.stations.ocpp.lookup import Lookup
from chargebridge.stations.ocpp.revocation import Finding, UnprovenError, issued_by, name_of, named
from chargebridge.wire.ocpp import v201

log = structlog.get_logger()

Verdict = Literal["Accepted", "CertificateExpired", "CertChainError", "CertificateRevoked"]
MAX_CHAIN = 6


class ContractCheck:
    """roots: PEM, what is trusted; sub-authorities may stand among them. lookup: None leaves revocation unasked, and hashes alone unproven."""

    def __init__(self, roots: Sequence[str], lookup: Lookup | None) -> None:
        self._roots = roots
        self._lookup = lookup
        self._trusted = [root for text in roots for root in x509.load_pem_x509_certificates(text.encode())]

    async def judge(self, chain: str, hashed: Sequence[v201.OCSPRequestDataType], emaid: str, now: datetime) -> Verdict:
        """chain: PEM, may be empty; hashed: what the station sends beside it or in its place. What cannot be verified is a CertChainError."""
        if chain:
            verdict = judge(chain, self._roots, emaid, now)
            if verdict != "Accepted" or self._lookup is None:
                return verdict
            return await self._ask(self._of_chain(self._lookup, chain, hashed))
        if self._lookup is None:
            return "CertChainError"
        try:
            names = [named(one) for one in hashed]
        except UnprovenError:
            return "CertChainError"
        if not any(issued_by(name, root) for name in names for root in self._trusted):
            return "CertChainError"
        found = [self._lookup.by_ocsp(name, (one.responder_url,), self._trusted) for name, one in zip(names, hashed, strict=True)]
        return await self._ask(found)

    def _of_chain(
        self, lookup: Lookup, chain: str, hashed: Sequence[v201.OCSPRequestDataType]
    ) -> list[Coroutine[Any, Any, Finding]]:  # fmt: skip
        """Each but the root; a responder that the station names counts beside those in the certificate."""
        certificates = x509.load_pem_x509_certificates(chain.encode())
        top = next(root for root in self._trusted if root == certificates[-1] or _issued(certificates[-1], root))
        path = [*certificates, top] if top != certificates[-1] else certificates
        return [
            lookup.of(one, issuer, [told.responder_url for told in hashed if _names(told, one, issuer)]) for one, issuer in pairwise(path)
        ]

    async def _ask(self, questions: Sequence[Coroutine[Any, Any, Finding]]) -> Verdict:
        found = await asyncio.gather(*questions, return_exceptions=True)
        for one in found:
            if isinstance(one, Finding) and one.proven and one.status == "Revoked":
                return "CertificateRevoked"
        for one in found:
            if isinstance(one, UnprovenError):
                log.warning("contract not proven", where=one.where, reason=one.reason)
                return "CertChainError"
            if isinstance(one, BaseException):
                raise one
            if not one.proven or one.status != "Good":
                log.warning("contract not proven", status=one.status, proven=one.proven)
                return "CertChainError"
        return "Accepted"


def _names(told: v201.OCSPRequestDataType, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        return named(told) == name_of(certificate, issuer, told.hash_algorithm)
    except UnprovenError:
        return False


def judge(chain: str, roots: Sequence[str], emaid: str, now: datetime) -> Verdict:
    """chain: PEM, the contract's own certificate first. roots: PEM. What cannot be verified is a CertChainError (C07.FR.17)."""
    try:
        certificates = x509.load_pem_x509_certificates(chain.encode())
        trusted = [root for text in roots for root in x509.load_pem_x509_certificates(text.encode())]
    except ValueError:
        return "CertChainError"
    if len(certificates) > MAX_CHAIN or not _of(certificates[0], emaid):
        return "CertChainError"
    top = certificates[-1]
    issuer = next((root for root in trusted if root == top or _issued(top, root)), None)
    if issuer is None or not all(_issued(one, above) for one, above in pairwise(certificates)):
        return "CertChainError"
    if not all(_is_authority(above) for above in (*certificates[1:], issuer)):
        return "CertChainError"
    inside = all(one.not_valid_before_utc <= now <= one.not_valid_after_utc for one in (*certificates, issuer))
    return "Accepted" if inside else "CertificateExpired"


def plain(emaid: str) -> str:
    """An eMAID without its optional hyphens and in one case (ISO 15118-2 annex H)."""
    return emaid.replace("-", "").casefold()


def _of(certificate: x509.Certificate, emaid: str) -> bool:
    """The contract's id is its certificate's common name; the 15th character is a check digit, which may be left out."""
    names = {plain(str(name.value)) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    wanted = plain(emaid)
    return wanted in names or (len(wanted) in (14, 15) and any(name[:14] == wanted[:14] for name in names if len(name) in (14, 15)))


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
