"""Commands as OCPP 2.0.1 words them, and 2.1 with it."""

from chargebridge.stations import commands as c
from chargebridge.stations.events import Said
from chargebridge.stations.ocpp.words import NoWordError, Worded, Words, common_profile, ours, some, upper_limit
from chargebridge.stations.port import Token
from chargebridge.stations.profiles import ChargingProfile, Period
from chargebridge.stations.variables import VariableName


def variable(text: str) -> Said:
    """`component` and `variable` of a name. Raises ValueError when it is none."""
    name = VariableName.read(text)
    place = None if name.evse is None else some(id=name.evse, connectorId=name.connector)
    return {
        "component": some(name=name.component, instance=name.instance, evse=place),
        "variable": some(name=name.variable, instance=name.variable_instance),
    }


def _asked(text: str) -> Said:
    """A variable, or a component as a whole."""
    return variable(text) if "." in text else {"component": {"name": text}}


def token(of: Token) -> Said:
    return {"idToken": of.id, "type": of.kind}


def token_info(of: Token) -> Said:
    """groupIdToken: of the same kind as its member, as OCPP gives no other (C09.FR.09)."""
    group = None if of.group is None else {"idToken": of.group, "type": "Central"}
    return {"status": of.status} | some(cacheExpiryDateTime=of.expires_at, groupIdToken=group)


def _set_variables(command: c.SetVariables) -> Worded:
    kind = None if command.attribute == "Actual" else command.attribute
    data = [variable(name) | {"attributeValue": value} | some(attributeType=kind) for name, value in command.values.items()]
    return "SetVariables", {"setVariableData": data}


def _get_variables(command: c.GetVariables) -> Worded:
    if not command.names:
        raise NoWordError("2.x reads variables by name; a report has all of them")
    kind = None if command.attribute == "Actual" else command.attribute
    return "GetVariables", {"getVariableData": [variable(name) | some(attributeType=kind) for name in command.names]}


def _monitor(command: c.SetMonitor) -> Worded:
    if command.stream is not None and not command.stream:
        raise NoWordError("a stream needs an interval or a number of values (N11.FR.09)")
    data = variable(command.name) | {
        "type": command.kind,
        "value": command.value,
        "severity": command.severity,
        "transaction": command.in_transactions,
    }
    return "SetVariableMonitoring", {"setMonitoringData": [data | some(id=command.id, periodicEventStream=command.stream)]}


def _local_list(command: c.SendLocalList) -> Worded:
    """In a differential update an entry without its info is taken out (D01.FR.17)."""
    tokens = [{"idToken": token(entry), "idTokenInfo": token_info(entry)} for entry in command.tokens]
    tokens += [{"idToken": token(entry)} for entry in command.gone]
    update = "Full" if command.full else "Differential"
    return "SendLocalList", {"versionNumber": command.version, "updateType": update} | some(localAuthorizationList=tokens)


def _reserve(command: c.ReserveNow) -> Worded:
    group = None if command.token.group is None else {"idToken": command.token.group, "type": "Central"}
    told = {"id": command.reservation, "expiryDateTime": command.expires_at, "idToken": token(command.token)}
    return "ReserveNow", told | some(evseId=command.evse or None, connectorType=command.connector_type, groupIdToken=group)


def _place(evse: int | None, connector: int | None) -> Said:
    return some(evse=None if evse is None else {"id": evse} | some(connectorId=connector))


def _trigger(command: c.Trigger) -> Worded:
    """A status is that of a connector (F06.FR.13)."""
    connector = 1 if command.message == "StatusNotification" and command.connector is None else command.connector
    return "TriggerMessage", {"requestedMessage": command.message} | _place(command.evse, connector)


def _firmware(command: c.UpdateFirmware) -> Worded:
    firmware = {"location": command.location, "retrieveDateTime": command.retrieve_at} | some(
        installDateTime=command.install_at, signingCertificate=command.certificate, signature=command.signature
    )
    if command.signature is not None and command.certificate is None:
        raise NoWordError("a signature needs the certificate that it is checked with (L01.FR.11)")
    tries = some(retries=command.retries, retryInterval=command.retry_every_s)
    return "UpdateFirmware", {"requestId": command.request, "firmware": firmware} | tries


