"""Commands in the vocabulary of all versions: what goes out in each, checked against its schema, and whose answer comes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from ocpp_kit import Cars, RawStation, connect, shown, until

from chargebridge.model.session import PointStatus
from chargebridge.stations import commands as c
from chargebridge.stations.ocpp.central import LANGUAGES
from chargebridge.stations.ocpp.words import NoWordError, word
from chargebridge.stations.port import Outcome, Token
from chargebridge.stations.profiles import ChargingProfile, Period
from chargebridge.wire.ocpp import PayloadError

T1 = datetime(2026, 3, 1, 10, tzinfo=UTC)
TAG = Token(id="TAG", group="FLEET", expires_at=T1)
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}
PROFILE = ChargingProfile(
    id=7, purpose="ChargingStationMaxProfile", stack_level=1, unit="A", periods=(Period(limit=16.0, phases=3), Period(start_s=60, limit=6.0)),
    kind="Recurring", recurrency="Daily", starts_at=T1, duration_s=3600, valid_to=T1,
)  # fmt: skip
TARIFF = {"tariffId": "t", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.4}]}}
NETWORK = {
    "ocppInterface": "Wired0",
    "ocppTransport": "JSON",
    "messageTimeout": 30,
    "ocppCsmsUrl": "wss://x",
    "securityProfile": 2,
    "ocppVersion": "OCPP20",
}
DROOP = {"priority": 1, "overFreq": 50.2, "underFreq": 49.8, "overDroop": 0.05, "underDroop": 0.05, "responseTime": 1.0}
NEVER = None
# (requirement of ours or use case, command, its action in 1.6, in 2.0.1, in 2.1; NEVER: no word for it; some of what 2.1 says)
CASES: list[tuple[str, c.Command, str | None, str | None, str | None, dict[str, Any]]] = [
    ("B07", c.GetReport(request=1, kind="ConfigurationInventory"), "GetConfiguration", "GetBaseReport", "GetBaseReport",
     {"requestId": 1, "reportBase": "ConfigurationInventory"}),
    ("B08", c.GetCustomReport(request=2, criteria=("Problem",), names=("EVSE", "EVSE@1.Power")), NEVER, "GetReport", "GetReport",
     {"componentCriteria": ["Problem"], "componentVariable": [{"component": {"name": "EVSE"}},
      {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}]}),
    ("B06", c.GetVariables(names=("OCPPCommCtrlr.HeartbeatInterval",), attribute="MaxSet"), NEVER, "GetVariables", "GetVariables",
     {"getVariableData": [{"attributeType": "MaxSet", "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]}),
    ("B06", c.GetVariables(names=("A.B",)), "GetConfiguration", "GetVariables", "GetVariables", {}),
    ("B05", c.SetVariables(values={"A.B": "1"}), "ChangeConfiguration", "SetVariables", "SetVariables", {}),
    ("B05", c.SetVariables(values={"A.B": "1", "A.C": "2"}), NEVER, "SetVariables", "SetVariables", {}),
    ("B09", c.SetNetworkProfile(slot=1, profile=NETWORK), NEVER, "SetNetworkProfile", "SetNetworkProfile", {"configurationSlot": 1}),
    ("N04", c.SetMonitor(name="EVSE@1.Power", kind="UpperThreshold", value=80.0, severity=4), NEVER, "SetVariableMonitoring",
     "SetVariableMonitoring", {}),
    ("N06", c.ClearMonitors(ids=(1, 2)), NEVER, "ClearVariableMonitoring", "ClearVariableMonitoring", {"id": [1, 2]}),
    ("N02", c.GetMonitoringReport(request=1, criteria=("DeltaMonitoring",)), NEVER, "GetMonitoringReport", "GetMonitoringReport", {}),
    ("N03", c.SetMonitoringBase(base="All"), NEVER, "SetMonitoringBase", "SetMonitoringBase", {}),
    ("N05", c.SetMonitoringLevel(severity=5), NEVER, "SetMonitoringLevel", "SetMonitoringLevel", {}),
    ("B11", c.Reset(), "Reset", "Reset", "Reset", {"type": "OnIdle"}),
    ("B12", c.Reset(hard=True, evse=1), NEVER, "Reset", "Reset", {"type": "Immediate", "evseId": 1}),
    ("F01", c.RemoteStart(request=3, evse=1, token=Token(id="TAG", kind="Central")), "RemoteStartTransaction", "RequestStartTransaction",
     "RequestStartTransaction", {"remoteStartId": 3, "evseId": 1, "idToken": {"idToken": "TAG", "type": "Central"}}),
    ("F03", c.RemoteStop(transaction="17"), "RemoteStopTransaction", "RequestStopTransaction", "RequestStopTransaction",
     {"transactionId": "17"}),
    ("F03", c.RemoteStop(transaction="T-1"), NEVER, "RequestStopTransaction", "RequestStopTransaction", {}),
    ("C11", c.ClearCache(), "ClearCache", "ClearCache", "ClearCache", {}),
    ("D02", c.GetLocalListVersion(), "GetLocalListVersion", "GetLocalListVersion", "GetLocalListVersion", {}),
    ("D01.FR.01", c.SendLocalList(version=2, tokens=(TAG,)), "SendLocalList", "SendLocalList", "SendLocalList",
     {"versionNumber": 2, "updateType": "Full", "localAuthorizationList": [{"idToken": {"idToken": "TAG", "type": "ISO14443"}, "idTokenInfo":
      {"status": "Accepted", "cacheExpiryDateTime": "2026-03-01T10:00:00Z", "groupIdToken": {"idToken": "FLEET", "type": "Central"}}}]}),
    ("D01", c.SendLocalList(version=3, full=False, gone=(TAG,)), "SendLocalList", "SendLocalList", "SendLocalList",
     {"updateType": "Differential", "localAuthorizationList": [{"idToken": {"idToken": "TAG", "type": "ISO14443"}}]}),
    ("D01", c.SendLocalList(version=4), "SendLocalList", "SendLocalList", "SendLocalList", {"updateType": "Full"}),
    ("H01", c.ReserveNow(reservation=1, token=TAG, expires_at=T1, evse=1), "ReserveNow", "ReserveNow", "ReserveNow", {"id": 1, "evseId": 1}),
    ("H01", c.ReserveNow(reservation=1, token=TAG, expires_at=T1, connector_type="cCCS2"), NEVER, "ReserveNow", "ReserveNow", {}),
    ("H02", c.CancelReservation(reservation=1), "CancelReservation", "CancelReservation", "CancelReservation", {}),
    ("G03", c.ChangeAvailability(operative=False, evse=1, connector=1), "ChangeAvailability", "ChangeAvailability", "ChangeAvailability",
     {"operationalStatus": "Inoperative", "evse": {"id": 1, "connectorId": 1}}),
    ("G04", c.ChangeAvailability(operative=True), "ChangeAvailability", "ChangeAvailability", "ChangeAvailability", {}),
    ("F05", c.UnlockConnector(evse=1), "UnlockConnector", "UnlockConnector", "UnlockConnector", {"evseId": 1, "connectorId": 1}),
    ("F06.FR.13", c.Trigger(message="StatusNotification", evse=1), "TriggerMessage", "TriggerMessage", "TriggerMessage",
     {"evse": {"id": 1, "connectorId": 1}}),
    ("F06.FR.01", c.Trigger(message="SignChargingStationCertificate"), "ExtendedTriggerMessage", "TriggerMessage", "TriggerMessage", {}),
    ("E14", c.GetTransactionStatus(transaction="tx"), NEVER, "GetTransactionStatus", "GetTransactionStatus", {"transactionId": "tx"}),
    ("L02", c.UpdateFirmware(request=1, location="http://f", retrieve_at=T1), "UpdateFirmware", "UpdateFirmware", "UpdateFirmware", {}),
    ("L01.FR.11", c.UpdateFirmware(request=1, location="http://f", retrieve_at=T1, install_at=T1, certificate="pem", signature="sig", retries=2),
     "SignedUpdateFirmware", "UpdateFirmware", "UpdateFirmware",
     {"firmware": {"location": "http://f", "retrieveDateTime": "2026-03-01T10:00:00Z", "installDateTime": "2026-03-01T10:00:00Z",
      "signingCertificate": "pem", "signature": "sig"}, "retries": 2}),
    ("L03", c.PublishFirmware(request=1, location="http://f", checksum="md5"), NEVER, "PublishFirmware", "PublishFirmware", {}),
    ("L04", c.UnpublishFirmware(checksum="md5"), NEVER, "UnpublishFirmware", "UnpublishFirmware", {}),
    ("N01", c.GetLog(request=1, location="http://l", since=T1, retries=1), "GetDiagnostics", "GetLog", "GetLog", {"logType": "DiagnosticsLog"}),
    ("N01", c.GetLog(request=1, location="http://l", kind="SecurityLog"), "GetLog", "GetLog", "GetLog", {"logType": "SecurityLog"}),
    ("N09.FR.04", c.GetCustomerInformation(request=1, token=TAG, clear=True), NEVER, "CustomerInformation", "CustomerInformation",
     {"report": True, "clear": True, "idToken": {"idToken": "TAG", "type": "ISO14443"}}),
    ("O01", c.SetDisplayMessage(message={"id": 1, "priority": "InFront", "message": {"format": "UTF8", "content": "x"}}), NEVER,
     "SetDisplayMessage", "SetDisplayMessage", {}),
    ("O03", c.GetDisplayMessages(request=1, ids=(1,)), NEVER, "GetDisplayMessages", "GetDisplayMessages", {"id": [1]}),
    ("O05", c.ClearDisplayMessage(id=1), NEVER, "ClearDisplayMessage", "ClearDisplayMessage", {}),
    ("I02.FR.01", c.CostUpdated(transaction="tx", total=1.5), NEVER, "CostUpdated", "CostUpdated", {"totalCost": 1.5}),
    ("I07", c.SetDefaultTariff(tariff=TARIFF), NEVER, NEVER, "SetDefaultTariff", {"evseId": 0}),
    ("I09", c.GetTariffs(), NEVER, NEVER, "GetTariffs", {}),
    ("I10", c.ClearTariffs(tariffs=("t",)), NEVER, NEVER, "ClearTariffs", {"tariffIds": ["t"]}),
    ("I11", c.ChangeTransactionTariff(transaction="tx", tariff=TARIFF), NEVER, NEVER, "ChangeTransactionTariff", {}),
    ("P01", c.DataTransfer(vendor="v", message="m", data="d"), "DataTransfer", "DataTransfer", "DataTransfer", {"data": "d"}),
    ("M03", c.GetCertificateIds(uses=("CSMSRootCertificate",)), "GetInstalledCertificateIds", "GetInstalledCertificateIds",
     "GetInstalledCertificateIds", {}),
    ("M05", c.InstallCertificate(use="CSMSRootCertificate", certificate="pem"), "InstallCertificate", "InstallCertificate",
     "InstallCertificate", {}),
    ("M05", c.InstallCertificate(use="MORootCertificate", certificate="pem"), NEVER, "InstallCertificate", "InstallCertificate", {}),
    ("M04", c.DeleteCertificate(certificate=HASHES), "DeleteCertificate", "DeleteCertificate", "DeleteCertificate", {}),
    ("A02", c.SendSignedCertificate(chain="pem", request=4), "CertificateSigned", "CertificateSigned", "CertificateSigned", {"requestId": 4}),
    ("K01.FR.01", c.SetProfile(evse=0, profile=PROFILE), "SetChargingProfile", "SetChargingProfile", "SetChargingProfile", {"evseId": 0}),
    ("K09.FR.03", c.GetProfiles(request=1, evse=1, purpose="TxProfile"), NEVER, "GetChargingProfiles", "GetChargingProfiles",
     {"chargingProfile": {"chargingProfilePurpose": "TxProfile"}}),
    ("K10.FR.02", c.ClearProfiles(evse=1, purpose="ChargingStationMaxProfile", stack_level=1), "ClearChargingProfile", "ClearChargingProfile",
     "ClearChargingProfile", {}),
    ("K08.FR.01", c.GetCompositeSchedule(evse=1, duration_s=60, unit="W"), "GetCompositeSchedule", "GetCompositeSchedule", "GetCompositeSchedule",
     {"chargingRateUnit": "W"}),
    ("K21", c.UsePriorityCharging(transaction="tx", activate=True), NEVER, NEVER, "UsePriorityCharging", {}),
    ("Q02.FR.05", c.AllowEnergyTransfer(transaction="tx", modes=("AC_BPT",)), NEVER, NEVER, "NotifyAllowedEnergyTransfer",
     {"allowedEnergyTransfer": ["AC_BPT"]}),
    ("Q03.FR.01", c.Setpoint(evse=1, transaction="5", power_w=-3000.0, profile=9), NEVER, NEVER, "SetChargingProfile", {"chargingProfile": {
        "id": 9, "stackLevel": 2, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Dynamic", "transactionId": "5",
        "chargingSchedule": [{"id": 9, "chargingRateUnit": "W", "chargingSchedulePeriod": [
            {"startPeriod": 0, "setpoint": -3000.0, "operationMode": "CentralSetpoint"}]}]}}),
    ("K01.FR.03", c.Setpoint(evse=1, transaction="5", power_w=3000.0, profile=9), "SetChargingProfile", "SetChargingProfile",
     "SetChargingProfile", {}),
    ("K28", c.UpdateSetpoint(profile=9, power_w=-1000.0), NEVER, NEVER, "UpdateDynamicSchedule", {"scheduleUpdate": {"setpoint": -1000.0}}),
    ("R04", c.SetDerControl(id="c", control="FreqDroop", settings={"freqDroop": DROOP}), NEVER, NEVER, "SetDERControl", {"isDefault": False}),
    ("R04", c.GetDerControl(request=1, control="FreqDroop"), NEVER, NEVER, "GetDERControl", {}),
    ("R04", c.ClearDerControl(id="c"), NEVER, NEVER, "ClearDERControl", {"controlId": "c"}),
    ("Q08", c.AfrrSignal(at=T1, signal=3), NEVER, NEVER, "AFRRSignal", {}),
    ("N14.FR.01", c.AdjustStream(stream=1, interval_s=5), NEVER, NEVER, "AdjustPeriodicEventStream", {"params": {"interval": 5}}),
    ("N12", c.GetStreams(), NEVER, NEVER, "GetPeriodicEventStream", {}),
    ("S02", c.RequestBatterySwap(request=1, token=TAG), NEVER, NEVER, "RequestBatterySwap", {}),
]  # fmt: skip
VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
SPOKEN = [
    pytest.param(version, command, actions[place], payload, id=f"{version}-{type(command).__name__}-{number}",
                 marks=[] if actions[place] is None else shown(version, requirement, actions[place]))
    for number, (requirement, command, *actions, payload) in enumerate(CASES)
    for place, version in enumerate(VERSIONS)
]  # fmt: skip


@pytest.mark.parametrize(("version", "command", "action", "payload"), SPOKEN)
def test_a_command_in_each_version(version: str, command: c.Command, action: str | None, payload: dict[str, Any]) -> None:
    language = LANGUAGES[version]
    if action is None:
        with pytest.raises(NoWordError, match=r"1\.6|2\.|version"):
            word(language.words, version, command)
        return
    said, content = word(language.words, version, command)
    assert said == action
    request = language.dialect.decode_request(said, msgspec.json.encode(content))
    sent = msgspec.json.decode(language.dialect.encode(request))
    if version == "ocpp2.1":
        assert {name: sent[name] for name in payload} == payload


async def ready(bench: Any, version: str, **answers: Any) -> RawStation:
    """A station that has booted and been set up. answers: by action, what it says instead of Accepted."""
    station = await connect(bench.port, version=version)
    station.says = answers
    await station.boot()
    last = "MeterValueSampleInterval" if version == "ocpp1.6" else "SampledDataCtrlr.TxUpdatedInterval"
    assert await until(lambda: bench.station().online and last in bench.station().setup, 10.0)
    station.asked.clear()
    return station


async def test_the_stations_own_answer_comes_back(bench: Any, spoken: str) -> None:
    station = await ready(bench, spoken, ClearCache={"status": "Rejected"})
    reply = await bench.station().command(c.ClearCache())
    assert (reply.outcome, reply.detail, reply.action, reply.response) == (
        Outcome.REJECTED,
        "Rejected",
        "ClearCache",
        {"status": "Rejected"},
    )
    assert [frame[2:] for frame in station.asked] == [["ClearCache", {}]]
    await station.close()
    assert await until(lambda: not bench.station().online)
    assert (await bench.station().command(c.ClearCache())).outcome is Outcome.OFFLINE


@pytest.mark.ocpp("1.6", "5.6")
async def test_any_action_of_the_version_can_be_called(bench: Any, spoken: str) -> None:
    station = await ready(bench, spoken, DataTransfer={"status": "Accepted", "data": "pong"})
    reply = await bench.station().call("DataTransfer", {"vendorId": "v", "data": "ping"})
    assert (reply.outcome, reply.response) == (Outcome.ACCEPTED, {"status": "Accepted", "data": "pong"})
    with pytest.raises(PayloadError, match="vendorId"):
        await bench.station().call("DataTransfer", {"data": "ping"})
    with pytest.raises(PayloadError, match="has no action"):
        await bench.station().call("MakeCoffee", {})
    assert len(station.asked) == 1, "what the schema does not allow never leaves"
    await station.close()


async def test_what_a_version_cannot_say_is_not_sent(bench: Any) -> None:
    station = await ready(bench, "ocpp1.6")
    reply = await bench.station().command(c.GetTariffs())
    assert (reply.outcome, reply.detail) == (Outcome.UNSUPPORTED, "ocpp1.6 cannot say this: ocpp1.6 has no message for GetTariffs")
    reply = await bench.station().command(c.Setpoint(evse=1, transaction="5", power_w=-1.0, profile=9))
    assert reply.detail == "ocpp1.6 cannot say this: this version cannot make a car discharge"
    assert station.asked == []
    await station.close()


async def test_settings_that_were_read_are_kept_like_a_report(bench: Any, spoken: str) -> None:
    read: dict[str, Any] = {"configurationKey": [{"key": "A.B", "readonly": True, "value": "1"}]}
    if spoken != "ocpp1.6":
        result = {"attributeStatus": "Accepted", "attributeValue": "1", "component": {"name": "A"}, "variable": {"name": "B"}}
        read = {"getVariableResult": [result]}
    station = await ready(bench, spoken, GetConfiguration=read, GetVariables=read)
    bench.sink.told_events.clear()
    assert (await bench.station().command(c.GetVariables(names=("A.B",)))).outcome is Outcome.ACCEPTED
    (report,) = bench.sink.told_events
    assert [(variable.name, variable.value) for variable in report.variables] == [("A.B", "1")]
    await station.close()


@pytest.mark.ocpp("2.1", "K28.FR.07", "K28.FR.12", "Q03.FR.02")
async def test_a_car_is_steered_up_and_down(bench: Any) -> None:
    station = await ready(bench, "ocpp2.1")
    steer = bench.station().command
    assert (await steer(c.Setpoint(evse=1, transaction="tx", power_w=5000.0, profile=9, update_every_s=10))).outcome is Outcome.ACCEPTED
    assert station.asked[-1][3]["chargingProfile"]["dynUpdateInterval"] == 10
    pulled = await station.call("PullDynamicScheduleUpdate", {"chargingProfileId": 9})
    assert pulled[2] == {"status": "Accepted", "scheduleUpdate": {"setpoint": 5000.0}}
    assert (await steer(c.UpdateSetpoint(profile=9, power_w=-4000.0))).outcome is Outcome.ACCEPTED
    pulled = await station.call("PullDynamicScheduleUpdate", {"chargingProfileId": 9})
    assert pulled[2]["scheduleUpdate"] == {"setpoint": -4000.0}
    assert (await station.call("PullDynamicScheduleUpdate", {"chargingProfileId": 8}))[2]["status"] == "Rejected"
    await station.close()


@pytest.mark.ocpp("2.0.1", "K08.FR.01")
async def test_the_stations_schedule_is_compared_with_ours(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    cs = bench.station()
    station.plug(1)
    assert await station.present(1, "TAG")
    assert await until(lambda: cs.running)
    await cs.offer(1, 13.0, 3, 30.0, next(iter(cs.running)))
    compared = await cs.compare_schedule(1, 120)
    assert [step.limit for step in compared.ours] == [13.0, 6.0]
    assert compared.differences == ()
    for profile_id in (101, 301):
        station.profiles.clear(profile_id, None, None, None)  # somebody else has cleared them
    compared = await cs.compare_schedule(1, 120)
    assert compared.differences
    assert "by our reckoning" in compared.differences[0]


@pytest.mark.ocpp("2.0.1", "K01.FR.22", "K02.FR.07", "K10.FR.06", "K09.FR.03", "K10.FR.02", "N09.FR.04", "N10.FR.08", "L01.FR.11")
@pytest.mark.ocpp(
    "2.1", "K01.FR.22", "K02.FR.07", "K10.FR.06", "K09.FR.03", "K10.FR.02", "N09.FR.04", "N10.FR.08", "L01.FR.11", "N11.FR.09"
)
@pytest.mark.parametrize(
    "command",
    [
        c.SetProfile(evse=0, profile=msgspec.structs.replace(PROFILE, purpose="ChargingStationExternalConstraints")),
        c.ClearProfiles(purpose="ChargingStationExternalConstraints"),
        c.ClearProfiles(),
        c.GetProfiles(request=1, evse=1),
        c.GetCustomerInformation(request=1),
        c.UpdateFirmware(request=1, location="http://f", retrieve_at=T1, signature="sig"),
        c.SetMonitor(name="EVSE@1.Power", kind="Periodic", value=60.0, severity=8, stream={}),
    ],
    ids=lambda command: type(command).__name__,
)
@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_what_a_csms_must_not_say(version: str, command: c.Command) -> None:
    with pytest.raises(NoWordError):
        word(LANGUAGES[version].words, version, command)


@pytest.mark.ocpp("2.1", "B13.FR.31", "E17.FR.15")
@pytest.mark.parametrize("keeps", ["true", "false"])
async def test_a_resumed_transaction_gets_its_profiles_again(bench: Any, keeps: str) -> None:
    station = await ready(bench, "ocpp2.1")
    bench.station().abilities._values["SmartChargingCtrlr.ChargingProfilePersistence[TxProfile]"] = keeps
    event = {"timestamp": "2026-03-01T10:00:00Z", "transactionInfo": {"transactionId": "tx"}, "evse": {"id": 1}}
    await station.call("TransactionEvent", event | {"eventType": "Started", "triggerReason": "Authorized", "seqNo": 0})
    await bench.station().offer(1, 10.0, 3, 60.0, "tx")
    (before,) = [frame[3] for frame in station.asked if frame[2] == "SetChargingProfile"]
    station.asked.clear()
    await station.call("TransactionEvent", event | {"eventType": "Updated", "triggerReason": "TxResumed", "seqNo": 1})
    again = [] if keeps == "true" else [before]
    assert await until(lambda: len(station.asked) == len(again))
    sent = [frame[3] for frame in station.asked]
    for one in (*sent, *again):
        one["chargingProfile"].pop("chargingSchedule")
    assert sent == again
    await station.close()


@pytest.mark.ocpp("1.6", "3.11")
async def test_a_reservation_holds_for_its_token_until_it_is_cancelled(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    give = bench.station().command
    expires_at = bench.clock.now() + timedelta(hours=1)
    assert (await give(c.ReserveNow(reservation=7, token=Token(id="MINE"), expires_at=expires_at, evse=1))).outcome is Outcome.ACCEPTED
    assert await until(lambda: any(told[1:3] == (1, PointStatus.RESERVED) for told in bench.sink.statuses))
    station.plug(1)
    assert not await station.present(1, "OTHERS")
    assert (await give(c.CancelReservation(reservation=7))).outcome is Outcome.ACCEPTED
    assert (await give(c.CancelReservation(reservation=7))).outcome is Outcome.REJECTED
    assert await station.present(1, "OTHERS")
