"""A registry with keys of its own to register."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from tests import signed_samples as samples

from chargebridge.calibration.registry.heads import HeadSigner
from chargebridge.calibration.registry.log import Registry
from chargebridge.calibration.registry.rules import Handed
from chargebridge.sim.world.clock import ManualClock
from chargebridge.store import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ABC, XYZ = "DE*ABC", "DE*XYZ"


def secret(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(0xABCDEF + number, ec.SECP256R1())


def key(number: int) -> str:
    return samples.public(secret(number)).spki().hex()


def handed(number: int, **more: object) -> Handed:
    told: dict[str, object] = {
        "evse": f"{ABC}*E{number}",
        "cpo": ABC,
        "meter": f"M{number}",
        "format": "OCMF",
        "key": key(number),
        "station": "Box 1",
    }
    return Handed(**(told | more))  # type: ignore[arg-type]


@asynccontextmanager
async def opened(folder: Path, clock: ManualClock | None = None) -> AsyncIterator[Registry]:
    database = Database.open(folder / "registry.db")
    try:
        yield await Registry.open(database, HeadSigner.load(folder / "registry.pem"), clock or ManualClock(NOON))
    finally:
        database.close()
