"""Limits that somebody else has set in a station: told by it, in the site's book, and out of it again."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from chargebridge.model.limit import Direction, LimitedCurrent, LimitedPower, LimitSource, Unlimited
from chargebridge.site import limit_asker
from tests.site.kit import Bench, bench, until
from tests.stations.ocpp_kit import RawStation
from tests.store.test_failing_disk import short_patience

SECOND = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
ASK = "GetChargingProfiles"


def limit(amps: float, evse: int | None = 1, source: str = "EMS", unit: str = "A", **period: Any) -> dict[str, Any]:
    """A NotifyChargingLimit of one period."""
    schedule = {"id": 1, "chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps} | period]}
    told: dict[str, Any] = {"chargingLimit": {"chargingLimitSource": source}, "chargingSchedule": [schedule]}
    return told if evse is None else told | {"evseId": evse}


async def arrived(made: Bench, version: str, says: dict[str, Any] | None = None) -> RawStation:
    """A station that has been asked for the limits of others."""
    client = await made.station(version)
    client.says = {ASK: says or {"status": "NoProfiles"}}
    assert await until(lambda: any(frame[2] == ASK for frame in client.asked))
    return client


def book(made: Bench) -> dict[str, Any]:
    return {entry.id: entry.bound for entry in made.site.live.limits}


@SECOND
async def test_a_limit_enters_the_book_with_source_and_scope_and_leaves_it_again(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path) as made:
        client = await arrived(made, version)
        await client.call("NotifyChargingLimit", limit(9.0))
        await client.call("NotifyChargingLimit", limit(20.0, source="SO"))
        (own, operator) = made.site.live.limits
        assert (own.source, own.bound, own.scope.node) == (LimitSource.EXTERNAL, LimitedCurrent((9.0, 9.0, 9.0)), "a")  # type: ignore[union-attr]
        assert operator.source is LimitSource.GRID_OPERATOR
        assert len(await made.rows("SELECT id FROM limit_entry WHERE withdrawn_at IS NULL")) == 2
        assert await until(lambda: "an energy manager sets a limit" in " ".join(made.happenings))
        made.site._engine.beat()
        (decision,) = [p for p in made.site._engine.latest.points if p.point == "a"]  # type: ignore[union-attr]
        assert decision.goal_a <= 9.0
        await client.call("NotifyChargingLimit", limit(12.0))
        assert book(made)["station CP-1/1 EMS 0"] == LimitedCurrent((12.0, 12.0, 12.0))
        await client.call("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})
        assert set(book(made)) == {"station CP-1/1 SO 0"}
        await client.call("ClearedChargingLimit", {"chargingLimitSource": "SO"})
        assert book(made) == {}
        assert await made.rows("SELECT id FROM limit_entry") == []


@SECOND
async def test_a_limit_of_the_whole_station_binds_the_sum_of_its_points(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path) as made:
        client = await arrived(made, version)
        await client.call("NotifyChargingLimit", limit(5000.0, evse=None, unit="W"))
        (entry,) = made.site.live.limits
        assert (entry.bound, entry.scope.group) == (LimitedPower(5000.0), "station CP-1")  # type: ignore[union-attr]
        (shown,) = made.site.service.view().limits
        assert (shown.scope, shown.source_text, shown.state) == ("CP-1", "energy manager at the station", "in force")


@SECOND
async def test_a_limit_outlives_the_line_and_the_program_but_not_a_station_that_comes_back_without_it(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path) as made:
        client = await arrived(made, version)
        await client.call("NotifyChargingLimit", limit(9.0))
        await client.close()
        assert await until(lambda: not made.point("a").online)
        assert len(book(made)) == 1
    async with bench(tmp_path) as made:
        assert len(book(made)) == 1
        await arrived(made, version)
        assert await until(lambda: not book(made))
        assert await made.rows("SELECT id FROM limit_entry WHERE withdrawn_at IS NULL") == []


@SECOND
async def test_a_station_that_is_back_tells_its_limits_anew(tmp_path: Path, version: str) -> None:
    schedule = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 7.0}]}
    profile = {"id": -1, "stackLevel": 0, "chargingProfilePurpose": "ChargingStationExternalConstraints", "chargingProfileKind": "Absolute"}
    async with bench(tmp_path) as made:
        client = await arrived(made, version, {"status": "Accepted"})
        await client.call("NotifyChargingLimit", limit(9.0, evse=2))
        await client.close()
        client = await arrived(made, version, {"status": "Accepted"})
        (asked,) = [frame[3] for frame in client.asked if frame[2] == ASK]
        assert asked["chargingProfile"] == {"chargingProfilePurpose": "ChargingStationExternalConstraints"}
        report = {
            "requestId": asked["requestId"],
            "chargingLimitSource": "EMS",
            "evseId": 1,
            "chargingProfile": [profile | {"chargingSchedule": [schedule]}],
        }
        await client.call("ReportChargingProfiles", report | {"requestId": asked["requestId"] + 1})
        assert set(book(made)) == {"station CP-1/2 EMS 0"}  # a report that nobody asked for says nothing of what is missing
        await client.call("ReportChargingProfiles", report | {"tbc": True})
        assert set(book(made)) == {"station CP-1/2 EMS 0"}
        await client.call("ReportChargingProfiles", report | {"chargingLimitSource": "Other"})
        assert book(made) == {"station CP-1/1 EMS 0": LimitedCurrent((7.0,) * 3), "station CP-1/1 Other 0": LimitedCurrent((7.0,) * 3)}


async def test_a_limit_without_figures_makes_the_site_ask(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        client = await arrived(made, "ocpp2.1", {"status": "Accepted"})
        await client.call("NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": "EMS"}, "evseId": 1})
        assert await until(lambda: len([frame for frame in client.asked if frame[2] == ASK]) == 2)
        assert "does not say how much" in " ".join(made.happenings)


async def test_a_schedule_is_entered_with_its_times_and_what_may_flow_out_is_a_limit_of_its_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        client = await arrived(made, "ocpp2.1")
        told = limit(4000.0, unit="W", dischargeLimit=-3000.0, operationMode="ExternalLimits")
        told["chargingSchedule"][0] |= {"duration": 600}
        told["chargingSchedule"][0]["chargingSchedulePeriod"].append({"startPeriod": 300, "limit": 0.0})
        await client.call("NotifyChargingLimit", told)
        entries = made.site.live.limits.of("station CP-1/1 EMS 0")
        assert [entry.bound for entry in entries] == [LimitedPower(4000.0), LimitedPower(0.0), Unlimited()]
        assert [round((entry.starts_at - entries[0].starts_at).total_seconds()) for entry in entries] == [0, 300, 600]
        (outward, *_) = made.site.live.limits.of("station CP-1/1 EMS 0-out")
        assert (outward.direction, outward.bound) == (Direction.PRODUCTION, LimitedPower(3000.0))


async def test_what_is_generated_behind_a_station_limits_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        client = await arrived(made, "ocpp2.1")
        told = limit(4000.0, unit="W")
        told["chargingLimit"]["isLocalGeneration"] = True
        assert (await client.call("NotifyChargingLimit", told))[0] == 3
        assert book(made) == {}
        assert "adds what is generated there" in " ".join(made.happenings)


async def test_an_answer_that_cannot_be_kept_ends_nothing_and_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short_patience(monkeypatch)
    monkeypatch.setattr(limit_asker, "AGAIN_S", 0.1)
    async with bench(tmp_path) as made:
        client = await arrived(made, "ocpp2.1")
        await client.call("NotifyChargingLimit", limit(9.0))
        other = sqlite3.connect(tmp_path / "site.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        asked = len(client.asked)
        made.site._asker.ask("CP-1")
        assert await until(lambda: sum(frame[2] == ASK for frame in client.asked[asked:]) > 1), "asked again"
        assert set(book(made)) == {"station CP-1/1 EMS 0"}, "what stands on disk stands"
        other.execute("ROLLBACK")
        other.close()
        assert await until(lambda: book(made) == {})
        assert await made.rows("SELECT id FROM limit_entry WHERE withdrawn_at IS NULL") == []
