"""Messages that OCPP 2.1 adds, told to the site as they are: message -> `StationEvent`, and what is answered."""

from collections.abc import Callable
from typing import cast

from chargebridge.stations import events
from chargebridge.stations.events import StationEvent
from chargebridge.stations.ocpp.measurements import aware
from chargebridge.stations.ocpp.telling import Telling
from chargebridge.stations.ocpp.told16 import number
from chargebridge.stations.ocpp.told201 import TOLD as TOLD_201
from chargebridge.stations.ocpp.told201 import all_said, said
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload


def _swap(request: Payload) -> StationEvent:
    told = cast(v21.BatterySwapRequest, request)
    return events.BatterySwap(
        request=told.request_id, kind=told.event_type, token=told.id_token.id_token, batteries=all_said(told.battery_data)
    )


def _der_alarm(request: Payload) -> StationEvent:
    told = cast(v21.NotifyDERAlarmRequest, request)
    return events.DerAlarm(
        control=told.control_type,
        at=aware(told.timestamp),
        ended=bool(told.alarm_ended),
        fault=told.grid_event_fault or None,
        info=told.extra_info or None,
    )


def _der_start_stop(request: Payload) -> StationEvent:
    told = cast(v21.NotifyDERStartStopRequest, request)
    superseded = tuple(told.superseded_ids or ())
    return events.DerStartStop(control=told.control_id, started=told.started, at=aware(told.timestamp), superseded=superseded)


def _der_controls(request: Payload) -> StationEvent:
    told = cast(v21.ReportDERControlRequest, request)
    lists = {name: part for name, part in said(told).items() if isinstance(part, list)}
    return events.DerControls(request=told.request_id, controls=lists, more=bool(told.tbc))


def _priority(request: Payload) -> StationEvent:
    told = cast(v21.NotifyPriorityChargingRequest, request)
    return events.PriorityCharging(transaction=told.transaction_id, activated=told.activated)


def settled(request: Payload) -> events.Settled:
    told = cast(v21.NotifySettlementRequest, request)
    return events.Settled(
        reference=told.psp_ref,
        status=told.status,
        amount=told.settlement_amount,
        at=aware(told.settlement_time),
        transaction=told.transaction_id or None,
        details=said(told),
    )


def _web_payment(request: Payload) -> StationEvent:
    told = cast(v21.NotifyWebPaymentStartedRequest, request)
    return events.WebPaymentStarted(evse=told.evse_id, timeout_s=told.timeout)


def _stream_opened(request: Payload) -> StationEvent:
    data = cast(v21.OpenPeriodicEventStreamRequest, request).constant_stream_data
    return events.StreamOpened(
        stream=data.id, monitor=data.variable_monitoring_id, interval_s=number(data.params.interval), values=number(data.params.values)
    )


def _stream_closed(request: Payload) -> StationEvent:
    return events.StreamClosed(stream=cast(v21.ClosePeriodicEventStreamRequest, request).id)


def _streamed(message: Payload) -> StationEvent:
    told = cast(v21.NotifyPeriodicEventStreamRequest, message)
    values = tuple((element.t, element.v) for element in told.data)
    return events.Streamed(stream=told.id, since=aware(told.basetime), values=values, pending=told.pending)


def _vat_number(request: Payload) -> StationEvent:
    told = cast(v21.VatNumberValidationRequest, request)
    return events.VatNumberAsked(number=told.vat_number, evse=number(told.evse_id))


def _dynamic(request: Payload) -> StationEvent:
    return events.DynamicScheduleAsked(profile=cast(v21.PullDynamicScheduleUpdateRequest, request).charging_profile_id)


TOLD: dict[str, Telling] = TOLD_201 | {
    "BatterySwap": Telling(_swap, v21.BatterySwapResponse()),
    "ClosePeriodicEventStream": Telling(_stream_closed, v21.ClosePeriodicEventStreamResponse()),
    "NotifyDERAlarm": Telling(_der_alarm, v21.NotifyDERAlarmResponse()),
    "NotifyDERStartStop": Telling(_der_start_stop, v21.NotifyDERStartStopResponse()),
    "NotifyPeriodicEventStream": Telling(_streamed, Payload()),  # N15.FR.02: never answered
    "NotifyPriorityCharging": Telling(_priority, v21.NotifyPriorityChargingResponse()),
    "NotifyWebPaymentStarted": Telling(_web_payment, v21.NotifyWebPaymentStartedResponse()),
    "OpenPeriodicEventStream": Telling(
        _stream_opened,
        v21.OpenPeriodicEventStreamResponse(status="Accepted"),
        no=v21.OpenPeriodicEventStreamResponse(status="Rejected"),  # N11.FR.05
    ),
    "ReportDERControl": Telling(_der_controls, v21.ReportDERControlResponse()),
}
# What is answered by more than a word; `Language21` does it.
ASKED: dict[str, Callable[[Payload], StationEvent]] = {
    "NotifySettlement": settled,
    "PullDynamicScheduleUpdate": _dynamic,
    "VatNumberValidation": _vat_number,
}
