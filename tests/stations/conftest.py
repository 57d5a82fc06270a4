"""Fixtures of the Central System's tests: a server on a free port with one durable sink, and virtual stations at it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for ocpp_kit; the server process of test_kill finds it the same way

from ocpp_kit import PASSWORD, Cars, DurableSink, until

from chargebridge.sim.ocpp_station import EvsePlan, Faults, StationPlan, VirtualStation
from chargebridge.sim.world.clock import FastClock
from chargebridge.stations.ocpp import CentralSystem, EvseSettings, ServerSettings, StationSettings
from chargebridge.store.passwords import hash_password

SPEED = 20.0


class Bench:
    """One Central System with stations CP-1, CP-2 (two EVSEs each, fallback 6 A), a clock SPEED times as fast as the wall."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.clock = FastClock(SPEED)
        self.sink = DurableSink(path / "sink.db")
        evses = (EvseSettings(fallback_current_a=6.0), EvseSettings(fallback_current_a=6.0))
        known = hash_password(PASSWORD)
        stations = [StationSettings(identity=name, password_hash=known, evses=evses) for name in ("CP-1", "CP-2")]
        self.central = CentralSystem(ServerSettings(port=0, **settings), stations, self.sink, self.clock)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def port(self) -> int:
        return self.central.port

    def station(self, name: str = "CP-1") -> Any:
        return self.central.station(name)

    async def virtual(self, version: str, cars: Cars, identity: str = "CP-1", **plan: Any) -> VirtualStation:
        """A virtual station, running and set up."""
        plan.setdefault("password", PASSWORD)
        plan.setdefault("evses", (EvsePlan(), EvsePlan()))
        station = VirtualStation(
            StationPlan(identity=identity, uri=f"ws://127.0.0.1:{self.port}/ocpp", version=version, **plan),  # type: ignore[arg-type]
            cars,
            self.clock,
            Faults(),
        )
        self._tasks.append(asyncio.create_task(station.run()))
        last = "MeterValueSampleInterval" if version == "ocpp1.6" else "SampledDataCtrlr.TxUpdatedInterval"
        assert await until(lambda: station.online and last in self.station(identity).setup)
        return station

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def make_bench(tmp_path: Path) -> AsyncIterator[Any]:
    """A function that starts a bench with given server settings."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> Bench:
            bench = Bench(tmp_path, **settings)
            await stack.enter_async_context(bench.central)
            stack.push_async_callback(bench.stop)
            return bench

        yield make


@pytest.fixture
async def bench(make_bench: Any) -> Bench:
    found: Bench = await make_bench()
    return found


@pytest.fixture(params=["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def spoken(request: pytest.FixtureRequest) -> str:
    """Every version, for tests whose station is one of bare frames."""
    return str(request.param)


@pytest.fixture(params=["ocpp2.0.1", "ocpp2.1"])
def second(request: pytest.FixtureRequest) -> str:
    """The versions of the second generation."""
    return str(request.param)


@pytest.fixture(params=["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)
