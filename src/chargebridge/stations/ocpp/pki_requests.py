"""Certificate signing requests (PKCS #10) of stations: what they must be like before our CA signs them.

Key strengths and curves after OCPP 2.0.1 part 2, A00.FR.501 to 506 (1.6 whitepaper: the same numbers) and BSI TR-02102-1.
"""

import hashlib
import ipaddress

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from chargebridge.model.errors import ChargebridgeError

MAX_CSR = 5500  # characters, the schemas' own bound (SignCertificate, csr)
RSA_BITS = range(2048, 8193)  # above it a signature costs the server too much
CURVES = ("secp256r1", "secp384r1", "secp521r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1")
HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)

StationKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class RequestRefusedError(ChargebridgeError):
    """A signing request that our CA does not sign."""


def read_request(pem: str, identity: str, operator: str) -> StationKey:
    """The public key of a sound request of the station ``identity``. Raises RequestRefusedError.

    Of the request only its key is taken: subject and extensions of the certificate are ours. Its CN has to be the identity, and its O, where
    it gives one, the operator's name (1.6 whitepaper A02.FR.13).
    """
    if len(pem) > MAX_CSR:
        raise _refused(identity, f"is longer than {MAX_CSR} characters", "leave out what is not needed")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        genuine = request.is_signature_valid
        key, hashed = request.public_key(), request.signature_hash_algorithm
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        owners = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise _refused(identity, f"cannot be read ({error})", "send PKCS #10 in PEM (RFC 2986)") from error
    except Exception as error:  # cryptography raises its own UnsupportedAlgorithm, and others for odd encodings
        raise _refused(identity, f"cannot be read ({type(error).__name__}: {error})", "send PKCS #10 in PEM (RFC 2986)") from error
    if not genuine:
        raise _refused(identity, "is not signed by its own key", "sign it with the key that it carries")
    if not isinstance(hashed, HASHES):
        raise _refused(identity, f"is signed with {getattr(hashed, 'name', 'an unknown hash')}", "use SHA-256 or better")
    if [name.value for name in names] != [identity]:
        raise _refused(identity, f"names {[str(n.value) for n in names]} as CN", "the CN is the station's identity, once")
    if operator and any(owner.value != operator for owner in owners):
        raise _refused(identity, f"names {[str(o.value) for o in owners]} as O", f"the O is {operator!r} (1.6: the key CpoName)")
    check_name(identity)
    return check_key(identity, key)


def check_name(identity: str) -> None:
    """A station's name must not look like a server's (A00.FR.511). Raises RequestRefusedError."""
    try:
        ipaddress.ip_address(identity)
    except ValueError:
        if "://" not in identity:
            return
    raise _refused(identity, "names an address, as certificates of servers do", "give the station another identity")


def check_key(identity: str, key: object) -> StationKey:
    """The key, if it is strong enough. Raises RequestRefusedError."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS:
            raise _refused(identity, f"has an RSA key of {key.key_size} bits", "use 2048 bits or more, 3072 if you can")
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise _refused(identity, f"has a key on the curve {key.curve.name}", f"use one of {', '.join(CURVES)}")
        return key
    raise _refused(identity, f"has a key of another kind ({type(key).__name__})", "use ECDSA or RSA")


def fingerprint(key: StationKey) -> str:
    """Of a public key (SHA-256 of its SubjectPublicKeyInfo), hex: two stations must not share one (A00.FR.427)."""
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def _refused(identity: str, reason: str, cure: str) -> RequestRefusedError:
    return RequestRefusedError(f"signing request of {identity}", reason, cure)
