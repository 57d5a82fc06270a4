"""What only the second generation of OCPP has: device model, reports, monitors, display; and what 2.1 adds."""

import asyncio
from datetime import timedelta
from typing import Any

from station_kit import charge, request_of, station_at, until

from chargebridge.sim.ocpp_station.second.display import screen
from chargebridge.sim.ocpp_station.second.schedules import bound_from_outside, prefer
from chargebridge.sim.ocpp_station.second.v2x import needs

NEWEST = "ocpp2.1"


def spot(component: str, variable: str, evse: int | None = None) -> dict[str, Any]:
    place = {"evse": {"id": evse}} if evse else {}
    return {"component": {"name": component} | place, "variable": {"name": variable}}


def profile(number: int, transaction: str | None, period: dict[str, Any], **more: Any) -> dict[str, Any]:
    schedule = {"id": number, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0} | period]}
    told = {"id": number, "stackLevel": 0, "chargingProfileKind": "Relative", "chargingSchedule": [schedule]} | more
    return told | ({"transactionId": transaction, "chargingProfilePurpose": "TxProfile"} if transaction else {})


async def ask(bench: Any, action: str, payload: dict[str, Any]) -> Any:
    return await bench.csms.ask(request_of(bench.station.plan.version, action, payload))


async def test_the_device_model_is_reported_page_by_page(second: str) -> None:
    async with station_at(second) as bench:
        assert (await ask(bench, "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"})).status == "Accepted"
        assert await until(lambda: any(not page.tbc for page in bench.csms.heard("NotifyReport")))
        pages = bench.csms.heard("NotifyReport")
        assert [page.seq_no for page in pages] == list(range(len(pages)))
        assert len(pages) > 3
        names = [(item.component.name, item.variable.name) for page in pages for item in page.report_data]
        assert {("EVSE", "AvailabilityState"), ("OCPPCommCtrlr", "HeartbeatInterval"), ("ClockCtrlr", "DateTime")} <= set(names)
        wanted = {"requestId": 2, "componentVariable": [spot("EVSE", "Power", 2)]}
        assert (await ask(bench, "GetReport", wanted)).status == "Accepted"
        assert await until(lambda: any(page.request_id == 2 for page in bench.csms.heard("NotifyReport")))
        page = bench.csms.heard("NotifyReport")[-1]
        assert [item.component.evse.id for item in page.report_data] == [2]
        empty = {"requestId": 3, "componentVariable": [spot("Nothing", "Power")]}
        assert (await ask(bench, "GetReport", empty)).status == "EmptyResultSet"


async def test_variables_are_read_and_written(second: str) -> None:
    async with station_at(second) as bench:
        cases = [
            (spot("OCPPCommCtrlr", "HeartbeatInterval"), "30", "Accepted"),
            (spot("OCPPCommCtrlr", "HeartbeatInterval"), "soon", "Rejected"),
            (spot("EVSE", "Power", 1), "1", "Rejected"),
            (spot("EVSE", "Colour", 1), "1", "UnknownVariable"),
            (spot("Roof", "Colour"), "1", "UnknownComponent"),
            (spot("OCPPCommCtrlr", "HeartbeatInterval") | {"attributeType": "Target"}, "1", "NotSupportedAttributeType"),
        ]
        answer = await ask(bench, "SetVariables", {"setVariableData": [where | {"attributeValue": value} for where, value, _ in cases]})
        assert [result.attribute_status for result in answer.set_variable_result] == [status for _, _, status in cases]
        asked = [
            spot("OCPPCommCtrlr", "HeartbeatInterval"),
            spot("SecurityCtrlr", "BasicAuthPassword"),
            spot("EVSE", "AvailabilityState", 1),
        ]
        results = (await ask(bench, "GetVariables", {"getVariableData": asked})).get_variable_result
        assert [result.attribute_status for result in results] == ["Accepted", "Rejected", "Accepted"]
        assert [results[0].attribute_value, results[2].attribute_value] == ["30", "Available"]


