"""Commands as OCPP 1.6 with its security whitepaper words them; what it has under another name, or only in part, is translated here."""

from chargebridge.stations import commands as c
from chargebridge.stations.events import Said
from chargebridge.stations.ocpp.words import NoWordError, Worded, Words, common_profile, ours, some, upper_limit
from chargebridge.stations.port import Token
from chargebridge.stations.profiles import ChargingProfile, Period

PURPOSES = {"ChargingStationMaxProfile": "ChargePointMaxProfile", "TxDefaultProfile": "TxDefaultProfile", "TxProfile": "TxProfile"}
USES = {"CSMSRootCertificate": "CentralSystemRootCertificate", "ManufacturerRootCertificate": "ManufacturerRootCertificate"}
# Messages that the whitepaper's ExtendedTriggerMessage asks for, and TriggerMessage cannot (whitepaper 5.6).
EXTENDED = {"LogStatusNotification": "LogStatusNotification", "SignChargingStationCertificate": "SignChargePointCertificate"}


def _set_variables(command: c.SetVariables) -> Worded:
    if len(command.values) != 1:
        raise NoWordError("1.6 writes one configuration key at a time")
    if command.attribute != "Actual":
        raise NoWordError("1.6 knows only a key's actual value")
    ((key, value),) = command.values.items()
    return "ChangeConfiguration", {"key": key, "value": value}


def _get_variables(command: c.GetVariables) -> Worded:
    if command.attribute != "Actual":
        raise NoWordError("1.6 knows only a key's actual value")
    return "GetConfiguration", some(key=command.names)


def _local_list(command: c.SendLocalList) -> Worded:
    """In a differential update an entry without its info is taken out (1.6 5.15)."""
    tokens = [{"idTag": token.id, "idTagInfo": _info(token)} for token in command.tokens]
    tokens += [{"idTag": token.id} for token in command.gone]
    update = "Full" if command.full else "Differential"
    return "SendLocalList", {"listVersion": command.version, "updateType": update} | some(localAuthorizationList=tokens)


def _info(token: Token) -> Said:
    return {"status": token.status} | some(parentIdTag=token.group, expiryDate=token.expires_at)


def _reserve(command: c.ReserveNow) -> Worded:
    if command.connector_type is not None:
        raise NoWordError("1.6 reserves a connector, not a type of connector")
    return "ReserveNow", {
        "connectorId": command.evse,
        "expiryDate": command.expires_at,
        "idTag": command.token.id,
        "reservationId": command.reservation,
    } | some(parentIdTag=command.token.group)


def _trigger(command: c.Trigger) -> Worded:
    place = some(connectorId=command.evse)
    if command.message in EXTENDED:
        return "ExtendedTriggerMessage", {"requestedMessage": EXTENDED[command.message]} | place
    if command.message == "TransactionEvent":
        return "TriggerMessage", {"requestedMessage": "MeterValues"} | place  # the nearest: how far the transaction is
    return "TriggerMessage", {"requestedMessage": command.message} | place


def _firmware(command: c.UpdateFirmware) -> Worded:
    tries = some(retries=command.retries, retryInterval=command.retry_every_s)
    if command.certificate is None or command.signature is None:
        if command.install_at is not None:
            raise NoWordError("a plain 1.6 update is installed when it is there; only a signed one can wait")
        return "UpdateFirmware", {"location": command.location, "retrieveDate": command.retrieve_at} | tries
    firmware = {
        "location": command.location,
        "retrieveDateTime": command.retrieve_at,
        "signingCertificate": command.certificate,
        "signature": command.signature,
    } | some(installDateTime=command.install_at)
    return "SignedUpdateFirmware", {"requestId": command.request, "firmware": firmware} | tries


def _log(command: c.GetLog) -> Worded:
    """Diagnostics by the message that every 1.6 station has; the security log by the whitepaper's."""
    tries = some(retries=command.retries, retryInterval=command.retry_every_s)
    if command.kind == "DiagnosticsLog":
        return "GetDiagnostics", {"location": command.location} | some(startTime=command.since, stopTime=command.until) | tries
    log = {"remoteLocation": command.location} | some(oldestTimestamp=command.since, latestTimestamp=command.until)
    return "GetLog", {"log": log, "logType": command.kind, "requestId": command.request} | tries


def _certificate_ids(command: c.GetCertificateIds) -> Worded:
    if len(command.uses) != 1:
        raise NoWordError("1.6 asks for one use of certificates at a time")
    return "GetInstalledCertificateIds", {"certificateType": _use(command.uses[0])}


def _use(use: str) -> str:
    if use not in USES:
        raise NoWordError(f"1.6 stations hold no {use}; they know {', '.join(USES)}")
    return USES[use]


