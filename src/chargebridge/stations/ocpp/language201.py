"""OCPP 2.0.1 spoken by the Central System (there called CSMS), and what 2.1 has in common with it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import msgspec
import structlog
from msgspec import UNSET

from chargebridge.model.session import PointStatus
from chargebridge.stations.events import MeterValuesTold, StationEvent
from chargebridge.stations.ocpp import contracts, learning
from chargebridge.stations.ocpp.abilities import OF_BOTH
from chargebridge.stations.ocpp.language import Profile, Schedule, SchedulePeriod, Setting, outcome
from chargebridge.stations.ocpp.measurements import as_sent, aware, from_201, signed_201
from chargebridge.stations.ocpp.pki import common_name
from chargebridge.stations.ocpp.session import POLICY, DeniedError, NotHandledError, Session
from chargebridge.stations.ocpp.telling import Telling, tell
from chargebridge.stations.ocpp.told16 import number
from chargebridge.stations.ocpp.told201 import TOLD, name_of
from chargebridge.stations.ocpp.words201 import WORDS, variable
from chargebridge.stations.port import Answer, Authorisation, Outcome, StationInfo, TransactionEvent
from chargebridge.stations.terms import Terms
from chargebridge.wire.ocpp import V201, v201
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

log = structlog.get_logger()

# An EVSE charges one car at a time, whichever of its connectors the car is at (part 2, definition of EVSE): of what they say the first here counts.
CONNECTOR_STATUS: dict[v201.ConnectorStatusEnum, PointStatus] = {
    "Occupied": PointStatus.PREPARING,
    "Available": PointStatus.AVAILABLE,
    "Reserved": PointStatus.RESERVED,
    "Faulted": PointStatus.FAULTED,
    "Unavailable": PointStatus.UNAVAILABLE,
}
# Idle says that no car is connected though the transaction lives; a car may come any moment, so it counts as one.
CHARGING_STATE = {
    "Charging": PointStatus.CHARGING,
    "EVConnected": PointStatus.PREPARING,
    "SuspendedEV": PointStatus.SUSPENDED_EV,
    "SuspendedEVSE": PointStatus.SUSPENDED_EVSE,
    "Idle": PointStatus.PREPARING,
}
AUTHORISATION: dict[Authorisation, v201.AuthorizationStatusEnum] = {
    Authorisation.ACCEPTED: "Accepted",
    Authorisation.BLOCKED: "Blocked",
    Authorisation.EXPIRED: "Expired",
    Authorisation.INVALID: "Invalid",
    Authorisation.CONCURRENT: "ConcurrentTx",
    Authorisation.NO_CREDIT: "NoCredit",
    Authorisation.NOT_HERE: "NotAtThisLocation",
    Authorisation.NOT_THIS_TYPE: "NotAllowedTypeEVSE",
}
T = TypeVar("T")
# Answers that tell of several things at once -> where each has its status.
RESULTS = {
    "set_variable_result": "attribute_status",
    "set_monitoring_result": "status",
    "clear_monitoring_result": "status",
    "clear_tariffs_result": "status",
}
SERIAL_SIZE = 25  # ChargingStationType.serialNumber; a CN may be longer
MEASURANDS = "Current.Import,Power.Active.Import,Energy.Active.Import.Register,Voltage"


def token_of(token: v201.IdTokenType) -> str | None:
    return None if token.type == "NoAuthorization" else token.id_token


def message(text: str) -> v201.MessageContentType:
    """For a driver to read; 512 characters at most."""
    return v201.MessageContentType(format="UTF8", content=text[:512])


def reason(part: object) -> str:
    """The station's own words beside a status."""
    info = getattr(part, "status_info", None) or getattr(part, "attribute_status_info", None)
    return f"{info.reason_code} {info.additional_info or ''}".strip() if info else ""


def _named(kind: type[T], name: str, **more: str) -> T:
    """A part of a message that names a variable."""
    return msgspec.convert(variable(name) | more, type=kind)


