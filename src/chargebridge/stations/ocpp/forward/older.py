"""A station of OCPP 2.x at a back end of OCPP 1.6: what it says, in 1.6's words.

    BootNotification, MeterValues,    the same, as far as 1.6 has words
    SecurityEventNotification
    StatusNotification                what the EVSE does: Occupied and the transaction's chargingState become 1.6's status, told when it changes
    TransactionEvent                  StartTransaction once a card and a register are known, then MeterValues, StopTransaction

An EVSE is 1.6's connector. In 2.x a transaction may begin before its card and without its register; 1.6 begins it with both. So what is known of
one is kept as its `Course`. All of this runs inside the store's write that also queues the messages: what is told follows from what is on disk.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast, get_args

import msgspec
from msgspec import UNSET, Struct
from sqlalchemy import Connection

from chargebridge.model.session import PointStatus
from chargebridge.stations import commands as c
from chargebridge.stations.ocpp.forward import outbox
from chargebridge.stations.ocpp.forward.rules import convert
from chargebridge.stations.ocpp.forward.settings import BackendSettings
from chargebridge.stations.ocpp.language201 import CHARGING_STATE, CONNECTOR_STATUS
from chargebridge.stations.ocpp.measurements import RENAMED, aware, from_201
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.port import Token
from chargebridge.wire.ocpp import V16, Dialect, PayloadError, v16, v201
from chargebridge.wire.ocpp.payload import Payload, encode_hook

Said = tuple[str, Payload]

STATUS: dict[PointStatus, v16.ChargePointStatus] = {
    PointStatus.AVAILABLE: "Available",
    PointStatus.PREPARING: "Preparing",
    PointStatus.CHARGING: "Charging",
    PointStatus.SUSPENDED_EV: "SuspendedEV",
    PointStatus.SUSPENDED_EVSE: "SuspendedEVSE",
    PointStatus.FINISHING: "Finishing",
    PointStatus.RESERVED: "Reserved",
    PointStatus.UNAVAILABLE: "Unavailable",
    PointStatus.FAULTED: "Faulted",
}
MEASURANDS, UNITS, KNOWN_REASONS = (frozenset(get_args(of)) for of in (v16.Measurand, v16.UnitOfMeasure, v16.Reason))
REASONS = {"ImmediateReset": "HardReset", "MasterPass": "Other"}
"""Where 1.6 has another word than 2.x; what it has no word for is Other."""


class Course(Struct, kw_only=True, omit_defaults=True):
    """What is known of a transaction. began_wh, last_wh: its first and newest register. early: its first values, in 1.6's words, until they can be
    told. started, ended: what the back end was told. seen: the newest events, by their digest: a station repeats what got no answer."""

    evse: int = 0
    token: str | None = None
    began_wh: int | None = None
    last_wh: int | None = None
    early: tuple[v16.MeterValue, ...] = ()
    started: bool = False
    ended: bool = False
    seen: tuple[str, ...] = ()


def is_older(dialect: Dialect, backend: BackendSettings) -> bool:
    """Whether a station of this version stands at a back end of 1.6."""
    return dialect is not V16 and backend.protocol == V16.name


def said(
    store: Connection, station: OcppStation, backend: BackendSettings, action: str, request: Payload, now: datetime, *, transactions: bool
) -> list[Said]:
    """What a message means in 1.6, in order. transactions: whether the back end may hear of the message's transaction, or may yet."""
    found: list[Said] = []
    match action:
        case "BootNotification":
            outbox.forget(store, station.identity, f"shown {backend.name} ")
            found = [boot(cast(v201.BootNotificationRequest, request))]
        case "StatusNotification":
            told = cast(v201.StatusNotificationRequest, request)
            found = _shown(store, station, backend, told.evse_id, _status(station, told.evse_id), aware(told.timestamp), now)
        case "MeterValues" if "meter_values" in backend.tell:
            values = _values(cast(v201.MeterValuesRequest, request).meter_value)
            found = [("MeterValues", v16.MeterValuesRequest(connector_id=cast(Any, request).evse_id, meter_value=values))] if values else []
        case "SecurityEventNotification" if "events" in backend.tell:
            same = convert(request, V16, action)
            found = [] if same is None else [(action, same)]
        case "TransactionEvent":
            event = cast(v201.TransactionEventRequest, request)
            found = _course(store, station, backend, event, now) if transactions else []
            evse = event.evse.id if event.evse else station.running.get(event.transaction_info.transaction_id, 0)
            if evse and not event.offline:
                state = event.transaction_info.charging_state
                status = PointStatus.FINISHING if event.event_type == "Ended" else CHARGING_STATE[state] if state else None
                found += [] if status is None else _shown(store, station, backend, evse, status, aware(event.timestamp), now)
    return [(name, message) for name, message in found if _sayable(name, message)]


