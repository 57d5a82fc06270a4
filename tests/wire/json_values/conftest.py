"""One moment at a meter."""

from datetime import UTC, datetime

import pytest

from chargebridge.sim.telegrams.values import MeterValues, measured


@pytest.fixture
def values() -> MeterValues:
    return measured(
        at=datetime(2026, 7, 1, 12, 0, 3, tzinfo=UTC),
        meter_id="12345678",
        power_w_phases=(2300.0, -460.0, 1150.0),
        voltage_v=(230.0, 230.0, 230.0),
        energy_import_wh=1000,
        energy_export_wh=20,
    )
