"""Controls of a distributed energy resource, what they do to the current, and what is told of them (2.1 part 2 R)."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.sim.ocpp_station.plan import EvsePlan
from chargebridge.sim.ocpp_station.profiles import Limit
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

NOMINAL_HZ = 50.0
NOMINAL_V = 230.0
PAGE = 24  # controls of one kind in one ReportDERControl
SUPPORTED = {"FreqDroop", "FreqWatt", "VoltWatt", "LimitMaxDischarge", "HVMustTrip", "LVMustTrip"}
FIELDS = {
    "EnterService": "enter_service",
    "FreqDroop": "freq_droop",
    "FixedPFAbsorb": "fixed_pf_absorb",
    "FixedPFInject": "fixed_pf_inject",
    "FixedVar": "fixed_var",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limit_max_discharge",
}  # all others are curves


class Control(Struct):
    """One control. body: its own part of the message. started: whether its time has come (of a scheduled one)."""

    id: str
    kind: v21.DERControlEnum
    default: bool
    body: v21.DERCurveType | v21.FreqDroopType | v21.LimitMaxDischargeType
    superseded: bool = False
    started: bool = False

    def runs(self, now: datetime) -> bool:
        """A default one always, a scheduled one from its start for its duration."""
        begin = self.begin
        return self.default or begin is None or (begin <= now and not self.over(now))

    @property
    def begin(self) -> datetime | None:
        return getattr(self.body, "start_time", None) or None

    def over(self, now: datetime) -> bool:
        begin, duration_s = self.begin, getattr(self.body, "duration", None)
        return begin is not None and isinstance(duration_s, int | float) and now >= begin + timedelta(seconds=duration_s)


class DerControls:
    """The controls that a station has, and the grid as it sees it (tests set frequency_hz and voltage_v)."""

    def __init__(self) -> None:
        self.controls: dict[str, Control] = {}
        self.frequency_hz = NOMINAL_HZ
        self.voltage_v = NOMINAL_V
        self._alarms: dict[v21.DERControlEnum, v21.GridEventFaultEnum] = {}
        self._now: datetime | None = None

    def put(self, control: Control, now: datetime) -> list[str]:
        """Add it; which others of its kind it supersedes. A lower priority value goes before a higher one (R04.FR.03 to 08)."""
        rivals = [
            c
            for c in self.controls.values()
            if c.kind == control.kind and c.default is control.default and c.id != control.id and not c.superseded
        ]
        beaten = []
        for rival in rivals:
            if rival.body.priority > control.body.priority:
                beaten.append(rival.id)
                rival.superseded = control.default or not rival.started
            elif rival.body.priority < control.body.priority:
                control.superseded = True
        self.controls[control.id] = control
        return [control.id] if control.superseded else beaten

    def active(self, now: datetime) -> list[Control]:
        """Of each kind the one that counts: a scheduled one whose time it is, else the default one (R04.FR.11)."""
        found: dict[str, Control] = {}
        for control in sorted(self.controls.values(), key=lambda c: (not c.default, -c.body.priority)):
            if not control.superseded and control.runs(now):
                found[control.kind] = control
        return list(found.values())

    def tick(self, station: "VirtualStation") -> None:
        """Starts and ends of scheduled controls, and alarms, are told; what is over is forgotten."""
        now = self._now = station.clock.now()
        for control in list(self.controls.values()):
            if control.default or control.superseded:
                continue
            if not control.started and control.begin is not None and control.runs(now):
                control.started = True
                beaten = self._beaten(control)
                self._say_start(station, control, beaten)
            if control.over(now):
                del self.controls[control.id]
                if control.started:
                    self._say_start(station, control, [])
        self._alarm(station, now)

    def _beaten(self, control: Control) -> list[str]:
        others = [c for c in self.controls.values() if c is not control and c.kind == control.kind and not c.default and c.started]
        for other in others:
            other.superseded = True
        return [other.id for other in others]

    def _say_start(self, station: "VirtualStation", control: Control, beaten: list[str]) -> None:
        started = control.id in self.controls
        told = v21.NotifyDERStartStopRequest(
            control_id=control.id, started=started, timestamp=station.now(), superseded_ids=given(tuple(beaten) or None)
        )
        station.uplink.say(told)

    def _alarm(self, station: "VirtualStation", now: datetime) -> None:
        """Once when a control begins to bend what flows, and once when it ends (R05.FR.01, .02)."""
        bending = {control.kind: fault for control in self.active(now) if (fault := self._fault(control)) is not None}
        for kind, fault in bending.items():
            if kind not in self._alarms:
                station.uplink.say(v21.NotifyDERAlarmRequest(control_type=kind, grid_event_fault=fault, timestamp=station.now()))
        for kind, fault in self._alarms.items():
            if kind not in bending:
                station.uplink.say(
                    v21.NotifyDERAlarmRequest(control_type=kind, grid_event_fault=fault, alarm_ended=True, timestamp=station.now())
                )
        self._alarms = bending

    def _fault(self, control: Control) -> v21.GridEventFaultEnum | None:
        """What in the grid makes this control act now; None: nothing does."""
        body = control.body
        if isinstance(body, v21.FreqDroopType):
            return (
                "OverFrequency" if self.frequency_hz > body.over_freq else "UnderFrequency" if self.frequency_hz < body.under_freq else None
            )
        if not isinstance(body, v21.DERCurveType):
            return None
        share = self._share(control)
        if share is None or share >= 100.0:
            return None
        if control.kind == "FreqWatt":
            return "OverFrequency" if self.frequency_hz > NOMINAL_HZ else "UnderFrequency"
        return "OverVoltage" if self.voltage_v > NOMINAL_V else "UnderVoltage"

    def _share(self, control: Control) -> float | None:
        """How much of its power the control leaves, in percent."""
        body = control.body
        if isinstance(body, v21.FreqDroopType):
            droop = body.over_droop or 5.0
            over = max(self.frequency_hz - body.over_freq, body.under_freq - self.frequency_hz, 0.0)
            return max(100.0 - over / (NOMINAL_HZ * droop / 100) * 100, 0.0)
        if not isinstance(body, v21.DERCurveType):
            return None
        points = [(point.x, point.y) for point in body.curve_data]
        if control.kind == "HVMustTrip":
            return 0.0 if self.voltage_v / NOMINAL_V * 100 >= min(y for _, y in points) else 100.0
        if control.kind == "LVMustTrip":
            return 0.0 if self.voltage_v / NOMINAL_V * 100 <= max(y for _, y in points) else 100.0
        x = self.frequency_hz if control.kind == "FreqWatt" else self.voltage_v / NOMINAL_V * 100
        return interpolate(points, x)

    def bend(self, limit: Limit, plan: EvsePlan) -> Limit:
        """What the active controls leave of a limit: charging and discharging alike, in shares of the most that the EVSE can."""
        if not self.controls or self._now is None:
            return limit
        most_a = discharge_a = plan.maximum_a
        for control in self.active(self._now):
            body = control.body
            if isinstance(body, v21.LimitMaxDischargeType):
                if isinstance(body.pct_max_discharge_power, int | float):
                    discharge_a = min(discharge_a, plan.maximum_a * body.pct_max_discharge_power / 100)
            elif (share := self._share(control)) is not None:
                most_a = min(most_a, plan.maximum_a * share / 100)
        outward = -min(most_a, discharge_a)
        setpoint_a = limit.setpoint_a if limit.setpoint_a is None else min(max(limit.setpoint_a, outward), most_a)
        return replace(limit, current_a=min(limit.current_a, most_a), setpoint_a=setpoint_a, discharge_a=max(limit.discharge_a, outward))


def interpolate(points: list[tuple[float, float]], x: float) -> float:
    """y at x on the line through points in the order of their x; beyond its ends the end's y."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0) if x1 > x0 else y1
    return points[-1][1]