def _log(command: c.GetLog) -> Worded:
    log = {"remoteLocation": command.location} | some(oldestTimestamp=command.since, latestTimestamp=command.until)
    tries = some(retries=command.retries, retryInterval=command.retry_every_s)
    return "GetLog", {"log": log, "logType": command.kind, "requestId": command.request} | tries


def _customer(command: c.GetCustomerInformation) -> Worded:
    who = some(
        idToken=None if command.token is None else token(command.token),
        customerIdentifier=command.identifier,
        customerCertificate=command.certificate,
    )
    if not who:
        raise NoWordError("name the customer, by token, certificate or identifier (N09.FR.04, N10.FR.08)")
    return "CustomerInformation", {"requestId": command.request, "report": command.report, "clear": command.clear} | who


def profile(of: ChargingProfile) -> Said:
    """ChargingProfileType; fields that only 2.1 has appear only where they are given."""
    periods = [
        {"startPeriod": p.start_s}
        | some(limit=p.limit, numberPhases=p.phases, setpoint=p.setpoint, dischargeLimit=p.discharge_limit, operationMode=p.mode)
        for p in of.periods
    ]
    schedule = {"id": of.id, "chargingRateUnit": of.unit, "chargingSchedulePeriod": periods} | some(
        startSchedule=of.starts_at, duration=of.duration_s, minChargingRate=of.minimum_rate
    )
    return {
        "id": of.id,
        "stackLevel": of.stack_level,
        "chargingProfilePurpose": of.purpose,
        "chargingProfileKind": of.kind,
        "chargingSchedule": [schedule],
    } | some(
        recurrencyKind=of.recurrency,
        validFrom=of.valid_from,
        validTo=of.valid_to,
        transactionId=of.transaction,
        dynUpdateInterval=of.update_every_s,
    )


def _set_profile(command: c.SetProfile) -> Worded:
    common_profile(command)
    return "SetChargingProfile", {"evseId": command.evse, "chargingProfile": profile(command.profile)}


def _setpoint(command: c.Setpoint) -> Worded:
    limit = Period(limit=upper_limit(command))
    told = ChargingProfile(
        id=command.profile, purpose="TxProfile", stack_level=command.stack_level, unit="W", periods=(limit,), kind="Relative",
        transaction=command.transaction,
    )  # fmt: skip
    return "SetChargingProfile", {"evseId": command.evse, "chargingProfile": profile(told)}


def _get_profiles(command: c.GetProfiles) -> Worded:
    criteria = some(
        chargingProfileId=command.ids,
        chargingProfilePurpose=command.purpose,
        stackLevel=command.stack_level,
        chargingLimitSource=command.sources,
    )
    if not criteria:
        raise NoWordError("name profiles by id, or give purpose, level or source (K09.FR.03)")
    return "GetChargingProfiles", {"requestId": command.request, "chargingProfile": criteria} | some(evseId=command.evse)


def _clear_profiles(command: c.ClearProfiles) -> Worded:
    if command.id is not None:
        return "ClearChargingProfile", {"chargingProfileId": command.id}
    ours(command.purpose)
    criteria = some(evseId=command.evse, chargingProfilePurpose=command.purpose, stackLevel=command.stack_level)
    if not criteria:
        raise NoWordError("name a profile by id, or give EVSE, purpose or level (K10.FR.02)")
    return "ClearChargingProfile", {"chargingProfileCriteria": criteria}


