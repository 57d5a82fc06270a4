"""A control box limits a running site over real sockets: what it writes is in force and on disk before it is answered, and is obeyed."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargebridge.model.errors import ModelError
from chargebridge.model.limit import LimitedPower, OnGroup, OnNode, Unknown, Unlimited
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import Now
from chargebridge.wire.eebus.usecases.energy_guard import Told
from tests.grid.kit import WHOLE, at_the_grid, binding, box_at, entry, later, until, with_grid
from tests.site.kit import bench, limits_told
from tests.store.test_failing_disk import short_patience


async def test_LPC_901_1_until_a_control_box_has_spoken_the_failsafe_value_binds(tmp_path: Path) -> None:  # noqa: N802
    async with bench(tmp_path, text=with_grid(tmp_path)) as site:
        assert await until(lambda: site.site._engine.latest)
        assert isinstance(entry(site).bound, Unknown)
        assert (binding(site).power_w, binding(site).failsafe) == (4200, True)
        told = "grid operator: unknown (the control box has not spoken since the start): 4.2 kW hold until it is heard again"
        assert site.happenings == [told]


async def test_LPC_TS_034_a_limit_is_on_disk_in_force_and_at_the_station_within_a_second(tmp_path: Path) -> None:  # noqa: N802
    async with at_the_grid(tmp_path, speed=5) as (site, box):
        assert entry(site).bound == Unlimited()
        station = await site.station()
        await site.start(station)
        assert await until(lambda: (limits_told(station) or [0])[-1] > 6, 10)
        kept = sqlite3.connect(tmp_path / "site.db")
        seen: dict[str, Any] = {}

        async def hear(event: Event, now: Now) -> None:
            if isinstance(event, Told) and event.wish.limit_w == 4600:
                seen["disk"] = kept.execute("select value_w, accepted from grid_instruction order by number desc").fetchone()
                seen["book"] = entry(site).bound
                seen["decided"] = binding(site).power_w

        box.hub.listen(hear)
        assert await box.limit(4600, 900) is ErrorNumber.NONE
        assert seen == {"disk": (4600, 1), "book": LimitedPower(4600), "decided": 4600}
        kept.close()
        assert await until(lambda: limits_told(station)[-1] * 230 * 3 <= 4600, 1)
        assert entry(site).scope == OnGroup("controllable")
        assert await until(lambda: box.report().active, 5)
        assert (box.report().limit_w, box.report().nominal_w) == (4600, 34500)
        assert await until(lambda: site.site.grid.latest()[0].told_ms, 5)
        await site.database.write(lambda c: None)
        (row, *_) = await site.site.grid.instructions()
        assert (row.what, row.active, row.value_w, row.duration_s, row.state) == ("limit", True, 4600, 900, "limited")
        assert row.decided_ms is not None
        assert row.answered_ms is not None
        assert row.told_ms is not None
        assert row.decided_ms < row.answered_ms < 1000 > row.told_ms
        assert row.sender == box.ski


async def test_LPC_908_zero_w_is_a_limit_and_its_end_is_the_machines(tmp_path: Path) -> None:  # noqa: N802
    async with at_the_grid(tmp_path, with_grid(tmp_path, WHOLE)) as (site, box):
        assert await box.limit(0, 20) is ErrorNumber.NONE
        assert entry(site).bound == LimitedPower(0)
        assert entry(site).scope == OnNode("main")
        assert binding(site, "main").power_w == 0
        assert entry(site).duration_s is None, "the wall's clock ends no limit"
        until_at = entry(site).until
        assert until_at is not None
        assert 0 < (until_at - site.clock.now()).total_seconds() <= 20
        (shown,) = site.site.service.view().limits
        assert (shown.bound_text, shown.state, shown.until) == ("0 kW: no charging", "in force", until_at)
        await later(site, 18)
        assert entry(site).bound == LimitedPower(0)
        await later(site, 2)
        assert entry(site).bound == Unlimited()
        assert await until(lambda: box.report().active is False, 5)
        assert await until(lambda: "LPC: unlimited/controlled (the limit's duration is over; LPC-908)" in site.happenings, 5)


async def test_LPC_912_silence_leaves_the_failsafe_value_until_the_box_limits_again(tmp_path: Path) -> None:  # noqa: N802
    async with at_the_grid(tmp_path) as (site, box):
        assert await box.failsafe(5000, 10_800) == [ErrorNumber.NONE, ErrorNumber.NONE]
        assert await box.limit(8000) is ErrorNumber.NONE
        box.silent = True
        await later(site, 100)
        assert entry(site).bound == LimitedPower(8000)
        await later(site, 20)
        assert isinstance(entry(site).bound, Unknown)
        assert await until(lambda: binding(site).failsafe and binding(site).power_w == 5000, 5)
        assert await until(lambda: "LPC: failsafe (no heartbeat for 120 s; LPC-912)" in site.happenings, 5)
        box.silent = False
        await box.hub.act(lambda now: None)
        assert await until(lambda: any("the heartbeat of control box" in line for line in site.happenings[-3:]), 10)
        assert isinstance(entry(site).bound, Unknown), "a heartbeat alone ends no failsafe"
        assert await box.limit(6000) is ErrorNumber.NONE
        assert entry(site).bound == LimitedPower(6000)


async def test_LPC_TS_035_1_what_cannot_be_meant_is_refused_with_a_reason_and_on_record(tmp_path: Path) -> None:  # noqa: N802
    async with at_the_grid(tmp_path) as (site, box):
        assert await box.limit(5000) is ErrorNumber.NONE
        assert await box.write(-1) is ErrorNumber.COMMAND_REJECTED
        assert await box.write(3000, lasts="PT0S") is ErrorNumber.COMMAND_REJECTED
        assert await box.write(3000, lasts="P1Y") is not ErrorNumber.NONE
        assert await box.failsafe(-5, None) == [ErrorNumber.COMMAND_REJECTED]
        assert entry(site).bound == LimitedPower(5000)
        second = box_at(site, name="Grid-Box-2")
        assert site.eebus is not None
        await site.eebus.hub.pair(second.ski)
        async with second:
            assert await until(lambda: second.told, 10)
            assert second.told[-1].number is ErrorNumber.BINDING_NECESSARY
        rows = [(row.value_w, row.accepted, row.why) for row in (await site.site.grid.instructions())[:5]]
        assert rows[1:4:2] == [(-5, False, "a failsafe limit below 0 W (LPC-010)"), (3000, False, "a duration that is over already")]
        assert (rows[0][1], "no binding" in rows[0][2]) == (False, True)
        assert (rows[2][1], "timePeriod.endTime" in rows[2][2]) == (False, True)
        assert rows[4] == (-1, False, "a limit of consumption below 0 W (LPC-001)")


async def test_where_nothing_can_be_controlled_a_limit_is_refused(tmp_path: Path) -> None:
    text = (
        with_grid(tmp_path, WHOLE.replace('"main"', '"cellar"'))
        + '[[circuit]]\nid = "cellar"\nname = "Cellar"\nparent = "main"\nfuse_a = 16\n'
    )
    async with at_the_grid(tmp_path, text) as (site, box):
        assert await box.limit(3000) is ErrorNumber.COMMAND_REJECTED
        assert site.site.grid.latest()[0].why == "nothing in Cellar can be controlled"


async def test_a_flood_of_writes_is_answered_one_by_one_and_the_last_one_holds(tmp_path: Path) -> None:
    async with at_the_grid(tmp_path) as (site, box):
        assert set(await box.flood(12, 3000)) == {ErrorNumber.NONE}
        assert entry(site).bound == LimitedPower(3011)
        assert len(await site.site.grid.instructions()) == 13
        assert (await site.rows("select count(*) from limit_entry")) == [(1,)]


async def test_only_the_control_box_can_change_its_limit(tmp_path: Path) -> None:
    async with at_the_grid(tmp_path) as (site, box):
        await box.limit(3000)
        now = datetime.now(UTC)
        name = entry(site).id
        with pytest.raises(ModelError, match="the grid operator's own"):
            await site.site.service.withdraw_limit(name, "owner")
        with pytest.raises(ModelError, match="the grid operator's own"):
            await site.site.service.enter_limit(msgspec.structs.replace(entry(site), bound=Unlimited(), received_at=now), "api")
        assert entry(site).bound == LimitedPower(3000)


async def test_a_limit_that_cannot_be_written_down_holds_and_is_not_agreed_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short_patience(monkeypatch)
    async with at_the_grid(tmp_path) as (site, box):
        other = sqlite3.connect(tmp_path / "site.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert await box.write(2500) is ErrorNumber.GENERAL
        assert await until(lambda: box.report().active, 5), "it is in force, and the box is told so"
        assert entry(site).bound == LimitedPower(2500)
        assert binding(site).power_w == 2500
        other.execute("ROLLBACK")
        other.close()
        assert await until(lambda: site.site.grid.latest()[0].value_w != 2500, 0.1)
        await site.site.grid.look()
        assert (await site.site.grid.instructions())[0].value_w == 2500, "what was owed to the disk is there as soon as it takes it"
        assert await box.limit(2600) is ErrorNumber.NONE


async def test_what_came_of_a_limit_is_watched_until_it_is_replaced(tmp_path: Path) -> None:
    async with at_the_grid(tmp_path) as (site, box):
        for watts in (3000, 2000, 1000):
            await box.limit(watts)
        assert [one.limit.bound for one in site.site.grid._outcomes] in ([], [LimitedPower(1000)])
        assert await until(lambda: site.site.grid._outcomes == [], 5), "nothing flows, so it is kept"
        await site.database.write(lambda c: None)
        (row, *_) = await site.site.grid.instructions(1)
        assert (row.value_w, row.unreached) == (1000, ("a", "b")), "who cannot be told is named"
        assert row.told_ms is not None
        assert row.kept_ms is not None
