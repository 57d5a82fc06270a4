"""TLS 1.2 with a certificate on both sides that no authority has signed (SHIP 1.0.1 chapter 9).

The standard library's server refuses every client certificate that it does not know beforehand, so that a first contact could never be; OpenSSL
itself, by pyOpenSSL, leaves the decision to us: `wire.eebus.ship.identity.read_certificate` reckons the SKI, and trust is decided by that.
Sessions are not resumed, for a resumed one shows no certificate. Both sides use this one class, over memory, so that asyncio owns the socket.
"""

from contextlib import suppress

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL
from OpenSSL import _util as binding

from chargebridge.wire.eebus.ship import Role
from chargebridge.wire.eebus.ship.errors import ShipError
from chargebridge.wire.eebus.ship.identity import Identity

CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256"
"""The first is optional in SHIP and better, the second mandatory."""
GROUPS = "P-256:X25519:brainpoolP256r1:brainpoolP384r1"
"""Curves for the exchange of keys, the first one best, and of certificates: control boxes after BSI TR-03109 have keys on brainpool curves."""
_CHUNK = 64 * 1024

log = structlog.get_logger(__name__)


def context_of(identity: Identity) -> SSL.Context:
    """For all connections of a node, either way."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS.encode())
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(x509.load_pem_x509_certificate(identity.certificate_pem))
    context.use_privatekey(serialization.load_pem_private_key(identity.key_pem, None))  # type: ignore[arg-type]
    context.check_privatekey()
    _allow_groups(context)
    return context


def _allow_groups(context: SSL.Context) -> None:
    """By OpenSSL's own call, for pyOpenSSL has none of its own; without it OpenSSL's usual groups are allowed, and brainpool is not among them."""
    allow = getattr(binding.lib, "SSL_CTX_set1_curves_list", None)
    if allow is None or not allow(context._context, GROUPS.encode()):
        log.warning("certificates on brainpool curves cannot be used with this pyOpenSSL")


class Tls:
    """One connection: bytes of the socket in, bytes for the socket out. Raises ShipError for what ends it."""

    def __init__(self, context: SSL.Context, role: Role) -> None:
        self._connection = SSL.Connection(context, None)
        if role is Role.SERVER:
            self._connection.set_accept_state()
        else:
            self._connection.set_connect_state()

    def shake(self, data: bytes = b"") -> bool:
        """Take what came during the handshake; whether it is complete. What is to be sent meanwhile: `outgoing`."""
        if data:
            self._connection.bio_write(data)
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise ShipError(
                "TLS handshake", _told(error), "use TLS 1.2 with an EC certificate of your own, and one of SHIP's cipher suites"
            ) from None
        return True

    def peer_der(self) -> bytes:
        """The peer's certificate, after the handshake."""
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            raise ShipError("TLS", "the peer has shown no certificate", "show one: SHIP knows nodes by it")
        return certificate.public_bytes(serialization.Encoding.DER)

    def received(self, data: bytes) -> bytes | None:
        """What the peer says in the bytes that came; None when it has ended TLS."""
        if data:
            self._connection.bio_write(data)
        parts = []
        try:
            while True:
                parts.append(self._connection.recv(_CHUNK))
        except SSL.WantReadError:
            return b"".join(parts)
        except SSL.ZeroReturnError:
            return b"".join(parts) or None
        except SSL.Error as error:
            raise ShipError("TLS", _told(error), "connect again") from None

    def sent(self, data: bytes) -> bytes:
        """`data` as it goes over the socket."""
        try:
            self._connection.sendall(data)
        except SSL.Error as error:
            raise ShipError("TLS", _told(error), "connect again") from None
        return self.outgoing()

    def outgoing(self) -> bytes:
        parts = []
        try:
            while True:
                parts.append(self._connection.bio_read(_CHUNK))
        except SSL.WantReadError:
            return b"".join(parts)

    def end(self) -> bytes:
        """The alert that says that no more will come."""
        with suppress(SSL.Error):
            self._connection.shutdown()
        return self.outgoing()


def _told(error: SSL.Error) -> str:
    """What OpenSSL says, without its numbers."""
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(dict.fromkeys(reason for *_, reason in reasons if reason)) or type(error).__name__
