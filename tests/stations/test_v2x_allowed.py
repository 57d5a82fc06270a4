"""Which ways of taking and giving energy a car is allowed, told with its authorisation."""

from typing import Any

import pytest
from msgspec.structs import replace
from ocpp_kit import connect, until
from test_profile_rules import accepted, model

from chargebridge.stations.ocpp.abilities import ISO15118, V2X

BOTH_WAYS = {ISO15118.replace(".", "@1."): "true", V2X.replace(".", "@1."): "true"}


async def modes(bench: Any, values: dict[str, str], *discharges: bool, token: str = "TAG") -> list[str] | None:
    own = bench.station()
    (evse, *_) = own.settings.evses
    own.settings = replace(own.settings, evses=tuple(replace(evse, discharges=may) for may in discharges))
    station = await connect(bench.port, version="ocpp2.1")
    station.says = {"GetVariables": model(values), "SetVariables": accepted}
    await station.boot()
    assert await until(lambda: "SampledDataCtrlr.TxUpdatedInterval" in own.setup)
    answer = (await station.call("Authorize", {"idToken": {"idToken": token, "type": "ISO14443"}}))[2]
    await station.close()
    found: list[str] | None = answer.get("allowedEnergyTransfer")
    return found


@pytest.mark.ocpp("2.1", "Q01.FR.01")
async def test_a_station_for_both_ways_is_told_what_is_allowed(bench: Any) -> None:
    allowed = await modes(bench, BOTH_WAYS, True)
    assert allowed is not None
    assert {"AC_three_phase", "DC", "AC_BPT", "DC_BPT"} <= set(allowed)
    allowed = await modes(bench, BOTH_WAYS, False)
    assert allowed is not None
    assert not any("BPT" in mode for mode in allowed)


@pytest.mark.ocpp("2.1", "Q01.FR.08", "Q02.FR.03")
async def test_where_its_evses_differ_nothing_can_be_told_beforehand(bench: Any) -> None:
    assert await modes(bench, BOTH_WAYS, True, False) is None


async def test_a_station_that_knows_no_such_thing_and_a_stranger_hear_nothing_of_it(bench: Any) -> None:
    assert await modes(bench, {ISO15118.replace(".", "@1."): "true"}, True) is None
    bench.sink.known = {"TAG"}
    assert await modes(bench, BOTH_WAYS, True, token="STOLEN") is None
