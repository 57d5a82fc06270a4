"""A day of visits by chance, for when the story is over: who comes when, how empty, and for how long.

Arrivals: a wide peak in the morning (people who work here), a higher one in the evening (people who live here), a few all day; stays of some hours,
longer for who comes in the evening. The shape is that of published distributions of Dutch charging sessions; the figures are ours.
"""

from random import Random

from chargebridge.model.circuit import Topology
from chargebridge.sim.world.event import Arrive, Depart, Happening
from chargebridge.sim.world.fleet import KINDS
from chargebridge.sim.world.profile import DAY_S

HOUR_S = 3600.0
PEACEFUL = tuple(name for name, kind in KINDS.items() if not kind.never_lowers)
_MORNING, _EVENING = 0.35, 0.5
"""Shares of the arrivals; the rest comes at any time."""
_PAUSE_S = 600.0
"""Between a departure and the next arrival at one point, at least."""


def visits(
    topology: Topology,
    cards: tuple[str, ...],
    *,
    seed: object,
    begin_day_s: float = 0.0,
    lasts_s: float = DAY_S,
    per_point_and_day: float = 1.6,
) -> tuple[Happening, ...]:
    """Arrivals and departures for ``World.play``. begin_day_s: the time of day (UTC, s) at the beginning of the play."""
    events: list[Happening] = []
    for point in topology.points:
        random = Random(f"{seed}:visits:{point.id}")
        free_from_s = 0.0
        for at_s in _arrivals(random, per_point_and_day, begin_day_s, lasts_s):
            day_s = (begin_day_s + at_s) % DAY_S
            stays_s = random.lognormvariate(0.0, 0.5) * (9.0 if day_s > 15 * HOUR_S else 4.0) * HOUR_S
            card, kind, soc = random.choice(cards), random.choice(PEACEFUL), round(random.uniform(0.15, 0.75), 2)
            if at_s < free_from_s:
                continue
            wants_wh = min(0.8 - soc, 0.4) * KINDS[kind].capacity_wh if soc < 0.8 else 0.0
            text = f"{point.name}: a car arrives, {soc:.0%} full, for {stays_s / HOUR_S:.0f} h."
            events.append(
                Arrive(at_s=at_s, point=point.id, kind=kind, soc=soc, card=card, stays_s=stays_s, wants_wh=round(wants_wh), text=text)
            )
            if at_s + stays_s < lasts_s:
                events.append(Depart(at_s=at_s + stays_s, point=point.id, text=f"{point.name}: the car leaves."))
            free_from_s = at_s + stays_s + _PAUSE_S
    return tuple(sorted(events, key=lambda event: event.at_s))


def _arrivals(random: Random, per_day: float, begin_day_s: float, lasts_s: float) -> list[float]:
    """Seconds after the beginning, in order: on each day the whole number below or above ``per_day`` that chance picks."""
    found = []
    for day in range(int(lasts_s // DAY_S) + 1):
        number = int(per_day) + (random.random() < per_day % 1)
        found += [day * DAY_S + (_arrival_day_s(random) - begin_day_s) % DAY_S for _ in range(number)]
    return sorted(at_s for at_s in found if at_s < lasts_s)


def _arrival_day_s(random: Random) -> float:
    chance = random.random()
    if chance < _MORNING:
        return random.gauss(7.0, 1.0) * HOUR_S % DAY_S
    if chance < _MORNING + _EVENING:
        return random.gauss(16.5, 1.8) * HOUR_S % DAY_S
    return random.uniform(0.0, DAY_S)