async def test_monitors_notice(second: str) -> None:
    async with station_at(second) as bench:
        where = spot("EVSE", "Power", 1)
        monitors = [
            where | {"type": "UpperThreshold", "value": 5000, "severity": 4},
            spot("EVSE", "AvailabilityState", 1) | {"type": "Delta", "value": 1, "severity": 5},
            where | {"type": "Periodic", "value": 5, "severity": 8},
            spot("EVSE", "AvailabilityState", 1) | {"type": "LowerThreshold", "value": 1, "severity": 5},
        ]
        answer = await ask(bench, "SetVariableMonitoring", {"setMonitoringData": monitors})
        assert [r.status for r in answer.set_monitoring_result] == ["Accepted"] * 3 + ["UnsupportedMonitorType"]
        again = await ask(bench, "SetVariableMonitoring", {"setMonitoringData": monitors[:1]})
        assert again.set_monitoring_result[0].status == "Duplicate"
        await charge(bench)

        def triggers() -> set[str]:
            return {event.trigger for told in bench.csms.heard("NotifyEvent") for event in told.event_data}

        assert await until(lambda: triggers() == {"Alerting", "Delta", "Periodic"})
        bench.station.unplug(1)
        assert await until(lambda: any(e.cleared for told in bench.csms.heard("NotifyEvent") for e in told.event_data))
        assert (await ask(bench, "GetMonitoringReport", {"requestId": 4, "monitoringCriteria": ["DeltaMonitoring"]})).status == "Accepted"
        assert await until(lambda: bench.csms.heard("NotifyMonitoringReport"))
        cleared = await ask(bench, "ClearVariableMonitoring", {"id": [1, 77]})
        assert [r.status for r in cleared.clear_monitoring_result] == ["Accepted", "NotFound"]
        assert (await ask(bench, "SetMonitoringBase", {"monitoringBase": "FactoryDefault"})).status == "Accepted"
        assert (await ask(bench, "GetMonitoringReport", {"requestId": 5})).status == "EmptyResultSet"


