"""Messages of OCPP 1.6 and its security whitepaper that are told to the site as they are: message -> `StationEvent`, and what is answered."""

from typing import cast

from chargebridge.stations import events
from chargebridge.stations.events import StationEvent
from chargebridge.stations.ocpp.measurements import aware
from chargebridge.stations.ocpp.telling import Telling
from chargebridge.wire.ocpp import v16
from chargebridge.wire.ocpp.payload import Payload

# 1.6 words that later versions spell otherwise (FirmwareStatus 7.25 and DiagnosticsStatus 7.24 against 2.x FirmwareStatusEnum, UploadLogStatusEnum).
LOG_STATUS = {"UploadFailed": "UploadFailure"}


def _firmware(request: Payload) -> StationEvent:
    return events.FirmwareStatus(status=cast(v16.FirmwareStatusNotificationRequest, request).status)


def _signed_firmware(request: Payload) -> StationEvent:
    told = cast(v16.SignedFirmwareStatusNotificationRequest, request)
    return events.FirmwareStatus(status=told.status, request=number(told.request_id))


def _diagnostics(request: Payload) -> StationEvent:
    status = cast(v16.DiagnosticsStatusNotificationRequest, request).status
    return events.LogStatus(status=LOG_STATUS.get(status, status))


def _log(request: Payload) -> StationEvent:
    told = cast(v16.LogStatusNotificationRequest, request)
    return events.LogStatus(status=told.status, request=number(told.request_id))


def _security(request: Payload) -> StationEvent:
    told = cast(v16.SecurityEventNotificationRequest, request)
    return events.SecurityEvent(kind=told.type, at=aware(told.timestamp), info=told.tech_info or None)


def _data(request: Payload) -> StationEvent:
    told = cast(v16.DataTransferRequest, request)
    return events.DataTransferred(vendor=told.vendor_id, message=told.message_id or None, data=told.data or None)


def _sign(request: Payload) -> StationEvent:
    return events.CertificateRequested(csr=cast(v16.SignCertificateRequest, request).csr)


def number(value: object) -> int | None:
    """An optional number of a message; 0 is one."""
    return value if isinstance(value, int) else None


TOLD: dict[str, Telling] = {
    "DataTransfer": Telling(_data, v16.DataTransferResponse(status="UnknownVendorId"), yes=v16.DataTransferResponse(status="Accepted")),
    "DiagnosticsStatusNotification": Telling(_diagnostics, v16.DiagnosticsStatusNotificationResponse()),
    "FirmwareStatusNotification": Telling(_firmware, v16.FirmwareStatusNotificationResponse()),
    "LogStatusNotification": Telling(_log, v16.LogStatusNotificationResponse()),
    "SecurityEventNotification": Telling(_security, v16.SecurityEventNotificationResponse()),
    "SignCertificate": Telling(_sign, v16.SignCertificateResponse(status="Rejected"), yes=v16.SignCertificateResponse(status="Accepted")),
    "SignedFirmwareStatusNotification": Telling(_signed_firmware, v16.SignedFirmwareStatusNotificationResponse()),
}
