"""Charging profiles in a station: which one counts when (1.6 part 3.13, 2.0.1 part 2 K, "Stacking charging profiles").

At each moment, of the valid profiles of a purpose the one with the highest stack level leads. In a transaction TxProfile
goes before TxDefaultProfile. ChargePointMaxProfile (2.0.1: ChargingStationMaxProfile) bounds the whole station, and what
remains is the lower of the two.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from chargebridge.model.phases import NOMINAL_V

PERIODS_S = {"Daily": 86_400.0, "Weekly": 604_800.0}
MAX_STACK_LEVEL = 8


class Purpose(StrEnum):
    STATION_MAX = "ChargePointMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"


class Period(Struct, frozen=True):
    """From start_s on: limit in the profile's unit, on so many phases (None: as many as there are)."""

    start_s: int
    limit: float
    phases: int | None = None


class Profile(Struct, frozen=True, kw_only=True):
    """One profile. evse 0: all of them. starts_at: of the schedule, None for one that counts from the transaction's start."""

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


class Charging(Struct, frozen=True, kw_only=True):
    """What the profiles of one EVSE are judged by: its wired phases and its transaction, if any."""

    evse: int
    phases: int
    transaction: str | None = None
    started_at: datetime | None = None


class Limit(Struct, frozen=True):
    """A per phase, on the first `phases` terminals."""

    current_a: float
    phases: int


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
    if period is None:
        return None
    phases = min(period.phases or charging.phases, charging.phases)
    return Limit(period.limit if profile.unit == "A" else period.limit / (NOMINAL_V * phases), phases)


class ProfileStore:
    """The profiles that a station holds, and what they come to."""

    def __init__(self) -> None:
        self._profiles: list[Profile] = []

    def __iter__(self) -> Iterator[Profile]:
        return iter(list(self._profiles))

    def put(self, profile: Profile) -> None:
        """Add it; it takes the place of one with its id, and of one with its purpose, stack level and EVSE."""
        place = (profile.purpose, profile.stack_level, profile.evse)
        self._profiles = [p for p in self._profiles if p.id != profile.id and (p.purpose, p.stack_level, p.evse) != place]
        self._profiles.append(profile)

    def clear(self, profile_id: int | None, evse: int | None = None, purpose: Purpose | None = None, level: int | None = None) -> int:
        """Remove what matches all that is given; an id alone decides. Returns how many went."""
        if profile_id is not None:
            kept = [p for p in self._profiles if p.id != profile_id]
        else:
            kept = [
                p for p in self._profiles
                if (evse is not None and p.evse != evse)
                or (purpose is not None and p.purpose != purpose)
                or (level is not None and p.stack_level != level)
            ]  # fmt: skip
        gone = len(self._profiles) - len(kept)
        self._profiles = kept
        return gone

    def end_transaction(self, evse: int) -> None:
        """A TxProfile lives no longer than its transaction."""
        self._profiles = [p for p in self._profiles if p.purpose is not Purpose.TX or p.evse != evse]

    def limit(self, at: datetime, charging: Charging, sharers: int = 1) -> Limit | None:
        """What holds at a moment; None when no profile says anything. sharers: EVSEs among which the station's bound is split."""
        own = self._leading(Purpose.TX, at, charging) if charging.transaction is not None else None
        own = own or self._leading(Purpose.TX_DEFAULT, at, charging)
        whole = self._leading(Purpose.STATION_MAX, at, charging)
        if whole is None:
            return own
        share = Limit(whole.current_a / max(sharers, 1), whole.phases)
        return share if own is None else Limit(min(own.current_a, share.current_a), min(own.phases, share.phases))

    def _leading(self, purpose: Purpose, at: datetime, charging: Charging) -> Limit | None:
        candidates = [
            (profile.stack_level, profile.evse != 0, limit)
            for profile in self._profiles
            if profile.purpose is purpose
            and profile.evse in (0, charging.evse)
            and (profile.transaction is None or profile.transaction == charging.transaction)
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
