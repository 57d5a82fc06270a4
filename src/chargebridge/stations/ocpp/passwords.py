"""Station passwords (OCPP security profile 1), as they come in an HTTP header, and how they are checked without holding up the loop."""

import asyncio
import base64
import binascii
import hmac
import secrets
import string

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

    def is_known(self, password: bytes, stored: str) -> bool:
        """Whether this password was found right for ``stored`` before; costs nothing."""
        known = self._right.get(stored)
        return known is not None and hmac.compare_digest(known, hmac.digest(self._key, password, "sha256"))

    async def check(self, password: bytes, stored: str) -> bool:
        if self.is_known(password, stored):
            return True
        async with self._gate:
            right = await asyncio.to_thread(matches, password, stored)
        if right:
            self._right[stored] = hmac.digest(self._key, password, "sha256")
        return right


ALPHABET = string.ascii_letters + string.digits


def new_password(protocol: str) -> tuple[str, tuple[str, ...]]:
    """A random password: the value of the station's setting, and what it may then show as its password.

    2.x: 32 characters of passwordString (A00.FR.205). 1.6: AuthorizationKey takes 20 bytes in hexadecimal (1.6J 6.2.2; whitepaper
    A00.FR.205); stations show the bytes, or the digits as they are. The bytes are letters and digits, so that either fits in a header.
    """
    if protocol != "ocpp1.6":
        password = "".join(secrets.choice(ALPHABET) for _ in range(32))
        return password, (password,)
    password = "".join(secrets.choice(ALPHABET) for _ in range(20))
    digits = password.encode().hex().upper()
    return digits, (password, digits)
