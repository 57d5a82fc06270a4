"""OCPP 1.6J as a station speaks it. A connector is an EVSE."""

from datetime import datetime
from typing import TYPE_CHECKING, cast

from chargebridge.sim.ocpp_station.evse import Evse, Sample, Transaction
from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.sim.ocpp_station.profiles import MAX_STACK_LEVEL, Limit, Period, Profile, Purpose
from chargebridge.sim.ocpp_station.voice import DEFAULT_MEASURANDS, Registered, known, values
from chargebridge.wire.ocpp import v16
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

FALLBACK_16 = "FallbackCurrent"
INTERVAL = "MeterValueSampleInterval"
SAMPLED = "MeterValuesSampledData"


class Voice16:
    """The `Voice` of OCPP 1.6J."""

    names_transactions = False
    readonly = frozenset({"NumberOfConnectors", "ChargeProfileMaxStackLevel", "ChargingScheduleAllowedChargingRateUnit"})

    def __init__(self, plan: StationPlan) -> None:
        self.settings = {
            "HeartbeatInterval": "60",
            INTERVAL: str(plan.sample_interval_s),
            SAMPLED: DEFAULT_MEASURANDS,
            "NumberOfConnectors": str(len(plan.evses)),
            "ChargeProfileMaxStackLevel": str(MAX_STACK_LEVEL),
            "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
            FALLBACK_16: "",
        }

    @property
    def sample_interval_s(self) -> int:
        return int(self.settings[INTERVAL])

    def boot(self, plan: StationPlan, reason: str) -> Payload:
        return v16.BootNotificationRequest(
            charge_point_vendor=plan.vendor,
            charge_point_model=plan.model,
            charge_point_serial_number=plan.identity[:25],
            firmware_version=plan.firmware,
        )

    def registered(self, response: Payload) -> Registered:
        assert isinstance(response, v16.BootNotificationResponse)
        return Registered(response.status == "Accepted", response.interval)

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

    def allows(self, response: Payload) -> bool | None:
        info = getattr(response, "id_tag_info", None)
        return info.status == "Accepted" if isinstance(info, v16.IdTagInfo) else None

    def started(self, transaction: Transaction, sample: Sample, state: str, offline: bool) -> Payload:
        return v16.StartTransactionRequest(
            connector_id=transaction.evse,
            id_tag=transaction.token,
            meter_start=transaction.meter_start_wh,
            timestamp=transaction.started_at,
        )

    def transaction_id(self, response: Payload, transaction: Transaction) -> str:
        assert isinstance(response, v16.StartTransactionResponse)
        return str(response.transaction_id)

    def updated(
        self, transaction: Transaction, sample: Sample, state: str, sequence: int, offline: bool, *, periodic: bool
    ) -> Payload | None:
        if transaction.id is None:
            return None
        return v16.MeterValuesRequest(
            connector_id=transaction.evse,
            transaction_id=int(transaction.id),
            meter_value=(_meter_value(sample, self.settings[SAMPLED], "Sample.Periodic"),),
        )

    def ended(self, transaction: Transaction, sample: Sample, reason: str, sequence: int, offline: bool) -> Payload | None:
        if transaction.id is None:
            return None
        return v16.StopTransactionRequest(
            transaction_id=int(transaction.id),
            id_tag=transaction.token,
            meter_stop=sample.energy_wh,
            timestamp=sample.at,
            reason=cast(v16.Reason, reason),
        )

    def answer(self, station: "VirtualStation", request: Payload) -> Payload | None:
        match request:
            case v16.SetChargingProfileRequest():
                return v16.SetChargingProfileResponse(status=_set_profile(station, request))
            case v16.ClearChargingProfileRequest():
                gone = station.profiles.clear(
                    request.id if isinstance(request.id, int) else None,
                    request.connector_id if isinstance(request.connector_id, int) else None,
                    Purpose(request.charging_profile_purpose) if request.charging_profile_purpose else None,
                    request.stack_level if isinstance(request.stack_level, int) else None,
                )
                station.refresh()
                return v16.ClearChargingProfileResponse(status="Accepted" if gone else "Unknown")
            case v16.GetCompositeScheduleRequest():
                return _composite(station, request)
            case v16.RemoteStartTransactionRequest():
                evse = request.connector_id if isinstance(request.connector_id, int) else None
                done = station.remote_start(evse, request.id_tag, None)
                return v16.RemoteStartTransactionResponse(status="Accepted" if done else "Rejected")
            case v16.RemoteStopTransactionRequest():
                done = station.remote_stop(str(request.transaction_id))
                return v16.RemoteStopTransactionResponse(status="Accepted" if done else "Rejected")
            case v16.ChangeConfigurationRequest():
                return v16.ChangeConfigurationResponse(status=self._configure(request.key, request.value))
            case v16.GetConfigurationRequest():
                return self._configuration(request)
            case v16.ResetRequest():
                station.later(lambda: station.reboot("RemoteReset"))
                return v16.ResetResponse(status="Accepted")
            case v16.TriggerMessageRequest():
                evse = request.connector_id if isinstance(request.connector_id, int) else None
                sent = station.send_now(request.requested_message, evse)
                return v16.TriggerMessageResponse(status="Accepted" if sent else "NotImplemented")
            case v16.UnlockConnectorRequest():
                point = station.evses.get(request.connector_id)
                if point is not None and point.transaction is not None:
                    station.later(lambda: station.unplug(request.connector_id))
                return v16.UnlockConnectorResponse(status="NotSupported" if point is None else "Unlocked")
            case v16.ChangeAvailabilityRequest() if request.connector_id in (0, *station.evses):
                done = station.set_operative(request.connector_id, operative=request.type == "Operative")
                return v16.ChangeAvailabilityResponse(status="Accepted" if done else "Scheduled")
            case v16.ChangeAvailabilityRequest():
                return v16.ChangeAvailabilityResponse(status="Rejected")
        return None

    def _configure(self, key: str, value: str) -> v16.ChangeConfigurationResponseStatus:
        if key not in self.settings:
            return "NotSupported"
        bad_list = key == SAMPLED and not known(value)
        bad_number = (key.endswith("Interval") and not value.isdigit()) or (key == FALLBACK_16 and not _is_current(value))
        if key in self.readonly or bad_list or bad_number:
            return "Rejected"
        self.settings[key] = value
        return "Accepted"

    def _configuration(self, request: v16.GetConfigurationRequest) -> Payload:
        wanted = request.key or tuple(self.settings)
        found = [v16.KeyValue(key=k, readonly=k in self.readonly, value=self.settings[k]) for k in wanted if k in self.settings]
        unknown = tuple(key for key in wanted if key not in self.settings)
        return v16.GetConfigurationResponse(configuration_key=tuple(found), unknown_key=given(unknown or None))


