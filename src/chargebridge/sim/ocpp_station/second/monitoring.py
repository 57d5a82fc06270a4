"""Monitors of variables, their events, and periodic event streams (2.x part 2 N02 to N08, 2.1 N11 to N15)."""

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.sim.ocpp_station.second.provisioning import matches, measure
from chargebridge.sim.ocpp_station.second.words import name_of, parts_of
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

MAX_MONITORS = 100
MAX_BUFFER = 500  # values of a stream that wait for the line; the oldest go first
PAGE = 20
SUPPORTED = ("UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned")
CRITERIA = {
    "ThresholdMonitoring": ("UpperThreshold", "LowerThreshold"),
    "DeltaMonitoring": ("Delta",),
    "PeriodicMonitoring": ("Periodic", "PeriodicClockAligned"),
}


class Stream(Struct):
    """A monitor's values, sent many at a time. open: the CSMS takes them."""

    id: int
    interval_s: int
    values: int
    open: bool = False
    sent_at: datetime | None = None
    buffer: list[tuple[datetime, str]] = []


class Monitor(Struct):
    """value: the threshold, the least change, or the period in s. last: the value at the last event. alerts: beyond the threshold now."""

    id: int
    name: str
    kind: str
    value: float
    severity: int
    transaction: bool
    last: str | None = None
    last_at: datetime | None = None
    alerts: bool = False
    stream: Stream | None = None


class Monitors:
    """All monitors, and what they notice at each tick."""

    def __init__(self) -> None:
        self.severity = 9  # only events of this severity or a graver (lower) one are told
        self.all: dict[int, Monitor] = {}
        self._next_event = 1
        self._measured_at: datetime | None = None

    def tick(self, station: "VirtualStation", voice: "VoiceSecond") -> None:
        """Look at each variable that is watched."""
        if not self.all:
            return
        measure(station, voice)
        now = station.clock.now()
        events: list[v21.EventDataType] = []
        for monitor in self.all.values():
            value = voice.variables[monitor.name]
            trigger = self._notices(monitor, value, now)
            if trigger is None or monitor.severity > self.severity:
                continue
            if monitor.stream is not None and monitor.stream.open:
                monitor.stream.buffer = [*monitor.stream.buffer, (now, value)][-MAX_BUFFER:]
            else:
                events.append(self._event(monitor, value, trigger, now))
        if events:
            station.uplink.say(v21.NotifyEventRequest(generated_at=station.now(), seq_no=0, event_data=tuple(events)))
        for monitor in self.all.values():
            if monitor.stream is not None and monitor.stream.open:
                self._flush(station, monitor.stream, now)

    def _notices(self, monitor: Monitor, value: str, now: datetime) -> v21.EventTriggerEnum | None:
        match monitor.kind:
            case "UpperThreshold" | "LowerThreshold":
                beyond = float(value) > monitor.value if monitor.kind == "UpperThreshold" else float(value) < monitor.value
                before, monitor.alerts = monitor.alerts, beyond
                return "Alerting" if beyond is not before else None
            case "Delta":
                return self._changed(monitor, value)
        period_s = monitor.value
        if monitor.kind == "PeriodicClockAligned":
            passed = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() // period_s
            slot = str(passed)
            before_slot, monitor.last = monitor.last, slot
            return "Periodic" if before_slot not in (None, slot) else None
        if monitor.last_at is not None and (now - monitor.last_at).total_seconds() < period_s:
            return None
        first, monitor.last_at = monitor.last_at is None, now
        return None if first else "Periodic"

    @staticmethod
    def _changed(monitor: Monitor, value: str) -> v21.EventTriggerEnum | None:
        """Of a number: by the given amount; of anything else: at all (N07.FR.18, .19)."""
        try:
            changed = abs(float(value) - float(monitor.last or 0)) >= monitor.value
        except ValueError:
            changed = value != monitor.last
        if not changed:
            return None
        monitor.last = value
        return "Delta"

    def _event(self, monitor: Monitor, value: str, trigger: v21.EventTriggerEnum, now: datetime) -> v21.EventDataType:
        component, variable = parts_of(monitor.name)
        self._next_event += 1
        return v21.EventDataType(
            event_id=self._next_event,
            timestamp=now,
            trigger=trigger,
            actual_value=value,
            cleared=given(True if trigger == "Alerting" and not monitor.alerts else None),
            component=component,
            variable=variable,
            variable_monitoring_id=monitor.id,
            event_notification_type="CustomMonitor",
        )

    def _flush(self, station: "VirtualStation", stream: Stream, now: datetime) -> None:
        """Send what is due: every interval, or as soon as so many values are there (N15.FR.06 to 08)."""
        due = bool(stream.interval_s) and stream.sent_at is not None and (now - stream.sent_at).total_seconds() >= stream.interval_s
        full = bool(stream.values) and len(stream.buffer) >= stream.values
        if stream.sent_at is None:
            stream.sent_at = now
        if not stream.buffer or not station.online or not (due or full):
            return
        count = stream.values or len(stream.buffer)
        data, stream.buffer = stream.buffer[:count], stream.buffer[count:]
        stream.sent_at, base = now, data[0][0]
        elements = tuple(v21.StreamDataElementType(t=round((at - base).total_seconds(), 3), v=value) for at, value in data)
        message = v21.NotifyPeriodicEventStreamRequest(id=stream.id, pending=len(stream.buffer), basetime=base, data=elements)
        station.uplink.spawn(station.uplink.send(message))


