"""The functional blocks of the virtual station that both generations have, at a Central System over a real socket."""

import base64
from datetime import timedelta
from typing import Any

from station_kit import charge, request_of, station_at, until

from chargebridge.sim.ocpp_station.authorisation import Entry
from chargebridge.sim.ocpp_station.second.edition import narrow, widen
from chargebridge.wire.ocpp import v16, v21, v201


def token(version: str, name: str) -> dict[str, Any]:
    return {"idTag": name} if version == "ocpp1.6" else {"idToken": {"idToken": name, "type": "ISO14443"}}


async def configure(bench: Any, version: str, key: str, variable: str, value: str) -> str:
    """Write a setting by its name in 1.6 or in 2.x; what the station says."""
    if version == "ocpp1.6":
        return str((await bench.csms.ask(v16.ChangeConfigurationRequest(key=key, value=value))).status)
    component, name = variable.split(".")
    data = {"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}
    answer = await bench.csms.ask(request_of(version, "SetVariables", {"setVariableData": [data]}))
    return str(answer.set_variable_result[0].attribute_status)


def test_the_two_editions_convert() -> None:
    request = v21.HeartbeatRequest()
    assert isinstance(narrow(request), v201.HeartbeatRequest)
    assert widen(narrow(request)) == request


async def test_lists_decide_when_the_line_is_lost(version: str) -> None:
    async with station_at(version) as bench:
        station, csms = bench.station, bench.csms
        assert (
            await configure(bench, version, "AllowOfflineTxForUnknownId", "AuthCtrlr.OfflineTxForUnknownIdEnabled", "false") == "Accepted"
        )
        friend = token(version, "FRIEND") | {"idTagInfo" if version == "ocpp1.6" else "idTokenInfo": {"status": "Accepted"}}
        number = "listVersion" if version == "ocpp1.6" else "versionNumber"
        update = {number: 3, "localAuthorizationList": [friend], "updateType": "Full"}
        assert (await csms.ask(request_of(version, "SendLocalList", update))).status == "Accepted"
        again = update | {"updateType": "Differential"}
        assert (await csms.ask(request_of(version, "SendLocalList", again))).status == "VersionMismatch"
        assert station.local_list.version == 3
        station.go_offline()
        assert await until(lambda: not station.online)
        assert not await station.present(1, "FOE")
        assert await station.present(1, "FRIEND")


async def test_the_cache_remembers_answers(version: str) -> None:
    async with station_at(version) as bench:
        station = bench.station
        assert await configure(bench, version, "AuthorizationCacheEnabled", "AuthCacheCtrlr.Enabled", "true") == "Accepted"
        assert await configure(bench, version, "LocalPreAuthorize", "AuthCtrlr.LocalPreAuthorize", "true") == "Accepted"
        assert await station.present(1, "TAG")
        asked = len(bench.csms.heard("Authorize"))
        assert station.cache.entries["TAG"] == Entry("Accepted")
        assert await station.present(2, "TAG")
        assert len(bench.csms.heard("Authorize")) == asked, "known by itself"
        assert (await bench.csms.ask(request_of(version, "ClearCache", {}))).status == "Accepted"
        assert not station.cache.entries


async def test_a_reservation_keeps_an_evse(version: str) -> None:
    async with station_at(version) as bench:
        station, csms = bench.station, bench.csms
        until_then = (station.now() + timedelta(seconds=20)).isoformat()
        ids = {"connectorId": 1, "reservationId": 5, "expiryDate": until_then}
        if version != "ocpp1.6":
            ids = {"evseId": 1, "id": 5, "expiryDateTime": until_then}
        assert (await csms.ask(request_of(version, "ReserveNow", ids | token(version, "MINE")))).status == "Accepted"
        assert await until(lambda: station.evses[1].state.value == "Reserved")
        assert not await station.present(1, "ANOTHER")
        assert await station.present(1, "MINE")
        station.plug(1)
        assert await until(lambda: not len(station.uplink.outbox))
        started = csms.heard("StartTransaction" if version == "ocpp1.6" else "TransactionEvent")[0]
        assert started.reservation_id == 5
        second = ids | {"connectorId" if version == "ocpp1.6" else "evseId": 2, "reservationId" if version == "ocpp1.6" else "id": 6}
        assert (await csms.ask(request_of(version, "ReserveNow", second | token(version, "MINE")))).status == "Accepted"
        assert await until(lambda: station.evses[2].state.value == "Reserved")
        assert await until(lambda: station.evses[2].state.value == "Available"), "it is over"
        if version != "ocpp1.6":
            assert await until(lambda: csms.heard("ReservationStatusUpdate"))


async def test_a_clock_that_is_wrong_is_set(version: str) -> None:
    async with station_at(version) as bench:
        station, real = bench.station, bench.csms.now
        bench.csms.now = lambda: real() + timedelta(hours=1)
        assert (await bench.csms.ask(request_of(version, "TriggerMessage", {"requestedMessage": "Heartbeat"}))).status == "Accepted"
        assert await until(lambda: bench.csms.heard("Heartbeat"))
        station.reboot()
        assert await until(lambda: (station.now() - real()).total_seconds() > 3000)
        assert await until(lambda: any(e.type == "SettingSystemTime" for e in bench.csms.heard("SecurityEventNotification")))


async def test_messages_on_demand(version: str) -> None:
    async with station_at(version) as bench:
        for message in ("BootNotification", "StatusNotification", "FirmwareStatusNotification", "MeterValues"):
            before = len(bench.csms.heard(message))
            assert (await bench.csms.ask(request_of(version, "TriggerMessage", {"requestedMessage": message}))).status == "Accepted"
            assert await until(lambda name=message, count=before: len(bench.csms.heard(name)) > count), message


async def test_an_offline_transaction_is_told_afterwards_in_order(version: str) -> None:
    async with station_at(version, sample_interval_s=5) as bench:
        station = bench.station
        station.go_offline()
        assert await until(lambda: not station.online)
        station.plug(1)
        assert await station.present(1, "TAG")
        assert await until(lambda: len(station.uplink.outbox) >= 3)
        station.unplug(1)
        station.go_online()
        assert await until(lambda: station.online and not len(station.uplink.outbox))
        if version == "ocpp1.6":
            names = [name for name, _ in bench.csms.seen if name in ("StartTransaction", "MeterValues", "StopTransaction")]
            assert names[0] == "StartTransaction"
            assert names[-1] == "StopTransaction"
        else:
            events = bench.csms.heard("TransactionEvent")
            assert [event.seq_no for event in events] == list(range(len(events)))
            assert all(event.offline for event in events)
            assert events[-1].transaction_info.stopped_reason == "EVDisconnected"


async def test_profiles_of_all_purposes_come_to_one_schedule(version: str) -> None:
    async with station_at(version) as bench:
        transaction = await charge(bench)
        first = version == "ocpp1.6"
        for number, (purpose, evse, limit) in enumerate(
            [
                ("TxDefaultProfile", 0, 20.0),
                ("TxProfile", 1, 16.0),
                ("ChargePointMaxProfile" if first else "ChargingStationMaxProfile", 0, 12.0),
            ],
            1,
        ):
            schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
            profile = {"stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": "Relative"}
            own = {"transactionId": int(transaction) if first else transaction} if purpose == "TxProfile" else {}
            if first:
                told = {
                    "connectorId": evse,
                    "csChargingProfiles": profile | own | {"chargingProfileId": number, "chargingSchedule": schedule},
                }
            else:
                told = {"evseId": evse, "chargingProfile": profile | own | {"id": number, "chargingSchedule": [schedule | {"id": number}]}}
            assert (await bench.csms.ask(request_of(version, "SetChargingProfile", told))).status == "Accepted"
            assert await until(lambda amps=limit: bench.cars.current_a[1] == amps), purpose
        place = "connectorId" if first else "evseId"
        answer = await bench.csms.ask(request_of(version, "GetCompositeSchedule", {place: 1, "duration": 60}))
        found = answer.charging_schedule if first else answer.schedule
        assert found.charging_schedule_period[0].limit == 12.0
        assert (await bench.csms.ask(request_of(version, "ClearChargingProfile", {}))).status == "Accepted"
        assert await until(lambda: bench.cars.current_a[1] == 32.0)


async def test_a_change_of_password_counts_from_the_next_connection_on(version: str) -> None:
    async with station_at(version) as bench:
        assert await configure(bench, version, "AuthorizationKey", "SecurityCtrlr.BasicAuthPassword", "a new password, long") == "Accepted"
        assert await until(lambda: len(bench.csms.connections) == 2 and bench.station.online)
        headers = bench.csms.connections[1].request.headers
        assert base64.b64decode(headers["Authorization"].split()[1]) == b"CP-1:a new password, long"


async def test_own_messages_pass_and_others_do_not(version: str) -> None:
    async with station_at(version) as bench:
        for vendor, status in (("chargebridge", "Accepted"), ("somebody", "UnknownVendorId")):
            answer = await bench.csms.ask(request_of(version, "DataTransfer", {"vendorId": vendor, "data": "hello"}))
            assert answer.status == status


async def test_unlocking_and_availability(version: str) -> None:
    async with station_at(version) as bench:
        first = version == "ocpp1.6"
        unlock = {"connectorId": 1} | ({} if first else {"evseId": 1})
        assert (await bench.csms.ask(request_of(version, "UnlockConnector", unlock))).status == "Unlocked"
        change = {"connectorId": 1, "type": "Inoperative"} if first else {"evse": {"id": 1}, "operationalStatus": "Inoperative"}
        assert (await bench.csms.ask(request_of(version, "ChangeAvailability", change))).status == "Accepted"
        assert await until(lambda: bench.station.evses[1].state.value == "Unavailable")
        assert not await bench.station.present(1, "TAG")
