"""What stations tell beyond their transactions: each message of each version comes to the sink as one event, and is answered when it is stored."""

import json
from typing import Any

import msgspec
import pytest
from ocpp_kit import connect, shown, until

from chargebridge.stations import events
from chargebridge.stations.events import AnyEvent

T0 = "2026-03-01T10:00:00Z"
COMPONENT = {"component": {"name": "Connector", "evse": {"id": 1, "connectorId": 2}}, "variable": {"name": "Power", "instance": "Max"}}
NAME = "Connector@1/2.Power[Max]"
SCHEDULE = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}]}
AC = {"energyAmount": 20000, "evMinCurrent": 6, "evMaxCurrent": 32, "evMaxVoltage": 400}

BOTH = "ocpp2.0.1", "ocpp2.1"
NEW = ("ocpp2.1",)
OLD = ("ocpp1.6",)
# (requirement of ours or use case, versions, action, payload, the event's type, some of its fields, the answer)
CASES: list[tuple[str, tuple[str, ...], str, dict[str, Any], type[Any], dict[str, Any], dict[str, Any]]] = [
    ("B07", BOTH, "NotifyReport",
     {"requestId": 7, "generatedAt": T0, "tbc": True, "seqNo": 1, "reportData": [COMPONENT | {
         "variableAttribute": [{"value": "22", "mutability": "ReadOnly"}, {"type": "MaxSet", "value": "32"}],
         "variableCharacteristics": {"unit": "kW", "dataType": "decimal", "maxLimit": 43.0, "supportsMonitoring": True}}]},
     events.DeviceReport, {"request": 7, "page": 1, "more": True, "variables": (
         events.Variable(name=NAME, value="22", readonly=True, unit="kW", type="decimal", maximum=43.0),
         events.Variable(name=NAME, attribute="MaxSet", value="32", readonly=False, unit="kW", type="decimal", maximum=43.0))}, {}),
    ("N02", BOTH, "NotifyMonitoringReport",
     {"requestId": 8, "generatedAt": T0, "seqNo": 0, "monitor": [COMPONENT | {"variableMonitoring": [
         {"id": 3, "transaction": False, "value": 80.0, "type": "UpperThreshold", "severity": 4}]}]},
     events.MonitoringReport, {"monitors": (events.Monitor(id=3, name=NAME, kind="UpperThreshold", value=80.0, severity=4),)}, {}),
    ("N07.FR.03 N08.FR.02 G05.FR.03", BOTH, "NotifyEvent",
     {"generatedAt": T0, "seqNo": 0, "eventData": [COMPONENT | {"eventId": 5, "timestamp": T0, "trigger": "Alerting", "actualValue": "81",
         "eventNotificationType": "CustomMonitor", "variableMonitoringId": 3, "cause": 0, "transactionId": "tx"}]},
     events.Notices, {"page": 0, "more": False}, {}),
    ("A04.FR.03", ("ocpp1.6", *BOTH), "SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": T0, "techInfo": "lid"},
     events.SecurityEvent, {"kind": "TamperDetectionActivated", "info": "lid"}, {}),
    ("L01", BOTH, "FirmwareStatusNotification", {"status": "Downloading", "requestId": 0},
     events.FirmwareStatus, {"status": "Downloading", "request": 0}, {}),
    ("L01", OLD, "FirmwareStatusNotification", {"status": "Installed"}, events.FirmwareStatus, {"status": "Installed", "request": None}, {}),
    ("L01", OLD, "SignedFirmwareStatusNotification", {"status": "InvalidSignature", "requestId": 4},
     events.FirmwareStatus, {"status": "InvalidSignature", "request": 4}, {}),
    ("L03", BOTH, "PublishFirmwareStatusNotification", {"status": "Published", "location": ["http://lc/fw"], "requestId": 2},
     events.FirmwarePublished, {"locations": ("http://lc/fw",)}, {}),
    ("N01", ("ocpp1.6", *BOTH), "LogStatusNotification", {"status": "Uploaded", "requestId": 9},
     events.LogStatus, {"status": "Uploaded", "request": 9}, {}),
    ("N01", OLD, "DiagnosticsStatusNotification", {"status": "UploadFailed"}, events.LogStatus, {"status": "UploadFailure"}, {}),
    ("H04", BOTH, "ReservationStatusUpdate", {"reservationId": 6, "reservationUpdateStatus": "Expired"},
     events.ReservationUpdate, {"reservation": 6, "status": "Expired"}, {}),
    ("K12", BOTH, "NotifyChargingLimit",
     {"chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": True}, "evseId": 1, "chargingSchedule": [SCHEDULE]},
     events.ChargingLimitSet, {"source": "EMS", "evse": 1, "grid_critical": True}, {}),
    ("K13", BOTH, "ClearedChargingLimit", {"chargingLimitSource": "SO"}, events.ChargingLimitCleared, {"source": "SO", "evse": 0}, {}),
    ("K09", BOTH, "ReportChargingProfiles",
     {"requestId": 1, "chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": [{"id": 100, "stackLevel": 0, "chargingSchedule": [SCHEDULE],
      "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative"}]}, events.ProfilesReported, {"source": "CSO"}, {}),
    ("K15.FR.02 K15.FR.05", BOTH, "NotifyEVChargingNeeds",
     {"evseId": 1, "maxScheduleTuples": 12, "chargingNeeds":
      {"requestedEnergyTransfer": "AC_three_phase", "departureTime": T0, "acChargingParameters": AC}},
     events.ChargingNeeds, {"transfer": "AC_three_phase", "energy_wh": 20000.0, "max_periods": 12}, {"status": "Processing"}),
    ("Q01.FR.07", NEW, "NotifyEVChargingNeeds",
     {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "AC_BPT", "availableEnergyTransfer": ["AC_BPT", "AC_three_phase"],
      "controlMode": "DynamicControl", "v2xChargingParameters": {"maxDischargePower": 11000, "evTargetEnergyRequest": 30000}}},
     events.ChargingNeeds, {"transfer": "AC_BPT", "also_possible": ("AC_BPT", "AC_three_phase"), "control_mode": "DynamicControl",
      "energy_wh": 30000.0}, {"status": "Processing"}),
    ("K15.FR.11", BOTH, "NotifyEVChargingSchedule", {"timeBase": T0, "evseId": 1, "chargingSchedule": SCHEDULE},
     events.ChargingSchedule, {"evse": 1}, {"status": "Accepted"}),
    ("O03", BOTH, "NotifyDisplayMessages",
     {"requestId": 3, "messageInfo": [{"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "hello"}}]},
     events.DisplayMessages, {"request": 3}, {}),
    ("N09", BOTH, "NotifyCustomerInformation", {"requestId": 4, "data": "nothing", "seqNo": 0, "generatedAt": T0},
     events.CustomerInformation, {"data": "nothing"}, {}),
    ("P02.FR.06", ("ocpp1.6", *BOTH), "DataTransfer", {"vendorId": "com.example", "messageId": "m", "data": "d"},
     events.DataTransferred, {"vendor": "com.example", "message": "m", "data": "d"}, {"status": "UnknownVendorId"}),
    ("A02", ("ocpp1.6", *BOTH), "SignCertificate", {"csr": "-----BEGIN"}, events.CertificateRequested,
     {"csr": "-----BEGIN", "use": "ChargingStationCertificate"}, {"status": "Rejected"}),
    ("M01", BOTH, "Get15118EVCertificate", {"iso15118SchemaVersion": "urn", "action": "Install", "exiRequest": "gA=="},
     events.ContractRequested, {"action": "Install", "exi": "gA=="}, {"status": "Failed", "exiResponse": ""}),
    ("M06.FR.04", BOTH, "GetCertificateStatus", {"ocspRequestData": {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b",
     "serialNumber": "1", "responderURL": "http://o"}}, events.RevocationAsked, {}, {"status": "Failed"}),
    ("M07.FR.08", NEW, "GetCertificateChainStatus", {"certificateStatusRequests": [{"source": "OCSP", "urls": ["http://o"],
     "certificateHashData": {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}}]},
     events.RevocationAsked, {}, {}),
    ("C18.FR.10", NEW, "VatNumberValidation", {"vatNumber": "DE1", "evseId": 2}, events.VatNumberAsked, {"number": "DE1", "evse": 2},
     {"status": "Rejected", "vatNumber": "DE1", "evseId": 2}),
    ("K28.FR.12", NEW, "PullDynamicScheduleUpdate", {"chargingProfileId": 77}, events.DynamicScheduleAsked, {"profile": 77},
     {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidProfile"}}),
    ("K21.FR.09 K22.FR.06", NEW, "NotifyPriorityCharging", {"transactionId": "tx", "activated": True},
     events.PriorityCharging, {"transaction": "tx", "activated": True}, {}),
    ("S01", NEW, "BatterySwap", {"requestId": 1, "eventType": "BatteryIn", "idToken": {"idToken": "T", "type": "Local"},
     "batteryData": [{"evseId": 1, "serialNumber": "B", "soC": 20.0, "soH": 99.0}]}, events.BatterySwap, {"kind": "BatteryIn", "token": "T"}, {}),
    ("R04", NEW, "NotifyDERAlarm", {"controlType": "FreqDroop", "timestamp": T0, "gridEventFault": "UnderFrequency"},
     events.DerAlarm, {"control": "FreqDroop", "fault": "UnderFrequency", "ended": False}, {}),
    ("R04", NEW, "NotifyDERStartStop", {"controlId": "c1", "started": True, "timestamp": T0, "supersededIds": ["c0"]},
     events.DerStartStop, {"control": "c1", "superseded": ("c0",)}, {}),
    ("R04", NEW, "ReportDERControl", {"requestId": 1, "gradient": [{"id": "g", "gradient": {"priority": 1, "gradient": 2, "softGradient": 3}}]},
     events.DerControls, {"request": 1, "more": False}, {}),
    ("C24", NEW, "NotifySettlement", {"pspRef": "p", "status": "Settled", "settlementAmount": 12.5, "settlementTime": T0},
     events.Settled, {"reference": "p", "amount": 12.5}, {}),
    ("C25", NEW, "NotifyWebPaymentStarted", {"evseId": 1, "timeout": 60}, events.WebPaymentStarted, {"evse": 1, "timeout_s": 60}, {}),
    ("N11.FR.06", NEW, "OpenPeriodicEventStream", {"constantStreamData": {"id": 1, "variableMonitoringId": 3, "params": {"interval": 10}}},
     events.StreamOpened, {"stream": 1, "monitor": 3, "interval_s": 10}, {"status": "Accepted"}),
    ("N13.FR.02", NEW, "ClosePeriodicEventStream", {"id": 1}, events.StreamClosed, {"stream": 1}, {}),
]  # fmt: skip
SPOKEN = [
    pytest.param(version, *case[2:], id=f"{version}-{case[2]}-{number}", marks=shown(version, case[0], case[2]))
    for number, case in enumerate(CASES)
    for version in case[1]
]


@pytest.mark.parametrize(("version", "action", "payload", "kind", "fields", "answer"), SPOKEN)
async def test_a_message_comes_as_an_event(
    bench: Any, version: str, action: str, payload: dict[str, Any], kind: type[Any], fields: dict[str, Any], answer: dict[str, Any]
) -> None:
    if version == "ocpp2.1" and action == "NotifyMonitoringReport":
        payload = json.loads(json.dumps(payload).replace('"severity": 4', '"severity": 4, "eventNotificationType": "CustomMonitor"'))
        fields = {}
    station = await connect(bench.port, version=version)
    frame = await station.call(action, payload)
    assert frame[0] == 3, frame
    assert answer.items() <= frame[2].items()
    (event,) = bench.sink.told_events
    assert type(event) is kind
    assert {name: getattr(event, name) for name in fields} == fields
    assert msgspec.json.decode(msgspec.json.encode(event), type=AnyEvent) == event, "it can be kept and read back"
    await station.close()


async def test_nothing_is_acknowledged_that_is_not_stored(bench: Any, spoken: str) -> None:
    station = await connect(bench.port, version=spoken)
    bench.sink.broken = True
    answer = await station.call("SecurityEventNotification", {"type": "x", "timestamp": T0})
    assert (answer[0], answer[2]) == (4, "InternalError")
    await station.close()


@pytest.mark.parametrize(("takes_on", "status"), [(True, "Accepted"), (False, "Rejected"), (None, "Rejected")])
async def test_the_sink_says_whether_it_takes_on_a_signing_request(bench: Any, spoken: str, takes_on: bool | None, status: str) -> None:
    bench.sink.takes_on = takes_on
    station = await connect(bench.port, version=spoken)
    assert (await station.call("SignCertificate", {"csr": "x"}))[2] == {"status": status}
    await station.close()


@pytest.mark.ocpp("2.1", "N15.FR.02")
async def test_a_stream_is_kept_and_never_answered(bench: Any) -> None:
    station = await connect(bench.port, version="ocpp2.1")
    values = {"id": 1, "pending": 2, "basetime": T0, "data": [{"t": 0.5, "v": "230.1"}, {"t": 1.5, "v": "230.2"}]}
    await station.send([6, "s1", "NotifyPeriodicEventStream", values])
    assert await until(lambda: bench.sink.told_events)
    (event,) = bench.sink.told_events
    assert (event.stream, event.values, event.pending) == (1, ((0.5, "230.1"), (1.5, "230.2")), 2)
    await station.call("Heartbeat", {})
    assert "s1" not in station.answers
    await station.close()


async def test_the_cost_that_a_station_reckons(bench: Any) -> None:
    station = await connect(bench.port, version="ocpp2.1")
    cost = {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"exclTax": 1.5}}
    details = {"totalCost": cost | {"total": {"exclTax": 1.5}}, "totalUsage": {"energy": 5.0, "chargingTime": 60, "idleTime": 0}}
    event = {"eventType": "Ended", "timestamp": T0, "triggerReason": "EVDeparted", "seqNo": 3, "transactionInfo": {"transactionId": "tx"}}
    assert (await station.call("TransactionEvent", event | {"costDetails": details}))[0] == 3
    (told,) = bench.sink.told_events
    assert (told.transaction, told.details["totalCost"]["total"]["exclTax"]) == ("tx", 1.5)
    await station.close()


@pytest.mark.ocpp("2.0.1", "K15.FR.03", "K15.FR.04", "K15.FR.05")
@pytest.mark.ocpp("2.1", "K15.FR.03", "K15.FR.04", "K15.FR.05", "K18.FR.22", "K19.FR.15", "Q01.FR.04", "Q01.FR.07")
@pytest.mark.parametrize(("takes_on", "status"), [(True, "Accepted"), (False, "Rejected"), (None, "Processing")])
async def test_the_sink_says_whether_a_car_gets_what_it_asks_for(bench: Any, second: str, takes_on: bool | None, status: str) -> None:
    bench.sink.takes_on = takes_on
    station = await connect(bench.port, version=second)
    needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": AC}}
    assert (await station.call("NotifyEVChargingNeeds", needs))[2] == {"status": status}
    await station.close()
