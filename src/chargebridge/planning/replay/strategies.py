"""Who gets how much in one step, when not everybody can have all. A strategy knows the present, what drivers announced, and prices to come.

The sorted ones and round robin are the baselines of research (ACN-Sim's names); `needed_first` is ours.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chargebridge.planning.replay.network import Room, Station
from chargebridge.planning.replay.stays import Stay


@dataclass(slots=True)
class Present:
    """A car that is plugged in and not full. left_wh: still wanted; upper_a: all that station and need let flow in this step; given_a: the answer."""

    stay: Stay
    station: Station
    left_wh: float
    upper_a: float = 0.0
    given_a: float = 0.0

    def laxity(self, step: int, step_h: float) -> float:
        """Steps to spare when it charges with all that the station can give (Least Laxity First)."""
        return self.stay.told - step - self.left_wh / (self.station.maximum_a * self.station.watts_per_a * step_h)

    def needed_a(self, step: int, step_h: float) -> float:
        """The even current with which it is done when it leaves (TF-EVC 3.2.2)."""
        return self.left_wh / (self.station.watts_per_a * step_h * max(1, self.stay.told - step))


Strategy = Callable[[Sequence[Present], Room, int, float], None]
"""(who is there, an empty room, step, length of a step in h): sets ``given_a`` of each and takes it from the room."""
LEAST_A = 1e-9
Key = Callable[[Present, int, float], float]


def settle(car: Present, amps: float) -> float:
    """The current that the station can really offer, not above ``amps``."""
    levels = car.station.levels_a
    if levels is not None:
        return max((level for level in levels if level <= amps + LEAST_A), default=0.0)
    return amps if amps >= car.station.minimum_a - LEAST_A else 0.0


def in_order(key: Key) -> Strategy:
    """One after the other gets all that is left for him."""

    def give(present: Sequence[Present], room: Room, step: int, step_h: float) -> None:
        for car in sorted(present, key=lambda c: key(c, step, step_h)):
            _give_all(car, room)

    return give


def _give_all(car: Present, room: Room) -> None:
    car.given_a = settle(car, room.most(car.stay.station, settle(car, car.upper_a)))
    room.take(car.stay.station, car.given_a)


def at_once(present: Sequence[Present], room: Room, step: int, step_h: float) -> None:
    """What happens without any control: everybody takes what he can, and what the wires allow is not asked."""
    for car in present:
        car.given_a = settle(car, car.upper_a)
        room.take(car.stay.station, car.given_a)


def round_robin(step_a: float = 0.1) -> Strategy:
    """In turn one increment for each, in the order of arrival, until nobody can be given more."""

    def give(present: Sequence[Present], room: Room, step: int, step_h: float) -> None:
        queue = deque(sorted(present, key=lambda c: c.stay.arrives))
        for car in queue:
            car.given_a = 0.0
        levels = {id(car): _ladder(car, step_a) for car in queue}
        at = dict.fromkeys(levels, 0)
        while queue:
            car = queue.popleft()
            ladder, rung = levels[id(car)], at[id(car)] + 1
            if rung < len(ladder):
                more = ladder[rung] - car.given_a
                if room.most(car.stay.station, more) >= more - LEAST_A:
                    room.take(car.stay.station, more)
                    car.given_a, at[id(car)] = ladder[rung], rung
                    queue.append(car)

    return give


def _ladder(car: Present, step_a: float) -> list[float]:
    if car.station.levels_a is not None:
        return [level for level in car.station.levels_a if level <= car.upper_a]
    return [number * step_a for number in range(int(car.upper_a / step_a + LEAST_A) + 1)]


def needed_first(present: Sequence[Present], room: Room, step: int, step_h: float) -> None:
    """What TF-EVC 3.2.6 asks for: first what is needed so that each is done when he leaves, in even parts over his stay; then what is wished.

    When the wires cannot carry what is needed, classes of stations rise in proportion to their need, so that the phases load as evenly as need lets
    them, and more flows in all than by serving one after the other; inside a class the earliest departure goes first. The rest rises evenly.
    What cannot be offered exactly (whole amperes, at least 6 A) is handed on in the order of departure.
    """
    ordered = sorted(present, key=lambda c: c.stay.told)
    if _all_fit(ordered, room):
        return
    room.clear(step)
    for car in ordered:
        car.given_a = 0.0
    _rise(ordered, room, {id(car): min(car.upper_a, car.needed_a(step, step_h)) for car in ordered}, in_proportion=True)
    _rise(ordered, room, {id(car): car.upper_a for car in ordered}, in_proportion=False)
    if all(settle(car, car.given_a) >= car.given_a for car in ordered):
        return
    room.clear(step)
    for car in ordered:
        car.given_a = settle(car, car.given_a)
        room.take(car.stay.station, car.given_a)
    for car in ordered:
        room.take(car.stay.station, -car.given_a)
        _give_all(car, room)


def _all_fit(cars: Sequence[Present], room: Room) -> bool:
    for car in cars:
        car.given_a = settle(car, car.upper_a)
        if room.most(car.stay.station, car.given_a) < car.given_a:
            return False
        room.take(car.stay.station, car.given_a)
    return True


def _rise(cars: Sequence[Present], room: Room, target: dict[int, float], *, in_proportion: bool) -> None:
    """Raise all classes together towards the targets of their cars, each until it is there or one of its rows is full."""
    members: dict[int, list[Present]] = {}
    for car in cars:
        if target[id(car)] > car.given_a + LEAST_A:
            members.setdefault(room.class_of[car.stay.station], []).append(car)
    missing = {kind: sum(target[id(car)] - car.given_a for car in waiting) for kind, waiting in members.items()}
    slope = {kind: amps if in_proportion else 1.0 for kind, amps in missing.items()}
    station = {kind: waiting[0].stay.station for kind, waiting in members.items()}
    rising = list(members)
    while rising:
        nearest = min(missing[kind] / slope[kind] for kind in rising)
        by, full = room.rise([station[kind] for kind in rising], [slope[kind] for kind in rising], nearest)
        for kind in rising:
            amps = by * slope[kind]
            room.take(station[kind], amps)
            missing[kind] -= amps
            _hand_out(members[kind], target, amps)
        stopped = set(full)
        rising = [kind for kind in rising if missing[kind] > LEAST_A and not stopped & room.rows_of(station[kind])]


def _hand_out(cars: Sequence[Present], target: dict[int, float], amps: float) -> None:
    for car in cars:
        more = min(amps, target[id(car)] - car.given_a)
        if more > 0:
            car.given_a += more
            amps -= more


STRATEGIES: dict[str, Strategy] = {
    "at_once": at_once,
    "first_come_first_served": in_order(lambda car, step, step_h: car.stay.arrives),
    "earliest_deadline_first": in_order(lambda car, step, step_h: car.stay.told),
    "least_laxity_first": in_order(lambda car, step, step_h: car.laxity(step, step_h)),
    "round_robin": round_robin(),
    "needed_first": needed_first,
}
