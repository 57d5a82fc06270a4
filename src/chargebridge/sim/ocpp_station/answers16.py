"""What a station answers to the calls of an OCPP 1.6 Central System."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chargebridge.sim.ocpp_station.authorisation import Entry
from chargebridge.sim.ocpp_station.certificates import CSMS_ROOT, CertificateHash
from chargebridge.sim.ocpp_station.dealings import composite, in_unit, reserve
from chargebridge.sim.ocpp_station.firmware import Order
from chargebridge.sim.ocpp_station.maintenance import LogOrder
from chargebridge.sim.ocpp_station.profiles import Period, Profile, Purpose
from chargebridge.sim.ocpp_station.reservations import Reservation
from chargebridge.wire.ocpp import v16
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

CENTRAL_ROOT: v16.CertificateUseEnum = "CentralSystemRootCertificate"


def _change_availability(station: "VirtualStation", request: v16.ChangeAvailabilityRequest) -> Payload:
    if request.connector_id not in (0, *station.evses):
        return v16.ChangeAvailabilityResponse(status="Rejected")
    done = station.orders.set_operative(request.connector_id, operative=request.type == "Operative")
    return v16.ChangeAvailabilityResponse(status="Accepted" if done else "Scheduled")


def _change_configuration(station: "VirtualStation", request: v16.ChangeConfigurationRequest) -> Payload:
    key, value = request.key, request.value
    variables = station.voice.variables
    if key == "SecurityProfile":
        done = value.isdigit() and station.maintenance.new_security_profile(int(value))
        if done:
            variables[key] = value
        return v16.ChangeConfigurationResponse(status="Accepted" if done else "Rejected")
    outcome = variables.write(key, value)
    if key == "AuthorizationKey" and outcome == "Accepted":
        station.maintenance.new_password(value)
    return v16.ChangeConfigurationResponse(status="NotSupported" if outcome == "Unknown" else outcome)


def _get_configuration(station: "VirtualStation", request: v16.GetConfigurationRequest) -> Payload:
    variables = station.voice.variables
    wanted = request.key or tuple(variable.name for variable in variables)
    found = [variable for name in wanted if (variable := variables.find(name)) is not None]
    unknown = tuple(name for name in wanted if name not in variables)
    told = tuple(v16.KeyValue(key=v.name, readonly=v.readonly, value=given(None if v.secret else v.value)) for v in found)
    return v16.GetConfigurationResponse(configuration_key=told, unknown_key=given(unknown or None))


def _clear_cache(station: "VirtualStation", request: v16.ClearCacheRequest) -> Payload:
    station.cache.clear()
    return v16.ClearCacheResponse(status="Accepted")


def _data_transfer(station: "VirtualStation", request: v16.DataTransferRequest) -> Payload:
    """It knows its own vendor's messages, and gives back what they carry."""
    if request.vendor_id != station.plan.vendor:
        return v16.DataTransferResponse(status="UnknownVendorId")
    return v16.DataTransferResponse(status="Accepted", data=request.data)


def _remote_start(station: "VirtualStation", request: v16.RemoteStartTransactionRequest) -> Payload:
    evse = request.connector_id if isinstance(request.connector_id, int) else None
    profile = _profile(evse or 0, request.charging_profile) if request.charging_profile else None
    if profile is not None and profile.purpose is not Purpose.TX:
        return v16.RemoteStartTransactionResponse(status="Rejected")
    done = station.orders.remote_start(evse, request.id_tag, None, profile)
    return v16.RemoteStartTransactionResponse(status="Accepted" if done else "Rejected")


def _remote_stop(station: "VirtualStation", request: v16.RemoteStopTransactionRequest) -> Payload:
    done = station.orders.remote_stop(str(request.transaction_id))
    return v16.RemoteStopTransactionResponse(status="Accepted" if done else "Rejected")


def _reset(station: "VirtualStation", request: v16.ResetRequest) -> Payload:
    station.later(lambda: station.reboot("RemoteReset", ended=f"{request.type}Reset"))
    return v16.ResetResponse(status="Accepted")


def _unlock(station: "VirtualStation", request: v16.UnlockConnectorRequest) -> Payload:
    point = station.evses.get(request.connector_id)
    if point is None:
        return v16.UnlockConnectorResponse(status="NotSupported")
    if point.transaction is not None:
        station.later(lambda: station.transactions.stop_if(point, None, "UnlockCommand"))
    return v16.UnlockConnectorResponse(status="Unlocked")


def _trigger(station: "VirtualStation", request: v16.TriggerMessageRequest) -> Payload:
    return v16.TriggerMessageResponse(status=_triggered(station, request.requested_message, request.connector_id))


def _extended_trigger(station: "VirtualStation", request: v16.ExtendedTriggerMessageRequest) -> Payload:
    return v16.ExtendedTriggerMessageResponse(status=_triggered(station, request.requested_message, request.connector_id))