def _set(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetVariableMonitoringRequest) -> Payload:
    return v21.SetVariableMonitoringResponse(
        set_monitoring_result=tuple(_set_one(station, voice, data) for data in request.set_monitoring_data)
    )


def _set_one(station: "VirtualStation", voice: "VoiceSecond", data: v21.SetMonitoringDataType) -> v21.SetMonitoringResultType:
    monitors, name = voice.monitors, name_of(data.component, data.variable)
    wanted = data.id if isinstance(data.id, int) else None
    status: v21.SetMonitoringStatusEnum = "Accepted"
    variable = voice.variables.find(name)
    if variable is None:
        there = any(parts_of(v.name)[0] == data.component for v in voice.variables)
        status = "UnknownVariable" if there else "UnknownComponent"
    elif data.type not in SUPPORTED or (data.type.endswith("Threshold") and variable.kind not in ("integer", "decimal")):
        status = "UnsupportedMonitorType"
    elif (
        (data.value <= 0 and data.type.startswith("Periodic"))
        or len(monitors.all) >= MAX_MONITORS
        or (wanted is not None and wanted not in monitors.all)
    ):
        status = "Rejected"
    elif any((m.name, m.kind, m.severity) == (name, data.type, data.severity) and m.id != wanted for m in monitors.all.values()):
        status = "Duplicate"
    number = None
    if status == "Accepted":
        number = wanted if wanted is not None else max(monitors.all, default=0) + 1
        measure(station, voice)
        last = voice.variables[name] if data.type == "Delta" else None
        monitors.all[number] = monitor = Monitor(number, name, data.type, data.value, data.severity, data.transaction, last)
        if data.periodic_event_stream:
            params = data.periodic_event_stream
            monitor.stream = Stream(number, params.interval or 0, params.values or 0)
            station.uplink.spawn(_open(station, monitor.stream))
    return v21.SetMonitoringResultType(
        id=given(number), status=status, type=data.type, component=data.component, variable=data.variable, severity=data.severity
    )


def _constant(stream: Stream) -> v21.ConstantStreamDataType:
    params = v21.PeriodicEventStreamParamsType(interval=given(stream.interval_s or None), values=given(stream.values or None))
    return v21.ConstantStreamDataType(id=stream.id, params=params, variable_monitoring_id=stream.id)


async def _open(station: "VirtualStation", stream: Stream) -> None:
    """Ask whether the CSMS takes the stream; if not, the monitor sends events as others do (N11.FR.07)."""
    await station.pause(0.05)
    answer = await station.uplink.ask(v21.OpenPeriodicEventStreamRequest(constant_stream_data=_constant(stream)))
    stream.open = isinstance(answer, v21.OpenPeriodicEventStreamResponse) and answer.status == "Accepted"


