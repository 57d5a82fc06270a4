"""Stations with peculiarities: what a tolerance profile changes in the conversation."""

import asyncio
from typing import Any

import pytest
from ocpp_kit import PASSWORD, RawStation, connect, until

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp import CentralSystem, EvseSettings, ServerSettings, StationSettings
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.port import Outcome
from chargebridge.store.passwords import hash_password

SHORT = {"grace_s": 0.1, "call_timeout_s": 1.0}


@pytest.fixture
async def peculiar(bench: Any) -> Any:
    """A function that connects a station with a profile to a Central System of its own."""
    systems: list[CentralSystem] = []

    async def make(tolerance: str | None) -> tuple[RawStation, OcppStation]:
        evses = (EvseSettings(fallback_current_a=6.0),)
        settings = StationSettings(identity="CP-1", password_hash=hash_password(PASSWORD), evses=evses, tolerance=tolerance)
        central = CentralSystem(ServerSettings(port=0, **SHORT), [settings], bench.sink, WallClock())
        systems.append(central)
        await central.start()
        station = central.station("CP-1")
        assert station is not None
        return await connect(central.port), station

    yield make
    for central in systems:
        await central.stop()


def test_an_unknown_profile_is_refused(bench: Any) -> None:
    with pytest.raises(ValueError, match="no tolerance profile 'nokia'"):
        bench.central.admit(StationSettings(identity="CP-9", security_profile=0, tolerance="nokia"))


async def test_what_is_refused_strictly_is_taken_with_the_profile(peculiar: Any, bench: Any) -> None:
    meter = {"timestamp": "2026-01-05T12:00:00Z", "sampledValue": [{"value": 604.213, "unit": "W", "measurand": "Power.Active.Import"}]}
    raw, _ = await peculiar(None)
    await raw.boot()
    assert (await raw.call("MeterValues", {"connectorId": 1, "meterValue": [meter]}))[0] == 4
    assert not bench.sink.measurements
    raw, station = await peculiar("openevse")
    await raw.boot()
    assert (await raw.call("MeterValues", {"connectorId": 1, "meterValue": [meter]}))[0] == 3
    assert [m.power_w for _, m in bench.sink.measurements] == [604.213]
    assert station.session.connection.counters.mended == {"meter_number_spelling": 1}


async def test_an_answer_that_must_not_come_at_once(peculiar: Any) -> None:
    raw, _ = await peculiar("free2move-eprowallbox")
    await raw.boot()
    begin = asyncio.get_running_loop().time()
    start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-01-05T12:00:00Z"}
    await raw.call("StartTransaction", start)
    assert asyncio.get_running_loop().time() - begin >= 1.15
    begin = asyncio.get_running_loop().time()
    await raw.call("Heartbeat", {})
    assert asyncio.get_running_loop().time() - begin < 0.5


async def test_no_command_before_the_first_answer(peculiar: Any) -> None:
    raw, station = await peculiar("wallbox")
    await asyncio.sleep(0.3)
    assert not station.online
    assert not raw.asked
    await raw.boot()
    assert await until(lambda: raw.asked)
    raw, station = await peculiar(None)
    assert await until(lambda: station.online), "others are spoken to after the grace time"


async def test_a_single_stack_level_is_kept_for_the_fallback(peculiar: Any) -> None:
    raw, station = await peculiar("abb-terra-ac")
    await raw.boot()
    assert await until(lambda: raw.asked and station.online)
    answer = await station.offer(1, 10.0, 3, 60.0, None)
    assert answer.outcome is Outcome.UNSUPPORTED
    assert (await station.offer(1, 10.0, 3, 60.0, "7")).outcome is Outcome.ACCEPTED
    profiles = [frame[3]["csChargingProfiles"] for frame in raw.asked if frame[2] == "SetChargingProfile"]
    assert {(p["chargingProfilePurpose"], p["stackLevel"]) for p in profiles} == {("TxDefaultProfile", 0), ("TxProfile", 0)}


async def test_pings_can_be_left_out(peculiar: Any) -> None:
    _, station = await peculiar("no-ping")
    assert await until(lambda: station.session)
    assert await until(lambda: station.session._transport._socket.ping_interval is None)
