"""What people and programs show to be let in: the owner's API token and the keys in drivers' links. Both stand in the store and can be renewed."""

import hashlib
import hmac
import secrets
from base64 import b32encode

from sqlalchemy import Connection

from chargebridge.site import ledger

_TOKEN, _SECRET, _RENEWAL = "api_token", "driver_secret", "driver_renewal "


class DriverKeys:
    """The key of each point, made from one secret; renewals: by point, what makes its key another one."""

    def __init__(self, secret: str, renewals: dict[str, str]) -> None:
        self._secret, self._renewals = bytes.fromhex(secret), renewals

    def of(self, point: str) -> str:
        words = point if point not in self._renewals else f"{point}\n{self._renewals[point]}"
        return b32encode(hmac.new(self._secret, words.encode(), hashlib.sha256).digest()).decode().rstrip("=").lower()[:20]


def api_token(c: Connection) -> str:
    """The owner's, made when there is none yet."""
    return ledger.keep_setting(c, _TOKEN, secrets.token_urlsafe(24))


def renew_api_token(c: Connection) -> str:
    ledger.set_setting(c, _TOKEN, secrets.token_urlsafe(24))
    return api_token(c)


def driver_keys(c: Connection) -> DriverKeys:
    """Those of all points, of which the secret is made when there is none yet."""
    return DriverKeys(ledger.keep_setting(c, _SECRET, secrets.token_hex(32)), ledger.settings_under(c, _RENEWAL))


def renew_driver_key(c: Connection, point: str) -> str:
    ledger.set_setting(c, f"{_RENEWAL}{point}", secrets.token_hex(8))
    return driver_keys(c).of(point)
