"""Charging profiles of any OCPP version, and the schedule that follows from several of them (1.6 3.13; 2.x part 2, K and K01 composite).

At each moment, of the profiles of one purpose the one with the highest stack level that has something to say counts. A TxProfile goes before
the TxDefaultProfile while a transaction runs. What is left of different purposes is combined by the lowest limit.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from chargebridge.model.phases import NOMINAL_V

Unit = Literal["A", "W"]
Purpose = Literal[
    "ChargingStationExternalConstraints",
    "ChargingStationMaxProfile",
    "TxDefaultProfile",
    "TxProfile",
    "PriorityCharging",
    "LocalGeneration",
]
Kind = Literal["Absolute", "Recurring", "Relative", "Dynamic"]
CAPS: tuple[Purpose, ...] = ("ChargingStationMaxProfile", "ChargingStationExternalConstraints")
CYCLE = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}
TOLERANCE = {"A": 0.1, "W": 100.0}
"""What two reckonings of the same schedule may differ by: the one decimal of OCPP, and its like in W."""
LATE_S = 5
"""And by how much their steps may lie apart: the station's clock and the way there."""


class Period(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From start_s after the schedule's start. limit: what may be drawn. The rest is 2.1's: setpoint (negative: discharge) with CentralSetpoint,
    discharge_limit (0 or less); all in the schedule's unit."""

    start_s: int = 0
    limit: float | None = None
    phases: int | None = None
    setpoint: float | None = None
    discharge_limit: float | None = None
    mode: str | None = None


class ChargingProfile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """starts_at: of an Absolute or Recurring schedule. A Relative one counts from the start of the transaction."""

    id: int
    purpose: Purpose
    stack_level: int
    unit: Unit
    periods: tuple[Period, ...]
    kind: Kind = "Absolute"
    starts_at: datetime | None = None
    duration_s: int | None = None
    recurrency: Literal["Daily", "Weekly"] | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction: str | None = None
    minimum_rate: float | None = None
    update_every_s: int | None = None


class Reckoned(Struct, frozen=True):
    """A step of a schedule. limit None: nothing limits."""

    start_s: int
    limit: float | None


def composite(
    profiles: Iterable[tuple[int, ChargingProfile]],
    evse: int,
    now: datetime,
    duration_s: int,
    unit: Unit,
    *,
    phases: int = 3,
    transaction: str | None = None,
    started_at: datetime | None = None,
) -> list[Reckoned]:
    """The limits that hold at an EVSE from now on. profiles: (EVSE, profile) as they stand in the station; EVSE 0 means all of them."""
    there = [profile for at, profile in profiles if at in (0, evse) and profile.transaction in (None, transaction)]
    moments = {now}
    for profile in there:
        moments |= {at for at in _edges(profile, now, duration_s, started_at) if now < at < now + timedelta(seconds=duration_s)}
    steps: list[Reckoned] = []
    for moment in sorted(moments):
        limit = _limit(there, moment, unit, phases, transaction is not None, started_at or now)
        if not steps or steps[-1].limit != limit:
            steps.append(Reckoned(round((moment - now).total_seconds()), limit))
    return steps


def differences(ours: Sequence[Reckoned], theirs: Sequence[Reckoned], duration_s: int, unit: Unit) -> list[str]:
    """Where two schedules do not agree, in words. Steps a few seconds apart are the same; where nothing of ours limits, the station is free."""
    found = []
    for moment in sorted({step.start_s for step in (*ours, *theirs)}):
        nearby = [_at(other, near) for other in (ours, theirs) for near in (moment - LATE_S, moment, moment + LATE_S)]
        mine, told = _at(ours, moment), _at(theirs, moment)
        settled = moment + 2 * LATE_S < duration_s
        if (
            mine is not None
            and settled
            and not any(_same(mine, other, unit) for other in nearby[3:])
            and not any(_same(told, other, unit) for other in nearby[:3])
        ):
            found.append(f"from {moment} s: {_words(mine, unit)} by our reckoning, {_words(told, unit)} by the station's")
    return found


def beyond(ours: Sequence[Reckoned], theirs: Sequence[Reckoned], unit: Unit) -> list[str]:
    """Where `theirs` takes more than `ours` allows, in words. A few seconds count for nothing, as in `differences`."""
    found = []
    for moment in sorted({step.start_s for step in (*ours, *theirs)}):
        wanted = _at(theirs, moment)
        limits = [_at(ours, near) for near in (moment - LATE_S, moment, moment + LATE_S)]
        if wanted is not None and all(limit is not None and wanted > limit + TOLERANCE[unit] for limit in limits):
            found.append(f"from {moment} s: {_words(wanted, unit)} where {_words(_at(ours, moment), unit)} are allowed")
    return found


def _same(one: float | None, other: float | None, unit: Unit) -> bool:
    return one == other if one is None or other is None else abs(one - other) <= TOLERANCE[unit]


def _words(limit: float | None, unit: Unit) -> str:
    return "no limit" if limit is None else f"{limit:g} {unit}"


def _at(steps: Sequence[Reckoned], moment_s: int) -> float | None:
    limit = steps[0].limit if steps else None
    for step in steps:
        if step.start_s <= moment_s:
            limit = step.limit
    return limit


def _limit(
    profiles: list[ChargingProfile], moment: datetime, unit: Unit, phases: int, charging: bool, started_at: datetime
) -> float | None:
    told = {}
    for profile in sorted(profiles, key=lambda p: p.stack_level):  # the highest level last, so that it stands
        period = _period(profile, moment, started_at)
        if period is not None and (value := _value(period)) is not None:
            told[profile.purpose] = _in(value, profile.unit, unit, period.phases or phases)
    own = told.get("TxProfile") if charging else None
    if own is None:
        own = told.get("TxDefaultProfile")
    limits = [limit for limit in (own, *(told.get(purpose) for purpose in CAPS)) if limit is not None]
    return min(limits) if limits else None


def _value(period: Period) -> float | None:
    return period.limit if period.setpoint is None else period.setpoint


def _in(value: float, unit: Unit, wanted: Unit, phases: int) -> float:
    if unit == wanted:
        return value
    return value * NOMINAL_V * phases if wanted == "W" else value / (NOMINAL_V * phases)


def _begin(profile: ChargingProfile, moment: datetime, started_at: datetime) -> datetime | None:
    """When the schedule that holds at a moment has begun."""
    if profile.kind in ("Relative", "Dynamic") or profile.starts_at is None:
        return started_at
    if profile.kind != "Recurring" or profile.recurrency is None:
        return profile.starts_at
    return profile.starts_at + (moment - profile.starts_at) // CYCLE[profile.recurrency] * CYCLE[profile.recurrency]


def _period(profile: ChargingProfile, moment: datetime, started_at: datetime) -> Period | None:
    if (profile.valid_from is not None and moment < profile.valid_from) or (profile.valid_to is not None and moment >= profile.valid_to):
        return None
    begin = _begin(profile, moment, started_at)
    passed = (moment - begin).total_seconds() if begin is not None else 0.0
    if passed < 0 or (profile.duration_s is not None and passed >= profile.duration_s):
        return None
    return next((period for period in reversed(profile.periods) if period.start_s <= passed), None)


def _edges(profile: ChargingProfile, now: datetime, duration_s: int, started_at: datetime | None) -> list[datetime]:
    """The moments at which what a profile says may change."""
    found = [at for at in (profile.valid_from, profile.valid_to) if at is not None]
    begin = _begin(profile, now, started_at or now)
    if begin is None:
        return found
    cycle = CYCLE[profile.recurrency] if profile.kind == "Recurring" and profile.recurrency else None
    while begin <= now + timedelta(seconds=duration_s):
        found += [begin + timedelta(seconds=period.start_s) for period in profile.periods]
        if profile.duration_s is not None:
            found.append(begin + timedelta(seconds=profile.duration_s))
        if cycle is None:
            break
        begin += cycle
    return found
