"""What a day has only in 2.0.1 and 2.1: device model, monitoring, display, cost; and in 2.1 DER control, dynamic schedules, streams, tariffs."""

from typing import TYPE_CHECKING

from interop.ocpp.charge_point import stamp
from interop.ocpp.check import until
from interop.ocpp.link import Message

if TYPE_CHECKING:
    from interop.ocpp.day import Day

MONITORED: Message = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Temperature"}}


async def second_generation(day: "Day") -> None:
    await device_model(day)
    shown = {"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "Good morning"}}
    await day.ask("SetDisplayMessage", {"message": shown}, "a message is shown")
    await day.ask("GetDisplayMessages", {"requestId": 4}, "messages are asked for")
    day.check("and reported", await until(lambda: "DisplayMessages" in kinds(day)), kinds(day))
    await day.ask("ClearDisplayMessage", {"id": 1}, "and cleared")
    await day.ask("CostUpdated", {"totalCost": 3.5, "transactionId": "tx-0"}, "running cost is told", None)
    await day.ask("GetTransactionStatus", {}, "transaction status", None)
    if day.version == "ocpp2.1":
        await of_2_1(day)


async def device_model(day: "Day") -> None:
    await day.ask("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}, "inventory is asked for")
    reported = await until(lambda: day.told("DeviceReport", "page") == [0, 1])
    day.check("its two pages arrive", reported, day.told("DeviceReport", "page"))
    read = {"getVariableData": [{"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}]}
    answer = await day.ask("GetVariables", read, "a variable is read", None)
    day.check("it is what was written", answer["getVariableResult"][0].get("attributeValue") == "5", answer)
    monitor = {"value": 55.0, "type": "UpperThreshold", "severity": 5} | MONITORED
    answer = await day.ask("SetVariableMonitoring", {"setMonitoringData": [monitor]}, "a monitor is set", None)
    day.check("it is taken", answer["setMonitoringResult"][0]["status"] == "Accepted", answer)
    await day.ask("GetMonitoringReport", {"requestId": 2}, "monitors are asked for")
    day.check("and reported", await until(lambda: "MonitoringReport" in kinds(day)), kinds(day))
    event = {
        "eventId": 1, "timestamp": stamp(), "trigger": "Alerting", "actualValue": "61", "eventNotificationType": "CustomMonitor",
        "variableMonitoringId": 1,
    } | MONITORED  # fmt: skip
    await day.tell(
        "NotifyEvent", {"generatedAt": stamp(), "seqNo": 0, "tbc": False, "eventData": [event]}, "an event of a monitor is taken"
    )
    await day.tell("NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": "EMS"}}, "a limit set by another is taken")
    await day.tell("ClearedChargingLimit", {"chargingLimitSource": "EMS"}, "and its end")


async def of_2_1(day: "Day") -> None:
    needs = {
        "requestedEnergyTransfer": "AC_BPT", "availableEnergyTransfer": ["AC_BPT", "AC_three_phase"], "controlMode": "DynamicControl",
        "v2xChargingParameters": {"maxChargePower": 11000.0, "maxDischargePower": 11000.0, "evMaxEnergyRequest": 40000.0},
    }  # fmt: skip
    await day.tell("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs}, "what a car that can discharge needs is answered")
    period = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": -3000.0}
    dynamic = {
        "id": 700, "stackLevel": 2, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Dynamic", "dynUpdateInterval": 60,
        "chargingSchedule": [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}],
    }  # fmt: skip
    await day.ask("SetChargingProfile", {"evseId": 1, "chargingProfile": dynamic}, "a dynamic profile with a set point is sent")
    kept = day.point.profiles.pop(700, None)  # our charge point obeys limits in A; that the words of V2X arrive is what is shown here
    day.check("it arrives word for word", kept == dynamic, kept)
    moved = {"chargingProfileId": 700, "scheduleUpdate": {"setpoint": -2000.0}}
    await day.ask("UpdateDynamicSchedule", moved, "its set point is moved")
    await day.tell("PullDynamicScheduleUpdate", {"chargingProfileId": 700}, "a pull of a dynamic schedule is answered")
    limit = {"priority": 1, "pctMaxDischargePower": 50.0}
    control = {"isDefault": True, "controlId": "limit-1", "controlType": "LimitMaxDischarge", "limitMaxDischarge": limit}
    await day.ask("SetDERControl", control, "a DER control is set")
    await day.ask("GetDERControl", {"requestId": 6, "isDefault": True}, "DER controls are asked for")
    day.check("and reported", await until(lambda: any("DER" in kind or "Der" in kind for kind in kinds(day))), kinds(day))
    await day.tell(
        "NotifyDERStartStop", {"controlId": "limit-1", "started": True, "timestamp": stamp()}, "a DER control that starts is taken"
    )
    await day.tell("NotifyDERAlarm", {"controlType": "LimitMaxDischarge", "timestamp": stamp()}, "a DER alarm is taken")
    stream = {"constantStreamData": {"id": 1, "variableMonitoringId": 1, "params": {"interval": 10, "values": 5}}}
    await day.tell("OpenPeriodicEventStream", stream, "opening a stream is answered")
    await day.tell("ClosePeriodicEventStream", {"id": 1}, "and closing it")
    tariff = {"tariffId": "T1", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.3}]}}
    await day.ask("SetDefaultTariff", {"evseId": 0, "tariff": tariff}, "a tariff is set")
    await day.tell("NotifyPriorityCharging", {"transactionId": "tx-0", "activated": True}, "priority charging is taken")


def kinds(day: "Day") -> list[str]:
    return [type(event).__name__ for event in day.notes.told_events]