class Language201:
    """The `Language` of OCPP 2.0.1, and of what 2.1 has in common with it.

    Each message of 2.0.1 is in 2.1 with the same fields and more, none gone and none narrower (`tests/wire/ocpp/test_extends.py`). So what a
    station says in either is read as 2.0.1's type, and what we say in 2.0.1's types is right in both. `Language21` adds the rest.
    """

    dialect = V201
    words = WORDS
    tellings: Mapping[str, Telling] = TOLD
    abilities: tuple[str, ...] = OF_BOTH

    async def handle(self, station: "OcppStation", session: Session, request: Payload) -> Payload:
        action = self.dialect.action(request)
        match action:
            case "BootNotification":
                return await self._boot(station, session, cast(v201.BootNotificationRequest, request))
            case "Heartbeat":
                return v201.HeartbeatResponse(current_time=station.now())
            case "StatusNotification":
                return await self._status(station, cast(v201.StatusNotificationRequest, request))
            case "Authorize":
                return await self._authorize(station, cast(v201.AuthorizeRequest, request))
            case "TransactionEvent":
                return await self._transaction(station, cast(v201.TransactionEventRequest, request))
            case "MeterValues":
                return await self._meter_values(station, cast(v201.MeterValuesRequest, request))
        telling = self.tellings.get(action)
        if telling is None:
            raise NotHandledError
        return await tell(station, telling, request)

    async def _meter_values(self, station: "OcppStation", request: v201.MeterValuesRequest) -> Payload:
        measurements = from_201(request.meter_value, station.phases(request.evse_id))
        if measurements and request.evse_id != 0:  # EVSE 0 is the station's own main meter, no point of ours
            await station.sink.measured(station.identity, request.evse_id, measurements)
        await station.sink.told(station.identity, MeterValuesTold(evse=request.evse_id, values=as_sent(request.meter_value)))
        return v201.MeterValuesResponse()

    async def _boot(self, station: "OcppStation", session: Session, request: v201.BootNotificationRequest) -> Payload:
        about = request.charging_station
        info = StationInfo(
            station=station.identity,
            protocol=self.dialect.name,
            vendor=about.vendor_name,
            model=about.model,
            serial=about.serial_number or None,
            firmware=about.firmware_version or None,
        )
        self._check_serial(station, session, info.serial)
        station.connectors.clear()
        accepted = await station.booted(session, info)
        return v201.BootNotificationResponse(
            status="Accepted" if accepted else "Pending",
            current_time=station.now(),
            interval=station.server.heartbeat_s if accepted else station.server.retry_boot_s,
        )

    def _check_serial(self, station: "OcppStation", session: Session, serial: str | None) -> None:
        """With a certificate, the serial number has to be the one in it (B01.FR.11, B01.FR.12). Raises DeniedError, and cuts the line."""
        certificate = None if station.entry is None else station.entry.certificate
        if certificate is None or serial is None or serial.casefold() == (common_name(certificate) or "")[:SERIAL_SIZE].casefold():
            return
        log.warning("serial number is not that of the certificate", station=station.identity, serial=serial)
        session.cut(POLICY, "serial number is not that of the certificate")
        raise DeniedError("the serial number is not that of the certificate")

    async def _status(self, station: "OcppStation", request: v201.StatusNotificationRequest) -> Payload:
        """`Occupied` does not say what the car does; the running transaction does (part 2, G01 and E02)."""
        evse = request.evse_id
        station.connectors[evse, request.connector_id] = request.connector_status
        told = {word for (of, _), word in station.connectors.items() if of == evse}
        leading = next(word for word in CONNECTOR_STATUS if word in told)
        status = CONNECTOR_STATUS[leading]
        if leading == "Occupied":
            status = station.charging.get(evse, PointStatus.PREPARING)
        elif leading == "Available":
            station.charging.pop(evse, None)
        await station.sink.status_changed(station.identity, evse, status, aware(request.timestamp), None)
        return v201.StatusNotificationResponse()

    async def _authorize(self, station: "OcppStation", request: v201.AuthorizeRequest) -> Payload:
        """Of a token, or of a car by its contract (C07): a chain that is not right makes the token not right either (C07.FR.15, C07.FR.17)."""
        info = await self._authorise(station, request.id_token)
        if not request.certificate and not request.iso15118_certificate_hash_data:
            return v201.AuthorizeResponse(id_token_info=info)
        hashed = request.iso15118_certificate_hash_data or ()
        verdict: contracts.Verdict = "CertChainError"
        if station.contracts is not None:
            verdict = await station.contracts.judge(request.certificate or "", hashed, request.id_token.id_token, station.now())
        if verdict == "CertificateExpired":
            info = v201.IdTokenInfoType(status="Expired")
        elif verdict != "Accepted":
            info = v201.IdTokenInfoType(status="Invalid")  # C07.FR.16, C07.FR.17
        elif info.status in ("Blocked", "Expired", "Invalid", "Unknown"):
            return v201.AuthorizeResponse(id_token_info=info, certificate_status="ContractCancelled")  # C07.FR.13
        return v201.AuthorizeResponse(id_token_info=info, certificate_status=verdict)

    async def _authorise(self, station: "OcppStation", token: v201.IdTokenType) -> v201.IdTokenInfoType:
        known = token_of(token)
        kind: str = token.type
        if known is None:
            answer = Authorisation.ACCEPTED
        elif kind == "DirectPayment":  # only 2.1 has it
            answer = await station.sink.authorise_payment(station.identity, known)
        else:
            answer = await station.sink.authorise(station.identity, known)
        return self._info(station, known, answer)

    def _info(self, station: "OcppStation", token: str | None, answer: Authorisation) -> v201.IdTokenInfoType:
        """With what a station's cache is to know: the group (C09.FR.09, C09.FR.12), until when, and at which EVSEs if not at all (C01.FR.20)."""
        known = None if token is None else station.sink.about(station.identity, token)
        if known is None:
            return v201.IdTokenInfoType(status=AUTHORISATION[answer])
        group = None if known.group is None else v201.IdTokenType(id_token=known.group, type="Central")
        accepted = answer is Authorisation.ACCEPTED
        shown = known.message if accepted and station.abilities.shows_messages else None  # I01.FR.02
        return v201.IdTokenInfoType(
            status=AUTHORISATION[answer],
            group_id_token=given(group),
            cache_expiry_date_time=given(known.expires_at),
            evse_id=given(known.evses or None) if accepted else UNSET,
            personal_message=given(None if shown is None else message(shown)),
        )

    async def _transaction(self, station: "OcppStation", request: v201.TransactionEventRequest) -> Payload:
        event = self._event(station, request)
        answer: Authorisation | None = None
        if request.event_type == "Started":
            answer = (await station.sink.transaction_started(event)).authorisation
        elif request.event_type == "Updated":
            await station.sink.transaction_updated(event)
        else:
            answer = await station.sink.transaction_ended(event)
        self._remember(station, request, event)
        station.gaps.heard(event.transaction, request.seq_no, ended=request.event_type == "Ended")
        info: v201.IdTokenInfoType | None = None
        if request.id_token:
            info = await self._authorise(station, request.id_token) if answer is None else self._info(station, event.token, answer)
        return self._agreed(info, station.sink.terms(event, self._takes(station)))

    def _takes(self, station: "OcppStation") -> frozenset[str]:
        """The limits of a transaction that the station can hold; 2.0.1 has none."""
        return frozenset()

    def _agreed(self, info: v201.IdTokenInfoType | None, terms: Terms | None) -> Payload:
        """The answer to an event: what it costs so far (I02, I03), and what the driver is to be told (I06)."""
        if terms is None:
            return v201.TransactionEventResponse(id_token_info=given(info))
        return v201.TransactionEventResponse(
            id_token_info=given(info),
            total_cost=given(None if terms.total is None else float(terms.total)),
            updated_personal_message=given(None if terms.message is None else message(terms.message)),
        )

    def _event(self, station: "OcppStation", request: v201.TransactionEventRequest) -> TransactionEvent:
        """evse: from the event, or from an earlier one of the transaction, else 0 (it need only be sent once, part 2 E02.FR.01)."""
        info, at, values = request.transaction_info, aware(request.timestamp), request.meter_value or ()
        evse = request.evse.id if request.evse else station.running.get(info.transaction_id, 0)
        measurements = from_201(values, station.phases(evse))
        ended = request.event_type == "Ended"
        registers = [m.energy_wh for m in measurements if m.energy_wh is not None]
        return TransactionEvent(
            station=station.identity,
            evse=evse,
            transaction=info.transaction_id,
            occurred_at=at,
            # Not by seqNo alone: there are stations that number every event of a transaction 0.
            replay_key=f"{info.transaction_id}/{request.event_type}/{request.seq_no}/{at.isoformat()}",
            sequence=request.seq_no,
            token=token_of(request.id_token) if request.id_token else None,
            offline=request.offline,
            status=CHARGING_STATE[info.charging_state] if info.charging_state else PointStatus.FINISHING if ended else None,
            trigger=request.trigger_reason,
            measurements=measurements,
            meter_values=as_sent(values),
            signed=signed_201(values),
            meter_wh=(registers[-1] if ended else registers[0]) if registers else None,
            reason=info.stopped_reason or ("Local" if ended else None),  # part 2 E06: left out when it is Local
            token_kind=request.id_token.type if request.id_token else None,
            remote_start=number(info.remote_start_id),
        )

    def _remember(self, station: "OcppStation", request: v201.TransactionEventRequest, event: TransactionEvent) -> None:
        """What later messages leave out; an old event replayed says nothing about now."""
        if request.event_type == "Ended":
            evse = station.running.pop(event.transaction, event.evse)
            station.standing.ended(event.transaction)
            if not request.offline:
                station.charging.pop(evse, None)
        elif not request.offline and event.evse:
            station.running[event.transaction] = event.evse
            if request.event_type == "Started":
                station.standing.begin(event.transaction, event.occurred_at)
            if event.status is not None:
                station.charging[event.evse] = event.status

    # Commands

    def set_profile(self, profile: Profile) -> Payload:
        period = v201.ChargingSchedulePeriodType(start_period=0, limit=profile.limit, number_phases=profile.phases)
        schedule = v201.ChargingScheduleType(
            id=profile.id,
            charging_rate_unit=profile.unit,
            charging_schedule_period=(period,),
            start_schedule=given(profile.starts_at),
            duration=given(profile.duration_s),
        )
        purpose: v201.ChargingProfilePurposeEnum = (
            "ChargingStationMaxProfile" if profile.purpose == "ChargePointMaxProfile" else profile.purpose
        )
        return v201.SetChargingProfileRequest(
            evse_id=profile.evse,
            charging_profile=v201.ChargingProfileType(
                id=profile.id,
                stack_level=profile.stack_level,
                charging_profile_purpose=purpose,
                charging_profile_kind="Relative" if profile.starts_at is None else "Absolute",
                charging_schedule=(schedule,),
                transaction_id=given(profile.transaction),
            ),
        )

    def clear_profile(self, profile_id: int) -> Payload:
        return v201.ClearChargingProfileRequest(charging_profile_id=profile_id)

    def composite_schedule(self, evse: int, duration_s: int, unit: Literal["A", "W"]) -> Payload:
        return v201.GetCompositeScheduleRequest(evse_id=evse, duration=duration_s, charging_rate_unit=unit)

    def read_schedule(self, response: Payload) -> Schedule | None:
        schedule = cast(v201.GetCompositeScheduleResponse, response).schedule
        if not schedule:
            return None
        return Schedule(
            unit=schedule.charging_rate_unit,
            starts_at=aware(schedule.schedule_start),
            duration_s=schedule.duration,
            periods=tuple(SchedulePeriod(p.start_period, p.limit, p.number_phases or None)
                          for p in schedule.charging_schedule_period),
        )  # fmt: skip

    def get_settings(self, names: Sequence[str]) -> Payload:
        """names: as `stations.variables` writes them; 2.0.1 has no way to ask for all of them in one answer."""
        return v201.GetVariablesRequest(get_variable_data=tuple(_named(v201.GetVariableDataType, name) for name in names))

    def read_settings(self, response: Payload) -> list[Setting]:
        return [
            Setting(name=name_of(result.component, result.variable), value=result.attribute_value or None)
            for result in cast(v201.GetVariablesResponse, response).get_variable_result
            if result.attribute_status == "Accepted"
        ]

    def learned(self, request: Payload, response: Payload) -> StationEvent | None:
        return learning.learned(request, response)

    def set_setting(self, name: str, value: str) -> Payload:
        return v201.SetVariablesRequest(set_variable_data=(_named(v201.SetVariableDataType, name, attributeValue=value),))

    def sampling(self, interval_s: int, *, outward: bool = False) -> list[list[tuple[str, str]]]:
        lists = [f"{MEASURANDS},Current.Offered,SoC", MEASURANDS]
        if outward:
            lists.insert(0, f"{MEASURANDS},Current.Offered,SoC,Current.Export,Power.Active.Export")
        wanted = [
            [(f"SampledDataCtrlr.{name}", measurands) for measurands in lists]
            for name in ("TxUpdatedMeasurands", "TxStartedMeasurands", "TxEndedMeasurands")
        ]
        return [*wanted, [("SampledDataCtrlr.TxUpdatedInterval", str(interval_s))]]

    def answer(self, response: Payload) -> Answer:
        """Of several results the first that is no yes."""
        for field, word in RESULTS.items():
            results = getattr(response, field, None)
            if results:
                answers = [outcome(getattr(result, word), reason(result)) for result in results]
                return next((answer for answer in answers if answer.outcome is not Outcome.ACCEPTED), answers[0])
        status = getattr(response, "status", None)
        return outcome(status, reason(response)) if isinstance(status, str) else Answer(outcome=Outcome.ACCEPTED)
