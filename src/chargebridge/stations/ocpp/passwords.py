"""Station passwords (OCPP security profile 1), as they come in an HTTP header, and how they are checked without holding up the loop."""

import asyncio
import base64
import binascii
import hmac
import secrets

from msgspec import Struct

from chargebridge.store.passwords import matches


class Credentials(Struct, frozen=True):
    """user and password of an HTTP Basic header. The password is bytes: OCPP 1.6 stations may send a binary one."""

    user: str
    password: bytes


def basic_credentials(header: str | None) -> Credentials | None:
    """Read an `Authorization: Basic` header (RFC 7617); None when it is absent or not of that form."""
    if header is None or header[:6].lower() != "basic ":
        return None
    try:
        user, colon, password = base64.b64decode(header[6:].strip(), validate=True).partition(b":")
        return Credentials(user.decode(), password) if colon else None
    except (ValueError, binascii.Error):
        return None


class PasswordCheck:
    """Checks passwords off the event loop, few at a time, and remembers right ones by a keyed digest.

    So a reconnect storm costs one hash a station, and guessing cannot starve the loop or the memory.
    """

    def __init__(self, at_once: int = 2) -> None:
        self._gate = asyncio.Semaphore(at_once)
        self._key = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}  # stored hash -> digest of the password that fits it

    async def check(self, password: bytes, stored: str) -> bool:
        digest = hmac.digest(self._key, password, "sha256")
        known = self._right.get(stored)
        if known is not None and hmac.compare_digest(known, digest):
            return True
        async with self._gate:
            right = await asyncio.to_thread(matches, password, stored)
        if right:
            self._right[stored] = digest
        return right