def _certificate_signed(command: c.SendSignedCertificate) -> Worded:
    if command.use != "ChargingStationCertificate":
        raise NoWordError("1.6 signs only the station's own certificate")
    return "CertificateSigned", {"certificateChain": command.chain}


def _set_profile(command: c.SetProfile) -> Worded:
    common_profile(command)
    profile = command.profile
    if profile.purpose not in PURPOSES:
        raise NoWordError(f"1.6 has no profile for {profile.purpose}")
    told = {
        "chargingProfileId": profile.id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": PURPOSES[profile.purpose],
        "chargingProfileKind": profile.kind,
        "chargingSchedule": {
            "chargingRateUnit": profile.unit,
            "chargingSchedulePeriod": [{"startPeriod": p.start_s, "limit": p.limit} | some(numberPhases=p.phases) for p in profile.periods],
        }
        | some(duration=profile.duration_s, startSchedule=profile.starts_at, minChargingRate=profile.minimum_rate),
    } | some(
        recurrencyKind=profile.recurrency,
        validFrom=profile.valid_from,
        validTo=profile.valid_to,
        transactionId=None if profile.transaction is None else int(profile.transaction),
    )
    return "SetChargingProfile", {"connectorId": command.evse, "csChargingProfiles": told}


def _clear_profiles(command: c.ClearProfiles) -> Worded:
    ours(command.purpose)
    if command.purpose is not None and command.purpose not in PURPOSES:
        raise NoWordError(f"1.6 has no profile for {command.purpose}")
    purpose = None if command.purpose is None else PURPOSES[command.purpose]
    criteria = some(id=command.id, connectorId=command.evse, chargingProfilePurpose=purpose, stackLevel=command.stack_level)
    return "ClearChargingProfile", criteria


def _setpoint(command: c.Setpoint) -> Worded:
    limit = Period(limit=upper_limit(command))
    profile = ChargingProfile(
        id=command.profile, purpose="TxProfile", stack_level=command.stack_level, unit="W", periods=(limit,), kind="Relative",
        transaction=command.transaction,
    )  # fmt: skip
    return _set_profile(c.SetProfile(evse=command.evse, profile=profile))


def _reset(command: c.Reset) -> Worded:
    if command.evse is not None:
        raise NoWordError("1.6 resets the station as a whole")
    return "Reset", {"type": "Hard" if command.hard else "Soft"}


def _remote_stop(command: c.RemoteStop) -> Worded:
    if not command.transaction.isdecimal():
        raise NoWordError("1.6 numbers its transactions")
    return "RemoteStopTransaction", {"transactionId": int(command.transaction)}


WORDS: Words = {
    c.Reset: _reset,
    c.RemoteStart: lambda m: ("RemoteStartTransaction", {"idTag": m.token.id} | some(connectorId=m.evse)),
    c.RemoteStop: _remote_stop,
    c.GetReport: lambda _: ("GetConfiguration", {}),
    c.GetVariables: _get_variables,
    c.SetVariables: _set_variables,
    c.ClearCache: lambda _: ("ClearCache", {}),
    c.GetLocalListVersion: lambda _: ("GetLocalListVersion", {}),
    c.SendLocalList: _local_list,
    c.ReserveNow: _reserve,
    c.CancelReservation: lambda m: ("CancelReservation", {"reservationId": m.reservation}),
    c.ChangeAvailability: lambda m: (
        "ChangeAvailability",
        {"connectorId": m.evse, "type": "Operative" if m.operative else "Inoperative"},
    ),
    c.UnlockConnector: lambda m: ("UnlockConnector", {"connectorId": m.evse}),
    c.Trigger: _trigger,
    c.UpdateFirmware: _firmware,
    c.GetLog: _log,
    c.DataTransfer: lambda m: ("DataTransfer", {"vendorId": m.vendor} | some(messageId=m.message, data=m.data)),
    c.GetCertificateIds: _certificate_ids,
    c.InstallCertificate: lambda m: ("InstallCertificate", {"certificateType": _use(m.use), "certificate": m.certificate}),
    c.DeleteCertificate: lambda m: ("DeleteCertificate", {"certificateHashData": m.certificate}),
    c.SendSignedCertificate: _certificate_signed,
    c.SetProfile: _set_profile,
    c.ClearProfiles: _clear_profiles,
    c.GetCompositeSchedule: lambda m: (
        "GetCompositeSchedule",
        {"connectorId": m.evse, "duration": m.duration_s} | some(chargingRateUnit=m.unit),
    ),
    c.Setpoint: _setpoint,
}