def _is_current(value: str) -> bool:
    try:
        return float(value) >= 0
    except ValueError:
        return False


def _meter_value(sample: Sample, measurands: str, context: v16.ReadingContext) -> v16.MeterValue:
    sampled = [
        v16.SampledValue(
            value=f"{value.value:g}" if value.unit != "Wh" else str(int(value.value)),
            context=context,
            measurand=cast(v16.Measurand, value.measurand),
            unit=cast(v16.UnitOfMeasure, value.unit),
            phase=given(cast(v16.Phase, f"L{value.phase}") if value.phase else None),
        )
        for value in values(sample, measurands)
    ]
    return v16.MeterValue(timestamp=sample.at, sampled_value=tuple(sampled))


def _set_profile(station: "VirtualStation", request: v16.SetChargingProfileRequest) -> v16.SetChargingProfileResponseStatus:
    """1.6 5.16: a TxProfile needs a running transaction, ChargePointMaxProfile connector 0."""
    told = request.cs_charging_profiles
    schedule = told.charging_schedule
    profile = Profile(
        id=told.charging_profile_id,
        evse=request.connector_id,
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
    return "Accepted" if station.take_profile(profile) else "Rejected"


def _composite(station: "VirtualStation", request: v16.GetCompositeScheduleRequest) -> Payload:
    point = station.evses.get(request.connector_id)
    if point is None:
        return v16.GetCompositeScheduleResponse(status="Rejected")
    now = station.now()
    found = station.profiles.composite(now, request.duration, point.charging, station.otherwise(point))
    unit = request.charging_rate_unit or "A"
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


def in_unit(limit: Limit, unit: str) -> float:
    """A limit as a schedule says it, one decimal."""
    return round(limit.current_a if unit == "A" else limit.current_a * 230.0 * limit.phases, 1)
