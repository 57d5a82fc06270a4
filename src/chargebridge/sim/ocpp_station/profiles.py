"""Charging profiles in a station: which one counts when (1.6 part 3.13, 2.0.1 and 2.1 part 2 K, "Stacking charging profiles").

At each moment, of the valid profiles of a purpose the one with the highest stack level leads. In a transaction TxProfile goes before
TxDefaultProfile, and PriorityCharging, once switched on, before both. ChargePointMaxProfile (2.x: ChargingStationMaxProfile) and
ChargingStationExternalConstraints bound the whole station. What remains is the lowest of these; LocalGeneration is added on top (K27).
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.model.phases import NOMINAL_V

PERIODS_S = {"Daily": 86_400.0, "Weekly": 604_800.0}
MAX_STACK_LEVEL = 8
MAX_PROFILES = 100


class Purpose(StrEnum):
    STATION_MAX = "ChargePointMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"
    EXTERNAL = "ChargingStationExternalConstraints"
    PRIORITY = "PriorityCharging"
    LOCAL_GENERATION = "LocalGeneration"


class Period(Struct, frozen=True):
    """From start_s on: limit in the profile's unit, on so many phases (None: as many as there are).

    setpoint: what is to flow, negative out of the car (None: up to the limit as the car likes). discharge: the most that may flow out, <= 0.
    mode: the operation mode of 2.1. signal_curve: (signal, power in W) of a mode that follows a frequency service.
    """

    start_s: int
    limit: float | None
    phases: int | None = None
    setpoint: float | None = None
    discharge: float | None = None
    mode: str = "ChargingOnly"
    signal_curve: tuple[tuple[int, float], ...] = ()


class Profile(Struct, frozen=True, kw_only=True):
    """One profile. evse 0: all of them. starts_at: of the schedule, None for one that counts from the transaction's start.

    dynamic: its one period is changed by updates. pull_s: how often the station asks for one. source: who set it (ChargingLimitSource).
    offline_s: it does not hold once the line has been lost for so long. told: as it came, to report it back.
    """

    id: int
    evse: int
    purpose: Purpose
    stack_level: int
    periods: tuple[Period, ...]
    unit: Literal["A", "W"] = "A"
    starts_at: datetime | None = None
    duration_s: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    recurrency: Literal["Daily", "Weekly"] | None = None
    transaction: str | None = None
    dynamic: bool = False
    pull_s: int | None = None
    source: str = "CSO"
    offline_s: int | None = None
    told: Any = None


class Charging(Struct, frozen=True, kw_only=True):
    """What the profiles of one EVSE are judged by: its wired phases and its transaction, if any. prior: priority charging is on."""

    evse: int
    phases: int
    transaction: str | None = None
    started_at: datetime | None = None
    prior: bool = False
    offline_s: float = 0.0


class Limit(Struct, frozen=True):
    """A per phase, on the first `phases` terminals. setpoint_a: what is to flow; discharge_a: the most that may flow out; both <= 0 outward."""

    current_a: float
    phases: int
    setpoint_a: float | None = None
    discharge_a: float = 0.0
    mode: str = "ChargingOnly"


def limit_of(profile: Profile, at: datetime, charging: Charging) -> Limit | None:
    """What one profile says at a moment; None when it says nothing then."""
    if (profile.valid_from and at < profile.valid_from) or (profile.valid_to and at >= profile.valid_to):
        return None
    elapsed_s = (at - (profile.starts_at or charging.started_at or at)).total_seconds()
    if profile.starts_at is None:
        elapsed_s = max(elapsed_s, 0.0)  # a transaction that began by a clock that was then set back has begun nevertheless
    if elapsed_s < 0:
        return None
    if profile.recurrency:
        elapsed_s %= PERIODS_S[profile.recurrency]
    if profile.duration_s is not None and elapsed_s >= profile.duration_s:
        return None
    period = next((p for p in reversed(profile.periods) if p.start_s <= elapsed_s), None)
    return None if period is None else _in_amperes(period, profile.unit, charging.phases)


def _in_amperes(period: Period, unit: str, wired: int) -> Limit:
    phases = min(period.phases or wired, wired)
    per = 1.0 if unit == "A" else NOMINAL_V * phases
    setpoint_a = None if period.setpoint is None else period.setpoint / per
    limit_a = period.limit / per if period.limit is not None else max(setpoint_a or 0.0, 0.0)
    discharge_a = period.discharge / per if period.discharge is not None else min(setpoint_a or 0.0, 0.0)
    return Limit(0.0 if period.mode == "Idle" else limit_a, phases, setpoint_a, discharge_a, period.mode)


class ProfileStore:
    """The profiles that a station holds, and what they come to."""

    def __init__(self) -> None:
        self._profiles: list[Profile] = []

    def __iter__(self) -> Iterator[Profile]:
        return iter(list(self._profiles))

    def __len__(self) -> int:
        return len(self._profiles)

    def find(self, profile_id: int) -> Profile | None:
        return next((p for p in self._profiles if p.id == profile_id), None)

    def put(self, profile: Profile) -> None:
        """Add it; it takes the place of one with its id, and of one with its purpose, stack level and EVSE."""
        place = (profile.purpose, profile.stack_level, profile.evse)
        self._profiles = [p for p in self._profiles if p.id != profile.id and (p.purpose, p.stack_level, p.evse) != place]
        self._profiles.append(profile)

    def update(self, profile_id: int, change: Callable[[Period], Period]) -> bool:
        """Change the one period of a dynamic profile (K28.FR.06); False: there is none with this id."""
        found = self.find(profile_id)
        return found is not None and found.dynamic and self.change(found, change)

    def change(self, profile: Profile, change: Callable[[Period], Period]) -> bool:
        """Change each of its periods."""
        self._profiles[self._profiles.index(profile)] = replace(profile, periods=tuple(map(change, profile.periods)))
        return True

    def clear(self, profile_id: int | None, evse: int | None = None, purpose: Purpose | None = None, level: int | None = None) -> int:
        """Remove what matches all that is given; an id alone decides. What is not the Central System's stays. Returns how many went."""
        gone = [
            p for p in self._profiles
            if p.purpose not in (Purpose.EXTERNAL, Purpose.LOCAL_GENERATION)
            and (
                p.id == profile_id
                if profile_id is not None
                else (evse is None or p.evse == evse)
                and (purpose is None or p.purpose == purpose)
                and (level is None or p.stack_level == level)
            )
        ]  # fmt: skip
        self._profiles = [p for p in self._profiles if p not in gone]
        return len(gone)

    def remove(self, purpose: Purpose) -> bool:
        """Take out what the station itself put in."""
        before = len(self._profiles)
        self._profiles = [p for p in self._profiles if p.purpose is not purpose]
        return len(self._profiles) < before

    def end_transaction(self, evse: int) -> None:
        """A TxProfile lives no longer than its transaction."""
        self._profiles = [p for p in self._profiles if p.purpose is not Purpose.TX or p.evse != evse]

    def limit(self, at: datetime, charging: Charging, sharers: int = 1) -> Limit | None:
        """What holds at a moment; None when no profile says anything. sharers: EVSEs among which the station's bounds are split."""
        found = self._own(at, charging)
        for bound in (Purpose.STATION_MAX, Purpose.EXTERNAL):
            whole = self._leading(bound, at, charging)
            if whole is not None:
                found = _lower(found, _shared(whole, sharers))
        extra = self._leading(Purpose.LOCAL_GENERATION, at, charging)
        if found is None or extra is None:
            return found
        return replace(found, current_a=found.current_a + _shared(extra, sharers).current_a)

    def _own(self, at: datetime, charging: Charging) -> Limit | None:
        if charging.transaction is not None:
            if charging.prior and (prior := self._leading(Purpose.PRIORITY, at, charging)) is not None:
                return prior
            if (own := self._leading(Purpose.TX, at, charging)) is not None:
                return own
        return self._leading(Purpose.TX_DEFAULT, at, charging)

    def has_priority(self, at: datetime, charging: Charging) -> bool:
        return self._leading(Purpose.PRIORITY, at, charging) is not None

    def _leading(self, purpose: Purpose, at: datetime, charging: Charging) -> Limit | None:
        candidates = [
            (profile.stack_level, profile.evse != 0, limit)
            for profile in self._profiles
            if profile.purpose is purpose
            and profile.evse in (0, charging.evse)
            and (profile.transaction is None or profile.transaction == charging.transaction)
            and (profile.offline_s is None or charging.offline_s <= profile.offline_s)
            and (limit := limit_of(profile, at, charging)) is not None
        ]
        return max(candidates, key=lambda c: c[:2])[2] if candidates else None

    def composite(self, at: datetime, duration_s: int, charging: Charging, otherwise: Limit) -> list[tuple[int, Limit]]:
        """The schedule that results for the next seconds, as (start_s, limit). otherwise: where no profile speaks."""
        moments = sorted({0, *(s for p in self._profiles for s in _boundaries(p, at, charging) if 0 < s < duration_s)})
        schedule: list[tuple[int, Limit]] = []
        for moment in moments:
            limit = self.limit(at + timedelta(seconds=moment), charging) or otherwise
            if not schedule or schedule[-1][1] != limit:
                schedule.append((moment, limit))
        return schedule

    def composite_of_all(self, at: datetime, duration_s: int, evses: list[tuple[Charging, Limit]]) -> list[tuple[int, Limit]]:
        """What the whole station may draw (EVSE 0 asks for it, K08.FR.03): the sum over the EVSEs, under its own bounds."""
        moments = sorted({0, *(s for p in self._profiles for c, _ in evses for s in _boundaries(p, at, c) if 0 < s < duration_s)})
        schedule: list[tuple[int, Limit]] = []
        for moment in moments:
            then = at + timedelta(seconds=moment)
            parts = [self.limit(then, charging, len(evses)) or otherwise for charging, otherwise in evses]
            limit = Limit(sum(part.current_a for part in parts), max(part.phases for part in parts))
            if not schedule or schedule[-1][1] != limit:
                schedule.append((moment, limit))
        return schedule


