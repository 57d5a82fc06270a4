"""The one-time password of a dynamic QR code (OCPP 2.1 part 2, C25, "TOTP algorithm, version 1").

HMAC-SHA256 over the number of the present interval, eight bytes, the highest first; each character is one byte of the hash, from an offset on
that its last byte gives, modulo the alphabet, which has no letter o.
"""

import hashlib
import hmac
from datetime import datetime

ALPHABET = "0123456789abcdefghijklmnpqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
VERSION = "v1"


def password(secret: str, at: datetime, *, validity_s: int, length: int) -> str:
    """The password that holds at a moment."""
    return _of_interval(secret, int(at.timestamp()) // validity_s, length)


def is_valid(given: str, secret: str, at: datetime, *, validity_s: int, length: int) -> bool:
    """Whether it is the password of now, or of the interval before or after (C25, validation of TOTP)."""
    number = int(at.timestamp()) // validity_s
    wanted = (_of_interval(secret, number + step, length) for step in (0, -1, 1))
    return any(hmac.compare_digest(given.encode(errors="replace"), one.encode()) for one in wanted)


def _of_interval(secret: str, number: int, length: int) -> str:
    digest = hmac.new(secret.encode(), number.to_bytes(8, "big"), hashlib.sha256).digest()
    offset = digest[-1] & 0x0F
    return "".join(ALPHABET[digest[(offset + place) % len(digest)] % len(ALPHABET)] for place in range(length))
