"""TLS at the Central System (OCPP security profiles 2 and 3): the server's context, and whose certificate a station shows.

The handshake itself checks a client certificate's chain, signature and time (RFC 5280 by OpenSSL; A00.FR.403, 407). That it is this station's,
the operator's, and not revoked is checked here when the station has said who it is (A00.FR.404, 405).
"""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from msgspec import Struct

from chargebridge.stations.ocpp.pki import Authority, common_name, organisation, serial_of
from chargebridge.stations.ocpp.pki_files import AuthorityError
from chargebridge.stations.ocpp.revocation import lists, responders

log = structlog.get_logger()

# A00.FR.318: the four suites that every Central System has to offer, and those of ECDHE with RSA, which have forward secrecy as well.
CIPHERS = "ECDHE+AESGCM:AES128-GCM-SHA256:AES256-GCM-SHA384"


class ServerFiles(Struct, frozen=True, kw_only=True):
    """certificates: (chain, key) in PEM, one of each kind of key (A00.FR.318 needs ECDSA and RSA). client_roots: PEM files of CAs."""

    certificates: tuple[tuple[Path, Path], ...]
    client_roots: tuple[Path, ...] = ()

    def stamp(self) -> tuple[int, ...]:
        """Changes when a file does."""
        return tuple(path.stat().st_mtime_ns for pair in self.certificates for path in pair if path.exists())


def server_context(files: ServerFiles, authority: Authority | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, no compression (A00.FR.313, 321). A client certificate is asked for when there is a CA to check it by.

    It is not required here: stations of profile 2 share the port. Raises AuthorityError when a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    load_certificates(context, files)
    try:
        if authority is not None:
            context.load_verify_locations(cadata=authority.trust)
        for path in files.client_roots:
            context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise AuthorityError("client_ca", f"cannot be used ({error})", "give a PEM file of CA certificates") from error
    if authority is not None or files.client_roots:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def load_certificates(context: ssl.SSLContext, files: ServerFiles) -> None:
    """Also into a context in use: new connections then get the new certificate. Raises AuthorityError."""
    for chain, key in files.certificates:
        try:
            context.load_cert_chain(chain, key)
        except (OSError, ssl.SSLError) as error:
            raise AuthorityError("ocpp", f"certificate or key cannot be used ({error})", "give PEM files that belong together") from error


def watch_handshakes(context: ssl.SSLContext, failed: Callable[[str], None]) -> None:
    """Call ``failed`` with the reason of each TLS handshake that fails; asyncio itself keeps quiet about them."""

    class Watched(ssl.SSLObject):
        def do_handshake(self, *args: Any) -> None:
            try:
                super().do_handshake(*args)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLCertVerificationError as error:
                failed(f"TLS: {error.verify_message}")
                raise
            except ssl.SSLError as error:
                failed(f"TLS: {(error.reason or 'failed').lower().replace('_', ' ')}")
                raise

    context.sslobject_class = Watched


def peer_certificate(ssl_object: ssl.SSLObject | None) -> x509.Certificate | None:
    """The client certificate whose chain the handshake has checked; None when there is none."""
    der = ssl_object.getpeercert(binary_form=True) if ssl_object is not None else None
    return x509.load_der_x509_certificate(der) if der else None


class Trust:
    """Judges stations' certificates. operator: what has to stand as O in those that are not of our CA; "" takes any."""

    def __init__(
        self, authority: Authority | None = None, operator: str = "", crl: Path | None = None, roots: tuple[Path, ...] = ()
    ) -> None:  # fmt: skip
        self.authority = authority
        self.operator = operator or (authority.operator if authority is not None else "")
        self._crl_path, self._roots = crl, roots
        self._crls: list[x509.CertificateRevocationList] = []
        self._stamp = 0
        self.reload()

    def reload(self) -> None:
        """Read a foreign CA's CRL again if it has changed. Raises AuthorityError when it is no CRL of a CA that is trusted here."""
        if self._crl_path is None:
            return
        try:
            stamp = self._crl_path.stat().st_mtime_ns
            if stamp == self._stamp:
                return
            crl = x509.load_pem_x509_crl(self._crl_path.read_bytes())
            signers = [c for path in self._roots for c in x509.load_pem_x509_certificates(path.read_bytes())]
        except (OSError, ValueError) as error:
            raise AuthorityError(str(self._crl_path), f"cannot be read ({error})", "give a CRL in PEM") from error
        if not any(_signed(crl, signer) for signer in signers if signer.subject == crl.issuer):
            raise AuthorityError(str(self._crl_path), "is not signed by a CA of client_ca", "give the CRL of that CA")
        self._crls, self._stamp = [crl], stamp

    def to_look_up(self, certificate: x509.Certificate) -> bool:
        """Whether only others know if it is revoked: it is not of our CA, its issuer's list is not at hand, and it says whom to ask."""
        if not (responders(certificate) or lists(certificate)) or any(crl.issuer == certificate.issuer for crl in self._crls):
            return False
        ours = [] if self.authority is None else x509.load_pem_x509_certificates(self.authority.trust.encode())
        return not any(_issued(certificate, one) for one in ours)

    def issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        """Among the CAs of ``roots``."""
        known = [one for path in self._roots for one in x509.load_pem_x509_certificates(path.read_bytes())]
        return next((one for one in known if _issued(certificate, one)), None)

    def revoked(self, certificate: x509.Certificate) -> bool:
        if self.authority is not None and serial_of(certificate) in self.authority.revoked():
            return True
        return any(
            crl.issuer == certificate.issuer and crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
            for crl in self._crls
        )

    def fault(self, certificate: x509.Certificate, identity: str) -> str | None:
        """What is wrong with a certificate of a checked chain that ``identity`` shows; None: it is the station's."""
        if common_name(certificate) != identity:
            return "certificate of another station"
        if self.operator and organisation(certificate) != self.operator:
            return "certificate of another operator"
        if self.revoked(certificate):
            return "revoked certificate"
        return None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _signed(crl: x509.CertificateRevocationList, signer: x509.Certificate) -> bool:
    key = signer.public_key()
    return isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey) and crl.is_signature_valid(key)
