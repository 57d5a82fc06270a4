"""OCPP 2.0.1 as a station speaks it. Each EVSE has one connector, number 1."""

from datetime import datetime
from typing import TYPE_CHECKING, cast

from chargebridge.sim.ocpp_station.evse import Evse, Sample, State, Transaction
from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.sim.ocpp_station.profiles import MAX_STACK_LEVEL, Period, Profile, Purpose
from chargebridge.sim.ocpp_station.voice import DEFAULT_MEASURANDS, Registered, known, values
from chargebridge.sim.ocpp_station.voice16 import in_unit
from chargebridge.wire.ocpp import v201
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

FALLBACK_201 = "SmartChargingCtrlr.FallbackCurrent"
INTERVAL = "SampledDataCtrlr.TxUpdatedInterval"
SAMPLED = "SampledDataCtrlr.TxUpdatedMeasurands"
SAMPLED_START = "SampledDataCtrlr.TxStartedMeasurands"
SAMPLED_END = "SampledDataCtrlr.TxEndedMeasurands"
CONNECTOR: dict[State, v201.ConnectorStatusEnum] = {
    State.AVAILABLE: "Available",
    State.UNAVAILABLE: "Unavailable",
    State.FAULTED: "Faulted",
}
CHARGING: dict[str, v201.ChargingStateEnum] = {
    "Charging": "Charging",
    "SuspendedEV": "SuspendedEV",
    "SuspendedEVSE": "SuspendedEVSE",
    "Preparing": "EVConnected",
    "Finishing": "EVConnected",
}
# 1.6 reasons -> stoppedReason, and the triggerReason that goes with it (part 2, table of TransactionEvent reasons)
REASONS: dict[str, tuple[v201.ReasonEnum, v201.TriggerReasonEnum]] = {
    "Local": ("Local", "StopAuthorized"),
    "Remote": ("Remote", "RemoteStop"),
    "EVDisconnected": ("EVDisconnected", "EVCommunicationLost"),
    "DeAuthorized": ("DeAuthorized", "Deauthorized"),
    "Reboot": ("Reboot", "ResetCommand"),
    "Other": ("Other", "AbnormalCondition"),
}


