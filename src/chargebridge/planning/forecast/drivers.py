"""When a car leaves and what it takes, learned from earlier visits (TF-EVC 3.2.2, note: preferences may be derived from earlier behaviour).

Each earlier visit is one possibility, weighted by how much it is like the present one: the same driver, the same kind of day, about the same time
of arrival, not long ago (kernel estimate of the conditional distribution, Hall, Wolff and Yao 1999). The visits of all drivers of the site together
count as a few of his own, so that a newcomer is told by the others and a regular by himself. What a driver says always goes before what is learnt.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct

from chargebridge.model.session import Preference
from chargebridge.planning.forecast.grid import Calendar, Flags, Floats, Ints, grid, slot_of
from chargebridge.planning.problem import Goal

HALF_LIFE_DAYS = 60.0
ARRIVAL_H = 1.5
"""Arrivals so far apart are about alike (one sigma)."""
FAR = 0.02
"""What a visit counts that began at quite another time of the day."""
OTHER_KIND = 0.15
"""What one on another kind of day (working day, Saturday, Sunday) counts."""
PRIOR_VISITS = 3.0
"""The whole site counts like so many visits of the driver's own."""
DEPARTURES = 5
"""Into so many equally likely departures a distribution is told to the planner."""
LEVELS = (0.1, 0.5, 0.9)
LEAST_STAY = timedelta(minutes=15)
"""Told to who has stayed longer than anybody before him."""


class Visit(Struct, frozen=True, kw_only=True):
    """A session that is over. driver: his token or account; "" is nobody in particular. energy_wh: charged."""

    driver: str
    arrived_at: datetime
    left_at: datetime
    energy_wh: float


class Guess(Struct, frozen=True, kw_only=True):
    """Of a car that is here. leaves_at, energy_wh (of the whole session): the 10 %, 50 % and 90 % quantiles. departures: equally likely times.

    own_visits, site_visits: how many earlier ones it is learned from. why: for a person.
    """

    leaves_at: tuple[datetime, datetime, datetime]
    energy_wh: tuple[float, float, float]
    departures: tuple[datetime, ...]
    own_visits: int
    site_visits: int
    why: str


class Habits:
    """All that is known of earlier visits. A guess looks only at those that were over when it is asked for."""

    def __init__(self, visits: Iterable[Visit], calendar: Calendar) -> None:
        known = sorted((visit for visit in visits if visit.left_at > visit.arrived_at), key=lambda visit: visit.arrived_at)
        self._zone, self._calendar = ZoneInfo(calendar.timezone), calendar
        self.visits: tuple[Visit, ...] = tuple(known)
        self._drivers: dict[str, int] = {}
        self._driver: Ints = np.array([self._drivers.setdefault(v.driver, len(self._drivers)) for v in known], dtype=np.int64)
        self._clock = np.array([_hour(v.arrived_at, self._zone) for v in known], dtype=float)
        self._kind = np.array([self.kind(v.arrived_at) for v in known], dtype=np.int64)
        self._came = np.array([v.arrived_at.timestamp() for v in known], dtype=float)
        self._left = np.array([v.left_at.timestamp() for v in known], dtype=float)
        self._energy = np.array([v.energy_wh for v in known], dtype=float)

    def kind(self, at: datetime) -> int:
        """0 working day, 1 Saturday, 2 Sunday or holiday, by the local date."""
        return int(grid(self._calendar, slot_of(at), 1).kind[0])

    def guess(self, driver: str, arrived_at: datetime, now: datetime, energy_wh: float = 0.0) -> Guess | None:
        """Of a car that came at ``arrived_at``, is still here, and has charged ``energy_wh``. None: no visit is known at all."""
        over = self._left <= now.timestamp()
        if not over.any():
            return None
        mine = over & (self._driver == self._drivers.get(driver, -1)) & (driver != "")
        nearness, later = self._like(arrived_at, over)
        weight = _prior(nearness, over) + np.where(mine, nearness, 0.0)
        stay = (self._left - self._came)[over] - 3600.0 * (1.0 - self._follows(over)) * later[over]
        stayed, spent = (now - arrived_at).total_seconds(), weight[over]
        leaves = _quantiles(stay, spent, stayed, np.array([*LEVELS, *_middles()]))
        at = [max(now + LEAST_STAY, arrived_at + timedelta(seconds=float(each))) for each in leaves]
        energy = _quantiles(self._energy[over], spent, energy_wh, np.array(LEVELS))
        low, likely, high = (float(each) for each in np.maximum(energy, energy_wh))
        own, site = int(mine.sum()), int(over.sum())
        return Guess(
            leaves_at=(at[0], at[1], at[2]),
            energy_wh=(low, likely, high),
            departures=tuple(at[3:]),
            own_visits=own,
            site_visits=site,
            why=_why(own, site),
        )

    def _like(self, arrived_at: datetime, over: Flags) -> tuple[Floats, Floats]:
        """How much each visit is like one that begins now, and how many hours later by the clock this one begins."""
        later = (_hour(arrived_at, self._zone) - self._clock + 12.0) % 24.0 - 12.0
        age = np.maximum(arrived_at.timestamp() - self._came, 0.0) / 86_400
        same = np.where(self._kind == self.kind(arrived_at), 1.0, OTHER_KIND)
        close = np.maximum(np.exp(-0.5 * (later / ARRIVAL_H) ** 2), FAR)
        return np.where(over, close * same * 0.5 ** (age / HALF_LIFE_DAYS), 0.0), later

    def _follows(self, over: Flags) -> float:
        """How far departures move when arrivals do: 0 they leave by the clock, 1 they stay as long; within drivers and kinds of days."""
        group = self._driver[over] * 3 + self._kind[over]
        begins, ends = self._clock[over], self._clock[over] + (self._left - self._came)[over] / 3600.0
        _, group = np.unique(group, return_inverse=True)
        count = np.bincount(group)
        x, y = (each - (np.bincount(group, each) / count)[group] for each in (begins, ends))
        return float(np.clip(((x * y).sum() + 10.0) / ((x * x).sum() + 20.0), 0.0, 1.0))


