"""Contract certificates of ISO 15118 cars (2.x C07): is the chain whole, in its time, from a root that is trusted, and of the named contract?

Revocation is not asked for (C07.FR.05): there is no OCSP client here. A contract is ended by taking its eMAID out of the tokens.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

Verdict = Literal["Accepted", "CertificateExpired", "CertChainError"]
MAX_CHAIN = 6


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