def boot(request: v201.BootNotificationRequest) -> Said:
    about = request.charging_station
    return "BootNotification", v16.BootNotificationRequest(
        charge_point_vendor=about.vendor_name[:20],
        charge_point_model=about.model,
        charge_point_serial_number=about.serial_number,
        firmware_version=about.firmware_version,
    )


def introduced(dialect: Dialect, kept: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What a back end that comes later is told first, from the station's last words: (action, payload). An EVSE is as its connectors say."""
    first: list[Said] = []
    of: dict[int, set[str]] = {}
    newest: dict[int, datetime] = {}
    for action, payload in kept:
        told: Any = dialect.decode_request(action, payload.encode())
        if action == "BootNotification":
            first.append(boot(told))
        else:
            of.setdefault(told.evse_id, set()).add(told.connector_status)
            newest[told.evse_id] = aware(told.timestamp)
    first += [_notification(evse, _leading(words), newest[evse]) for evse, words in sorted(of.items())]
    return [(action, V16.encode(message).decode()) for action, message in first if _sayable(action, message)]


def _leading(words: set[str]) -> PointStatus:
    return next(status for word, status in CONNECTOR_STATUS.items() if word in words)


def _status(station: OcppStation, evse: int) -> PointStatus:
    status = _leading({word for (of, _), word in station.connectors.items() if of == evse})
    return station.charging.get(evse, status) if status is PointStatus.PREPARING else status


def _notification(evse: int, status: PointStatus, at: datetime) -> Said:
    error: v16.ChargePointErrorCode = "OtherError" if status is PointStatus.FAULTED else "NoError"
    return "StatusNotification", v16.StatusNotificationRequest(connector_id=evse, error_code=error, status=STATUS[status], timestamp=at)


def _shown(
    store: Connection, station: OcppStation, backend: BackendSettings, evse: int, status: PointStatus, at: datetime, now: datetime
) -> list[Said]:
    """The status of an EVSE, if it is news."""
    subject = f"shown {backend.name} {evse}"
    if "status" not in backend.tell or outbox.kept(store, station.identity, subject) == status:
        return []
    outbox.keep(store, station.identity, subject, status, now)
    return [_notification(evse, status, at)]


def _course(
    store: Connection, station: OcppStation, backend: BackendSettings, event: v201.TransactionEventRequest, now: datetime
) -> list[Said]:
    """A transaction's part of an event. The transaction's number at the back end is put in when the message leaves (`Forwarder.for_them`)."""
    name = event.transaction_info.transaction_id
    subject = f"course {backend.name} {name}"
    before = outbox.kept(store, station.identity, subject)
    course = Course() if before is None else msgspec.json.decode(before, type=Course)
    mark = outbox.key_of("", "", msgspec.json.encode(event, enc_hook=encode_hook), dated=True)
    if course.ended or mark in course.seen:
        return []  # said again, or late: its bill is made
    course.seen = (*course.seen[-15:], mark)
    if event.evse:
        course.evse = event.evse.id
    if course.token is None and event.id_token and event.id_token.type != "NoAuthorization" and event.id_token.id_token:
        course.token = event.id_token.id_token
    ends, at, values = event.event_type == "Ended", aware(event.timestamp), _values(event.meter_value or ())
    registers = [m.energy_wh for m in from_201(event.meter_value or (), station.phases(course.evse)) if m.energy_wh is not None]
    if registers:
        course.began_wh = registers[0] if course.began_wh is None else course.began_wh
        course.last_wh = registers[-1]
    found: list[Said] = []
    if not course.started and course.token is not None and course.evse and (course.began_wh is not None or ends):
        start = v16.StartTransactionRequest(connector_id=course.evse, id_tag=course.token, meter_start=course.began_wh or 0, timestamp=at)
        if not _sayable("StartTransaction", start):
            return []
        course.started = True
        found.append(("StartTransaction", start))
    if not course.started:
        course.early = course.early or values
    elif not ends:
        values, course.early = (*course.early, *values), ()
        if values:
            found.append(("MeterValues", v16.MeterValuesRequest(connector_id=course.evse, transaction_id=0, meter_value=values)))
    else:
        values, course.early = (*course.early, *values), ()
        reason = event.transaction_info.stopped_reason or "Local"
        found.append(
            (
                "StopTransaction",
                v16.StopTransactionRequest(
                    transaction_id=0,
                    meter_stop=course.last_wh if course.last_wh is not None else course.began_wh or 0,
                    timestamp=at,
                    reason=cast(v16.Reason, REASONS.get(reason, reason if reason in KNOWN_REASONS else "Other")),
                    transaction_data=values or UNSET,
                ),
            )
        )
    course.ended = ends
    outbox.keep(store, station.identity, subject, msgspec.json.encode(course).decode(), now)
    return found


def _values(values: Sequence[v201.MeterValueType]) -> tuple[v16.MeterValue, ...]:
    """What 1.6 has a measurand and a unit for; a signed value also as it is (1.6 7.43 SignedData)."""
    made = [(aware(value.timestamp), tuple(s for sampled in value.sampled_value for s in _sampled(sampled))) for value in values]
    return tuple(v16.MeterValue(timestamp=at, sampled_value=samples) for at, samples in made if samples)


def _sampled(sampled: v201.SampledValueType) -> list[v16.SampledValue]:
    unit, measurand = sampled.unit_of_measure, RENAMED.get(sampled.measurand, sampled.measurand)
    number = sampled.value * 10.0**unit.multiplier if unit and unit.multiplier and abs(unit.multiplier) <= 12 else sampled.value
    energy = measurand.startswith("Energy.Active")
    name = None if not unit or (unit.unit == "Wh" and not energy) else unit.unit  # the schema's own default says nothing
    if measurand not in MEASURANDS or (name is not None and name not in UNITS):
        return []
    common: dict[str, Any] = {"measurand": measurand, "context": sampled.context, "location": sampled.location, "phase": sampled.phase}
    plain = v16.SampledValue(value=f"{number:.12g}", unit=cast(Any, name or UNSET), **common)
    if not sampled.signed_meter_value:
        return [plain]
    return [plain, v16.SampledValue(value=sampled.signed_meter_value.signed_meter_data, format="SignedData", **common)]


def command(request: Payload, number: int) -> c.Command | None:
    """What a back end of 1.6 asks, in the vocabulary of all versions; None: there is no such thing in 2.x, or it is not ours to reword (settings,
    reports, lists). number: for what 2.x numbers and 1.6 does not."""
    match request:
        case v16.RemoteStartTransactionRequest():
            evse = request.connector_id if isinstance(request.connector_id, int) else None
            return c.RemoteStart(request=number, token=Token(id=request.id_tag, kind="Central"), evse=evse)
        case v16.UnlockConnectorRequest():
            return c.UnlockConnector(evse=request.connector_id)
        case v16.ChangeAvailabilityRequest():
            return c.ChangeAvailability(evse=request.connector_id, operative=request.type == "Operative")
        case v16.ResetRequest():
            return c.Reset(hard=request.type == "Hard")
        case v16.ReserveNowRequest():
            return c.ReserveNow(
                reservation=request.reservation_id,
                token=Token(id=request.id_tag),
                expires_at=aware(request.expiry_date),
                evse=request.connector_id,
            )
        case v16.CancelReservationRequest():
            return c.CancelReservation(reservation=request.reservation_id)
        case v16.TriggerMessageRequest() if request.requested_message != "DiagnosticsStatusNotification":
            return c.Trigger(
                message=request.requested_message, evse=request.connector_id if isinstance(request.connector_id, int) else None
            )
    return None


def _sayable(action: str, message: Payload) -> bool:
    """Whether 1.6's schema takes it: a card's id may be longer than its 20 characters."""
    try:
        V16.decode_request(action, V16.encode(message))
    except PayloadError:
        return False
    return True
