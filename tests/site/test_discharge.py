"""A car gives energy back over OCPP 2.1: asked for by the owner, agreed to by all, told as a central set point, measured, and ended again."""

from pathlib import Path
from typing import Any

import pytest

from chargebridge.model.errors import ModelError
from chargebridge.model.session import Preference
from tests.site.kit import CONFIG, Bench, bench, until
from tests.site.test_car_needs import V2X, charging, event, leaves, needs, profiles
from tests.stations.ocpp_kit import RawStation

OPEN = CONFIG.replace('name = "A"\ncircuit = "main"\n', 'name = "A"\ncircuit = "main"\ndischarge_max_w = 8000\n')


def both_ways() -> dict[str, Any]:
    told = needs(requestedEnergyTransfer="AC_BPT", controlMode="DynamicControl", v2xChargingParameters=V2X | {"evTargetEnergyRequest": 0.0})
    del told["chargingNeeds"]["acChargingParameters"]
    return told


async def measured(client: RawStation, number: int, out_a: float, soc: int = 80) -> None:
    phased = [
        {"value": value, "measurand": measurand, "phase": f"L{phase}", "unitOfMeasure": {"unit": "A"}}
        for measurand, value in (("Current.Import", 0.0), ("Current.Export", out_a))
        for phase in (1, 2, 3)
    ]
    powers = [
        {"value": value, "measurand": f"Power.Active.{way}", "unitOfMeasure": {"unit": "W"}}
        for way, value in (("Import", 0.0), ("Export", out_a * 690))
    ]
    values = {"timestamp": leaves(0), "sampledValue": [*phased, *powers, {"value": soc, "measurand": "SoC"}]}
    await event(client, "Updated", "tx-1", number, meterValue=[values])


def setpoints(client: RawStation) -> list[float]:
    periods = [profile["chargingSchedule"][0]["chargingSchedulePeriod"][0] for profile in profiles(client)]
    return [period["setpoint"] for period in periods if "setpoint" in period]


async def ready(made: Bench) -> RawStation:
    client = await charging(made, "ocpp2.1")
    assert (await client.call("NotifyEVChargingNeeds", both_ways()))[2]["status"] == "Accepted"
    await measured(client, 1, 0.0)
    return client


@pytest.mark.ocpp("2.1", "Q03.FR.01", "Q03.FR.02")
async def test_a_car_that_may_gives_what_is_asked_until_it_is_asked_no_more(tmp_path: Path) -> None:
    async with bench(tmp_path, text=OPEN) as made:
        client = await ready(made)
        view = {p.id: p for p in made.site.service.view().points}["a"]
        assert (view.discharge_max_w, "can give back up to 10 kW" in view.car_asks) == (8000.0, True)
        await made.site.service.prefer("a", Preference(may_discharge=True, reserve_soc=0.4), by="driver")
        await made.site.service.discharge("a", 5000.0, 600.0, by="owner")
        assert await until(lambda: setpoints(client))
        (schedule,) = profiles(client)[-1]["chargingSchedule"]
        assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "setpoint": -5000.0, "operationMode": "CentralSetpoint"}]
        assert (schedule["chargingRateUnit"], schedule["duration"]) == ("W", 65)  # what hears nothing more comes down by itself
        await measured(client, 2, 7.2)
        state = made.point("a")
        assert state.terminal_a == (-7.2, -7.2, -7.2)
        assert state.power_w == pytest.approx(-4968.0)
        view = {p.id: p for p in made.site.service.view().points}["a"]
        assert (view.discharge_w, view.why.cause) == (5000.0, "discharging")  # type: ignore[union-attr]
        asked = len(profiles(client))
        await measured(client, 3, 7.2, soc=40)  # the driver's reserve is reached
        assert await until(lambda: len(profiles(client)) > asked, 3.0)
        assert "limit" in profiles(client)[-1]["chargingSchedule"][0]["chargingSchedulePeriod"][0]


async def test_without_the_drivers_word_nothing_is_given(tmp_path: Path) -> None:
    async with bench(tmp_path, text=OPEN) as made:
        client = await ready(made)
        await made.site.service.discharge("a", 5000.0, 600.0, by="owner")
        made.site._engine.beat()
        assert not await until(lambda: setpoints(client), 0.5)
        with pytest.raises(ModelError, match="no car may give energy back here"):
            await made.site.service.discharge("b", 5000.0, 600.0, by="owner")


async def test_a_car_that_asked_to_charge_only_is_never_told_to_give(tmp_path: Path) -> None:
    """Q02.FR.01, Q02.FR.02."""
    async with bench(tmp_path, text=OPEN) as made:
        client = await charging(made, "ocpp2.1")
        told = both_ways()
        told["chargingNeeds"]["requestedEnergyTransfer"] = "AC_three_phase"
        await client.call("NotifyEVChargingNeeds", told)
        await measured(client, 1, 0.0)
        await made.site.service.prefer("a", Preference(may_discharge=True), by="driver")
        await made.site.service.discharge("a", 5000.0, 600.0, by="owner")
        assert not await until(lambda: setpoints(client), 0.5)


async def test_an_older_station_has_no_word_for_it(tmp_path: Path) -> None:
    async with bench(tmp_path, text=OPEN) as made:
        await charging(made, "ocpp2.0.1")
        station = made.central.station("CP-1")
        assert station is not None
        answer = await station.discharge(1, 5000.0, 60.0, "tx-1")
        assert (answer.outcome, "need OCPP 2.1" in answer.detail) == ("unsupported", True)
