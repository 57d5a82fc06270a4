"""Records of our own, signed here, so that the tests mean something on any machine."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from chargebridge.wire.signed.keys import PublicKey

SECRET = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def public(secret: ec.EllipticCurvePrivateKey = SECRET, curve: str = "secp256r1") -> PublicKey:
    numbers = secret.public_key().public_numbers()
    return PublicKey(curve, numbers.x, numbers.y)


def time_of(at: datetime, state: str = "S") -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S,") + f"{at.microsecond // 1000:03d}+0000 {state}"


def reading(kind: str, value: str, at: datetime = BEGIN, **more: Any) -> dict[str, Any]:
    return {"TM": time_of(at), "TX": kind, "RV": float(value), "RI": "1-b:1.8.0", "RU": "kWh", "EF": "", "ST": "G"} | more


def payload(*readings: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {
        "FV": "1.0",
        "GS": "G1",
        "PG": "T7",
        "MS": "M1",
        "IS": True,
        "IL": "TRUSTED",
        "IT": "ISO14443",
        "ID": "04AABBCC",
        "CI": "DE*ABC*E1",
    }
    return told | {"RD": list(readings)} | more


def ocmf(told: dict[str, Any], secret: ec.EllipticCurvePrivateKey = SECRET, **section: Any) -> bytes:
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    signature = secret.sign(body, ec.ECDSA(SHA256()))
    return b"OCMF|" + body + b"|" + json.dumps({"SD": signature.hex()} | section, separators=(",", ":")).encode()


def session(energy_kwh: str = "12.5", **more: Any) -> bytes:
    """One record with begin and end."""
    start = "1000.000"
    end = f"{float(start) + float(energy_kwh):.3f}"
    return ocmf(payload(reading("B", start), reading("E", end, BEGIN + timedelta(hours=1)), **more))
