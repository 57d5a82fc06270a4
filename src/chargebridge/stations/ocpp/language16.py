"""OCPP 1.6 spoken by the Central System. A connector is an EVSE (1.6 knows no other); connector 0 is the station as a whole."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from chargebridge.model.session import PointStatus
from chargebridge.stations.events import DeviceReport, MeterValuesTold, Variable
from chargebridge.stations.ocpp.language import Profile, Schedule, SchedulePeriod, Setting, outcome
from chargebridge.stations.ocpp.measurements import as_sent, aware, digest, from_16, signed_16
from chargebridge.stations.ocpp.session import NotHandledError, Session
from chargebridge.stations.ocpp.telling import tell
from chargebridge.stations.ocpp.told16 import TOLD
from chargebridge.stations.ocpp.words16 import WORDS
from chargebridge.stations.port import Answer, Authorisation, StationInfo, TransactionEvent
from chargebridge.wire.ocpp import V16, v16
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

STATUS = {
    "Available": PointStatus.AVAILABLE,
    "Preparing": PointStatus.PREPARING,
    "Charging": PointStatus.CHARGING,
    "SuspendedEV": PointStatus.SUSPENDED_EV,
    "SuspendedEVSE": PointStatus.SUSPENDED_EVSE,
    "Finishing": PointStatus.FINISHING,
    "Reserved": PointStatus.RESERVED,
    "Unavailable": PointStatus.UNAVAILABLE,
    "Faulted": PointStatus.FAULTED,
}
AUTHORISATION: dict[Authorisation, v16.AuthorizationStatus] = {
    Authorisation.ACCEPTED: "Accepted",
    Authorisation.BLOCKED: "Blocked",
    Authorisation.EXPIRED: "Expired",
    Authorisation.INVALID: "Invalid",
    Authorisation.CONCURRENT: "ConcurrentTx",
    Authorisation.NO_CREDIT: "Blocked",
    Authorisation.NOT_HERE: "Invalid",
    Authorisation.NOT_THIS_TYPE: "Invalid",
}
SHORT_ID = 20  # CiString20Type; a longer id of a group cannot be said in 1.6
MEASURANDS = "Current.Import,Power.Active.Import,Energy.Active.Import.Register,Voltage"


def _info(station: "OcppStation", tag: str, answer: Authorisation) -> v16.IdTagInfo:
    """With what a station's cache is to know: the group (1.6: parent), and until when (1.6 7.27)."""
    token = station.sink.about(station.identity, tag)
    if token is None:
        return v16.IdTagInfo(status=AUTHORISATION[answer])
    group = token.group if token.group is not None and len(token.group) <= SHORT_ID else None
    return v16.IdTagInfo(status=AUTHORISATION[answer], parent_id_tag=given(group), expiry_date=given(token.expires_at))


