"""Smart charging: profiles set, cleared, reported, updated while they run, and bounds from elsewhere (2.x part 2 K)."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from chargebridge.sim.ocpp_station.dealings import composite, in_unit
from chargebridge.sim.ocpp_station.profiles import Limit, Period, Profile, Purpose
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

NOT_FROM_OUTSIDE = {Purpose.EXTERNAL, Purpose.LOCAL_GENERATION}
EXTERNAL_ID = -1  # of the profile that a bound from elsewhere is kept as


def purpose_of(told: str) -> Purpose:
    return Purpose.STATION_MAX if told == "ChargingStationMaxProfile" else Purpose(told)


def word_of(purpose: Purpose) -> v21.ChargingProfilePurposeEnum:
    return "ChargingStationMaxProfile" if purpose is Purpose.STATION_MAX else cast(v21.ChargingProfilePurposeEnum, purpose.value)


def profile_of(evse: int, told: v21.ChargingProfileType) -> Profile:
    schedule = told.charging_schedule[0]
    dynamic = told.charging_profile_kind == "Dynamic"
    offline_s = told.max_offline_duration
    return Profile(
        id=told.id,
        evse=evse,
        purpose=purpose_of(told.charging_profile_purpose),
        stack_level=told.stack_level,
        unit=schedule.charging_rate_unit,
        starts_at=None if dynamic else schedule.start_schedule or None,
        duration_s=schedule.duration if isinstance(schedule.duration, int) else None,
        valid_from=told.valid_from or None,
        valid_to=told.valid_to or None,
        recurrency=(told.recurrency_kind or None) if told.charging_profile_kind == "Recurring" else None,
        periods=tuple(_period(period) for period in schedule.charging_schedule_period),
        transaction=told.transaction_id or None,
        dynamic=dynamic,
        pull_s=told.dyn_update_interval or None,
        offline_s=offline_s if isinstance(offline_s, int) else None,
        told=told,
    )


def _period(told: v21.ChargingSchedulePeriodType) -> Period:
    return Period(
        told.start_period,
        _number(told.limit),
        told.number_phases or None,
        _number(told.setpoint),
        _number(told.discharge_limit),
        told.operation_mode or "ChargingOnly",
        tuple((point.signal, point.power) for point in told.v2x_signal_watt_curve or ()),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _set(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetChargingProfileRequest) -> Payload:
    told = request.charging_profile
    profile = profile_of(request.evse_id, told)
    one_period = len(told.charging_schedule) == 1 and len(profile.periods) == 1 and profile.periods[0].start_s == 0
    wrong = (
        profile.purpose in NOT_FROM_OUTSIDE  # K01.FR.22
        or (profile.purpose is Purpose.TX and profile.transaction is None)  # K01.FR.03
        or (profile.dynamic and not one_period)  # K28.FR.03
        or (profile.pull_s is not None and not profile.dynamic)  # K28.FR.04
        or any(not _possible(station, request.evse_id, period) for period in profile.periods)
    )
    done = not wrong and station.orders.take_profile(profile)
    return v21.SetChargingProfileResponse(status="Accepted" if done else "Rejected")


def _possible(station: "VirtualStation", evse: int, period: Period) -> bool:
    """Only a bidirectional EVSE can let current out of a car."""
    points = [p for p in station.evses.values() if evse in (0, p.number)]
    outward = (period.setpoint or 0.0) < 0 or (period.discharge or 0.0) < 0
    return not outward or all(p.plan.bidirectional for p in points)


def _clear(station: "VirtualStation", voice: "VoiceSecond", request: v21.ClearChargingProfileRequest) -> Payload:
    profile_id, criteria = request.charging_profile_id, request.charging_profile_criteria
    gone = station.profiles.clear(
        profile_id if isinstance(profile_id, int) else None,
        criteria.evse_id if criteria and isinstance(criteria.evse_id, int) else None,
        purpose_of(criteria.charging_profile_purpose) if criteria and criteria.charging_profile_purpose else None,
        criteria.stack_level if criteria and isinstance(criteria.stack_level, int) else None,
    )
    station.refresh()
    return v21.ClearChargingProfileResponse(status="Accepted" if gone else "Unknown")


def _composite(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetCompositeScheduleRequest) -> Payload:
    found = composite(station, request.evse_id, request.duration)
    if found is None:
        return v21.GetCompositeScheduleResponse(status="Rejected")
    unit = request.charging_rate_unit or "A"
    schedule = v21.CompositeScheduleType(
        evse_id=request.evse_id,
        duration=request.duration,
        schedule_start=station.now(),
        charging_rate_unit=unit,
        charging_schedule_period=tuple(_told(start, limit, unit) for start, limit in found),
    )
    return v21.GetCompositeScheduleResponse(status="Accepted", schedule=schedule)


def _told(start: int, limit: Limit, unit: str) -> v21.ChargingSchedulePeriodType:
    special = limit.mode != "ChargingOnly"
    return v21.ChargingSchedulePeriodType(
        start_period=start,
        limit=in_unit(limit, unit),
        number_phases=limit.phases,
        setpoint=given(in_unit(limit, unit, limit.setpoint_a) if limit.setpoint_a is not None else None),
        discharge_limit=given(in_unit(limit, unit, limit.discharge_a) if limit.discharge_a else None),
        operation_mode=given(cast(v21.OperationModeEnum, limit.mode) if special else None),
    )


def _report(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetChargingProfilesRequest) -> Payload:
    asked = request.charging_profile
    found = [
        p
        for p in station.profiles
        if p.told is not None
        and (not isinstance(request.evse_id, int) or p.evse == request.evse_id)
        and (not asked.charging_profile_id or p.id in asked.charging_profile_id)
        and (not asked.charging_profile_purpose or p.purpose is purpose_of(asked.charging_profile_purpose))
        and (not isinstance(asked.stack_level, int) or p.stack_level == asked.stack_level)
        and (not asked.charging_limit_source or p.source in asked.charging_limit_source)
    ]
    if not found:
        return v21.GetChargingProfilesResponse(status="NoProfiles")

    def send() -> None:
        for number, profile in enumerate(found):
            station.uplink.say(
                v21.ReportChargingProfilesRequest(
                    request_id=request.request_id,
                    charging_limit_source=profile.source,
                    charging_profile=(profile.told,),
                    tbc=number < len(found) - 1,
                    evse_id=profile.evse,
                )
            )

    station.later(send)
    return v21.GetChargingProfilesResponse(status="Accepted")


# Dynamic profiles (2.1, K28)


def _updated(told: v21.ChargingScheduleUpdateType) -> Callable[[Period], Period]:
    """What an update says takes the place of what was; what it leaves out stays."""

    def change(period: Period) -> Period:
        limit, setpoint, discharge = (_number(v) for v in (told.limit, told.setpoint, told.discharge_limit))
        return replace(
            period,
            limit=period.limit if limit is None else limit,
            setpoint=period.setpoint if setpoint is None else setpoint,
            discharge=period.discharge if discharge is None else discharge,
        )

    return change


def _update(station: "VirtualStation", voice: "VoiceSecond", request: v21.UpdateDynamicScheduleRequest) -> Payload:
    done = station.profiles.update(request.charging_profile_id, _updated(request.schedule_update))
    station.refresh()
    return v21.UpdateDynamicScheduleResponse(status="Accepted" if done else "Rejected")


class Pulls:
    """Asks for updates of the dynamic profiles that want it (K28.FR.10)."""

    def __init__(self) -> None:
        self._asked: dict[int, datetime] = {}

    def tick(self, station: "VirtualStation") -> None:
        now = station.clock.now()
        for profile in station.profiles:
            if profile.pull_s is None:
                continue
            last = self._asked.setdefault(profile.id, now)
            if station.online and (now - last).total_seconds() >= profile.pull_s:
                self._asked[profile.id] = now
                station.uplink.spawn(self._pull(station, profile.id))

    async def _pull(self, station: "VirtualStation", profile_id: int) -> None:
        answer = await station.uplink.ask(v21.PullDynamicScheduleUpdateRequest(charging_profile_id=profile_id))
        if isinstance(answer, v21.PullDynamicScheduleUpdateResponse) and answer.status == "Accepted" and answer.schedule_update:
            station.profiles.update(profile_id, _updated(answer.schedule_update))
            station.refresh()


# Bounds from elsewhere (K11 to K14, K27)


def bound_from_outside(station: "VirtualStation", current_a: float | None, source: str = "EMS", *, local_generation: bool = False) -> None:
    """An energy manager at the place sets a bound for the whole station, adds what is generated there, or (None) takes it back."""
    purpose = Purpose.LOCAL_GENERATION if local_generation else Purpose.EXTERNAL
    if current_a is None:
        if station.profiles.remove(purpose):
            station.uplink.say(v21.ClearedChargingLimitRequest(charging_limit_source=source))
    else:
        period = v21.ChargingSchedulePeriodType(start_period=0, limit=current_a)
        schedule = v21.ChargingScheduleType(id=1, charging_rate_unit="A", charging_schedule_period=(period,), start_schedule=station.now())
        told = v21.ChargingProfileType(
            id=EXTERNAL_ID - local_generation, stack_level=0, charging_profile_purpose=word_of(purpose), charging_profile_kind="Absolute",
            charging_schedule=(schedule,),
        )  # fmt: skip
        station.profiles.put(replace(profile_of(0, told), source=source))
        generated = True if local_generation else None
        limit = v21.ChargingLimitType(charging_limit_source=source, is_local_generation=given(generated))
        station.uplink.say(v21.NotifyChargingLimitRequest(charging_limit=limit, charging_schedule=(schedule,)))
    station.refresh()


# Priority charging (2.1, K21, K22)


def _prior(station: "VirtualStation", voice: "VoiceSecond", request: v21.UsePriorityChargingRequest) -> Payload:
    point = next((p for p in station.evses.values() if p.transaction is not None and p.transaction.id == request.transaction_id), None)
    if point is None or point.transaction is None:
        return v21.UsePriorityChargingResponse(status="Rejected")
    if request.activate and not station.profiles.has_priority(station.clock.now(), point.charging()):
        return v21.UsePriorityChargingResponse(status="NoProfile")
    point.transaction.prior = request.activate
    station.refresh()
    return v21.UsePriorityChargingResponse(status="Accepted")


def prefer(station: "VirtualStation", evse: int, *, on: bool) -> bool:
    """The driver presses the button for priority charging. False: there is no profile for it (K22.FR.01)."""
    point = station.evses[evse]
    if point.transaction is None or (on and not station.profiles.has_priority(station.clock.now(), point.charging())):
        return False
    point.transaction.prior = on
    station.uplink.say(v21.NotifyPriorityChargingRequest(transaction_id=point.transaction.key, activated=on))
    station.refresh()
    return True


ANSWERS: Answers = {
    v21.ClearChargingProfileRequest: _clear,
    v21.GetChargingProfilesRequest: _report,
    v21.GetCompositeScheduleRequest: _composite,
    v21.SetChargingProfileRequest: _set,
    v21.UpdateDynamicScheduleRequest: _update,
    v21.UsePriorityChargingRequest: _prior,
}