def _triggered(station: "VirtualStation", message: str, connector: object) -> v16.TriggerMessageStatusEnum:
    evse = connector if isinstance(connector, int) else None
    if evse not in (None, 0, *station.evses):
        return "Rejected"
    return "Accepted" if station.maintenance.send_now(message, evse) else "NotImplemented"


# Local list, reservation


def _send_local_list(station: "VirtualStation", request: v16.SendLocalListRequest) -> Payload:
    changes = {
        data.id_tag: Entry(data.id_tag_info.status, data.id_tag_info.expiry_date or None, data.id_tag_info.parent_id_tag or None)
        if data.id_tag_info
        else None
        for data in request.local_authorization_list or ()
    }
    if not station.voice.variables.flag("LocalAuthListEnabled"):
        return v16.SendLocalListResponse(status="NotSupported")
    return v16.SendLocalListResponse(status=station.local_list.update(request.list_version, request.update_type, changes))


def _local_list_version(station: "VirtualStation", request: v16.GetLocalListVersionRequest) -> Payload:
    enabled = station.voice.variables.flag("LocalAuthListEnabled")
    return v16.GetLocalListVersionResponse(list_version=station.local_list.version if enabled else -1)


def _reserve(station: "VirtualStation", request: v16.ReserveNowRequest) -> Payload:
    group = request.parent_id_tag or None
    reservation = Reservation(request.reservation_id, request.connector_id, request.id_tag, request.expiry_date, group)
    return v16.ReserveNowResponse(status=reserve(station, reservation))


def _cancel_reservation(station: "VirtualStation", request: v16.CancelReservationRequest) -> Payload:
    done = station.reservations.cancel(request.reservation_id)
    station.later(station.show_reservations)
    return v16.CancelReservationResponse(status="Accepted" if done else "Rejected")


# Firmware, logs


def _update_firmware(station: "VirtualStation", request: v16.UpdateFirmwareRequest) -> Payload:
    order = Order(
        location=request.location,
        retrieve_at=request.retrieve_date,
        retries=request.retries or None,
        retry_interval_s=request.retry_interval or None,
    )
    station.maintenance.update_firmware(order)
    return v16.UpdateFirmwareResponse()


def _signed_update(station: "VirtualStation", request: v16.SignedUpdateFirmwareRequest) -> Payload:
    told = request.firmware
    order = Order(
        location=told.location,
        retrieve_at=told.retrieve_date_time,
        install_at=told.install_date_time or None,
        retries=request.retries or None,
        retry_interval_s=request.retry_interval or None,
        request_id=request.request_id,
        signing_certificate=told.signing_certificate,
        signature=told.signature,
    )
    statuses: dict[str, v16.UpdateFirmwareStatusEnum] = {"Accepted": "Accepted", "AcceptedCanceled": "AcceptedCanceled"}
    return v16.SignedUpdateFirmwareResponse(status=statuses.get(station.maintenance.update_firmware(order), "InvalidCertificate"))


def _get_diagnostics(station: "VirtualStation", request: v16.GetDiagnosticsRequest) -> Payload:
    order = LogOrder(
        location=request.location,
        kind="DiagnosticsLog",
        since=request.start_time or None,
        until=request.stop_time or None,
        retries=request.retries or None,
        retry_interval_s=request.retry_interval or None,
    )
    return v16.GetDiagnosticsResponse(file_name=station.maintenance.upload_log(order)[1])


def _get_log(station: "VirtualStation", request: v16.GetLogRequest) -> Payload:
    order = LogOrder(
        location=request.log.remote_location,
        kind=request.log_type,
        since=request.log.oldest_timestamp or None,
        until=request.log.latest_timestamp or None,
        retries=request.retries or None,
        retry_interval_s=request.retry_interval or None,
        request_id=request.request_id,
    )
    status, name = station.maintenance.upload_log(order)
    return v16.GetLogResponse(status="Accepted" if status == "Accepted" else "AcceptedCanceled", filename=name)


# Certificates


def _install_certificate(station: "VirtualStation", request: v16.InstallCertificateRequest) -> Payload:
    use = CSMS_ROOT if request.certificate_type == CENTRAL_ROOT else request.certificate_type
    status = station.certificates.install(use, request.certificate, station.clock.now())
    statuses: dict[str, v16.InstallCertificateStatusEnum] = {"Accepted": "Accepted", "Failed": "Failed"}
    return v16.InstallCertificateResponse(status=statuses.get(status, "Rejected"))


def _certificate_ids(station: "VirtualStation", request: v16.GetInstalledCertificateIdsRequest) -> Payload:
    use = CSMS_ROOT if request.certificate_type == CENTRAL_ROOT else request.certificate_type
    found = tuple(
        v16.CertificateHashDataType(
            hash_algorithm="SHA256", issuer_name_hash=h.issuer_name, issuer_key_hash=h.issuer_key, serial_number=h.serial
        )
        for _, h in station.certificates.hashes({use})
    )
    return v16.GetInstalledCertificateIdsResponse(status="Accepted" if found else "NotFound", certificate_hash_data=given(found or None))


