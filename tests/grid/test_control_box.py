"""A control box limits a running site over real sockets: what it writes is in force and on disk before it is answered, and is obeyed."""

import sqlite3
from pathlib import Path

from chargebridge.model.limit import LimitedPower, OnGroup, Unknown, Unlimited
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from tests.grid.kit import at_the_grid, binding, entry, until, with_grid
from tests.site.kit import bench, limits_told


async def test_until_a_control_box_has_spoken_the_failsafe_value_binds(tmp_path: Path) -> None:
    async with bench(tmp_path, text=with_grid(tmp_path)) as site:
        assert await until(lambda: site.site._engine.latest)
        assert isinstance(entry(site).bound, Unknown)
        assert (binding(site).power_w, binding(site).failsafe) == (4200, True)


async def test_a_limit_is_on_disk_in_force_and_at_the_station_within_a_second(tmp_path: Path) -> None:
    async with at_the_grid(tmp_path) as (site, box):
        assert entry(site).bound == Unlimited()
        station = await site.station()
        await site.start(station)
        assert await until(lambda: (limits_told(station) or [0])[-1] > 6, 10)
        kept = sqlite3.connect(tmp_path / "site.db")
        seen = {}

        async def hear(event, now) -> None:  # type: ignore[no-untyped-def]
            if type(event).__name__ == "Told" and event.wish.limit_w == 4600:
                seen["disk"] = kept.execute("select value_w, accepted from grid_instruction order by number desc").fetchone()
                seen["book"] = entry(site).bound
                seen["decided"] = binding(site).power_w

        box.hub.listen(hear)
        assert await box.limit(4600, 900) is ErrorNumber.NONE
        assert seen == {"disk": (4600, 1), "book": LimitedPower(4600), "decided": 4600}
        assert await until(lambda: limits_told(station)[-1] * 230 * 3 <= 4600, 1)
        assert entry(site).scope == OnGroup("controllable")
        assert await until(lambda: box.report().active, 5)
        assert (box.report().limit_w, box.report().nominal_w) == (4600, 34500)
        kept.close()
        assert await until(lambda: site.site.grid.latest()[0].told_ms, 5)
        (row, *_) = await site.site.grid.instructions()
        assert (row.what, row.active, row.value_w, row.duration_s, row.state) == ("limit", True, 4600, 900, "limited")
        assert row.decided_ms < row.answered_ms < 1000 > row.told_ms
        assert row.sender == box.ski