def _shared(whole: Limit, sharers: int) -> Limit:
    return replace(whole, current_a=whole.current_a / max(sharers, 1), discharge_a=whole.discharge_a / max(sharers, 1))


def _lower(own: Limit | None, bound: Limit) -> Limit:
    """The lower of two limits; of discharge the one nearer to zero. The bound's phases count too."""
    if own is None:
        return bound
    setpoint_a = own.setpoint_a if own.setpoint_a is not None else bound.setpoint_a
    discharge_a = max(own.discharge_a, bound.discharge_a) if bound.discharge_a else own.discharge_a
    return Limit(min(own.current_a, bound.current_a), min(own.phases, bound.phases), setpoint_a, discharge_a, own.mode)


def _boundaries(profile: Profile, at: datetime, charging: Charging) -> list[int]:
    """Seconds after `at` at which the profile may begin to say something else (of a recurring one: in this period and the next)."""
    origin = ((profile.starts_at or charging.started_at or at) - at).total_seconds()
    marks = [origin + p.start_s for p in profile.periods]
    if profile.duration_s is not None:
        marks.append(origin + profile.duration_s)
    if profile.recurrency:
        step = PERIODS_S[profile.recurrency]
        past = (-origin // step) * step
        marks = [mark + past + k * step for mark in [*marks, origin] for k in (0, 1)]
    marks += [(edge - at).total_seconds() for edge in (profile.valid_from, profile.valid_to) if edge is not None]
    return [int(-(-mark // 1)) for mark in marks]