def _clear(station: "VirtualStation", voice: "VoiceSecond", request: v21.ClearVariableMonitoringRequest) -> Payload:
    results = []
    for number in request.id:
        monitor = voice.monitors.all.pop(number, None)
        if monitor is not None and monitor.stream is not None and monitor.stream.open:
            _close(station, monitor.stream)
        results.append(v21.ClearMonitoringResultType(id=number, status="NotFound" if monitor is None else "Accepted"))
    return v21.ClearVariableMonitoringResponse(clear_monitoring_result=tuple(results))


def _close(station: "VirtualStation", stream: Stream) -> None:
    station.later(lambda: station.uplink.say(v21.ClosePeriodicEventStreamRequest(id=stream.id)))


def _base(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetMonitoringBaseRequest) -> Payload:
    """All its monitors are the CSMS's own; the factory put none in, so both other bases take them away (N05)."""
    if request.monitoring_base != "All":
        voice.monitors.all.clear()
    return v21.SetMonitoringBaseResponse(status="Accepted")


def _level(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetMonitoringLevelRequest) -> Payload:
    if request.severity > 9:
        return v21.SetMonitoringLevelResponse(status="Rejected")
    voice.monitors.severity = request.severity
    return v21.SetMonitoringLevelResponse(status="Accepted")


def _report(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetMonitoringReportRequest) -> Payload:
    kinds = [kind for criterion in request.monitoring_criteria or () for kind in CRITERIA[criterion]]
    asked = request.component_variable or ()
    found = [
        monitor
        for monitor in voice.monitors.all.values()
        if (not kinds or monitor.kind in kinds)
        and (not asked or any(matches(variable, item) for item in asked if (variable := voice.variables.find(monitor.name))))
    ]
    if not found:
        return v21.GetMonitoringReportResponse(status="EmptyResultSet")
    pages = [found[start : start + PAGE] for start in range(0, len(found), PAGE)]
    now = station.now()

    def send() -> None:
        for number, page in enumerate(pages):
            station.uplink.say(
                v21.NotifyMonitoringReportRequest(
                    request_id=request.request_id,
                    seq_no=number,
                    tbc=number < len(pages) - 1,
                    generated_at=now,
                    monitor=tuple(_told(monitor) for monitor in page),
                )
            )

    station.later(send)
    return v21.GetMonitoringReportResponse(status="Accepted")


def _told(monitor: Monitor) -> v21.MonitoringDataType:
    component, variable = parts_of(monitor.name)
    told = v21.VariableMonitoringType(
        id=monitor.id,
        transaction=monitor.transaction,
        value=monitor.value,
        type=monitor.kind,  # type: ignore[arg-type]
        severity=monitor.severity,
        event_notification_type="CustomMonitor",
    )
    return v21.MonitoringDataType(component=component, variable=variable, variable_monitoring=(told,))


# Streams (2.1)


def _streams(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetPeriodicEventStreamRequest) -> Payload:
    found = tuple(_constant(m.stream) for m in voice.monitors.all.values() if m.stream is not None and m.stream.open)
    return v21.GetPeriodicEventStreamResponse(constant_stream_data=given(found or None))


def _adjust(station: "VirtualStation", voice: "VoiceSecond", request: v21.AdjustPeriodicEventStreamRequest) -> Payload:
    monitor = voice.monitors.all.get(request.id)
    if monitor is None or monitor.stream is None or not monitor.stream.open:
        return v21.AdjustPeriodicEventStreamResponse(status="Rejected")
    monitor.stream.interval_s, monitor.stream.values = request.params.interval or 0, request.params.values or 0
    return v21.AdjustPeriodicEventStreamResponse(status="Accepted")


ANSWERS: Answers = {
    v21.AdjustPeriodicEventStreamRequest: _adjust,
    v21.ClearVariableMonitoringRequest: _clear,
    v21.GetMonitoringReportRequest: _report,
    v21.GetPeriodicEventStreamRequest: _streams,
    v21.SetMonitoringBaseRequest: _base,
    v21.SetMonitoringLevelRequest: _level,
    v21.SetVariableMonitoringRequest: _set,
}
