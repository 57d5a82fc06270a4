"""OCPP 1.6J as a station speaks it. A connector is an EVSE."""

import base64
import json
from datetime import datetime
from typing import TYPE_CHECKING, cast

from chargebridge.sim.ocpp_station.answers16 import ANSWERS_16
from chargebridge.sim.ocpp_station.authorisation import Entry
from chargebridge.sim.ocpp_station.evse import Evse, Sample, Signed, Transaction
from chargebridge.sim.ocpp_station.factory16 import factory_16
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.sim.ocpp_station.profiles import Limit
from chargebridge.sim.ocpp_station.values import values
from chargebridge.sim.ocpp_station.variables import Variables
from chargebridge.sim.ocpp_station.voice import Registered, Verdict
from chargebridge.wire.ocpp import v16
from chargebridge.wire.ocpp.payload import Payload, given
from chargebridge.wire.signed.envelope import wrap_oca

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

REASONS = {
    "HardReset",
    "SoftReset",
    "Local",
    "Remote",
    "EVDisconnected",
    "DeAuthorized",
    "Reboot",
    "PowerLoss",
    "UnlockCommand",
    "EmergencyStop",
}
# What GetDiagnostics' and UpdateFirmware's own notifications can say; the security whitepaper's say all.
UNSIGNED = {"Idle", "Downloading", "Downloaded", "DownloadFailed", "Installing", "Installed", "InstallationFailed"}
DIAGNOSTICS: dict[str, v16.DiagnosticsStatusNotificationStatus] = {"Uploading": "Uploading", "Uploaded": "Uploaded", "Idle": "Idle"}