WORDS: Words = {
    c.Reset: lambda m: ("Reset", {"type": "Immediate" if m.hard else "OnIdle"} | some(evseId=m.evse)),
    c.RemoteStart: lambda m: (
        "RequestStartTransaction",
        {"remoteStartId": m.request, "idToken": token(m.token)} | some(evseId=m.evse),
    ),
    c.RemoteStop: lambda m: ("RequestStopTransaction", {"transactionId": m.transaction}),
    c.GetReport: lambda m: ("GetBaseReport", {"requestId": m.request, "reportBase": m.kind}),
    c.GetCustomReport: lambda m: (
        "GetReport",
        {"requestId": m.request} | some(componentCriteria=m.criteria, componentVariable=[_asked(name) for name in m.names]),
    ),
    c.GetVariables: _get_variables,
    c.SetVariables: _set_variables,
    c.SetNetworkProfile: lambda m: ("SetNetworkProfile", {"configurationSlot": m.slot, "connectionData": m.profile}),
    c.SetMonitor: _monitor,
    c.ClearMonitors: lambda m: ("ClearVariableMonitoring", {"id": m.ids}),
    c.GetMonitoringReport: lambda m: (
        "GetMonitoringReport",
        {"requestId": m.request} | some(monitoringCriteria=m.criteria, componentVariable=[_asked(name) for name in m.names]),
    ),
    c.SetMonitoringBase: lambda m: ("SetMonitoringBase", {"monitoringBase": m.base}),
    c.SetMonitoringLevel: lambda m: ("SetMonitoringLevel", {"severity": m.severity}),
    c.ClearCache: lambda _: ("ClearCache", {}),
    c.GetLocalListVersion: lambda _: ("GetLocalListVersion", {}),
    c.SendLocalList: _local_list,
    c.ReserveNow: _reserve,
    c.CancelReservation: lambda m: ("CancelReservation", {"reservationId": m.reservation}),
    c.ChangeAvailability: lambda m: (
        "ChangeAvailability",
        {"operationalStatus": "Operative" if m.operative else "Inoperative"} | _place(m.evse or None, m.connector),
    ),
    c.UnlockConnector: lambda m: ("UnlockConnector", {"evseId": m.evse, "connectorId": m.connector}),
    c.Trigger: _trigger,
    c.GetTransactionStatus: lambda m: ("GetTransactionStatus", some(transactionId=m.transaction)),
    c.UpdateFirmware: _firmware,
    c.PublishFirmware: lambda m: ("PublishFirmware", {"requestId": m.request, "location": m.location, "checksum": m.checksum}),
    c.UnpublishFirmware: lambda m: ("UnpublishFirmware", {"checksum": m.checksum}),
    c.GetLog: _log,
    c.GetCustomerInformation: _customer,
    c.SetDisplayMessage: lambda m: ("SetDisplayMessage", {"message": m.message}),
    c.GetDisplayMessages: lambda m: ("GetDisplayMessages", {"requestId": m.request} | some(id=m.ids, priority=m.priority, state=m.state)),
    c.ClearDisplayMessage: lambda m: ("ClearDisplayMessage", {"id": m.id}),
    c.CostUpdated: lambda m: ("CostUpdated", {"totalCost": m.total, "transactionId": m.transaction}),
    c.DataTransfer: lambda m: ("DataTransfer", {"vendorId": m.vendor} | some(messageId=m.message, data=m.data)),
    c.GetCertificateIds: lambda m: ("GetInstalledCertificateIds", some(certificateType=m.uses)),
    c.InstallCertificate: lambda m: ("InstallCertificate", {"certificateType": m.use, "certificate": m.certificate}),
    c.DeleteCertificate: lambda m: ("DeleteCertificate", {"certificateHashData": m.certificate}),
    c.SendSignedCertificate: lambda m: ("CertificateSigned", {"certificateChain": m.chain, "certificateType": m.use}),
    c.SetProfile: _set_profile,
    c.GetProfiles: _get_profiles,
    c.ClearProfiles: _clear_profiles,
    c.GetCompositeSchedule: lambda m: (
        "GetCompositeSchedule",
        {"evseId": m.evse, "duration": m.duration_s} | some(chargingRateUnit=m.unit),
    ),
    c.Setpoint: _setpoint,
}
