"""A clock that stands still until somebody sleeps on it, values to send, and addresses that are refused."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chargebridge.meters.port import MeterError
from chargebridge.meters.registry import open_meter
from chargebridge.sim.telegrams.values import MeterValues, measured


class JumpingClock:
    """``sleep`` moves the clock at once and lets others run; ``slept`` remembers for how long."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0.005 if seconds else 0)


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


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


@pytest.fixture
def refused(clock) -> Callable[[str, str], None]:
    """Asserts that an address is refused before anything is opened, for a reason and with a cure."""

    def check(url: str, reason: str) -> None:
        with pytest.raises(MeterError) as caught:
            open_meter(url, "grid", clock)
        assert reason in str(caught.value)
        assert caught.value.cure

    return check