class Voice16:
    """The `Voice` of OCPP 1.6J."""

    names_transactions = False
    starts_at = "PowerPathClosed"

    def __init__(self, plan: StationPlan) -> None:
        self.variables = Variables(factory_16(plan))
        self._carried = plan.signing.carried if plan.signing is not None else "plain"

    def name(self, knob: Knob) -> str:
        return knob.value[0]

    def inward(self, message: Payload) -> Payload:
        return message

    def outward(self, message: Payload) -> Payload:
        return message

    def boot(self, plan: StationPlan, firmware: str, reason: str) -> Payload:
        return v16.BootNotificationRequest(
            charge_point_vendor=plan.vendor[:20],
            charge_point_model=plan.model[:20],
            charge_point_serial_number=plan.identity[:25],
            firmware_version=firmware,
        )

    def registered(self, response: Payload) -> Registered:
        assert isinstance(response, v16.BootNotificationResponse)
        return Registered(response.status == "Accepted", response.interval, response.status == "Pending")

    def told_time(self, response: Payload) -> datetime | None:
        return response.current_time if isinstance(response, v16.BootNotificationResponse | v16.HeartbeatResponse) else None

    def heartbeat(self) -> Payload:
        return v16.HeartbeatRequest()

    def status(self, evse: Evse, now: datetime) -> Payload:
        return v16.StatusNotificationRequest(
            connector_id=evse.number,
            status=evse.state.value,
            error_code=cast(v16.ChargePointErrorCode, evse.fault or "NoError"),
            timestamp=now,
        )

    def authorise(self, token: str) -> Payload:
        return v16.AuthorizeRequest(id_tag=token)

    def verdict(self, response: Payload) -> Verdict:
        info = getattr(response, "id_tag_info", None)
        return Verdict(entry_of(info)) if isinstance(info, v16.IdTagInfo) else Verdict()

    def started(self, transaction: Transaction, sample: Sample, state: str, offline: bool) -> Payload:
        return v16.StartTransactionRequest(
            connector_id=transaction.evse,
            id_tag=transaction.token or "",
            meter_start=transaction.meter_start_wh,
            reservation_id=given(transaction.reservation),
            timestamp=transaction.started_at,
        )

    def transaction_id(self, response: Payload, transaction: Transaction) -> str:
        assert isinstance(response, v16.StartTransactionResponse)
        return str(response.transaction_id)

    def updated(self, transaction: Transaction, sample: Sample, state: str, trigger: str, sequence: int, offline: bool) -> Payload | None:
        if transaction.id is None:
            return None
        aligned = trigger == "MeterValueClock"
        knob, context = (Knob.ALIGNED_MEASURANDS, "Sample.Clock") if aligned else (Knob.MEASURANDS, "Sample.Periodic")
        return v16.MeterValuesRequest(
            connector_id=transaction.evse,
            transaction_id=int(transaction.id),
            meter_value=(self._meter_value(sample, knob, "Trigger" if trigger == "Trigger" else context),),
        )

    def ended(self, transaction: Transaction, sample: Sample, reason: str, sequence: int, offline: bool) -> Payload | None:
        if transaction.id is None:
            return None
        data = self.variables["StopTxnSampledData"]
        plain = (_meter_value(sample, data, "Transaction.End"),) if data else ()
        return v16.StopTransactionRequest(
            transaction_id=int(transaction.id),
            id_tag=given(transaction.token),
            meter_stop=sample.energy_wh,
            timestamp=sample.at,
            reason=cast(v16.Reason, reason if reason in REASONS else "Other"),
            transaction_data=given((*plain, *map(self._signed, sample.signed)) or None),
        )

    def signed(self, transaction: Transaction, sample: Sample, state: str, sequence: int, offline: bool) -> Payload | None:
        if transaction.id is None:
            return None
        return v16.MeterValuesRequest(
            connector_id=transaction.evse, transaction_id=int(transaction.id), meter_value=tuple(map(self._signed, sample.signed))
        )

    def _signed(self, one: Signed) -> v16.MeterValue:
        """Its own time, and its value in the way in which this make carries it."""
        sampled = v16.SampledValue(
            value=_carried(one, self._carried),
            context=one.context,
            format="SignedData",
            measurand="Energy.Active.Import.Register",
            unit="Wh",
        )
        return v16.MeterValue(timestamp=one.at, sampled_value=(sampled,))

    def meter_values(self, evse: Evse, sample: Sample, context: str) -> Payload:
        running = evse.transaction.id if evse.transaction is not None else None
        knob = Knob.ALIGNED_MEASURANDS if context == "Sample.Clock" else Knob.MEASURANDS
        return v16.MeterValuesRequest(
            connector_id=evse.number,
            transaction_id=given(int(running) if running is not None else None),
            meter_value=(self._meter_value(sample, knob, context),),
        )

    def security_event(self, kind: str, at: datetime, info: str) -> Payload:
        return v16.SecurityEventNotificationRequest(type=kind, timestamp=at, tech_info=given(info or None))

    def firmware_status(self, status: str, request_id: int | None) -> Payload | None:
        if request_id is not None:
            return v16.SignedFirmwareStatusNotificationRequest(status=cast(v16.FirmwareStatusEnum, status), request_id=request_id)
        if status not in UNSIGNED:
            return None
        return v16.FirmwareStatusNotificationRequest(status=cast(v16.FirmwareStatusNotificationStatus, status))

    def log_status(self, status: str, request_id: int | None) -> Payload:
        if request_id is not None:
            return v16.LogStatusNotificationRequest(status=cast(v16.UploadLogStatusEnum, status), request_id=request_id)
        return v16.DiagnosticsStatusNotificationRequest(status=DIAGNOSTICS.get(status, "UploadFailed"))

    def sign_certificate(self, csr: str) -> Payload:
        return v16.SignCertificateRequest(csr=csr)

    def reservation_ended(self, reservation: int, status: str) -> Payload | None:
        return None  # 1.6 shows it by the connector's status alone

    def answer(self, station: "VirtualStation", request: Payload) -> Payload | None:
        answer = ANSWERS_16.get(type(request))
        return None if answer is None else answer(station, request)

    def bend(self, evse: Evse, limit: Limit) -> Limit:
        return limit

    def tick(self, station: "VirtualStation") -> None: ...

    def _meter_value(self, sample: Sample, knob: Knob, context: str) -> v16.MeterValue:
        return _meter_value(sample, self.variables[self.name(knob)], context)


def entry_of(info: v16.IdTagInfo) -> Entry:
    return Entry(info.status, info.expiry_date or None, info.parent_id_tag or None)


def _carried(one: Signed, how: str) -> str:
    text, key = one.record.decode(), one.public_key
    if how == "plain":
        return text
    if how == "benergised":
        told = {"signedMeterValue": text, "encodingMethod": "OCMF"} | ({"publicKey": key.spki().hex()} if key else {})
    else:
        coded = base64.b64encode(one.record).decode()
        told = {"signedMeterData": coded, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": wrap_oca(key) if key else ""}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def _meter_value(sample: Sample, measurands: str, context: str) -> v16.MeterValue:
    sampled = [
        v16.SampledValue(
            value=f"{value.value:g}" if value.unit != "Wh" else str(int(value.value)),
            context=cast(v16.ReadingContext, context),
            measurand=cast(v16.Measurand, value.measurand),
            unit=cast(v16.UnitOfMeasure, value.unit),
            phase=given(cast(v16.Phase, f"L{value.phase}") if value.phase else None),
        )
        for value in values(sample, measurands)
    ]
    return v16.MeterValue(timestamp=sample.at, sampled_value=tuple(sampled))
