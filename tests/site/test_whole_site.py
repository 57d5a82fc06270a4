"""The product, whole and in its own process, against a simulated property over real sockets: 0 W, and kill -9 under it."""

import asyncio
from pathlib import Path

from tests.site.whole import QUIET, all_online, cars_charge, ends_and_replays, four_cars_charge, nobody_draws, until, whole_site


async def test_a_limit_of_0_w_and_kill_9(tmp_path: Path) -> None:
    """One story, since each start costs seconds: charge, 0 W, kill -9 under it, and on with the same sessions.

    The order spares waiting: a car that a limit stopped rests for a minute, but not in a new process.
    """
    async with whole_site(tmp_path, QUIET) as (product, world, _):
        await four_cars_charge(product, world)
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
        await ends_and_replays(product)
