"""What is fed in (LPP): refused where the site cannot keep it, in the book where it can."""

from pathlib import Path

from chargebridge.model.limit import Direction, LimitedPower, OnNode, Unlimited
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from tests.grid.kit import GRID, at_the_grid, entry, until, with_grid
from tests.site.kit import CONFIG

LPP = GRID + "[eebus.grid.production]\nnominal_w = 10000\n"
PV = '[[generator]]\nid = "roof"\nname = "Roof"\ncircuit = "main"\npeak_w = 7000\n'


async def test_LPP_TS_034_a_limit_of_what_is_fed_in_is_kept_beside_that_of_what_is_drawn(tmp_path: Path) -> None:  # noqa: N802
    async with at_the_grid(tmp_path, with_grid(tmp_path, LPP)) as (site, box):
        assert await box.limit(-3000, 60, production=True) is ErrorNumber.NONE
        limit = entry(site, "LPP")
        assert (limit.bound, limit.direction, limit.scope) == (LimitedPower(3000), Direction.PRODUCTION, OnNode("main"))
        assert entry(site).bound == Unlimited()
        assert await box.limit(3000, production=True) is ErrorNumber.COMMAND_REJECTED
        assert entry(site, "LPP").bound == LimitedPower(3000)
        (row, *_) = site.site.grid.latest()
        assert (row.direction, row.value_w, row.why) == (Direction.PRODUCTION, 3000, "a limit of production above 0 W (LPP-001)")
        assert [v.bound_text for v in site.site.service.view().limits if v.id.endswith("LPP")] == ["at most 3.0 kW fed in"]
        assert await until(lambda: box.report(production=True).active, 5)
        assert box.report(production=True).nominal_w == 10000


async def test_what_a_roof_may_feed_in_is_not_promised_to_be_less(tmp_path: Path) -> None:
    async with at_the_grid(tmp_path, with_grid(tmp_path, LPP, CONFIG + PV)) as (site, box):
        assert await box.limit(-3000, production=True) is ErrorNumber.COMMAND_REJECTED
        assert site.site.grid.latest()[0].why == "Roof may feed in more than 3000 W, and cannot be curtailed by this site"
        assert await box.limit(-7000, production=True) is ErrorNumber.NONE


async def test_without_the_table_nobody_may_limit_what_is_fed_in(tmp_path: Path) -> None:
    async with at_the_grid(tmp_path) as (site, box):
        assert not box.lpp.systems
        assert not site.site.live.limits.of("grid eebus LPP")
