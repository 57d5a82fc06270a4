"""Passwords are kept as scrypt hashes and compared in constant time."""

import base64
import binascii
import hashlib
import hmac
import secrets

COST, BLOCK, PARALLEL = 2**14, 8, 5
"""OWASP password storage cheat sheet: N = 2^14, r = 8, p = 5 (16 MiB)."""
LABEL = "scrypt"
_MAXMEM = 64 * 2**20


def hash_password(password: str) -> str:
    """``scrypt$salt$hash`` in base64, fit for a configuration file."""
    salt = secrets.token_bytes(16)
    return "$".join((LABEL, base64.b64encode(salt).decode(), base64.b64encode(_scrypt(password.encode(), salt)).decode()))


def _scrypt(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=COST, r=BLOCK, p=PARALLEL, maxmem=_MAXMEM)


def matches(password: bytes, stored: str) -> bool:
    """Whether the password is the one. False also for a stored hash that is not of ``hash_password``'s form."""
    try:
        label, salt, expected = stored.split("$")
        wanted = base64.b64decode(expected, validate=True)
        return label == LABEL and hmac.compare_digest(_scrypt(password, base64.b64decode(salt, validate=True)), wanted)
    except (ValueError, binascii.Error):
        return False