async def test_the_display_shows_what_it_is_told(second: str) -> None:
    async with station_at(second) as bench:
        message = {"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "welcome"}}
        front = {"id": 2, "priority": "AlwaysFront", "message": {"format": "UTF8", "content": "closed at ten"}}
        for told in (message, front):
            assert (await ask(bench, "SetDisplayMessage", {"message": told})).status == "Accepted"
        html = message | {"message": {"format": "HTML", "content": "<b>"}}
        assert (await ask(bench, "SetDisplayMessage", {"message": html})).status == "NotSupportedMessageFormat"
        assert (await ask(bench, "SetDisplayMessage", {"message": message | {"transactionId": "x"}})).status == "UnknownTransaction"
        assert screen(bench.station, bench.station.voice) == ["closed at ten", "welcome"]  # type: ignore[arg-type]
        assert (await ask(bench, "GetDisplayMessages", {"requestId": 1})).status == "Accepted"
        assert await until(lambda: bench.csms.heard("NotifyDisplayMessages"))
        assert (await ask(bench, "ClearDisplayMessage", {"id": 2})).status == "Accepted"
        assert (await ask(bench, "ClearDisplayMessage", {"id": 2})).status == "Unknown"


async def test_customers_transactions_and_profiles_are_told(second: str) -> None:
    async with station_at(second) as bench:
        bench.station.voice.variables["AuthCacheCtrlr.Enabled"] = "true"
        transaction = await charge(bench)
        who = {"requestId": 1, "report": True, "clear": True, "idToken": {"idToken": "TAG", "type": "ISO14443"}}
        assert (await ask(bench, "CustomerInformation", who)).status == "Accepted"
        assert await until(lambda: bench.csms.heard("NotifyCustomerInformation"))
        assert bench.csms.heard("NotifyCustomerInformation")[0].data == "cache: TAG Accepted"
        answer = await ask(bench, "GetTransactionStatus", {"transactionId": transaction})
        assert (answer.ongoing_indicator, answer.messages_in_queue) == (True, False)
        told = {"evseId": 1, "chargingProfile": profile(8, transaction, {"limit": 9.0})}
        assert (await ask(bench, "SetChargingProfile", told)).status == "Accepted"
        assert (await ask(bench, "GetChargingProfiles", {"requestId": 2, "chargingProfile": {}})).status == "Accepted"
        assert await until(lambda: bench.csms.heard("ReportChargingProfiles"))
        assert bench.csms.heard("ReportChargingProfiles")[0].charging_profile[0].id == 8
        bound_from_outside(bench.station, 7.0)
        assert await until(lambda: bench.cars.current_a[1] == 7.0 and bench.csms.heard("NotifyChargingLimit"))
        bound_from_outside(bench.station, None)
        assert await until(lambda: bench.cars.current_a[1] == 9.0 and bench.csms.heard("ClearedChargingLimit"))


async def test_a_transaction_that_begins_with_the_cable(second: str) -> None:
    async with station_at(second) as bench:
        start = spot("TxCtrlr", "TxStartPoint") | {"attributeValue": "EVConnected"}
        assert (await ask(bench, "SetVariables", {"setVariableData": [start]})).set_variable_result[0].attribute_status == "Accepted"
        bench.station.plug(1)
        assert await bench.station.present(1, "TAG")
        assert await until(lambda: len(bench.csms.heard("TransactionEvent")) >= 2)
        first, then = bench.csms.heard("TransactionEvent")[:2]
        assert (first.trigger_reason, then.trigger_reason) == ("CablePluggedIn", "Authorized")
        assert not first.id_token
        assert then.id_token.id_token == "TAG"


async def test_resets(second: str) -> None:
    async with station_at(second) as bench:
        await charge(bench)
        assert (await ask(bench, "Reset", {"type": "OnIdle"})).status == "Scheduled"
        assert len(bench.csms.heard("BootNotification")) == 1
        bench.station.unplug(1)
        assert await until(lambda: len(bench.csms.heard("BootNotification")) == 2)
        assert bench.csms.heard("BootNotification")[1].reason == "ScheduledReset"


async def test_a_new_way_to_the_csms(second: str) -> None:
    async with station_at(second) as bench:
        data = {
            "ocppInterface": "Wired0", "ocppTransport": "JSON", "messageTimeout": 30, "securityProfile": 1,
            "ocppCsmsUrl": f"ws://127.0.0.1:{bench.port}/elsewhere",
        } | ({"ocppVersion": "OCPP20"} if second == "ocpp2.0.1" else {})  # fmt: skip
        assert (await ask(bench, "SetNetworkProfile", {"configurationSlot": 2, "connectionData": data})).status == "Accepted"
        worse = data | {"securityProfile": 0}
        assert (await ask(bench, "SetNetworkProfile", {"configurationSlot": 3, "connectionData": worse})).status == "Rejected"
        for value, status in (("7", "Rejected"), ("2", "Accepted")):
            order = spot("OCPPCommCtrlr", "NetworkConfigurationPriority") | {"attributeValue": value}
            result = (await ask(bench, "SetVariables", {"setVariableData": [order]})).set_variable_result[0]
            assert result.attribute_status == status
        assert (await ask(bench, "Reset", {"type": "Immediate"})).status == "Accepted"
        assert await until(lambda: len(bench.csms.connections) == 2 and bench.station.online)
        assert bench.csms.connections[1].request.path == "/elsewhere/CP-1"


# What 2.1 adds


async def test_streams_are_sent_and_never_answered() -> None:
    async with station_at(NEWEST) as bench:
        stream = spot("EVSE", "Power", 1) | {"type": "Periodic", "value": 1, "severity": 8, "periodicEventStream": {"values": 3}}
        answer = await ask(bench, "SetVariableMonitoring", {"setMonitoringData": [stream]})
        assert answer.set_monitoring_result[0].status == "Accepted"
        assert await until(lambda: bench.csms.heard("NotifyPeriodicEventStream"))
        told = bench.csms.heard("NotifyPeriodicEventStream")[0]
        assert len(told.data) == 3
        assert told.data[0].t == 0.0
        assert (await ask(bench, "GetPeriodicEventStream", {})).constant_stream_data[0].params.values == 3
        assert (await ask(bench, "AdjustPeriodicEventStream", {"id": told.id, "params": {"values": 5}})).status == "Accepted"
        assert await until(lambda: len(bench.csms.heard("NotifyPeriodicEventStream")[-1].data) == 5)
        await ask(bench, "ClearVariableMonitoring", {"id": [told.id]})
        assert await until(lambda: bench.csms.heard("ClosePeriodicEventStream"))


async def test_an_answer_that_cannot_be_used_is_disputed() -> None:
    async with station_at(NEWEST) as bench:
        socket = bench.csms.connections[0]
        bench.csms.says["Authorize"] = None
        showing = asyncio.create_task(bench.station.present(1, "TAG"))
        assert await until(lambda: any("Authorize" in f["frame"] for f in bench.kinds("sent")))
        frame = next(f["frame"] for f in bench.kinds("sent") if "Authorize" in f["frame"])
        await socket.send(f'[3,"{frame.split(chr(34))[1]}",{{"idTokenInfo":{{"status":"Perhaps"}}}}]')
        assert await until(lambda: bench.csms.disputed)
        await showing


async def test_a_car_gives_power_back_by_dynamic_setpoints() -> None:
    async with station_at(NEWEST) as bench:
        transaction = await charge(bench)
        bench.station.uplink.say(needs(bench.station, 1, 20_000.0, both_ways=True))
        assert await until(lambda: bench.csms.heard("NotifyEVChargingNeeds"))
        allowed = {"transactionId": transaction, "allowedEnergyTransfer": ["AC_BPT"]}
        assert (await ask(bench, "NotifyAllowedEnergyTransfer", allowed)).status == "Accepted"
        period = {"setpoint": -10.0, "dischargeLimit": -16.0, "limit": 16.0, "operationMode": "CentralSetpoint"}
        told = profile(8, transaction, period, chargingProfileKind="Dynamic", dynUpdateInterval=5)
        assert (await ask(bench, "SetChargingProfile", {"evseId": 1, "chargingProfile": told})).status == "Accepted"
        assert await until(lambda: bench.cars.current_a[1] == -10.0)
        assert await until(lambda: any(e.trigger_reason == "OperationModeChanged" for e in bench.csms.heard("TransactionEvent")))
        update = {"chargingProfileId": 8, "scheduleUpdate": {"setpoint": -14.0}}
        assert (await ask(bench, "UpdateDynamicSchedule", update)).status == "Accepted"
        assert await until(lambda: bench.cars.current_a[1] == -14.0)
        bench.csms.says["PullDynamicScheduleUpdate"] = {"status": "Accepted", "scheduleUpdate": {"setpoint": 8.0}}
        assert await until(lambda: bench.cars.current_a[1] == 8.0)
        schedule = (await ask(bench, "GetCompositeSchedule", {"evseId": 1, "duration": 60})).schedule.charging_schedule_period[0]
        assert (schedule.setpoint, schedule.operation_mode) == (8.0, "CentralSetpoint")
        two = told["chargingSchedule"][0] | {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9.0}, {"startPeriod": 9, "limit": 8.0}]}
        assert (
            await ask(bench, "SetChargingProfile", {"evseId": 1, "chargingProfile": told | {"chargingSchedule": [two]}})
        ).status == "Rejected"
        outward = profile(9, None, period, chargingProfilePurpose="TxDefaultProfile")
        assert (await ask(bench, "SetChargingProfile", {"evseId": 2, "chargingProfile": outward})).status == "Rejected", "it cannot"