def goals(preference: Preference, guess: Guess | None, *, has_wh: float = 0.0) -> tuple[Goal, ...]:
    """What the planner is to reach. Who said when, or how much, is taken at his word; the rest is guessed: departures as equally likely
    times, each with its probability. has_wh: what the store held at the beginning of the session (energies of a session begin at 0)."""
    cap = preference.price_cap_min
    energy = preference.energy_min_wh if not preference.is_free or guess is None else guess.energy_wh[1]
    if energy <= 0:
        return ()
    if preference.target_at is not None:
        return (Goal(at=preference.target_at, stored_wh=has_wh + energy, price_cap=cap),)
    if guess is None:
        return ()
    share = 1.0 / len(guess.departures)
    return tuple(Goal(at=at, stored_wh=has_wh + energy, price_cap=cap, probability=share) for at in guess.departures)


def _prior(nearness: Floats, over: Flags) -> Floats:
    """All visits of the site, weighing as much together as ``PRIOR_VISITS``."""
    whole = float(nearness[over].sum())
    return np.asarray(nearness * (PRIOR_VISITS / whole if whole > 0 else 0.0))


def _quantiles(values: Floats, weights: Floats, beyond: float, levels: Floats) -> Floats:
    """Of those values that lie beyond what has passed already; where there are none, what has passed."""
    left = (values > beyond) & (weights > 0)
    if not left.any():
        return np.full(len(levels), beyond)
    order = np.argsort(values[left])
    ranked, weight = values[left][order], weights[left][order]
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    return np.interp(levels, middle, ranked)


def _middles() -> Sequence[float]:
    return [(k + 0.5) / DEPARTURES for k in range(DEPARTURES)]


def _hour(at: datetime, zone: ZoneInfo) -> float:
    local = at.astimezone(UTC).astimezone(zone)
    return local.hour + local.minute / 60.0 + local.second / 3600.0


def _why(own: int, site: int) -> str:
    if own == 0:
        return f"Learned from {site} visit{'s' if site > 1 else ''} of all drivers here; this driver is new."
    if own < PRIOR_VISITS:
        return f"Learned from {own} earlier visit{'s' if own > 1 else ''} of this driver, and {site} of all drivers here."
    return f"Learned from {own} earlier visits of this driver."
