"""Messages of OCPP 2.0.1, as 2.1 has them too, that are told to the site as they are: message -> `StationEvent`, and what is answered.

Fields that only 2.1 has are read by `getattr`: in 2.0.1 they are not there.
"""

from typing import Any, cast

import msgspec

from chargebridge.stations import events
from chargebridge.stations.events import Said, StationEvent
from chargebridge.stations.ocpp.measurements import aware
from chargebridge.stations.ocpp.telling import Telling
from chargebridge.stations.ocpp.told16 import number
from chargebridge.stations.variables import VariableName
from chargebridge.wire.ocpp import v201
from chargebridge.wire.ocpp.payload import Payload, encode_hook

_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


def said(part: Payload) -> Said:
    """A part of a message as the JSON object that it came as."""
    plain: Said = msgspec.json.decode(_encoder.encode(part))
    return plain


def all_said(parts: Any) -> tuple[Said, ...]:
    return tuple(said(part) for part in parts or ())


def name_of(component: v201.ComponentType, variable: v201.VariableType) -> str:
    evse = component.evse
    name = VariableName(
        component=component.name,
        instance=component.instance or None,
        evse=evse.id if evse else None,
        connector=number(evse.connector_id) if evse else None,
        variable=variable.name,
        variable_instance=variable.instance or None,
    )
    return str(name)


def why(message: Payload) -> str | None:
    """The status info that 2.1 adds to some notifications."""
    info = getattr(message, "status_info", None)
    return f"{info.reason_code} {info.additional_info or ''}".strip() if info else None


def _report(request: Payload) -> StationEvent:
    told = cast(v201.NotifyReportRequest, request)
    return events.DeviceReport(
        variables=tuple(variable for data in told.report_data or () for variable in _variables(data)),
        request=told.request_id,
        page=told.seq_no,
        more=told.tbc,
        at=aware(told.generated_at),
    )


def _variables(data: v201.ReportDataType) -> list[events.Variable]:
    about = data.variable_characteristics or None
    return [
        events.Variable(
            name=name_of(data.component, data.variable),
            attribute=attribute.type,
            value=attribute.value if isinstance(attribute.value, str) else None,
            readonly=attribute.mutability == "ReadOnly",
            unit=(about.unit or None) if about else None,
            type=about.data_type if about else None,
            minimum=about.min_limit if about and isinstance(about.min_limit, float | int) else None,
            maximum=about.max_limit if about and isinstance(about.max_limit, float | int) else None,
            values=(about.values_list or None) if about else None,
        )
        for attribute in data.variable_attribute
    ]


def _monitoring(request: Payload) -> StationEvent:
    told = cast(v201.NotifyMonitoringReportRequest, request)
    return events.MonitoringReport(
        request=told.request_id,
        monitors=tuple(
            events.Monitor(
                id=monitor.id,
                name=name_of(data.component, data.variable),
                kind=monitor.type,
                value=monitor.value,
                severity=monitor.severity,
                in_transactions=monitor.transaction,
                by=getattr(monitor, "event_notification_type", None),
            )
            for data in told.monitor or ()
            for monitor in data.variable_monitoring
        ),
        page=told.seq_no,
        more=told.tbc,
        at=aware(told.generated_at),
    )


def _notices(request: Payload) -> StationEvent:
    told = cast(v201.NotifyEventRequest, request)
    return events.Notices(
        notices=tuple(
            events.Notice(
                id=data.event_id,
                name=name_of(data.component, data.variable),
                at=aware(data.timestamp),
                trigger=data.trigger,
                value=data.actual_value,
                by=data.event_notification_type,
                cleared=bool(data.cleared),
                cause=number(data.cause),
                code=data.tech_code or None,
                info=data.tech_info or None,
                transaction=data.transaction_id or None,
                monitor=number(data.variable_monitoring_id),
                severity=number(getattr(data, "severity", None)),
            )
            for data in told.event_data
        ),
        page=told.seq_no,
        more=told.tbc,
        at=aware(told.generated_at),
    )


def _security(request: Payload) -> StationEvent:
    told = cast(v201.SecurityEventNotificationRequest, request)
    return events.SecurityEvent(kind=told.type, at=aware(told.timestamp), info=told.tech_info or None)


def _firmware(request: Payload) -> StationEvent:
    told = cast(v201.FirmwareStatusNotificationRequest, request)
    return events.FirmwareStatus(status=told.status, request=number(told.request_id), info=why(told))


def _published(request: Payload) -> StationEvent:
    told = cast(v201.PublishFirmwareStatusNotificationRequest, request)
    locations = tuple(told.location or ())
    return events.FirmwarePublished(status=told.status, locations=locations, request=number(told.request_id), info=why(told))


def _log(request: Payload) -> StationEvent:
    told = cast(v201.LogStatusNotificationRequest, request)
    return events.LogStatus(status=told.status, request=number(told.request_id), info=why(told))


def _reservation(request: Payload) -> StationEvent:
    told = cast(v201.ReservationStatusUpdateRequest, request)
    return events.ReservationUpdate(reservation=told.reservation_id, status=told.reservation_update_status)


def _limit_set(request: Payload) -> StationEvent:
    told = cast(v201.NotifyChargingLimitRequest, request)
    return events.ChargingLimitSet(
        source=told.charging_limit.charging_limit_source,
        evse=number(told.evse_id) or 0,
        grid_critical=bool(told.charging_limit.is_grid_critical),
        local_generation=bool(getattr(told.charging_limit, "is_local_generation", False)),
        schedules=all_said(told.charging_schedule),
    )


