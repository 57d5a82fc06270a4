"""The virtual station, from a factory password over plain ws:// to its own certificate over TLS, without ever being lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ocpp_kit import PASSWORD, Cars, until
from security_kit import Fort, House, cheap_hashes

from chargebridge.sim.ocpp_station import EvsePlan, Faults, StationPlan, VirtualStation
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.port import Outcome

__all__ = ["cheap_hashes"]


@pytest.mark.ocpp("2.0.1", "A01.FR.02", "A02.FR.11", "A05.FR.07", "M05.FR.01")
@pytest.mark.ocpp("2.1", "A01.FR.02", "A02.FR.11", "A05.FR.07", "M05.FR.01")
async def test_from_profile_1_to_profile_3(tmp_path: Path, second: Any) -> None:
    house = House(tmp_path, WallClock())
    (tmp_path / "fort").mkdir()
    async with Fort(house, tmp_path / "fort", speed=20.0) as fort:
        fort.security.url = f"wss://localhost:{fort.central.port}/ocpp"
        uri = f"ws://127.0.0.1:{fort.central.plain_port}/ocpp"
        plan = StationPlan(identity="P1", uri=uri, version=second, password=PASSWORD, evses=(EvsePlan(),), fallback_a=6.0)
        running = asyncio.create_task(VirtualStation(plan, Cars(), fort.clock, Faults()).run())
        central = fort.central.station("P1")
        assert central is not None
        try:
            assert await until(lambda: central.online)
            assert (await fort.security.rotate_password("P1")).outcome is Outcome.ACCEPTED
            assert await until(lambda: not fort.security.vault.credentials("P1").next_hashes, 15), "it has shown the new one"
            for profile in (2, 3):
                assert await until(lambda: central.online, 15)
                steps = await fort.security.upgrade("P1", profile)
                assert steps[-1].answer.outcome is Outcome.ACCEPTED, steps
                assert await until(lambda profile=profile: fort.security.vault.credentials("P1").profile == profile, 20)
                assert await until(lambda profile=profile: central.online and central.entry.profile == profile, 15)  # type: ignore[union-attr]
            assert [record.outcome for record in fort.security.given("P1")] == ["accepted"]
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
