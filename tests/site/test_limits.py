"""Limits: obeyed at once, remembered over restarts, refused when they cannot be meant; the book does not grow without bound."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargebridge.model.decision import Effective
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.model.limit import Limit, LimitedCurrent, LimitedPower, LimitSource, OnGroup, OnNode, Unknown
from chargebridge.model.session import Preference
from chargebridge.site import engine, journal
from chargebridge.store import Database, StoreError
from tests.site.kit import Bench, bench, until
from tests.store.test_failing_disk import short_patience


def limit(name: str = "dso", power_w: float = 5000, **more: Any) -> Limit:
    at = datetime.now(UTC)
    values = {"source": LimitSource.GRID_OPERATOR, "scope": OnNode("main"), "bound": LimitedPower(power_w), "starts_at": at}
    return Limit(id=name, **(values | {"legal_basis": "test", "received_at": at} | more))


def binding(site: Bench) -> dict[str, Effective]:
    made = site.site._engine.latest
    assert made is not None
    return {e.limit: e for e in made.nodes[0].limits}


async def test_a_limit_is_decided_on_at_once_and_without_a_word_within_a_second(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        await until(lambda: site.site._engine.latest)
        await site.site.service.enter_limit(limit(), "test")
        assert await until(lambda: "dso" in binding(site), 0.3)
        ticks = []
        for _ in range(2):
            before = site.site._engine.latest
            assert await until(lambda b=before: site.site._engine.latest is not b, 1.5)
            ticks.append(site.site._engine.latest.at)  # type: ignore[union-attr]
        assert (ticks[-1] - ticks[0]).total_seconds() < 1.4


async def test_limits_survive_a_restart_and_what_is_silent_since_then_is_unknown(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        heartbeat = {"max_age_s": 1.0, "failsafe_w": 4200.0}
        await site.site.service.enter_limit(limit("zero", 0), "test")
        await site.site.service.enter_limit(limit("beats", 9000, heard_at=datetime.now(UTC), **heartbeat), "test")
        await site.site.service.enter_limit(limit("withdrawn"), "test")
        await site.site.service.withdraw_limit("withdrawn", "test")
    await asyncio.sleep(1.1)
    async with bench(tmp_path) as site:
        assert await until(lambda: site.site._engine.latest)
        found = binding(site)
        assert found["zero"].power_w == 0
        assert (found["beats"].power_w, found["beats"].failsafe) == (4200, True)
        assert "withdrawn" not in found


async def test_a_limit_is_obeyed_though_it_cannot_be_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short_patience(monkeypatch)
    async with bench(tmp_path) as site:
        other = sqlite3.connect(tmp_path / "site.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="could not be written"):
            await site.site.service.enter_limit(limit("zero", 0), "test")
        assert await until(lambda: "zero" in binding(site), 0.3)
        other.execute("ROLLBACK")
        other.close()


async def test_a_heartbeat_is_no_new_entry_and_a_new_figure_is(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        for second in range(50):
            at = datetime.now(UTC) + timedelta(seconds=second - 50)
            await site.site.service.enter_limit(limit(received_at=at, heard_at=at, starts_at=at, max_age_s=60.0), "test")
        await site.site.service.enter_limit(limit(power_w=3000), "test")
        rows = await site.rows("select withdrawn_at is null from limit_entry order by number")
        assert rows == [(0,), (1,)]
        kept = await site.database.read(journal.limits)
        assert [k.bound for k in kept] == [LimitedPower(3000)]


async def test_limits_that_ended_long_ago_leave_the_book_and_supervised_ones_do_not(tmp_path: Path) -> None:
    past = datetime.now(UTC) - timedelta(hours=3)
    async with bench(tmp_path) as site:
        enter = site.site.service.enter_limit
        await enter(limit("over", starts_at=past, duration_s=60.0), "test")
        await enter(limit("watched", starts_at=past, duration_s=60.0, max_age_s=900.0, failsafe_w=1.0), "test")
        await enter(limit("just over", starts_at=past, duration_s=3 * 3600.0 - 60), "test")
        site.site._engine._forget(datetime.now(UTC))
        assert {entry.id for entry in site.site.live.limits} == {"watched", "just over"}
        await site.database.write(lambda c: None)
        assert {k.id for k in await site.database.read(journal.limits)} == {"watched", "just over"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": OnNode("nowhere")},
        {"scope": OnGroup("nobody")},
        {"bound": LimitedPower(-1.0)},
        {"bound": LimitedPower(float("nan"))},
        {"bound": LimitedCurrent((6.0, float("inf"), 6.0))},
        {"bound": Unknown("silent", -5.0)},
        {"failsafe_w": float("nan")},
        {"duration_s": float("inf")},
        {"duration_s": 1e300},
        {"duration_s": float("nan")},
        {"max_age_s": 0.0},
        {"starts_at": datetime(9999, 12, 31, tzinfo=UTC)},
    ],
)
async def test_what_cannot_be_meant_is_refused_before_it_is_kept(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """A duration that no calendar can hold would end every process that reads the book again."""
    async with bench(tmp_path) as site:
        with pytest.raises(ModelError) as told:
            await site.site.service.enter_limit(limit(**wrong), "test")
        assert told.value.cure
        assert list(site.site.live.limits) == []
        assert await site.rows("select * from limit_entry") == []


async def test_one_source_does_not_replace_the_limit_of_another_by_using_its_id(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        await site.site.service.enter_limit(limit("x", 0), "test")
        with pytest.raises(ModelError, match="already used by the grid operator"):
            await site.site.service.enter_limit(limit("x", 50_000, source=LimitSource.AGREEMENT), "test")
        assert [entry.bound for entry in site.site.live.limits.of("x")] == [LimitedPower(0)]


async def test_an_entry_to_come_leaves_the_one_in_force_until_it_begins_also_over_a_restart(tmp_path: Path) -> None:
    def powers(site: Bench) -> list[tuple[float | None, datetime | None]]:
        return [(e.power_w, e.until) for e in site.site._engine.latest.nodes[0].limits if e.limit == "dso"]  # type: ignore[union-attr]

    async with bench(tmp_path) as site:
        service = site.site.service
        await service.enter_limit(limit(power_w=5000), "test")
        begins = datetime.now(UTC) + timedelta(seconds=2)
        await service.enter_limit(limit(power_w=3000, starts_at=begins), "test")
        await service.enter_limit(limit(power_w=1000, starts_at=begins + timedelta(hours=1)), "test")
        await service.enter_limit(limit(power_w=2000, starts_at=begins + timedelta(hours=1)), "test")
        assert await until(lambda: powers(site) == [(5000, begins)], 0.5)
        assert [(v.bound_text, v.state) for v in service.view().limits] == [
            ("at most 5.0 kW", "in force"),
            ("at most 3.0 kW", "to come"),
            ("at most 2.0 kW", "to come"),
        ]
    async with bench(tmp_path) as site:
        assert await until(lambda: site.site._engine.latest)
        assert powers(site) == [(5000, begins)]
        assert await until(lambda: powers(site) == [(3000, begins + timedelta(hours=1))], 4)
        site.site._engine._forget(datetime.now(UTC))
        await site.database.write(lambda c: None)
        kept = await site.database.read(journal.limits)
        assert [entry.bound for entry in kept] == [LimitedPower(3000), LimitedPower(2000)], "the first has nothing more to say"


async def test_an_entry_to_come_is_cancelled_alone_and_a_new_figure_for_now_leaves_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        service, begins = site.site.service, datetime.now(UTC) + timedelta(hours=1)
        await service.enter_limit(limit(power_w=5000), "test")
        await service.enter_limit(limit(power_w=3000, starts_at=begins), "test")
        await service.enter_limit(limit(power_w=4000), "test")
        assert [entry.bound for entry in site.site.live.limits.of("dso")] == [LimitedPower(4000), LimitedPower(3000)]
        await service.withdraw_limit("dso", "test", begins)
        assert [entry.bound for entry in await site.database.read(journal.limits)] == [LimitedPower(4000)]
        await service.enter_limit(limit(power_w=3000, starts_at=begins), "test")
        await service.withdraw_limit("dso", "test")
        assert list(site.site.live.limits) == await site.database.read(journal.limits) == []


async def test_a_clock_that_was_set_back_makes_no_entry_one_to_come(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        ahead = datetime.now(UTC) + timedelta(seconds=30)
        await site.site.service.enter_limit(limit(power_w=5000, starts_at=ahead, received_at=ahead), "test")
        await site.site.service.enter_limit(limit(power_w=0), "test")
        assert [entry.bound for entry in site.site.live.limits] == [LimitedPower(0)]


async def test_who_names_what_is_not_there_is_told_so(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        service = site.site.service
        await service.enter_limit(limit(), "test")
        for asked in (
            service.withdraw_limit("other", "test"),
            service.withdraw_limit("dso", "test", datetime.now(UTC)),
            service.set_owner_limit("cellar", 0.0, None, "test"),
            service.set_priority("nobody", 1, "test"),
            service.start("nobody", "test"),
        ):
            with pytest.raises(UnknownNameError):
                await asked


async def test_priorities_and_wishes_survive_and_decisions_are_made_again_from_the_topology_they_rest_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chargebridge.app.commands.replay import again

    monkeypatch.setattr(engine, "RECORD_EVERY_S", 0.0)
    async with bench(tmp_path) as site:
        client = await site.station()
        await site.start(client)
        await site.site.service.prefer("a", Preference(energy_max_wh=7000), "test")
        for priority in (5, -5, 7):
            await site.site.service.set_priority("a", priority, "test")
            await site.site.service.enter_limit(limit(power_w=1000.0 + priority), "test")
            await asyncio.sleep(0.12)
        await site.database.write(lambda c: None)
        used = await site.rows("select count(distinct topology) from decision")
        assert used == [(4,)], "each decision names the topology that it rests on"
        with pytest.raises(ModelError, match="cap"):
            await site.site.service.prefer("a", Preference(price_cap_max=float("nan")), "test")
        with pytest.raises(ModelError, match="zone"):
            await site.site.service.prefer("a", Preference(target_at=datetime(2027, 1, 1)), "test")  # noqa: DTZ001
    async with bench(tmp_path) as site:
        assert site.point("a").point.priority == 7
        assert site.point("a").session.preference == Preference(energy_max_wh=7000)  # type: ignore[union-attr]
    database = Database.open(tmp_path / "site.db")
    now = datetime.now(UTC)
    made = await asyncio.to_thread(again, database, now - timedelta(minutes=1), now)
    database.close()
    assert len(made) > 4
    assert all(r.same for r in made)


async def test_the_chart_and_the_log_do_not_grow_for_ever_and_the_chart_is_thinned(tmp_path: Path) -> None:
    from chargebridge.site.view import Happening, HistoryPoint

    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    database = Database.open(tmp_path / "site.db")

    def fill(c) -> None:
        for minute in range(1000):
            at = now - timedelta(minutes=minute)
            journal.keep_sample(
                c, HistoryPoint(at=at, grid_w=float(minute), pv_w=None, battery_w=None, house_w=None, cars_w=0.0, limit_w=None)
            )
        for days in (500, 100, 0):
            journal.keep_happening(c, Happening(at=now - timedelta(days=days), kind="x", text=str(days), subject=""))

    await database.write(fill)
    thin = await database.read(lambda c: journal.samples(c, now - timedelta(days=9), 100))
    assert len(thin) == 100
    assert [p.grid_w for p in thin[-3:]] == [20, 10, 0], "oldest first, the newest is among them"
    await database.write(lambda c: journal.forget(c, now + timedelta(days=40), 86_400))
    assert await database.read(lambda c: journal.samples(c, now - timedelta(days=9), 100)) == ()
    assert [h.text for h in await database.read(lambda c: journal.happenings(c, 10))] == ["100", "0"]
    database.close()