async def test_a_frequency_service_is_followed() -> None:
    async with station_at(NEWEST) as bench:
        transaction = await charge(bench)
        curve = [{"signal": -1, "power": -20.0}, {"signal": 1, "power": 20.0}]
        period = {"limit": 32.0, "dischargeLimit": -32.0, "operationMode": "LocalFrequency", "v2xSignalWattCurve": curve}
        told = profile(8, transaction, period)
        signal = {"timestamp": bench.station.now().isoformat(), "signal": -1}
        assert (await ask(bench, "AFRRSignal", signal)).status == "Rejected"
        assert (await ask(bench, "SetChargingProfile", {"evseId": 1, "chargingProfile": told})).status == "Accepted"
        assert (await ask(bench, "AFRRSignal", signal)).status == "Accepted"
        assert await until(lambda: bench.cars.current_a[1] == -20.0)


async def test_priority_goes_before_other_profiles() -> None:
    async with station_at(NEWEST) as bench:
        transaction = await charge(bench)
        slow = {"evseId": 1, "chargingProfile": profile(1, transaction, {"limit": 8.0})}
        assert (await ask(bench, "SetChargingProfile", slow)).status == "Accepted"
        use = {"transactionId": transaction, "activate": True}
        assert (await ask(bench, "UsePriorityCharging", use)).status == "NoProfile"
        assert not prefer(bench.station, 1, on=True)
        fast = {"evseId": 1, "chargingProfile": profile(2, None, {"limit": 30.0}, chargingProfilePurpose="PriorityCharging")}
        assert (await ask(bench, "SetChargingProfile", fast)).status == "Accepted"
        assert bench.cars.current_a[1] == 8.0
        assert (await ask(bench, "UsePriorityCharging", use)).status == "Accepted"
        assert await until(lambda: bench.cars.current_a[1] == 30.0)
        assert prefer(bench.station, 1, on=False)
        assert await until(lambda: bench.cars.current_a[1] == 8.0 and bench.csms.heard("NotifyPriorityCharging"))


