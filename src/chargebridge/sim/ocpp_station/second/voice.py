"""OCPP 2.0.1 and 2.1 as a station speaks them. Each EVSE has one connector, number 1."""

from datetime import datetime
from typing import TYPE_CHECKING, cast

from chargebridge.sim.ocpp_station.evse import Evse, Sample, State, Transaction
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.sim.ocpp_station.profiles import Limit
from chargebridge.sim.ocpp_station.second.answers import ANSWERS
from chargebridge.sim.ocpp_station.second.der import DerControls
from chargebridge.sim.ocpp_station.second.display import Display
from chargebridge.sim.ocpp_station.second.edition import narrow, widen
from chargebridge.sim.ocpp_station.second.factory import factory_second
from chargebridge.sim.ocpp_station.second.monitoring import Monitors
from chargebridge.sim.ocpp_station.second.schedules import Pulls
from chargebridge.sim.ocpp_station.second.swap import Swap
from chargebridge.sim.ocpp_station.second.tariffs import Tariffs
from chargebridge.sim.ocpp_station.second.words import bounds_of, entry_of, limits_of, meter_value, meter_values, token_of
from chargebridge.sim.ocpp_station.variables import Variables
from chargebridge.sim.ocpp_station.voice import Registered, Verdict
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

CONNECTOR: dict[State, v21.ConnectorStatusEnum] = {
    State.AVAILABLE: "Available",
    State.RESERVED: "Reserved",
    State.UNAVAILABLE: "Unavailable",
    State.FAULTED: "Faulted",
}
CHARGING: dict[str, v21.ChargingStateEnum] = {
    "Charging": "Charging",
    "SuspendedEV": "SuspendedEV",
    "SuspendedEVSE": "SuspendedEVSE",
    "Preparing": "EVConnected",
    "Finishing": "EVConnected",
}
# Why a transaction ends -> stoppedReason, and the triggerReason that goes with it (part 2, 3.79 and 3.85)
REASONS: dict[str, tuple[v21.ReasonEnum, v21.TriggerReasonEnum]] = {
    "Local": ("Local", "StopAuthorized"),
    "Remote": ("Remote", "RemoteStop"),
    "EVDisconnected": ("EVDisconnected", "EVCommunicationLost"),
    "DeAuthorized": ("DeAuthorized", "Deauthorized"),
    "Reboot": ("Reboot", "ResetCommand"),
    "ImmediateReset": ("ImmediateReset", "ResetCommand"),
    "PowerLoss": ("PowerLoss", "AbnormalCondition"),
    "UnlockCommand": ("Other", "UnlockCommand"),
    "EnergyLimitReached": ("EnergyLimitReached", "EnergyLimitReached"),
    "TimeLimitReached": ("TimeLimitReached", "TimeLimitReached"),
    "CostLimitReached": ("LocalOutOfCredit", "CostLimitReached"),
    "SOCLimitReached": ("SOCLimitReached", "SoCLimitReached"),
    "Other": ("Other", "AbnormalCondition"),
}
ADDED = {"TxResumed", "OperationModeChanged", "RunningCost", "TariffChanged", "LimitSet"}  # triggers that 2.1 has and 2.0.1 has not


