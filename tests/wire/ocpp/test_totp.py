"""The one-time password of a QR code: of its interval and its neighbours, of its secret, and of nothing else."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from chargebridge.wire.ocpp.totp import ALPHABET, is_valid, password

AT = datetime(2026, 3, 1, 10, 0, 30, tzinfo=UTC)
HOW = {"validity_s": 60, "length": 8}


def test_the_password_is_that_of_the_specification() -> None:
    """Its pseudocode, step by step."""
    digest = hmac.new(b"secret", (int(AT.timestamp()) // 60).to_bytes(8, "big"), hashlib.sha256).digest()
    characters = [ALPHABET[digest[((digest[31] & 15) + i) % 32] % 61] for i in range(8)]
    assert password("secret", AT, **HOW) == "".join(characters)
    assert "o" not in ALPHABET


def test_it_holds_for_its_interval_and_the_two_beside_it() -> None:
    shown = password("secret", AT, **HOW)
    valid = {minutes: is_valid(shown, "secret", AT + timedelta(minutes=minutes), **HOW) for minutes in (-2, -1, 0, 1, 2)}
    assert valid == {-2: False, -1: True, 0: True, 1: True, 2: False}
    assert not is_valid(shown, "another secret", AT, **HOW)
    assert not is_valid("", "secret", AT, **HOW)
    assert not is_valid("ä" * 8, "secret", AT, **HOW)
