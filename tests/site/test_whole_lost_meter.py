"""The product, whole and in its own process, against a simulated property over real sockets: its main meter dies and comes back."""

from pathlib import Path

from chargebridge.sim.world import FaultKind, MeterFails
from tests.site.whole import QUIET, at_fallback, cars_charge, ends_and_replays, four_cars_charge, until, whole_site


async def test_a_lost_meter(tmp_path: Path) -> None:
    async with whole_site(tmp_path, QUIET) as (product, world, _):
        await four_cars_charge(product, world)
        world.happen(MeterFails(at_s=0, meter="main-meter", fault=FaultKind.DEAD))
        await until(lambda: at_fallback(world), 10 + 12, "failsafe within the meter's age limit of 10 s and a car's reaction")
        world.happen(MeterFails(at_s=0, meter="main-meter", fault=FaultKind.NONE))
        await until(lambda: cars_charge(product, least_w=5000), 100, "it recovers by itself")
        assert world.mishaps == []
        await ends_and_replays(product)
