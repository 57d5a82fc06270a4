"""A whole site with a plan, over real sockets, faster than the wall: a car waits for its hour, limits act at once, an old plan dies."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from chargebridge.model.decision import Cause
from chargebridge.model.errors import ModelError
from chargebridge.model.limit import Limit, LimitedPower, LimitSource, OnNode
from chargebridge.model.session import Preference
from chargebridge.site.plan_solver import SolverError
from chargebridge.site.prices import PriceEntry
from tests.site.kit import CONFIG, Bench, bench, limits_told, until

TEXT = CONFIG.replace("peak_budget_w = 50000", "price_per_kwh = 0.34") + "\n[planning]\nplan_every_s = 60\nmax_age_s = 240\n"
SPEED = 60.0


async def car_waits(site: Bench, *, cheap_in_s: float, hours: float = 5.0) -> None:
    """A price list with a cheap hour to come, a car, and its driver's wish."""
    now = site.site.live.memory.decided_at
    assert now is not None
    cheap = now + timedelta(seconds=cheap_in_s)
    await site.site.planner.set_prices((PriceEntry(starts_at=cheap, ends_at=cheap + timedelta(hours=1), per_kwh=0.11),), by="test")
    await site.site.service.prefer(
        "a", Preference(energy_min_wh=12_000, energy_max_wh=12_000, target_at=now + timedelta(hours=hours)), by="test"
    )


async def begin(site: Bench) -> None:
    client = await site.station()
    now = site.site.service.view().at
    await site.start(client, at=now.isoformat())
    await client.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"})


def cause(site: Bench) -> Cause | None:
    made = next(p for p in site.site.service.view().points if p.id == "a")
    return None if made.why is None else made.why.cause


async def test_a_car_waits_for_the_cheap_hour_and_limits_act_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, text=TEXT, speed=SPEED) as site:
        await begin(site)
        client = site.clients[0]
        await until(lambda: limits_told(client) and limits_told(client)[-1] >= 6)
        await car_waits(site, cheap_in_s=240)
        await until(lambda: cause(site) is Cause.PLAN)
        await until(lambda: limits_told(client)[-1] == 0.0)
        plan = site.site.planner.view()
        assert plan is not None
        car = plan.cars[0]
        assert car.waits
        assert (car.energy_wh, car.cost) == (pytest.approx(12_000), pytest.approx(12 * 0.11))
        assert plan.saves is not None
        assert 0 < plan.saves <= 12 * (0.34 - 0.11) + 1e-6
        assert plan.at_once_grid_w is not None
        assert plan.at_once_grid_w[0] > 20_000

        trial = await site.site.planner.what_if(
            "a", Preference(energy_min_wh=12_000, energy_max_wh=12_000, target_at=plan.made_at + timedelta(seconds=1500))
        )
        assert trial.car.cost == pytest.approx(12 * 0.11, abs=2.0)
        assert trial.car.done_at is None or trial.car.done_at <= plan.made_at + timedelta(seconds=1520)

        await until(lambda: limits_told(client)[-1] > 20.0, 15)
        now = site.site.service.view().at
        book = Limit(
            id="dso",
            source=LimitSource.GRID_OPERATOR,
            scope=OnNode("main"),
            bound=LimitedPower(0.0),
            starts_at=now,
            legal_basis="t",
            received_at=now,
        )
        await site.site.service.enter_limit(book, by="test")
        await until(lambda: limits_told(client)[-1] == 0.0, 2)
        before = site.site.planner.view()
        assert before is not None
        pid = site.site.planner.solver_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        decided_at = site.site.live.memory.decided_at
        site.site.planner.ask("a test")
        await until(lambda: site.site.planner.standing.made_at > before.made_at, 15)
        assert site.site.planner.solver_pid not in (None, pid), "a new process solves"
        assert site.site.live.memory.decided_at > decided_at
        rows = await site.site.planner.rows()
        assert {row.cause for row in rows} >= {"a car"}


async def test_an_old_plan_dies_and_charging_goes_on_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path, text=TEXT, speed=SPEED) as site:
        await begin(site)
        await asyncio.sleep(0.2)
        await car_waits(site, cheap_in_s=7200)
        await until(lambda: cause(site) is Cause.PLAN)

        async def dead(*_: object) -> None:
            raise SolverError("not even the rule")

        monkeypatch.setattr(site.site.planner._solver, "solve", dead)
        await until(lambda: cause(site) is not Cause.PLAN, 20)
        assert any("too old" in alert.text for alert in site.site.service.view().alerts)
        assert any("not even the rule" in text for text in site.happenings)
        view = site.site.planner.view()
        assert view is not None
        assert not view.alive
        monkeypatch.undo()
        await until(lambda: cause(site) is Cause.PLAN, 10)


async def test_a_restart_goes_on_with_the_plan_and_the_prices(tmp_path: Path) -> None:
    async with bench(tmp_path, text=TEXT, speed=8) as site:
        await begin(site)
        await asyncio.sleep(0.2)
        await car_waits(site, cheap_in_s=7200)
        site.site.planner.ask("test")
        await until(lambda: cause(site) is Cause.PLAN, 15)
        before = site.site.planner.view()
        await site.database.write(lambda c: None)
    async with bench(tmp_path, text=TEXT, speed=8) as site:
        assert before is not None
        again = site.site.planner.view()
        assert again is not None
        assert (again.made_at, again.cost, again.cars) == (before.made_at, before.cost, before.cars)
        assert len(site.site.planner.prices()) == 1
        state = site.site.live.state()
        assert site.site.planner.now(before.made_at + timedelta(seconds=30)) is not None
        assert state.price_per_kwh is None or state.price_per_kwh == pytest.approx(0.34)


async def test_nothing_is_planned_without_prices_and_no_trial_without_a_car(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        assert "says what energy costs" in site.site.planner.silence
        assert site.site.planner.view() is None
        with pytest.raises(ModelError, match="no car"):
            await site.site.planner.what_if("a", Preference())
