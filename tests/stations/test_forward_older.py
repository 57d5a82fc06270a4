"""Stations of OCPP 2.x at a back end of 1.6, here the package `ocpp`: transactions, cards, states, and what it asks of them."""

from pathlib import Path
from typing import Any

import pytest
from forward_kit import Foreign
from forward_place import NOW, Place, backend, event2
from msgspec.structs import replace
from ocpp.v16 import call as call16
from ocpp_kit import RawStation, connect, until

from chargebridge.model.limit import LimitedPower


@pytest.fixture(params=["ocpp2.0.1", "ocpp2.1"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def arrive(place: Place, version: str) -> RawStation:
    station = await connect(place.central.port, version=version, password=None)
    await station.boot()
    return station


def register(wh: float, context: str = "Sample.Periodic", **more: Any) -> dict[str, Any]:
    value = {"value": wh / 1000, "context": context, "measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "kWh"}, **more}
    return {"meterValue": [{"timestamp": NOW, "sampledValue": [value, {"value": 50.0, "measurand": "Frequency"}]}]}


def state(charging: str, **more: Any) -> dict[str, Any]:
    return {"transactionInfo": {"transactionId": "T-1", "chargingState": charging, **more}}


async def test_a_cable_before_its_card(tmp_path: Path, version: str) -> None:
    """What is known of a transaction before its card comes outlives a restart; what the station says again is told once."""
    signed = {"signedMeterData": "T0NNRg==", "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    async with Foreign("ocpp1.6") as foreign:
        foreign.cards = {"THEIRS"}
        rules = backend(foreign.port, protocol="ocpp1.6")
        async with Place(tmp_path, rules) as place:
            station = await arrive(place, version)
            occupied = {"timestamp": NOW, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}
            await station.call("StatusNotification", occupied)
            began = event2("Started", 0, **state("EVConnected"), **register(1000, "Transaction.Begin", signedMeterValue=signed))
            assert (await station.call("TransactionEvent", began))[0] == 3
            assert await until(lambda: foreign.actions() == ["BootNotification", "StatusNotification"])
            assert await until(lambda: place.forwarder.states[0].delivered == 2), "answered, or it would be said again"
            await station.close()
        async with Place(tmp_path, rules) as place:
            station = await connect(place.central.port, version=version, password=None)
            assert await until(lambda: bool(place.forwarder.states) and place.forwarder.states[0].connected)
            answer = await station.call("Authorize", {"idToken": {"idToken": "THEIRS", "type": "ISO14443"}})
            assert answer[2]["idTokenInfo"]["status"] == "Accepted"
            shown = event2("Updated", 1, "THEIRS", **state("Charging"))
            for _ in range(2):
                await station.call("TransactionEvent", shown)
            await station.call("TransactionEvent", event2("Updated", 2, **register(1500)))
            ended = event2("Ended", 3, **{**state("EVConnected", stoppedReason="ImmediateReset"), **register(1800, "Transaction.End")})
            for _ in range(2):
                await station.call("TransactionEvent", ended)
            course = ["BootNotification", "StatusNotification", "Authorize", "StartTransaction", "MeterValues", "StatusNotification",
                      "MeterValues", "StopTransaction", "StatusNotification"]  # fmt: skip
            assert await until(lambda: len(foreign.actions()) >= len(course) and place.forwarder.states[0].waiting == 0)
            assert sorted(foreign.actions()) == sorted(course)
            told = dict(foreign.said)
            start, stop = told["StartTransaction"], told["StopTransaction"]
            assert (start["connector_id"], start["id_tag"], start["meter_start"]) == (1, "THEIRS", 1000)
            assert start["timestamp"].startswith("2026-01-05T12:01"), "with the card, not with the cable"
            assert (stop["transaction_id"], stop["meter_stop"], stop["reason"]) == (4711, 1800, "HardReset")
            samples = [
                value for _, payload in foreign.said if "meter_value" in payload for value in payload["meter_value"][0]["sampled_value"]
            ]
            assert [(v["value"], v.get("format"), v.get("unit")) for v in samples if v["measurand"].startswith("Energy")] == [
                ("1", None, "kWh"), ("T0NNRg==", "SignedData", None), ("1.5", None, "kWh"),
            ]  # fmt: skip
            statuses = [payload["status"] for action, payload in foreign.said if action == "StatusNotification"]
            assert statuses == ["Preparing", "Charging", "Finishing"]
            assert [event.billed_by for event in place.sink.events() if event.billed_by] == ["maker"]
            assert place.forwarder.states[0].refused == 0


async def test_a_card_that_is_ours_is_none_of_its_business(tmp_path: Path, version: str) -> None:
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port, protocol="ocpp1.6")) as place:
        station = await arrive(place, version)
        await station.call("TransactionEvent", event2("Started", 0, "OURS", **register(1000)))
        await station.call("TransactionEvent", event2("Ended", 1, **register(1500)))
        await station.call("StatusNotification", {"timestamp": NOW, "connectorStatus": "Faulted", "evseId": 1, "connectorId": 1})
        assert await until(lambda: len(foreign.actions()) == 3 and place.forwarder.states[0].waiting == 0)
        assert [payload.get("status") for _, payload in foreign.said] == [None, "Finishing", "Faulted"], "a boot and two states"
        assert foreign.said[-1][1] == {
            "connector_id": 1,
            "error_code": "OtherError",
            "status": "Faulted",
            "timestamp": "2026-01-05T12:00:00Z",
        }


async def test_what_it_asks_of_the_station(tmp_path: Path, version: str) -> None:
    async with Foreign("ocpp1.6") as foreign:
        rules = backend(foreign.port, protocol="ocpp1.6", may=frozenset({"start_stop", "limit", "unlock", "reset", "read"}))
        async with Place(tmp_path, rules) as place:
            station = await arrive(place, version)
            assert await until(lambda: foreign.station and place.forwarder.states[0].waiting == 0)

            def asked(action: str) -> list[dict[str, Any]]:
                return [frame[3] for frame in station.asked if frame[2] == action]

            assert (await foreign.station.call(call16.RemoteStartTransaction(id_tag="APP", connector_id=1))).status == "Accepted"
            (start,) = asked("RequestStartTransaction")
            assert (start["evseId"], start["idToken"]) == (1, {"idToken": "APP", "type": "Central"})
            await station.call("TransactionEvent", event2("Started", 0, "APP", **register(2000)))
            assert await until(lambda: "StartTransaction" in foreign.actions() and place.forwarder.states[0].waiting == 0)
            assert (await foreign.station.call(call16.RemoteStopTransaction(transaction_id=4712))).status == "Rejected", "it knows no such"
            assert (await foreign.station.call(call16.RemoteStopTransaction(transaction_id=4711))).status == "Accepted"
            assert asked("RequestStopTransaction") == [{"transactionId": "T-1"}]
            schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 0.0}]}
            profile = {
                "chargingProfileId": 7, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
                "chargingSchedule": schedule, "transactionId": 4711,
            }  # fmt: skip
            done = await foreign.station.call(call16.SetChargingProfile(connector_id=1, cs_charging_profiles=profile))
            assert done.status == "Accepted"
            assert place.desk.bounds() == [LimitedPower(0.0)]
            assert (await foreign.station.call(call16.Reset(type="Soft"))).status == "Accepted"
            assert asked("Reset") == [{"type": "OnIdle"}]
            assert (await foreign.station.call(call16.ChangeAvailability(connector_id=1, type="Inoperative"))).status == "Rejected"
            assert await foreign.station.call(call16.GetConfiguration(), suppress=True) is None, "settings are not translated"


async def test_one_that_comes_later_is_told_who_the_station_is(tmp_path: Path) -> None:
    async with Place(tmp_path, backend(1, protocol="ocpp1.6")) as place:
        station = await arrive(place, "ocpp2.0.1")
        for connector, word in ((1, "Available"), (2, "Unavailable")):
            await station.call("StatusNotification", {"timestamp": NOW, "connectorStatus": word, "evseId": 1, "connectorId": connector})
        await station.close()
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, replace(backend(foreign.port, protocol="ocpp1.6"), name="other")) as place:
        await connect(place.central.port, version="ocpp2.0.1", password=None)
        assert await until(lambda: foreign.actions() == ["BootNotification", "StatusNotification"])
        assert foreign.said[-1][1]["status"] == "Available", "one of its connectors is free"