class VoiceSecond:
    """The `Voice` of OCPP 2.0.1 and 2.1. newest: it is 2.1."""

    names_transactions = True

    def __init__(self, plan: StationPlan) -> None:
        self.newest = plan.version == "ocpp2.1"
        self.variables = Variables(factory_second(plan))
        self.monitors = Monitors()
        self.display = Display()
        self.tariffs = Tariffs()
        self.der = DerControls()
        self.swap = Swap(plan.batteries)
        self.slots: dict[int, v21.NetworkConnectionProfileType] = {0: _factory_profile(plan)}
        self.pulls = Pulls()

    @property
    def starts_at(self) -> str:
        return self.variables["TxCtrlr.TxStartPoint"]

    def name(self, knob: Knob) -> str:
        return knob.value[1]

    def inward(self, message: Payload) -> Payload:
        return message if self.newest else widen(message)

    def outward(self, message: Payload) -> Payload:
        return message if self.newest else narrow(message)

    def boot(self, plan: StationPlan, firmware: str, reason: str) -> Payload:
        return v21.BootNotificationRequest(
            reason=cast(v21.BootReasonEnum, reason),
            charging_station=v21.ChargingStationType(
                model=plan.model[:20],
                vendor_name=plan.vendor[:50],
                serial_number=plan.identity[:25],
                firmware_version=firmware,
            ),
        )

    def registered(self, response: Payload) -> Registered:
        assert isinstance(response, v21.BootNotificationResponse)
        return Registered(response.status == "Accepted", response.interval, response.status == "Pending")

    def told_time(self, response: Payload) -> datetime | None:
        return response.current_time if isinstance(response, v21.BootNotificationResponse | v21.HeartbeatResponse) else None

    def heartbeat(self) -> Payload:
        return v21.HeartbeatRequest()

    def status(self, evse: Evse, now: datetime) -> Payload:
        status = CONNECTOR.get(evse.state, "Occupied" if evse.plugged else "Available")
        return v21.StatusNotificationRequest(timestamp=now, connector_status=status, evse_id=evse.number, connector_id=1)

    def authorise(self, token: str) -> Payload:
        return v21.AuthorizeRequest(id_token=token_of(token))

    def verdict(self, response: Payload) -> Verdict:
        if isinstance(response, v21.AuthorizeResponse):
            return Verdict(entry_of(response.id_token_info))
        if not isinstance(response, v21.TransactionEventResponse):
            return Verdict()
        cost, bounds = response.total_cost, response.transaction_limit
        return Verdict(
            entry_of(response.id_token_info) if response.id_token_info else None,
            cost if isinstance(cost, int | float) else None,
            bounds_of(bounds) if bounds else None,
        )

    def started(self, transaction: Transaction, sample: Sample, state: str, offline: bool) -> Payload:
        return self._event(
            "Started", transaction, sample, transaction.trigger, 0, offline,
            charging_state=CHARGING[state], measurands=self.variables["SampledDataCtrlr.TxStartedMeasurands"], context="Transaction.Begin",
        )  # fmt: skip

    def transaction_id(self, response: Payload, transaction: Transaction) -> str:
        return transaction.key

    def updated(self, transaction: Transaction, sample: Sample, state: str, trigger: str, sequence: int, offline: bool) -> Payload | None:
        if trigger in ADDED and not self.newest:
            return None
        aligned = trigger == "MeterValueClock"
        knob = Knob.ALIGNED_MEASURANDS if aligned else Knob.MEASURANDS
        context: v21.ReadingContextEnum = "Sample.Clock" if aligned else "Trigger" if trigger == "Trigger" else "Sample.Periodic"
        return self._event(
            "Updated", transaction, sample, trigger, sequence, offline,
            charging_state=CHARGING[state], measurands=self.variables[self.name(knob)], context=context,
        )  # fmt: skip

    def ended(self, transaction: Transaction, sample: Sample, reason: str, sequence: int, offline: bool) -> Payload | None:
        stopped, trigger = REASONS.get(reason, REASONS["Other"])
        if not self.newest and trigger == "CostLimitReached":
            trigger = "EnergyLimitReached"
        return self._event(
            "Ended", transaction, sample, trigger, sequence, offline,
            charging_state="Idle" if stopped == "EVDisconnected" else "EVConnected", stopped=stopped,
            measurands=self.variables["SampledDataCtrlr.TxEndedMeasurands"], context="Transaction.End",
        )  # fmt: skip

    def signed(self, transaction: Transaction, sample: Sample, state: str, sequence: int, offline: bool) -> Payload | None:
        return self._event(
            "Updated", transaction, sample, "SignedDataReceived", sequence, offline,
            charging_state=CHARGING[state], measurands="", context="Transaction.End",
        )  # fmt: skip

    def _event(
        self,
        kind: v21.TransactionEventEnum,
        transaction: Transaction,
        sample: Sample,
        trigger: str,
        sequence: int,
        offline: bool,
        *,
        charging_state: v21.ChargingStateEnum,
        measurands: str,
        context: v21.ReadingContextEnum,
        stopped: v21.ReasonEnum | None = None,
    ) -> Payload:
        """A TransactionEvent. The EVSE and the token are told once, when they are known first (E01.FR.16, E03.FR.01)."""
        first, admitted = kind == "Started", trigger in ("Authorized", "RemoteStart")
        measured = meter_values(sample, measurands, context)
        cost = self.tariffs.cost(transaction, sample) if self.newest and kind == "Ended" else None
        mode = cast(v21.OperationModeEnum, transaction.mode) if self.newest and transaction.mode != "ChargingOnly" else None
        return v21.TransactionEventRequest(
            event_type=kind,
            timestamp=transaction.started_at if first else sample.at,
            trigger_reason=cast(v21.TriggerReasonEnum, trigger),
            seq_no=sequence,
            offline=offline,
            number_of_phases_used=given(sample.phases if first else None),
            reservation_id=given(transaction.reservation if first else None),
            transaction_info=v21.TransactionType(
                transaction_id=transaction.key,
                charging_state=charging_state,
                stopped_reason=given(stopped),
                remote_start_id=given(transaction.remote_start_id if first else None),
                operation_mode=given(mode),
                transaction_limit=given(limits_of(transaction.bounds) if trigger == "LimitSet" else None),
            ),
            evse=given(v21.EVSEType(id=transaction.evse, connector_id=1) if first else None),
            id_token=given(
                token_of(transaction.token) if transaction.token is not None and (first or admitted or stopped == "Local") else None
            ),
            meter_value=given(measured or None),
            cost_details=given(cost),
        )

    def meter_values(self, evse: Evse, sample: Sample, context: str) -> Payload:
        knob = Knob.ALIGNED_MEASURANDS if context == "Sample.Clock" else Knob.MEASURANDS
        measured = meter_value(sample, self.variables[self.name(knob)], cast(v21.ReadingContextEnum, context))
        fallback = meter_value(sample, "Energy.Active.Import.Register", cast(v21.ReadingContextEnum, context))
        values = measured or fallback
        assert values is not None
        return v21.MeterValuesRequest(evse_id=evse.number, meter_value=(values,))

    def security_event(self, kind: str, at: datetime, info: str) -> Payload:
        return v21.SecurityEventNotificationRequest(type=kind, timestamp=at, tech_info=given(info or None))

    def firmware_status(self, status: str, request_id: int | None) -> Payload | None:
        return v21.FirmwareStatusNotificationRequest(status=cast(v21.FirmwareStatusEnum, status), request_id=given(request_id))

    def log_status(self, status: str, request_id: int | None) -> Payload:
        idle = None if status == "Idle" else request_id
        return v21.LogStatusNotificationRequest(status=cast(v21.UploadLogStatusEnum, status), request_id=given(idle))

    def sign_certificate(self, csr: str) -> Payload:
        return v21.SignCertificateRequest(csr=csr, certificate_type="ChargingStationCertificate")

    def reservation_ended(self, reservation: int, status: str) -> Payload | None:
        told = cast(v21.ReservationUpdateStatusEnum, status)
        return v21.ReservationStatusUpdateRequest(reservation_id=reservation, reservation_update_status=told)

    def answer(self, station: "VirtualStation", request: Payload) -> Payload | None:
        answer = ANSWERS.get(type(request))
        return None if answer is None else answer(station, self, request)

    def bend(self, evse: Evse, limit: Limit) -> Limit:
        return self.der.bend(limit, evse.plan)

    def tick(self, station: "VirtualStation") -> None:
        self.monitors.tick(station, self)
        if self.newest:
            self.der.tick(station)
            self.pulls.tick(station)
            self.swap.tick(station)


def _factory_profile(plan: StationPlan) -> v21.NetworkConnectionProfileType:
    """The way to the CSMS that it left the factory with: slot 0, the only one in its priorities."""
    return v21.NetworkConnectionProfileType(
        ocpp_version="OCPP21" if plan.version == "ocpp2.1" else "OCPP20",
        ocpp_interface="Wired0",
        ocpp_transport="JSON",
        message_timeout=round(plan.call_timeout_s),
        ocpp_csms_url=plan.uri,
        security_profile=(3 if plan.tls.certificate else 2) if plan.uri.startswith("wss") else (1 if plan.password is not None else 0),
    )
