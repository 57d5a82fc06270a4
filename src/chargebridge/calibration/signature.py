"""The second layer: whether a signature holds, with the key that the registry has."""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256, Hash

from chargebridge.wire.signed.curves import BY_NAME
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.record import Signature

_OFFERED: dict[str, ec.EllipticCurve] = {
    "secp192r1": ec.SECP192R1(),
    "secp256k1": ec.SECP256K1(),
    "secp256r1": ec.SECP256R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "secp384r1": ec.SECP384R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "secp521r1": ec.SECP521R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
}
_ECDSA = ec.ECDSA(SHA256())


def holds(signature: Signature, key: PublicKey) -> bool:
    """ECDSA with SHA-256 over the signed bytes. The digest is cut to the curve's size (FIPS 186-5 clause 6.4)."""
    if signature.r <= 0 or signature.s <= 0:
        return False
    if not offered(key.curve):
        digest = Hash(SHA256())
        digest.update(signature.signed)
        return BY_NAME[key.curve].verifies((key.x, key.y), digest.finalize(), signature.r, signature.s)
    try:
        loaded(key).verify(utils.encode_dss_signature(signature.r, signature.s), signature.signed, _ECDSA)
    except InvalidSignature:
        return False
    return True


def offered(curve: str) -> bool:
    """Whether the library has it; what it lacks is done by integers, slowly."""
    return curve in _OFFERED


@lru_cache(maxsize=65536)
def loaded(key: PublicKey) -> ec.EllipticCurvePublicKey:
    """A station signs thousands of values with one key."""
    return ec.EllipticCurvePublicNumbers(key.x, key.y, _OFFERED[key.curve]).public_key()
