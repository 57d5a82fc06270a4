"""The product, whole and in its own process, against a simulated property over real sockets."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec

from chargebridge.sim.world import Arrive, FaultKind, MeterFails
from chargebridge.sim.world.demo import demo_scenario
from tests.site.whole import Product, until, whole_site

QUIET = msgspec.structs.replace(demo_scenario(), story=(), clouds=False)
CARS = tuple(
    Arrive(at_s=0, point=point, kind="city", soc=0.3, card=card)
    for point, card in (("g1", "TAG-ANNA"), ("g2", "TAG-BEN"), ("c1", "TAG-CARLA"), ("v2", "TAG-DAVID"))
)


async def cars_charge(product: Product, count: int = 4, least_w: float = 3000) -> bool:
    return sum(p["power_w"] > least_w for p in (await product.points()).values()) >= count


async def test_limits_faults_and_kill_9(tmp_path: Path) -> None:
    """One long story, since each start costs seconds: charge, a lost meter, 0 W, kill -9 under it, and on with the same sessions.

    The order spares waiting: 0 W comes last before the kill, as a car that a limit stopped rests for a minute, but not in a new process.
    """
    async with whole_site(tmp_path, QUIET) as (product, world, _):
        await until(lambda: all_online(product), 30, "all stations online with confirmed fallbacks")
        for car in CARS:
            world.happen(car)
        await until(lambda: cars_charge(product), 40, "four cars charge")

        world.happen(MeterFails(at_s=0, meter="main-meter", fault=FaultKind.DEAD))
        await until(lambda: at_fallback(world), 10 + 12, "failsafe within the meter's age limit of 10 s and a car's reaction")
        world.happen(MeterFails(at_s=0, meter="main-meter", fault=FaultKind.NONE))
        await until(lambda: cars_charge(product, least_w=5000), 100, "it recovers by itself")

        await product.post_limit(id="dso", source="grid_operator", legal_basis="test", group="controllable", power_w=0)
        await until(lambda: nobody_draws(world), 10, "0 W stops all charging in the true physics")
        assert {p["why"]["cause"] for p in (await product.points()).values() if p["session"]} <= {"limit", "share", "waiting_turn"}

        before = product.rows('select number, "transaction", meter_start_wh from session order by number')
        energy = dict(product.rows("select number, energy_wh from session"))
        await product.kill()
        await asyncio.sleep(1)
        await product.start()
        await until(lambda: all_online(product), 30, "after kill -9 all stations are back")
        assert [(limit["id"], limit["state"]) for limit in (await product.site())["limits"]] == [("dso", "in force")]
        assert await nobody_draws(world), "0 W holds before, during and after the kill"
        assert product.client is not None
        await product.client.delete("/api/v1/limits/dso")
        await until(lambda: cars_charge(product), 60, "the same cars charge on")
        assert product.rows('select number, "transaction", meter_start_wh from session order by number') == before
        assert all(wh >= energy[n] for n, wh in product.rows("select number, energy_wh from session"))
        assert {p["session"] for p in (await product.points()).values() if p["session"]} == {str(n) for n, *_ in before}

        assert world.mishaps == []
        assert await product.stop() == 0, "SIGTERM ends it cleanly"
        replay = [sys.executable, "-c", "from chargebridge.app.cli import main; main()", "replay", "--store", str(product.store), "--json"]
        done = await asyncio.to_thread(subprocess.run, replay, capture_output=True, text=True, check=False)
        lines = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stdout[-2000:]
        assert lines
        assert all(line["same"] for line in lines)


async def all_online(product: Product) -> bool:
    """Online, and each has confirmed its fallback: until then its whole maximum is reckoned with."""
    points = (await product.points()).values()
    return all(p["online"] for p in points) and all(p["move"] == "hold" for p in points)


async def nobody_draws(world) -> bool:
    return all(sum(world.measure(point.id).current_a) < 0.5 for point in world.topology.points)


async def at_fallback(world) -> bool:
    """No car takes more than its station's fallback current (half an ampere of the car's own regulation beside)."""
    return all(max(world.measure(p.id).current_a) <= p.fallback_a + 0.5 for p in world.topology.points)