class Voice201:
    """The `Voice` of OCPP 2.0.1."""

    names_transactions = True
    readonly = frozenset({"SmartChargingCtrlr.ProfileStackLevel", "SmartChargingCtrlr.RateUnit"})

    def __init__(self, plan: StationPlan) -> None:
        self.settings = {
            "OCPPCommCtrlr.HeartbeatInterval": "60",
            INTERVAL: str(plan.sample_interval_s),
            SAMPLED: DEFAULT_MEASURANDS,
            SAMPLED_START: "Energy.Active.Import.Register",
            SAMPLED_END: "Energy.Active.Import.Register",
            "SmartChargingCtrlr.ProfileStackLevel": str(MAX_STACK_LEVEL),
            "SmartChargingCtrlr.RateUnit": "A,W",
            FALLBACK_201: "",
        }

    @property
    def sample_interval_s(self) -> int:
        return int(self.settings[INTERVAL])

    def boot(self, plan: StationPlan, reason: str) -> Payload:
        return v201.BootNotificationRequest(
            reason=cast(v201.BootReasonEnum, reason),
            charging_station=v201.ChargingStationType(
                model=plan.model,
                vendor_name=plan.vendor,
                serial_number=plan.identity[:25],
                firmware_version=plan.firmware,
            ),
        )

    def registered(self, response: Payload) -> Registered:
        assert isinstance(response, v201.BootNotificationResponse)
        return Registered(response.status == "Accepted", response.interval)

    def heartbeat(self) -> Payload:
        return v201.HeartbeatRequest()

    def status(self, evse: Evse, now: datetime) -> Payload:
        status = CONNECTOR.get(evse.state, "Occupied" if evse.plugged else "Available")
        return v201.StatusNotificationRequest(timestamp=now, connector_status=status, evse_id=evse.number, connector_id=1)

    def authorise(self, token: str) -> Payload:
        return v201.AuthorizeRequest(id_token=_token(token))

    def allows(self, response: Payload) -> bool | None:
        info = getattr(response, "id_token_info", None)
        return info.status == "Accepted" if isinstance(info, v201.IdTokenInfoType) else None

    def started(self, transaction: Transaction, sample: Sample, state: str, offline: bool) -> Payload:
        return v201.TransactionEventRequest(
            event_type="Started",
            timestamp=transaction.started_at,
            trigger_reason="Authorized" if transaction.remote_start_id is None else "RemoteStart",
            seq_no=0,
            offline=offline,
            transaction_info=v201.TransactionType(
                transaction_id=transaction.key,
                charging_state=CHARGING[state],
                remote_start_id=given(transaction.remote_start_id),
            ),
            evse=v201.EVSEType(id=transaction.evse, connector_id=1),
            id_token=_token(transaction.token),
            meter_value=(_meter_value(sample, self.settings[SAMPLED_START], "Transaction.Begin"),),
        )

    def transaction_id(self, response: Payload, transaction: Transaction) -> str:
        return transaction.key

    def updated(
        self, transaction: Transaction, sample: Sample, state: str, sequence: int, offline: bool, *, periodic: bool
    ) -> Payload | None:
        return v201.TransactionEventRequest(
            event_type="Updated",
            timestamp=sample.at,
            trigger_reason="MeterValuePeriodic" if periodic else "ChargingStateChanged",
            seq_no=sequence,
            offline=offline,
            transaction_info=v201.TransactionType(transaction_id=transaction.key, charging_state=CHARGING[state]),
            meter_value=(_meter_value(sample, self.settings[SAMPLED], "Sample.Periodic"),),
        )

    def ended(self, transaction: Transaction, sample: Sample, reason: str, sequence: int, offline: bool) -> Payload | None:
        stopped, trigger = REASONS[reason]
        return v201.TransactionEventRequest(
            event_type="Ended",
            timestamp=sample.at,
            trigger_reason=trigger,
            seq_no=sequence,
            offline=offline,
            transaction_info=v201.TransactionType(
                transaction_id=transaction.key,
                stopped_reason=stopped,
                charging_state="Idle" if stopped == "EVDisconnected" else "EVConnected",
            ),
            meter_value=(_meter_value(sample, self.settings[SAMPLED_END], "Transaction.End"),),
        )

    def answer(self, station: "VirtualStation", request: Payload) -> Payload | None:
        match request:
            case v201.SetChargingProfileRequest():
                return v201.SetChargingProfileResponse(status=_set_profile(station, request))
            case v201.ClearChargingProfileRequest():
                return v201.ClearChargingProfileResponse(status="Accepted" if _clear(station, request) else "Unknown")
            case v201.GetCompositeScheduleRequest():
                return _composite(station, request)
            case v201.RequestStartTransactionRequest():
                evse = request.evse_id if isinstance(request.evse_id, int) else None
                done = station.remote_start(evse, request.id_token.id_token, request.remote_start_id)
                return v201.RequestStartTransactionResponse(status="Accepted" if done else "Rejected")
            case v201.RequestStopTransactionRequest():
                done = station.remote_stop(request.transaction_id)
                return v201.RequestStopTransactionResponse(status="Accepted" if done else "Rejected")
            case v201.SetVariablesRequest():
                return v201.SetVariablesResponse(set_variable_result=tuple(map(self._set, request.set_variable_data)))
            case v201.GetVariablesRequest():
                return v201.GetVariablesResponse(get_variable_result=tuple(map(self._get, request.get_variable_data)))
            case v201.ResetRequest():
                station.later(lambda: station.reboot("RemoteReset"))
                return v201.ResetResponse(status="Accepted")
            case v201.TriggerMessageRequest():
                sent = station.send_now(request.requested_message, request.evse.id if request.evse else None)
                return v201.TriggerMessageResponse(status="Accepted" if sent else "NotImplemented")
            case v201.UnlockConnectorRequest():
                return v201.UnlockConnectorResponse(status=_unlock(station, request.evse_id))
            case v201.ChangeAvailabilityRequest():
                evse = request.evse.id if request.evse else 0
                if evse not in (0, *station.evses):
                    return v201.ChangeAvailabilityResponse(status="Rejected")
                done = station.set_operative(evse, operative=request.operational_status == "Operative")
                return v201.ChangeAvailabilityResponse(status="Accepted" if done else "Scheduled")
        return None

    def _set(self, data: v201.SetVariableDataType) -> v201.SetVariableResultType:
        name = f"{data.component.name}.{data.variable.name}"
        status: v201.SetVariableStatusEnum = "Accepted"
        value = data.attribute_value
        if not any(known_name.startswith(data.component.name + ".") for known_name in self.settings):
            status = "UnknownComponent"
        elif name not in self.settings:
            status = "UnknownVariable"
        elif (
            name in self.readonly
            or (name.endswith("Interval") and not value.isdigit())
            or (name.endswith("Measurands") and not known(value))
        ):
            status = "Rejected"
        else:
            self.settings[name] = value
        return v201.SetVariableResultType(attribute_status=status, component=data.component, variable=data.variable)

    def _get(self, data: v201.GetVariableDataType) -> v201.GetVariableResultType:
        value = self.settings.get(f"{data.component.name}.{data.variable.name}")
        return v201.GetVariableResultType(
            attribute_status="UnknownVariable" if value is None else "Accepted",
            attribute_value=given(value),
            component=data.component,
            variable=data.variable,
        )


