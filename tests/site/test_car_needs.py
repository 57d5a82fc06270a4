"""What a car asks for over ISO 15118: it becomes the session's wishes, is answered as it is meant, and a charging profile of its own follows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargebridge.model.session import Preference
from tests.site.kit import Bench, bench, until
from tests.stations.ocpp_kit import RawStation

SECOND = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
AC = {"energyAmount": 20000, "evMinCurrent": 8, "evMaxCurrent": 12, "evMaxVoltage": 400}


def leaves(hours: float = 2.0) -> str:
    return f"{datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"


def needs(evse: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "evseId": evse,
        "maxScheduleTuples": 1,
        "chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": AC} | more,
    }


async def charging(made: Bench, version: str, transaction: str = "tx-1") -> RawStation:
    """A station whose car has a transaction, and the grant of its first moment."""
    client = await made.station(version)
    client.says = {"GetChargingProfiles": {"status": "NoProfiles"}}
    await client.call("StatusNotification", {"timestamp": leaves(0), "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1})
    await event(client, "Started", transaction, 0)
    assert await until(lambda: made.point("a").session and made.point("a").offers and made.point("a").offers[-1].outcome == "accepted")
    return client


async def event(client: RawStation, kind: str, transaction: str, number: int, **more: Any) -> list[Any]:
    info = {"transactionId": transaction, "chargingState": "Charging"}
    told = {"eventType": kind, "timestamp": leaves(0), "triggerReason": "Authorized", "seqNo": number, "transactionInfo": info}
    return await client.call(
        "TransactionEvent", told | {"evse": {"id": 1, "connectorId": 1}, "idToken": {"idToken": "TAG", "type": "ISO14443"}} | more
    )


def profiles(client: RawStation, purpose: str = "TxProfile") -> list[dict[str, Any]]:
    told = [frame[3]["chargingProfile"] for frame in client.asked if frame[2] == "SetChargingProfile"]
    return [profile for profile in told if profile["chargingProfilePurpose"] == purpose]


@pytest.mark.ocpp(
    "2.0.1",
    "K15.FR.02",
    "K15.FR.03",
    "K15.FR.07",
    "K15.FR.08",
    "K15.FR.18",
    "K16.FR.12",
    "K17.FR.02",
    "K17.FR.03",
    "K17.FR.07",
    "K17.FR.08",
)
@pytest.mark.ocpp(
    "2.1",
    "K15.FR.02",
    "K15.FR.03",
    "K15.FR.07",
    "K15.FR.08",
    "K15.FR.18",
    "K16.FR.12",
    "K17.FR.02",
    "K17.FR.03",
    "K17.FR.07",
    "K17.FR.08",
    "Q02.FR.01",
    "Q02.FR.02",
)
@SECOND
async def test_each_time_a_car_tells_its_needs_it_gets_a_profile_of_its_own(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path) as made:
        client = await charging(made, version)
        for _ in range(2):  # the second time the car negotiates anew
            assert await until(lambda: made.site._engine.latest and all(p.move == "hold" for p in made.site._engine.latest.points))
            before = len(profiles(client))
            assert (await client.call("NotifyEVChargingNeeds", needs(departureTime=leaves())))[2] == {"status": "Accepted"}
            assert await until(lambda count=before: len(profiles(client)) > count, 3.0)
            told = profiles(client)[-1]
            (schedule,) = told["chargingSchedule"]
            (period,) = schedule["chargingSchedulePeriod"]
            assert told["transactionId"] == "tx-1"
            assert set(period) <= {"startPeriod", "limit", "numberPhases"}  # charging only: no set points, nothing outward
            assert await until(lambda: made.point("a").offers[-1].outcome == "accepted")


@SECOND
async def test_a_cars_needs_are_the_wishes_of_its_session_and_the_drivers_own_come_first(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path) as made:
        client = await charging(made, version)
        gone = leaves()
        await client.call("NotifyEVChargingNeeds", needs(departureTime=gone))
        point = made.point("a")
        state = point.freeze()
        assert state.car_asks
        assert (state.preference.energy_min_wh, state.preference.target_at) == (20000.0, datetime.fromisoformat(gone))
        assert (state.car_minimum_a, state.car_maximum_a) == (8.0, 12.0)
        made.site._engine.beat()
        (decision,) = [p for p in made.site._engine.latest.points if p.point == "a"]  # type: ignore[union-attr]
        assert decision.goal_a <= 12.0
        assert decision.needed_a > 8.0
        assert any(step.text.startswith("the car asked for 20.0 kWh more until") for step in decision.why.steps)
        assert f"A: the car asks for 20 kWh until {gone[11:16]}" in " ".join(made.happenings)
        await made.site.service.prefer("a", Preference(energy_max_wh=5000.0), by="driver")
        assert point.freeze().preference == Preference(energy_max_wh=5000.0)
        assert not point.freeze().car_asks
        await event(client, "Updated", "tx-1", 1)
        assert point.freeze().preference == Preference(energy_max_wh=5000.0)
        assert point.needs is not None
    async with bench(tmp_path) as made:  # after a restart both are still known
        assert made.point("a").freeze().preference == Preference(energy_max_wh=5000.0)
        assert made.point("a").freeze().car_maximum_a == 12.0


@pytest.mark.ocpp("2.0.1", "K15.FR.05", "K17.FR.05")
@pytest.mark.ocpp("2.1", "K15.FR.05", "K17.FR.05")
@SECOND
async def test_needs_before_the_transaction_are_kept_for_it(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path) as made:
        client = await made.station(version)
        assert (await client.call("NotifyEVChargingNeeds", needs()))[2] == {"status": "Processing"}
        await client.call("StatusNotification", {"timestamp": leaves(0), "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1})
        await event(client, "Started", "tx-1", 0)
        assert await until(lambda: made.point("a").offers and not made.point("a").owes_profile)
        assert made.point("a").freeze().preference.energy_min_wh == 20000.0
        await event(client, "Ended", "tx-1", 1)
        await event(client, "Started", "tx-2", 0)  # of the next session nothing is known
        assert made.point("a").freeze().preference == Preference()


@pytest.mark.ocpp("2.0.1", "K15.FR.04", "K17.FR.04")
@pytest.mark.ocpp("2.1", "K15.FR.04", "K17.FR.04")
@SECOND
async def test_where_no_schedule_will_come_it_is_said(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path) as made:
        client = await made.station(version)
        assert (await client.call("NotifyEVChargingNeeds", needs(evse=7)))[2] == {"status": "Rejected"}


V2X = {
    "maxChargePower": 11000.0,
    "maxDischargePower": 10000.0,
    "evTargetEnergyRequest": 30000.0,
    "evMinEnergyRequest": -5000.0,
    "evMaxEnergyRequest": 40000.0,
}


@pytest.mark.ocpp(
    "2.1", "K17.FR.19", "K18.FR.02", "K18.FR.03", "K18.FR.04", "K18.FR.05", "K18.FR.07", "K18.FR.08", "K18.FR.18",
    "K19.FR.02", "K19.FR.03", "K19.FR.04", "K19.FR.05", "K19.FR.07", "K19.FR.08",
)  # fmt: skip
@pytest.mark.parametrize("mode", ["ScheduledControl", "DynamicControl"])
async def test_a_car_of_iso_15118_20_in_both_control_modes(tmp_path: Path, mode: str) -> None:
    told = needs(controlMode=mode, v2xChargingParameters=V2X, departureTime=leaves())
    del told["chargingNeeds"]["acChargingParameters"]
    async with bench(tmp_path) as made:
        early = await made.station("ocpp2.1", "CP-2")
        assert (await early.call("NotifyEVChargingNeeds", told))[2] == {"status": "Processing"}
        assert (await early.call("NotifyEVChargingNeeds", told | {"evseId": 7}))[2] == {"status": "NoChargingProfile"}
        client = await charging(made, "ocpp2.1")
        before = len(profiles(client))
        assert (await client.call("NotifyEVChargingNeeds", told))[2] == {"status": "Accepted"}
        assert await until(lambda: len(profiles(client)) > before, 3.0)
        (schedule,) = profiles(client)[-1]["chargingSchedule"]
        assert len(schedule["chargingSchedulePeriod"]) == 1
        asked = made.point("a").freeze().preference
        assert (asked.energy_min_wh, asked.energy_max_wh) == (30000.0, 40000.0)
        assert made.point("a").needs.discharge_max_w == 10000.0  # type: ignore[union-attr]


def intends(amps: float) -> dict[str, Any]:
    schedule = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps}]}
    return {"evseId": 1, "timeBase": leaves(0), "chargingSchedule": schedule}


@SECOND
async def test_a_cars_schedule_outside_of_ours_is_refused_and_ours_is_sent_again(tmp_path: Path, version: str) -> None:
    """K15.FR.11 to K15.FR.13, K16.FR.06 to K16.FR.08: not counted as the CSMS's duties, as they do not say SHALL."""
    async with bench(tmp_path) as made:
        client = await charging(made, version)
        assert await until(lambda: made.point("a").offers[-1].outcome == "accepted")
        assert await until(lambda: made.site._engine.latest and all(p.move == "hold" for p in made.site._engine.latest.points))
        allowed = made.point("a").offers[-1].current_a
        assert (await client.call("NotifyEVChargingSchedule", intends(allowed)))[2] == {"status": "Accepted"}
        before = len(profiles(client))
        assert (await client.call("NotifyEVChargingSchedule", intends(allowed + 5)))[2] == {"status": "Rejected"}
        assert await until(lambda: len(profiles(client)) > before, 3.0)
        (kept,) = await made.rows("SELECT payload FROM station_event WHERE kind = 'ChargingSchedule' ORDER BY number DESC LIMIT 1")
        assert "are allowed" in kept[0]


