"""The meter that both sides know, and its keys."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from chargebridge.sim.cosem_meter import CosemMeter, CosemServer, ProfileRow, User
from chargebridge.sim.telegrams.values import measured
from chargebridge.wire.cosem.acse import Mechanism
from chargebridge.wire.cosem.security import Keys
from interop.ocpp.check import Check

PASSWORD = b"12345678"
KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)), b"SIM\0\0\0\0\7")
CLIENT_TITLE = b"CLI\0\0\0\0\1"
START = datetime(2026, 7, 1, tzinfo=UTC)
ROWS = tuple(ProfileRow(START + timedelta(hours=hour), 100 + hour) for hour in range(1, 49))
VALUES = measured(
    at=datetime(2026, 7, 1, 12, 0, 3, tzinfo=UTC),
    meter_id="12345678",
    power_w_phases=(2300.0, -460.0, 1150.0),
    voltage_v=(230.0, 231.0, 232.0),
    energy_import_wh=1234567,
    energy_export_wh=89,
)
USERS = {
    16: User(),
    1: User(Mechanism.PASSWORD, PASSWORD),
    2: User(Mechanism.GMAC, ciphered=True),
    3: User(Mechanism.GMAC),
    4: User(Mechanism.PASSWORD, PASSWORD, ciphered=True),
}


def our_meter(framing: str) -> CosemServer:
    return CosemServer(CosemMeter(VALUES, ROWS), USERS, keys=KEYS, framing=framing, max_pdu=256)


class Checks:
    """Collects them under one name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[Check] = []

    def add(self, what: str, passed: bool, detail: object = "") -> None:
        self.found.append(Check(f"{self.name}: {what}", passed, "" if passed else str(detail)[:300]))

    def trying(self, what: str, action: Callable[[], Any]) -> Any:
        """What ``action`` returns; a check that failed where it raises."""
        try:
            return action()
        except Exception as problem:
            self.add(what, False, f"{type(problem).__name__}: {problem}")
            return None
