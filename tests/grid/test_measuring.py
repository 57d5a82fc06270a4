"""What the control box reads: the grid connection by MGCP, what the limited devices draw by MPC."""

from decimal import Decimal
from pathlib import Path

from chargebridge.model.reading import Reading
from chargebridge.wire.eebus.usecases.quantities import CURRENTS, FED_IN, FREQUENCY, IMPORTED, MPC, POWER, VOLTAGES
from tests.grid.kit import GRID, at_the_grid, later, until, with_grid
from tests.site.kit import CONFIG, Bench

METERED = CONFIG.replace("fuse_a = 63", 'fuse_a = 63\nmeter = "main-meter"') + '\n[[meter]]\nid = "main-meter"\nurl = "tcp://127.0.0.1:1"\n'


def tell(site: Bench, power_w: float, **more: object) -> None:
    site.site.read(Reading(meter="main-meter", received_at=site.clock.now(), power_w=power_w, **more))  # type: ignore[arg-type]


async def test_LPC_LPP_TS_043_3_the_meter_of_the_grid_connection_is_told_and_a_silent_one_tells_no_number(tmp_path: Path) -> None:  # noqa: N802
    async with at_the_grid(tmp_path, with_grid(tmp_path, config=METERED), speed=5) as (site, box):
        assert box.values() == {}, "nothing is made up"
        tell(
            site,
            -3210.4,
            current_a=(1.0, -2.5, None),
            voltage_v=(230.12, None, None),
            energy_import_wh=Decimal(1234567),
            energy_export_wh=Decimal(89),
            frequency_hz=49.98,
        )
        told = {POWER: -3210, IMPORTED: 1234567, FED_IN: 89, FREQUENCY: Decimal("49.98"), VOLTAGES[0]: Decimal("230.1")}
        told |= {CURRENTS[0]: 1, CURRENTS[1]: Decimal("-2.5")}
        assert await until(lambda: box.values() == told, 5)
        before = len(box.measured)
        for power_w in range(100):
            tell(site, power_w)
        assert await until(lambda: box.values().get(POWER) == 99, 5)
        assert len(box.measured) - before <= 10, "what changes faster than once a second is told together"
        assert site.eebus is not None
        assert site.eebus.grid is not None
        await later(site, 7)
        await site.eebus.grid.meters.look()
        assert POWER in box.values(), "not before the meter's age limit"
        await later(site, 8)
        assert await until(lambda: POWER not in box.values(), 5)
        tell(site, 500)
        assert await until(lambda: box.values().get(POWER) == 500, 5)


async def test_what_the_limited_devices_draw_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    grid = GRID + "measure = true\n"
    async with at_the_grid(tmp_path, with_grid(tmp_path, grid, METERED)) as (site, box):
        assert await until(lambda: box.values(MPC) == {POWER: 0}, 5)
        site.point("a").power_w, site.point("b").power_w, site.point("c").power_w = 4000.0, 1500.0, 900.0
        assert await until(lambda: box.values(MPC) == {POWER: 5500}, 5), "c is not in the group"