async def test_der_controls_bend_what_flows() -> None:
    async with station_at(NEWEST) as bench:
        await charge(bench)
        der = bench.station.voice.der  # type: ignore[attr-defined]
        curve = {"curveData": [{"x": 50.0, "y": 100}, {"x": 51.0, "y": 0}], "priority": 5, "yUnit": "PctMaxW"}
        told = {"isDefault": True, "controlId": "a", "controlType": "FreqWatt", "curve": curve}
        assert (await ask(bench, "SetDERControl", told)).status == "Accepted"
        better = told | {"controlId": "b", "curve": curve | {"priority": 1}}
        answer = await ask(bench, "SetDERControl", better)
        assert answer.superseded_ids == ("a",)
        assert (await ask(bench, "SetDERControl", told | {"controlType": "WattVar", "controlId": "c"})).status == "NotSupported"
        der.frequency_hz = 50.5
        assert await until(lambda: bench.cars.current_a[1] == 16.0 and bench.csms.heard("NotifyDERAlarm"))
        der.frequency_hz = 50.0
        assert await until(lambda: bench.cars.current_a[1] == 32.0)
        assert await until(lambda: [bool(a.alarm_ended) for a in bench.csms.heard("NotifyDERAlarm")] == [False, True])
        start = (bench.station.now() + timedelta(seconds=3)).isoformat()
        later = told | {"isDefault": False, "controlId": "d", "curve": curve | {"startTime": start, "duration": 4.0}}
        assert (await ask(bench, "SetDERControl", later)).status == "Accepted"
        assert await until(lambda: [s.started for s in bench.csms.heard("NotifyDERStartStop")] == [True, False])
        assert (await ask(bench, "GetDERControl", {"requestId": 6})).status == "Accepted"
        assert await until(lambda: bench.csms.heard("ReportDERControl"))
        report = bench.csms.heard("ReportDERControl")[0]
        assert [(c.id, c.is_superseded) for c in report.curve] == [("a", True), ("b", False)]
        assert (await ask(bench, "ClearDERControl", {"isDefault": True})).status == "Accepted"
        assert (await ask(bench, "GetDERControl", {"requestId": 7})).status == "NotFound"