def _token(token: str) -> v201.IdTokenType:
    return v201.IdTokenType(id_token=token, type="ISO14443")


def _meter_value(sample: Sample, measurands: str, context: v201.ReadingContextEnum) -> v201.MeterValueType:
    sampled = [
        v201.SampledValueType(
            value=value.value,
            context=context,
            measurand=cast(v201.MeasurandEnum, value.measurand),
            unit_of_measure=v201.UnitOfMeasureType(unit=value.unit),
            phase=given(cast(v201.PhaseEnum, f"L{value.phase}") if value.phase else None),
        )
        for value in values(sample, measurands)
    ]
    return v201.MeterValueType(timestamp=sample.at, sampled_value=tuple(sampled))


def _set_profile(station: "VirtualStation", request: v201.SetChargingProfileRequest) -> v201.ChargingProfileStatusEnum:
    told = request.charging_profile
    schedule = told.charging_schedule[0]
    if told.charging_profile_purpose == "ChargingStationExternalConstraints":
        return "Rejected"  # part 2 K01.FR.22: not for a CSMS to set
    purpose = told.charging_profile_purpose
    profile = Profile(
        id=told.id,
        evse=request.evse_id,
        purpose=Purpose.STATION_MAX if purpose == "ChargingStationMaxProfile" else Purpose(purpose),
        stack_level=told.stack_level,
        unit=schedule.charging_rate_unit,
        starts_at=schedule.start_schedule or None,
        duration_s=schedule.duration if isinstance(schedule.duration, int) else None,
        valid_from=told.valid_from or None,
        valid_to=told.valid_to or None,
        recurrency=(told.recurrency_kind or None) if told.charging_profile_kind == "Recurring" else None,
        periods=tuple(Period(p.start_period, p.limit, p.number_phases or None) for p in schedule.charging_schedule_period),
        transaction=told.transaction_id or None,
    )
    if profile.purpose is Purpose.TX and profile.transaction is None:
        return "Rejected"  # part 2 K01.FR.03
    return "Accepted" if station.take_profile(profile) else "Rejected"


def _clear(station: "VirtualStation", request: v201.ClearChargingProfileRequest) -> bool:
    profile_id = request.charging_profile_id
    criteria = request.charging_profile_criteria
    purpose = criteria.charging_profile_purpose if criteria else None
    gone = station.profiles.clear(
        profile_id if isinstance(profile_id, int) else None,
        criteria.evse_id if criteria and isinstance(criteria.evse_id, int) else None,
        None if not purpose else Purpose.STATION_MAX if purpose == "ChargingStationMaxProfile" else Purpose(purpose),
        criteria.stack_level if criteria and isinstance(criteria.stack_level, int) else None,
    )
    station.refresh()
    return gone > 0


def _unlock(station: "VirtualStation", evse: int) -> v201.UnlockStatusEnum:
    point = station.evses.get(evse)
    if point is None:
        return "UnknownConnector"
    return "Unlocked" if point.transaction is None else "OngoingAuthorizedTransaction"


def _composite(station: "VirtualStation", request: v201.GetCompositeScheduleRequest) -> Payload:
    point = station.evses.get(request.evse_id)
    if point is None:
        return v201.GetCompositeScheduleResponse(status="Rejected")
    now = station.now()
    unit = request.charging_rate_unit or "A"
    found = station.profiles.composite(now, request.duration, point.charging, station.otherwise(point))
    schedule = v201.CompositeScheduleType(
        evse_id=request.evse_id,
        duration=request.duration,
        schedule_start=now,
        charging_rate_unit=unit,
        charging_schedule_period=tuple(
            v201.ChargingSchedulePeriodType(start_period=start, limit=in_unit(limit, unit), number_phases=limit.phases)
            for start, limit in found
        ),
    )
    return v201.GetCompositeScheduleResponse(status="Accepted", schedule=schedule)