def _limit_cleared(request: Payload) -> StationEvent:
    told = cast(v201.ClearedChargingLimitRequest, request)
    return events.ChargingLimitCleared(source=told.charging_limit_source, evse=number(told.evse_id) or 0)


def _profiles(request: Payload) -> StationEvent:
    told = cast(v201.ReportChargingProfilesRequest, request)
    return events.ProfilesReported(
        request=told.request_id,
        evse=told.evse_id,
        source=told.charging_limit_source,
        profiles=all_said(told.charging_profile),
        more=bool(told.tbc),
    )


def _needs(request: Payload) -> StationEvent:
    told = cast(v201.NotifyEVChargingNeedsRequest, request)
    needs = told.charging_needs
    current = needs.ac_charging_parameters or needs.dc_charging_parameters or None
    v2x = getattr(needs, "v2x_charging_parameters", None) or None
    energy = current.energy_amount if current else v2x.ev_target_energy_request if v2x else None
    simple = {"requestedEnergyTransfer", "departureTime", "availableEnergyTransfer", "controlMode"}
    return events.ChargingNeeds(
        evse=told.evse_id,
        transfer=needs.requested_energy_transfer,
        departure_at=aware(needs.departure_time) if needs.departure_time else None,
        energy_wh=float(energy) if isinstance(energy, float | int) else None,
        also_possible=tuple(getattr(needs, "available_energy_transfer", None) or ()),
        control_mode=getattr(needs, "control_mode", None) or None,
        max_periods=number(told.max_schedule_tuples),
        parameters={name: part for name, part in said(needs).items() if name not in simple},
    )


def _ev_schedule(request: Payload) -> StationEvent:
    told = cast(v201.NotifyEVChargingScheduleRequest, request)
    tolerance = getattr(told, "power_tolerance_acceptance", None)
    return events.ChargingSchedule(
        evse=told.evse_id,
        starts_at=aware(told.time_base),
        schedule=said(told.charging_schedule),
        selected=number(getattr(told, "selected_charging_schedule_id", None)),
        tolerance_accepted=tolerance if isinstance(tolerance, bool) else None,
    )


def _display(request: Payload) -> StationEvent:
    told = cast(v201.NotifyDisplayMessagesRequest, request)
    return events.DisplayMessages(request=told.request_id, messages=all_said(told.message_info), more=bool(told.tbc))


def _customer(request: Payload) -> StationEvent:
    told = cast(v201.NotifyCustomerInformationRequest, request)
    return events.CustomerInformation(
        request=told.request_id, data=told.data, page=told.seq_no, more=bool(told.tbc), at=aware(told.generated_at)
    )


def _data(request: Payload) -> StationEvent:
    told = cast(v201.DataTransferRequest, request)
    data = None if told.data is msgspec.UNSET else told.data
    return events.DataTransferred(vendor=told.vendor_id, message=told.message_id or None, data=data)


def _sign(request: Payload) -> StationEvent:
    told = cast(v201.SignCertificateRequest, request)
    use = told.certificate_type or "ChargingStationCertificate"
    return events.CertificateRequested(csr=told.csr, use=use, request=number(getattr(told, "request_id", None)))


TOLD: dict[str, Telling] = {
    "ClearedChargingLimit": Telling(_limit_cleared, v201.ClearedChargingLimitResponse()),
    "DataTransfer": Telling(  # P02.FR.07
        _data, v201.DataTransferResponse(status="UnknownVendorId"), yes=v201.DataTransferResponse(status="Accepted")
    ),
    "FirmwareStatusNotification": Telling(_firmware, v201.FirmwareStatusNotificationResponse()),
    "LogStatusNotification": Telling(_log, v201.LogStatusNotificationResponse()),
    "NotifyChargingLimit": Telling(_limit_set, v201.NotifyChargingLimitResponse()),
    "NotifyCustomerInformation": Telling(_customer, v201.NotifyCustomerInformationResponse()),
    "NotifyDisplayMessages": Telling(_display, v201.NotifyDisplayMessagesResponse()),
    # Processing: a profile follows, as the site offers within seconds what it grants (K15.FR.05, K15.FR.08). A 2.1 station ends the transaction
    # when it hears Rejected (K18.FR.22), so that is only said when it is meant.
    "NotifyEVChargingNeeds": Telling(
        _needs,
        v201.NotifyEVChargingNeedsResponse(status="Processing"),
        yes=v201.NotifyEVChargingNeedsResponse(status="Accepted"),
        no=v201.NotifyEVChargingNeedsResponse(status="Rejected"),
    ),
    "NotifyEVChargingSchedule": Telling(
        _ev_schedule,
        v201.NotifyEVChargingScheduleResponse(status="Accepted"),
        no=v201.NotifyEVChargingScheduleResponse(status="Rejected"),
    ),
    "NotifyEvent": Telling(_notices, v201.NotifyEventResponse()),
    "NotifyMonitoringReport": Telling(_monitoring, v201.NotifyMonitoringReportResponse()),
    "NotifyReport": Telling(_report, v201.NotifyReportResponse()),
    "PublishFirmwareStatusNotification": Telling(_published, v201.PublishFirmwareStatusNotificationResponse()),
    "ReportChargingProfiles": Telling(_profiles, v201.ReportChargingProfilesResponse()),
    "ReservationStatusUpdate": Telling(_reservation, v201.ReservationStatusUpdateResponse()),
    "SecurityEventNotification": Telling(_security, v201.SecurityEventNotificationResponse()),
    "SignCertificate": Telling(_sign, v201.SignCertificateResponse(status="Rejected"), yes=v201.SignCertificateResponse(status="Accepted")),
}