async def test_batteries_are_swapped() -> None:
    async with station_at(NEWEST, batteries=1) as bench:
        swap = bench.station.voice.swap  # type: ignore[attr-defined]
        request = {"idToken": {"idToken": "TAG", "type": "ISO14443"}, "requestId": 12}
        assert (await ask(bench, "RequestBatterySwap", request)).status == "Accepted"
        assert (await ask(bench, "RequestBatterySwap", request)).status_info.reason_code == "NoBatteryAvailable"
        swap.bring(bench.station, 1, "OLD", 11.0)
        swap.take(bench.station, 2, "NEW", 99.0)
        assert await until(lambda: len(bench.csms.heard("BatterySwap")) == 2)
        told = [(e.event_type, e.request_id, e.battery_data[0].serial_number) for e in bench.csms.heard("BatterySwap")]
        assert sorted(told) == [("BatteryIn", 12, "OLD"), ("BatteryOut", 12, "NEW")]


async def test_tariffs_and_bounds_of_a_transaction() -> None:
    async with station_at(NEWEST) as bench:
        tariff = {
            "tariffId": "T1",
            "currency": "EUR",
            "energy": {"prices": [{"priceKwh": 0.5}]},
            "fixedFee": {"prices": [{"priceFixed": 1.0}]},
        }
        assert (await ask(bench, "SetDefaultTariff", {"evseId": 0, "tariff": tariff})).status == "Accepted"
        assert (await ask(bench, "SetDefaultTariff", {"evseId": 0, "tariff": tariff | {"currency": "USD"}})).status == "Rejected"
        assert (await ask(bench, "GetTariffs", {"evseId": 1})).tariff_assignments[0].tariff_id == "T1"
        bench.csms.says["TransactionEvent"] = {"idTokenInfo": {"status": "Accepted"}, "transactionLimit": {"maxEnergy": 2000.0}}
        transaction = await charge(bench)
        dearer = tariff | {"tariffId": "T2", "energy": {"prices": [{"priceKwh": 1.0}]}}
        assert (await ask(bench, "ChangeTransactionTariff", {"transactionId": transaction, "tariff": dearer})).status == "Accepted"
        await ask(bench, "CostUpdated", {"transactionId": transaction, "totalCost": 1.5})
        assert bench.station.evses[1].transaction is not None
        assert bench.station.evses[1].transaction.cost == 1.5
        bench.cars.energy_wh += 2000
        assert await until(lambda: bench.csms.heard("TransactionEvent")[-1].event_type == "Ended")
        ended = bench.csms.heard("TransactionEvent")[-1]
        assert ended.transaction_info.stopped_reason == "EnergyLimitReached"
        assert ended.cost_details.total_cost.total.excl_tax == 3.0
        assert (await ask(bench, "ClearTariffs", {})).clear_tariffs_result[0].status == "Accepted"
        assert (await ask(bench, "GetTariffs", {"evseId": 1})).status == "NoTariff"


async def test_a_transaction_goes_on_after_a_reboot() -> None:
    async with station_at(NEWEST) as bench:
        transaction = await charge(bench)
        assert (await ask(bench, "Reset", {"type": "ImmediateAndResume"})).status == "Accepted"
        assert await until(lambda: len(bench.csms.heard("BootNotification")) == 2)
        assert await until(lambda: any(e.trigger_reason == "TxResumed" for e in bench.csms.heard("TransactionEvent")))
        assert bench.station.evses[1].transaction is not None
        assert bench.station.evses[1].transaction.key == transaction
