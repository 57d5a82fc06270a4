"""A meter on the other end of a link without sockets, and keys."""

from datetime import UTC, datetime, timedelta

import pytest

from chargebridge.sim.cosem_meter import CosemMeter, MemoryCounter, ProfileRow, User
from chargebridge.sim.cosem_meter.session import Session
from chargebridge.sim.telegrams.values import measured
from chargebridge.wire.cosem.acse import Mechanism
from chargebridge.wire.cosem.security import Keys, Security

KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))
CLIENT, METER = b"CLI\0\0\0\0\1", b"SIM\0\0\0\0\7"


@pytest.fixture
def meter() -> CosemMeter:
    values = measured(
        at=datetime(2026, 7, 1, 12, 0, 3, tzinfo=UTC),
        meter_id="12345678",
        power_w_phases=(2300.0, -460.0, 1150.0),
        voltage_v=(230.0, 230.0, 230.0),
        energy_import_wh=1000,
        energy_export_wh=20,
    )
    start = datetime(2026, 7, 1, tzinfo=UTC)
    return CosemMeter(values, tuple(ProfileRow(start + timedelta(hours=hour), 100 + hour) for hour in range(1, 49)))


@pytest.fixture
def security() -> Security:
    return Security(Keys(KEY, AUTHENTICATION_KEY, CLIENT), MemoryCounter())


@pytest.fixture
def session(meter):
    """Makes the meter's side of an association."""

    def make(mechanism: Mechanism = Mechanism.NONE, *, ciphered: bool = False, max_pdu: int = 200, lists: bool = True) -> Session:
        return Session(
            meter,
            User(mechanism, b"12345678", ciphered),
            security=Security(Keys(KEY, AUTHENTICATION_KEY, METER), MemoryCounter()),
            title=METER,
            challenge=b"challenge of the meter",
            max_pdu=max_pdu,
            lists=lists,
        )

    return make
