"""Charging profiles that must not be sent are not sent; those of our own keep to the rules."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from ocpp_kit import RawStation, connect, until

from chargebridge.stations import commands as c
from chargebridge.stations.ocpp.abilities import MAX_EXTERNAL_ID, PHASE_SWITCHING
from chargebridge.stations.port import Outcome, Token
from chargebridge.stations.profiles import ChargingProfile, Period

SECOND = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])


def model(values: dict[str, str]) -> Any:
    """Answers GetVariables by the names in 2.x's own spelling."""

    def answer(payload: dict[str, Any]) -> dict[str, Any]:
        results = []
        for element in payload["getVariableData"]:
            evse = element["component"].get("evse", {}).get("id")
            name = f"{element['component']['name']}{f'@{evse}' if evse else ''}.{element['variable']['name']}"
            told = (
                {"attributeStatus": "Accepted", "attributeValue": values[name]}
                if name in values
                else {"attributeStatus": "UnknownVariable"}
            )
            results.append({"component": element["component"], "variable": element["variable"]} | told)
        return {"getVariableResult": results}

    return answer


def accepted(payload: dict[str, Any]) -> dict[str, Any]:
    parts = ({"component": e["component"], "variable": e["variable"]} for e in payload["setVariableData"])
    return {"setVariableResult": [part | {"attributeStatus": "Accepted"} for part in parts]}


async def ready(bench: Any, version: str, **values: str) -> RawStation:
    station = await connect(bench.port, version=version)
    station.says = {"GetVariables": model(values), "SetVariables": accepted}
    await station.boot()
    assert await until(lambda: "SampledDataCtrlr.TxUpdatedInterval" in bench.station().setup)
    return station


def profile(number: int, level: int = 3, purpose: str = "TxDefaultProfile", transaction: str | None = None, **more: Any) -> dict[str, Any]:
    period = {"startPeriod": 0, "limit": 10.0} | more.pop("period", {})
    schedule = {"id": number, "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    told = {
        "id": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": [schedule],
    }
    return {"evseId": 1, "chargingProfile": told | ({"transactionId": transaction} if transaction else {}) | more}


async def sent(bench: Any, payload: dict[str, Any]) -> str:
    reply = await bench.station().call("SetChargingProfile", payload)
    return "" if reply.outcome is Outcome.ACCEPTED else str(reply.detail)


@pytest.mark.ocpp("2.0.1", "K01.FR.06", "K01.FR.39")
@pytest.mark.ocpp("2.1", "K01.FR.06", "K01.FR.39")
@SECOND
async def test_no_two_profiles_of_one_level_for_the_same(bench: Any, version: str) -> None:
    station = await ready(bench, version)
    assert await sent(bench, profile(11)) == ""
    asked = len(station.asked)
    assert "K01.FR.06" in await sent(bench, profile(12))
    assert len(station.asked) == asked  # it has not left us
    assert await sent(bench, profile(11)) == ""  # in its own place
    assert await sent(bench, profile(13) | {"evseId": 2}) == ""
    assert await sent(bench, profile(14, 4, validTo="2030-01-01T00:00:00Z")) == ""
    assert await sent(bench, profile(15, 4, validFrom="2030-01-01T00:00:00Z")) == ""
    assert await sent(bench, profile(21, 3, "TxProfile", "tx-1")) == ""
    assert "K01.FR.39" in await sent(bench, profile(22, 3, "TxProfile", "tx-1"))
    assert await sent(bench, profile(22, 3, "TxProfile", "tx-2")) == ""
    assert (await bench.station().offer(1, 9.0, 3, 60.0, "tx-1")).outcome is Outcome.ACCEPTED
    assert "K01.FR.39" in await sent(bench, profile(23, 1, "TxProfile", "tx-1"))  # that level is the grant's
    timed = ChargingProfile(
        id=31, purpose="TxDefaultProfile", stack_level=3, unit="A", periods=(Period(limit=8.0),), starts_at=datetime(2030, 1, 1, tzinfo=UTC)
    )
    assert "K01.FR.06" in (await bench.station().command(c.SetProfile(evse=1, profile=timed))).detail
    assert (await bench.station().command(c.SetProfile(evse=1, profile=replace(timed, stack_level=6)))).outcome is Outcome.ACCEPTED
    await station.close()


@pytest.mark.ocpp("2.0.1", "K01.FR.19", "K01.FR.20")
@pytest.mark.ocpp("2.1", "K01.FR.19", "K01.FR.20")
@SECOND
async def test_a_phase_is_chosen_only_for_an_evse_that_can_choose(bench: Any, version: str) -> None:
    own = PHASE_SWITCHING.replace(".", "@1.")
    station = await ready(bench, version, **{own: "true"})
    assert "K01.FR.19" in await sent(bench, profile(11, period={"phaseToUse": 2}))
    assert "K01.FR.19" in await sent(bench, profile(11, period={"phaseToUse": 2, "numberPhases": 3}))
    chosen = profile(11, period={"phaseToUse": 2, "numberPhases": 1})
    assert await sent(bench, chosen) == ""
    assert "K01.FR.20" in await sent(bench, chosen | {"evseId": 2})
    await station.close()


@pytest.mark.ocpp("2.1", "K01.FR.80")
async def test_ids_are_above_those_that_the_station_keeps(bench: Any) -> None:
    station = await ready(bench, "ocpp2.1", **{MAX_EXTERNAL_ID: "5000"})
    assert (await bench.station().write_fallback(1, 6.0)).outcome is Outcome.ACCEPTED
    assert (await bench.station().offer(1, 9.0, 3, 60.0, "tx-1")).outcome is Outcome.ACCEPTED
    assert "K01.FR.80" in await sent(bench, profile(5000, 5))
    assert await sent(bench, profile(5001, 5)) == ""
    ids = [frame[3]["chargingProfile"]["id"] for frame in station.asked if frame[2] == "SetChargingProfile"]
    assert ids
    assert min(ids) > 5000
    await station.close()


@pytest.mark.ocpp("2.1", "S02.FR.03")
async def test_a_battery_is_swapped_for_authorised_tokens_only(bench: Any) -> None:
    bench.sink.known = {"TAG"}
    station = await ready(bench, "ocpp2.1")
    wanted = await bench.station().command(c.RequestBatterySwap(request=1, token=Token(id="STOLEN")))
    assert (wanted.outcome, "S02.FR.03" in wanted.detail) == (Outcome.UNSUPPORTED, True)
    assert not [frame for frame in station.asked if frame[2] == "RequestBatterySwap"]
    assert (await bench.station().command(c.RequestBatterySwap(request=1, token=Token(id="TAG")))).outcome is Outcome.ACCEPTED
    await station.close()
