"""Who may see what: the owner by password or token, a driver by the key in his link. Guessing is slowed down."""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from chargebridge.model.errors import ChargebridgeError

_REMEMBERED = 10_000


class AccessError(ChargebridgeError):
    """A secret that cannot be used."""


def same_secret(given: str, wanted: str) -> bool:
    """Compare in a time that tells nothing of where, or of how long, they differ."""
    return hmac.compare_digest(hashlib.sha256(given.encode()).digest(), hashlib.sha256(wanted.encode()).digest())


class Gate:
    """Slows guessing down: an address has ``tries`` wrong attempts within ``window_s``, then waits until the oldest is forgotten.

    An attempt counts as wrong from when it begins, so that many at once gain nothing; ``cleared`` takes it back.
    """

    def __init__(self, now: Callable[[], float], tries: int = 8, window_s: float = 300.0) -> None:
        self._now, self._tries, self._window_s = now, tries, window_s
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again, 0 if it may now."""
        failures = self._recent(_household(address))
        return max(0.0, failures[0] + self._window_s - self._now()) if len(failures) >= self._tries else 0.0

    def attempt(self, address: str) -> None:
        who = _household(address)
        self._failures[who] = [*self._recent(who), self._now()]
        self._failures.move_to_end(who)
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def cleared(self, address: str) -> None:
        self._failures.pop(_household(address), None)

    def _recent(self, who: str) -> list[float]:
        horizon = self._now() - self._window_s
        return [at for at in self._failures.get(who, ()) if at > horizon]


def _household(address: str) -> str:
    """An IPv6 user has 2**64 addresses: they count as one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


@dataclass
class Access:
    """The keys of one site.

    password_hash: of ``hash_password``. session_secret: signs the cookies; by default a new one, so that a restart ends all logins.
    api_token: the owner's bearer token, None where the API is closed to him. secure_cookie: the page is served by https only.
    monotonic: seconds, for the waits after wrong attempts.
    """

    password_hash: str
    session_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    api_token: str | None = field(default=None, repr=False)
    secure_cookie: bool = False
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        if len(self.session_secret) < 16:
            raise AccessError(
                "the session secret", "it is shorter than 16 characters", "take 32 random ones, as secrets.token_urlsafe gives"
            )
        self.logins = Gate(self.monotonic)
        self.keys = Gate(self.monotonic, tries=20)
        self.checks = Gate(self.monotonic, tries=60)
        self._generation = hashlib.sha256(self.password_hash.encode()).hexdigest()[:16]
        self._ended: OrderedDict[str, None] = OrderedDict()

    def begin(self, cookie: MutableMapping[str, Any]) -> None:
        """Log the owner in on this cookie; a new password ends all logins."""
        cookie["owner"] = self._generation
        cookie["login"] = secrets.token_urlsafe(16)

    def end(self, cookie: MutableMapping[str, Any]) -> str | None:
        """Log out: the cookie is worth nothing from now on, even a copy of it. Returns the login that ended."""
        login = self.login_of(cookie)
        if login is not None:
            self._ended[login] = None
            if len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
        cookie.clear()
        return login

    def login_of(self, cookie: MutableMapping[str, Any]) -> str | None:
        """The login that this cookie stands for, None if it is nobody's."""
        login = cookie.get("login")
        if not isinstance(login, str) or not same_secret(str(cookie.get("owner")), self._generation) or login in self._ended:
            return None
        return login

    def is_owner_token(self, token: str) -> bool:
        return self.api_token is not None and same_secret(token, self.api_token)
