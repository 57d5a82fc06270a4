"""Open Charge Metering Format 1.0, as a meter writes it: ``payload`` gives the bytes to be signed, ``record`` the whole with their signature.

What is signed is exactly what is sent; nobody writes the payload a second time. Each reading has all its fields, so that none is inherited.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.ocmf import CURVES, HEAD

VERSION = "1.0"
_CURE = "correct what is to be signed"

Transaction = Literal["B", "C", "X", "E", "L", "R", "A", "P", "S", "T"]
"""Begin, charging, exception; end, more exactly local, remote, abort, power failure; suspended, tariff change."""
Level = Literal["NONE", "HEARSAY", "TRUSTED", "VERIFIED", "CERTIFIED", "SECURE", "MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"]


class MeterReading(Struct, frozen=True, kw_only=True):
    """energy: as the register shows it, its decimals too, in ``unit``. at: aware. clock: S synchronised, R relative, I informative, U unknown.

    status: G good, every other letter of OCMF's table not. errors: E the energy, t the time must not be used.
    """

    transaction: Transaction
    energy: Decimal
    at: datetime
    unit: Literal["kWh", "Wh"] = "kWh"
    register: str = "1-b:1.8.0"
    current: Literal["AC", "DC"] = "AC"
    clock: Literal["S", "R", "I", "U"] = "S"
    status: str = "G"
    errors: str = ""


class Signer(Struct, frozen=True, kw_only=True):
    """Who signs, and where: serials of meter and gateway (the signing unit), the charging point's EVSE-ID."""

    meter: str
    gateway: str = ""
    maker: str = "chargebridge"
    model: str = "virtual"
    version: str = "1"
    evse: str = ""


class Customer(Struct, frozen=True, kw_only=True):
    """Who charges. kind: OCMF's IT, how he was named; level: how sure the station is of it."""

    id: str = ""
    kind: str = "NONE"
    level: Level = "NONE"


def payload(signer: Signer, page: int, customer: Customer, readings: Sequence[MeterReading]) -> bytes:
    """The section that is signed. page: of the meter's transactions, one more than that of its record before. Raises SignedFormatError."""
    if page < 0:
        raise SignedFormatError("PG", f"{page} is no page", _CURE)
    if not readings:
        raise SignedFormatError("RD", "there are no readings", _CURE)
    told: dict[str, Any] = {
        "FV": VERSION,
        "GI": signer.model,
        "GS": signer.gateway or signer.meter,
        "GV": signer.version,
        "PG": f"T{page}",
        "MV": signer.maker,
        "MM": signer.model,
        "MS": signer.meter,
        "MF": signer.version,
        "IS": bool(customer.id),
        "IL": customer.level,
        "IF": [],
        "IT": customer.kind,
        "ID": customer.id,
    }
    if signer.evse:
        told |= {"CT": "EVSEID", "CI": signer.evse}
    for name, value in told.items():
        if isinstance(value, str) and "|" in value:
            raise SignedFormatError(name, f"{value[:40]!r} has a bar, which ends a section", _CURE)
    return msgspec.json.encode(told | {"RD": [_reading(one) for one in readings]})


def record(signed: bytes, signature: bytes, curve: str) -> bytes:
    """The whole record. signed: as ``payload`` gave it. signature: DER, of ECDSA with SHA-256. Raises SignedFormatError."""
    if curve not in CURVES:
        raise SignedFormatError("SA", f"{curve!r} is no curve of OCMF", f"sign on one of {', '.join(CURVES)}")
    section = {"SA": f"ECDSA-{curve}-SHA256", "SE": "hex", "SM": "application/x-der", "SD": signature.hex()}
    return HEAD + signed + b"|" + msgspec.json.encode(section)


def time_of(at: datetime, clock: str) -> str:
    """``2026-01-10T08:00:00,000+0000 S``."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S},{utc.microsecond // 1000:03d}+0000 {clock}"


def _reading(one: MeterReading) -> dict[str, Any]:
    if not one.energy.is_finite() or one.energy < 0:
        raise SignedFormatError("RV", f"{one.energy} is no stand of a register", _CURE)
    if one.at.tzinfo is None:
        raise SignedFormatError("TM", f"{one.at.isoformat()} has no time zone", _CURE)
    return {
        "TM": time_of(one.at, one.clock),
        "TX": one.transaction,
        "RV": Raw(f"{one.energy:f}".encode()),  # a number with the digits that the meter shows
        "RI": one.register,
        "RU": one.unit,
        "RT": one.current,
        "EF": one.errors,
        "ST": one.status,
    }