class Language16:
    """The `Language` of OCPP 1.6."""

    dialect = V16
    words = WORDS
    abilities: tuple[str, ...] = ()

    async def handle(self, station: "OcppStation", session: Session, request: Payload) -> Payload:
        match request:
            case v16.BootNotificationRequest():
                return await self._boot(station, session, request)
            case v16.HeartbeatRequest():
                return v16.HeartbeatResponse(current_time=station.now())
            case v16.StatusNotificationRequest():
                return await self._status(station, request)
            case v16.AuthorizeRequest():
                answer = await station.sink.authorise(station.identity, request.id_tag)
                return v16.AuthorizeResponse(id_tag_info=_info(station, request.id_tag, answer))
            case v16.StartTransactionRequest():
                return await self._start(station, request)
            case v16.MeterValuesRequest():
                return await self._meter_values(station, request)
            case v16.StopTransactionRequest():
                return await self._stop(station, request)
        telling = TOLD.get(self.dialect.action(request))
        if telling is None:
            raise NotHandledError
        return await tell(station, telling, request)

    async def _boot(self, station: "OcppStation", session: Session, request: v16.BootNotificationRequest) -> Payload:
        info = StationInfo(
            station=station.identity,
            protocol=V16.name,
            vendor=request.charge_point_vendor,
            model=request.charge_point_model,
            serial=request.charge_point_serial_number or request.charge_box_serial_number or None,
            firmware=request.firmware_version or None,
        )
        accepted = await station.booted(session, info)
        return v16.BootNotificationResponse(
            status="Accepted" if accepted else "Pending",
            current_time=station.now(),
            interval=station.server.heartbeat_s if accepted else station.server.retry_boot_s,
        )

    async def _status(self, station: "OcppStation", request: v16.StatusNotificationRequest) -> Payload:
        error: str | None = None if request.error_code == "NoError" else request.error_code
        if error and (words := request.info or request.vendor_error_code):
            error = f"{error}: {words}"
        at = aware(request.timestamp) if request.timestamp else station.now()
        await station.sink.status_changed(station.identity, request.connector_id, STATUS[request.status], at, error)
        return v16.StatusNotificationResponse()

    async def _start(self, station: "OcppStation", request: v16.StartTransactionRequest) -> Payload:
        at = aware(request.timestamp)
        answer = await station.sink.transaction_started(
            TransactionEvent(
                station=station.identity,
                evse=request.connector_id,
                transaction="",
                occurred_at=at,
                replay_key=f"start/{request.connector_id}/{request.id_tag}/{at.isoformat()}/{request.meter_start}",
                token=request.id_tag,
                offline=station.is_old(at),
                status=PointStatus.CHARGING,
                meter_wh=request.meter_start,
            )
        )
        station.running[answer.transaction] = request.connector_id
        station.standing.begin(answer.transaction, at)
        return v16.StartTransactionResponse(
            transaction_id=int(answer.transaction),
            id_tag_info=_info(station, request.id_tag, answer.authorisation),
        )

    async def _meter_values(self, station: "OcppStation", request: v16.MeterValuesRequest) -> Payload:
        evse, phases = request.connector_id, station.phases(request.connector_id)
        measurements = from_16(request.meter_value, phases)
        if not request.meter_value:
            return v16.MeterValuesResponse()
        if isinstance(request.transaction_id, int) and request.transaction_id > 0 and evse != 0:
            at, values = aware(request.meter_value[-1].timestamp), as_sent(request.meter_value)
            transaction = str(request.transaction_id)
            station.running[transaction] = evse
            await station.sink.transaction_updated(
                TransactionEvent(
                    station=station.identity,
                    evse=evse,
                    transaction=transaction,
                    occurred_at=at,
                    replay_key=f"meter/{transaction}/{at.isoformat()}/{digest(values)}",
                    offline=station.is_old(at),
                    measurements=measurements,
                    meter_wh=measurements[-1].energy_wh if measurements else None,
                    meter_values=values,
                    signed=signed_16(request.meter_value),
                )
            )
            return v16.MeterValuesResponse()
        if measurements and evse != 0:  # connector 0 is the station's own main meter, which is no point of ours
            await station.sink.measured(station.identity, evse, measurements)
        await station.sink.told(station.identity, MeterValuesTold(evse=evse, values=as_sent(request.meter_value)))
        return v16.MeterValuesResponse()

    async def _stop(self, station: "OcppStation", request: v16.StopTransactionRequest) -> Payload:
        """Always answered, known or not: a station repeats what is not answered for ever (1.6 4.10, StopTransaction)."""
        at, transaction = aware(request.timestamp), str(request.transaction_id)
        evse = station.running.pop(transaction, 0)
        station.standing.ended(transaction)
        measurements = from_16(request.transaction_data or (), station.phases(evse))
        answer = await station.sink.transaction_ended(
            TransactionEvent(
                station=station.identity,
                evse=evse,
                transaction=transaction,
                occurred_at=at,
                replay_key=f"stop/{transaction}/{at.isoformat()}/{request.meter_stop}",
                token=request.id_tag or None,
                offline=station.is_old(at),
                measurements=measurements,
                meter_wh=request.meter_stop,
                meter_values=as_sent(request.transaction_data or ()),
                signed=signed_16(request.transaction_data or ()),
                reason=request.reason or "Local",  # 1.6 7.38: left out when it is Local
            )
        )
        if answer is None:
            return v16.StopTransactionResponse()
        return v16.StopTransactionResponse(id_tag_info=_info(station, request.id_tag or "", answer))

    # Commands

    def set_profile(self, profile: Profile) -> Payload:
        period = v16.ChargingSchedulePeriod(start_period=0, limit=profile.limit, number_phases=profile.phases)
        # Without a start a schedule counts from the start of charging: Relative. With one it is Absolute (1.6 3.13.2, 7.13).
        schedule = v16.ChargingSchedule(
            charging_rate_unit=profile.unit,
            charging_schedule_period=(period,),
            start_schedule=given(profile.starts_at),
            duration=given(profile.duration_s),
        )
        return v16.SetChargingProfileRequest(
            connector_id=profile.evse,
            cs_charging_profiles=v16.ChargingProfile(
                charging_profile_id=profile.id,
                stack_level=profile.stack_level,
                charging_profile_purpose=profile.purpose,
                charging_profile_kind="Relative" if profile.starts_at is None else "Absolute",
                charging_schedule=schedule,
                transaction_id=given(None if profile.transaction is None else int(profile.transaction)),
            ),
        )

    def clear_profile(self, profile_id: int) -> Payload:
        return v16.ClearChargingProfileRequest(id=profile_id)

    def composite_schedule(self, evse: int, duration_s: int, unit: Literal["A", "W"]) -> Payload:
        return v16.GetCompositeScheduleRequest(connector_id=evse, duration=duration_s, charging_rate_unit=unit)

    def read_schedule(self, response: Payload) -> Schedule | None:
        if not isinstance(response, v16.GetCompositeScheduleResponse) or not response.charging_schedule:
            return None
        schedule = response.charging_schedule
        start = response.schedule_start or schedule.start_schedule
        return Schedule(
            unit=schedule.charging_rate_unit,
            starts_at=aware(start) if start else None,
            duration_s=schedule.duration if isinstance(schedule.duration, int) else None,
            periods=tuple(SchedulePeriod(p.start_period, p.limit, p.number_phases or None)
                          for p in schedule.charging_schedule_period),
        )  # fmt: skip

    def get_settings(self, names: Sequence[str]) -> Payload:
        return v16.GetConfigurationRequest(key=tuple(names)) if names else v16.GetConfigurationRequest()

    def read_settings(self, response: Payload) -> list[Setting]:
        if not isinstance(response, v16.GetConfigurationResponse):
            return []
        return [Setting(name=k.key, value=k.value or None, readonly=k.readonly) for k in response.configuration_key or ()]

    def learned(self, request: Payload, response: Payload) -> DeviceReport | None:
        if not isinstance(response, v16.GetConfigurationResponse) or not response.configuration_key:
            return None
        keys = response.configuration_key
        return DeviceReport(variables=tuple(Variable(name=key.key, value=key.value or None, readonly=key.readonly) for key in keys))

    def set_setting(self, name: str, value: str) -> Payload:
        return v16.ChangeConfigurationRequest(key=name, value=value)

    def sampling(self, interval_s: int, *, outward: bool = False) -> list[list[tuple[str, str]]]:
        per_phase = ",".join(f"Current.Import.L{phase}" for phase in (1, 2, 3))
        return [
            [
                ("MeterValuesSampledData", f"{MEASURANDS},Current.Offered,SoC"),
                ("MeterValuesSampledData", MEASURANDS),
                ("MeterValuesSampledData", MEASURANDS.replace("Current.Import", per_phase)),
                ("MeterValuesSampledData", MEASURANDS.removesuffix(",Voltage")),
            ],
            [("MeterValueSampleInterval", str(interval_s))],
        ]

    def answer(self, response: Payload) -> Answer:
        status = getattr(response, "status", None)
        return outcome(status if isinstance(status, str) else "Accepted")
