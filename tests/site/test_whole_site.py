"""The product, whole and in its own process, against a simulated property over real sockets: 0 W, and kill -9 under it."""

from pathlib import Path
from typing import Any

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.peer import Address
from chargebridge.sim.eebus.control_box import ControlBox
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from tests.site.whole import QUIET, Product, all_online, cars_charge, ends_and_replays, four_cars_charge, nobody_draws, until, whole_site

GRID = """
[eebus.grid]
group = "controllable"
nominal_w = 43000

[[eebus.peer]]
ski = "{ski}"
"""


async def test_a_limit_of_0_w_by_a_control_box_and_kill_9(tmp_path: Path) -> None:
    """One story, since each start costs seconds: charge, 0 W, kill -9 under it, and on with the same sessions.

    The order spares waiting: a car that a limit stopped rests for a minute, but not in a new process.
    """
    box = ControlBox(WallClock())
    async with whole_site(tmp_path, QUIET, grid=GRID.format(ski=box.ski)) as (product, world, _), box:
        assert product.client is not None
        ski = (await product.client.get("/api/v1/eebus")).json()["node"]["ski"]
        await box.hub.pair(ski, address=Address("127.0.0.1", product.eebus_port))
        await box.found()
        await four_cars_charge(product, world)
        assert await box.failsafe(0, 10_800) == [ErrorNumber.NONE, ErrorNumber.NONE]
        assert await box.limit(0) is ErrorNumber.NONE
        await until(lambda: nobody_draws(world), 10, "0 W stops all charging in the true physics")
        assert {p["why"]["cause"] for p in (await product.points()).values() if p["session"]} <= {"limit", "share", "waiting_turn"}
        told = "select told_ms from grid_instruction where active and value_w = 0 and told_ms < 3000"
        await until(lambda: rows(product, told), 10, "all stations have confirmed, within a second where the machine is not busy")

        before = product.rows('select number, "transaction", meter_start_wh from session order by number')
        energy = dict(product.rows("select number, energy_wh from session"))
        await product.kill()
        await box.stop()
        await product.start()
        await until(lambda: all_online(product), 30, "after kill -9 all stations are back")
        (limit,) = (await product.site())["limits"]
        assert (limit["state"], limit["bound"]["failsafe_w"]) == ("silent", 0), "what the control box wrote is remembered (LPC-044)"
        assert await nobody_draws(world), "0 W holds before, during and after the kill"
        again = ControlBox(WallClock(), identity=box.hub.identity, trust=box.hub.trust)
        await again.start()
        await again.found()
        await until(lambda: cars_charge(product), 60, "the same cars charge on")
        assert product.rows('select number, "transaction", meter_start_wh from session order by number') == before
        assert all(wh >= energy[n] for n, wh in product.rows("select number, energy_wh from session"))
        assert {p["session"] for p in (await product.points()).values() if p["session"]} == {str(n) for n, *_ in before}

        await again.stop()
        assert world.mishaps == []
        await ends_and_replays(product)


async def rows(product: Product, query: str) -> list[tuple[Any, ...]]:
    return product.rows(query)