def _delete_certificate(station: "VirtualStation", request: v16.DeleteCertificateRequest) -> Payload:
    told = request.certificate_hash_data
    status = station.certificates.delete(CertificateHash(told.issuer_name_hash, told.issuer_key_hash, told.serial_number))
    statuses: dict[str, v16.DeleteCertificateStatusEnum] = {"Accepted": "Accepted", "Failed": "Failed"}
    return v16.DeleteCertificateResponse(status=statuses.get(status, "NotFound"))


def _certificate_signed(station: "VirtualStation", request: v16.CertificateSignedRequest) -> Payload:
    done = station.maintenance.certificate_signed(request.certificate_chain)
    return v16.CertificateSignedResponse(status="Accepted" if done else "Rejected")


# Smart charging


def _profile(evse: int, told: v16.ChargingProfile) -> Profile:
    schedule = told.charging_schedule
    return Profile(
        id=told.charging_profile_id,
        evse=evse,
        purpose=Purpose(told.charging_profile_purpose),
        stack_level=told.stack_level,
        unit=schedule.charging_rate_unit,
        starts_at=schedule.start_schedule or None,
        duration_s=schedule.duration if isinstance(schedule.duration, int) else None,
        valid_from=told.valid_from or None,
        valid_to=told.valid_to or None,
        recurrency=(told.recurrency_kind or None) if told.charging_profile_kind == "Recurring" else None,
        periods=tuple(Period(p.start_period, p.limit, p.number_phases or None) for p in schedule.charging_schedule_period),
        transaction=str(told.transaction_id) if isinstance(told.transaction_id, int) else None,
    )


def _set_profile(station: "VirtualStation", request: v16.SetChargingProfileRequest) -> Payload:
    """1.6 5.16: a TxProfile needs a running transaction, ChargePointMaxProfile connector 0."""
    done = station.orders.take_profile(_profile(request.connector_id, request.cs_charging_profiles))
    return v16.SetChargingProfileResponse(status="Accepted" if done else "Rejected")


def _clear_profile(station: "VirtualStation", request: v16.ClearChargingProfileRequest) -> Payload:
    gone = station.profiles.clear(
        request.id if isinstance(request.id, int) else None,
        request.connector_id if isinstance(request.connector_id, int) else None,
        Purpose(request.charging_profile_purpose) if request.charging_profile_purpose else None,
        request.stack_level if isinstance(request.stack_level, int) else None,
    )
    station.refresh()
    return v16.ClearChargingProfileResponse(status="Accepted" if gone else "Unknown")


def _composite(station: "VirtualStation", request: v16.GetCompositeScheduleRequest) -> Payload:
    found = composite(station, request.connector_id, request.duration)
    if found is None:
        return v16.GetCompositeScheduleResponse(status="Rejected")
    now, unit = station.now(), request.charging_rate_unit or "A"
    schedule = v16.ChargingSchedule(
        duration=request.duration,
        start_schedule=now,
        charging_rate_unit=unit,
        charging_schedule_period=tuple(
            v16.ChargingSchedulePeriod(start_period=start, limit=in_unit(limit, unit), number_phases=limit.phases) for start, limit in found
        ),
    )
    return v16.GetCompositeScheduleResponse(
        status="Accepted", connector_id=request.connector_id, schedule_start=now, charging_schedule=schedule
    )


ANSWERS_16: dict[type[Payload], Callable[["VirtualStation", Any], Payload]] = {
    v16.CancelReservationRequest: _cancel_reservation,
    v16.CertificateSignedRequest: _certificate_signed,
    v16.ChangeAvailabilityRequest: _change_availability,
    v16.ChangeConfigurationRequest: _change_configuration,
    v16.ClearCacheRequest: _clear_cache,
    v16.ClearChargingProfileRequest: _clear_profile,
    v16.DataTransferRequest: _data_transfer,
    v16.DeleteCertificateRequest: _delete_certificate,
    v16.ExtendedTriggerMessageRequest: _extended_trigger,
    v16.GetCompositeScheduleRequest: _composite,
    v16.GetConfigurationRequest: _get_configuration,
    v16.GetDiagnosticsRequest: _get_diagnostics,
    v16.GetInstalledCertificateIdsRequest: _certificate_ids,
    v16.GetLocalListVersionRequest: _local_list_version,
    v16.GetLogRequest: _get_log,
    v16.InstallCertificateRequest: _install_certificate,
    v16.RemoteStartTransactionRequest: _remote_start,
    v16.RemoteStopTransactionRequest: _remote_stop,
    v16.ReserveNowRequest: _reserve,
    v16.ResetRequest: _reset,
    v16.SendLocalListRequest: _send_local_list,
    v16.SetChargingProfileRequest: _set_profile,
    v16.SignedUpdateFirmwareRequest: _signed_update,
    v16.TriggerMessageRequest: _trigger,
    v16.UnlockConnectorRequest: _unlock,
    v16.UpdateFirmwareRequest: _update_firmware,
}