async def test_priority_charging_is_priority_in_the_split_not_beyond_the_grant(tmp_path: Path) -> None:
    """2.1 K22: a station with priority on heeds no TxProfile; a fuse does not know of priority."""
    async with bench(tmp_path) as made:
        client = await charging(made, "ocpp2.1")
        assert (await client.call("NotifyPriorityCharging", {"transactionId": "tx-1", "activated": True}))[0] == 3
        assert await until(lambda: [frame[3] for frame in client.asked if frame[2] == "UsePriorityCharging"])
        assert client.asked[-1][3] == {"transactionId": "tx-1", "activate": False}
        await client.call("NotifyPriorityCharging", {"transactionId": "tx-1", "activated": False})
        assert made.point("a").freeze().prior
        assert "priority charging asked at the station" in " ".join(made.happenings)
        await event(client, "Ended", "tx-1", 1)
        await event(client, "Started", "tx-2", 0)
        assert not made.point("a").freeze().prior


async def test_a_profile_refused_for_coming_before_the_needs_is_tried_again_after_them(tmp_path: Path) -> None:
    """2.x K15.FR.17: the station may refuse a TxProfile that comes too early."""
    async with bench(tmp_path) as made:
        client = await charging(made, "ocpp2.1")
        early = {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidMessageSeq"}}
        client.says["SetChargingProfile"] = lambda told: early if "transactionId" in told["chargingProfile"] else {"status": "Accepted"}
        made.point("a").owes_profile = True
        assert await until(lambda: made.central.station("CP-1")._grants._by_default)  # type: ignore[union-attr]
        del client.says["SetChargingProfile"]
        before = len(profiles(client))
        await client.call("NotifyEVChargingNeeds", needs())
        assert await until(lambda: len(profiles(client)) > before, 5.0)


@pytest.mark.parametrize(
    "wrong",
    [{"energyAmount": -1.0}, {"energyAmount": 1e12}, {"evMaxCurrent": 0.0}, {"evMaxCurrent": 1e9}, {"evMinCurrent": 500.0}],
)
async def test_nonsense_asks_for_nothing(tmp_path: Path, wrong: dict[str, float]) -> None:
    async with bench(tmp_path) as made:
        client = await charging(made, "ocpp2.1")
        assert (await client.call("NotifyEVChargingNeeds", needs(acChargingParameters=AC | wrong, departureTime="1999-01-01T00:00:00Z")))[
            0
        ] == 3
        state = made.point("a").freeze()
        assert 0 <= state.preference.energy_min_wh <= 1e6
        assert state.preference.target_at is None
        made.site._engine.beat()
        (decision,) = [p for p in made.site._engine.latest.points if p.point == "a"]  # type: ignore[union-attr]
        assert 0 <= decision.goal_a <= 32