def _set(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetDERControlRequest) -> Payload:
    if request.control_type not in SUPPORTED or not any(p.plan.bidirectional for p in station.evses.values()):
        return v21.SetDERControlResponse(status="NotSupported")
    body = getattr(request, FIELDS.get(request.control_type, "curve"))
    if not body:
        return v21.SetDERControlResponse(status="Rejected")
    control = Control(request.control_id, request.control_type, request.is_default, body)
    beaten = voice.der.put(control, station.clock.now())
    return v21.SetDERControlResponse(status="Accepted", superseded_ids=given(tuple(beaten) or None))


def _wanted(voice: "VoiceSecond", default: object, kind: object, control: object) -> list[Control]:
    """What a question names; what it leaves out fits anything (R04.FR.30)."""
    return [
        c
        for c in voice.der.controls.values()
        if (not isinstance(default, bool) or c.default is default) and (not kind or c.kind == kind) and (not control or c.id == control)
    ]


def _get(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetDERControlRequest) -> Payload:
    found = _wanted(voice, request.is_default, request.control_type, request.control_id)
    if not found:
        return v21.GetDERControlResponse(status="NotFound")
    station.later(lambda: station.uplink.say(_report(request.request_id, found[:PAGE])))
    return v21.GetDERControlResponse(status="Accepted")


def _report(request_id: int, found: list[Control]) -> Payload:
    curves, droops, limits = [], [], []
    for c in found:
        match c.body:
            case v21.DERCurveType():
                curves.append(
                    v21.DERCurveGetType(curve=c.body, id=c.id, curve_type=c.kind, is_default=c.default, is_superseded=c.superseded)
                )
            case v21.FreqDroopType():
                droops.append(v21.FreqDroopGetType(freq_droop=c.body, id=c.id, is_default=c.default, is_superseded=c.superseded))
            case v21.LimitMaxDischargeType():
                limits.append(
                    v21.LimitMaxDischargeGetType(limit_max_discharge=c.body, id=c.id, is_default=c.default, is_superseded=c.superseded)
                )
    return v21.ReportDERControlRequest(
        request_id=request_id,
        curve=given(tuple(curves) or None),
        freq_droop=given(tuple(droops) or None),
        limit_max_discharge=given(tuple(limits) or None),
    )


def _clear(station: "VirtualStation", voice: "VoiceSecond", request: v21.ClearDERControlRequest) -> Payload:
    found = _wanted(voice, request.is_default, request.control_type, request.control_id)
    for control in found:
        del voice.der.controls[control.id]
    return v21.ClearDERControlResponse(status="Accepted" if found else "NotFound")


ANSWERS: Answers = {
    v21.ClearDERControlRequest: _clear,
    v21.GetDERControlRequest: _get,
    v21.SetDERControlRequest: _set,
}
