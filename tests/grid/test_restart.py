"""What a restart leaves: failsafe values as written, no limit active, the record, and nothing of a control box that is configured no more."""

from pathlib import Path

from chargebridge.model.limit import LimitedPower, Unknown, Unlimited
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from tests.grid.kit import at_the_grid, binding, entry, joined, until, with_grid
from tests.site.kit import CONFIG, bench


async def test_LPC_044_failsafe_values_are_remembered_and_hold_until_the_first_limit(tmp_path: Path) -> None:  # noqa: N802
    async with at_the_grid(tmp_path) as (site, box):
        assert await box.failsafe(6000, 10_800) == [ErrorNumber.NONE, ErrorNumber.NONE]
        assert await box.limit(9000) is ErrorNumber.NONE
    async with bench(tmp_path, text=with_grid(tmp_path)) as site:
        assert await until(lambda: site.site._engine.latest)
        bound = entry(site).bound
        assert isinstance(bound, Unknown)
        assert (bound.failsafe_w, binding(site).power_w) == (6000, 6000), "not the limit of before: nobody has confirmed it since"
        assert [row.value_w for row in await site.site.grid.instructions(2)] == [9000, None]
        async with joined(site, identity=box.hub.identity) as again:
            assert entry(site).bound == Unlimited()
            assert (again.report().failsafe_w, again.report().failsafe_s) == (6000, 10_800)
            assert await again.limit(2000) is ErrorNumber.NONE
            assert entry(site).bound == LimitedPower(2000)


async def test_a_site_without_eebus_keeps_nothing_of_it(tmp_path: Path) -> None:
    async with at_the_grid(tmp_path) as (site, box):
        await box.limit(0)
    async with bench(tmp_path) as site:
        assert site.eebus is None
        assert list(site.site.live.limits) == []
        assert any("the configuration has it no more" in line for line in site.happenings)
    async with bench(tmp_path, text=CONFIG) as site:
        assert list(site.site.live.limits) == []
