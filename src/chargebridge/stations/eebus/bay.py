"""One EVSE of a wallbox with what it may give, and how that gets to the car.

The newest offer holds until it expires, then the point's fallback current: EEBUS itself has no limit that ends in another one. What holds is
written to the car that is there (OPEV) and, at once, to each that comes; a wallbox without OPEV gets it as a power (LPC). Where the connection or
this process ends, our heartbeat ends with it: after 4 s the car falls to the safe current that the installer has set, by OPEV; after 120 s the
wallbox falls to the failsafe power that we have written, by LPC.
"""

import asyncio
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from chargebridge.links.eebus.hub import Hub
from chargebridge.model.phases import NOMINAL_V
from chargebridge.stations.eebus.ahead import Step, curves_of, schedule_of
from chargebridge.stations.eebus.evse import DRAWS_A, Evse
from chargebridge.stations.eebus.seen import Seen, Way
from chargebridge.stations.events import ChargingSchedule
from chargebridge.stations.port import Answer, Outcome
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Answered, Event
from chargebridge.wire.eebus.spine.local import EntityId, Now
from chargebridge.wire.eebus.usecases import current_limits
from chargebridge.wire.eebus.usecases.cevc import Coordination
from chargebridge.wire.eebus.usecases.coordinator import CarPlans, Coordinator
from chargebridge.wire.eebus.usecases.current_limits import PerPhase
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard, Told
from chargebridge.wire.eebus.usecases.energy_manager import CarGone, CurrentsAnswered, EnergyManager, Unit
from chargebridge.wire.eebus.usecases.limitation import MIN_FAILSAFE_S
from chargebridge.wire.eebus.usecases.opev import OPEV

ANSWER_S = 10.0
"""SPINE gives an answer so much time."""
UNPLANNED = timedelta(days=7)
ANY_PRICE = 0.3
"""The same at all times, it says nothing."""
NO_CAR = "no car is there; it holds for the next one"


class Roles:
    """What we are towards wallboxes, on one hub."""

    def __init__(self, hub: Hub, manager: EnergyManager, coordinator: Coordinator, guard: EnergyGuard) -> None:
        self.hub, self.manager, self.coordinator, self.guard = hub, manager, coordinator, guard


class Bay:
    """seen: as it was looked at last. plug: how often a car has come and gone since the connection began."""

    def __init__(self, ski: str, entity: EntityId, evse: Evse, roles: Roles) -> None:
        self.unit: Unit = (ski, entity)
        self.evse = evse
        self.seen = Seen(car=None, certain=False)
        self.plug = 0
        self.measured_at: datetime | None = None
        self.asked_at: datetime | None = None
        self.car_since_s: float | None = None  # by the steady clock
        self.drew_at: datetime | None = None  # when power flowed last, where that alone tells of a car
        self._roles = roles
        self._offer: tuple[float, float] | None = None  # A, and until when by the steady clock
        self._fallback_a = evse.settings.fallback_a
        self._wished: tuple[Way, float] | None = None  # what was handed over to be written last
        self._taken: tuple[object, ErrorNumber] | None = None  # a wish, and what the car has said to it
        self._news = asyncio.Event()
        self._results: dict[int, asyncio.Future[Answered]] = {}
        self._planned: tuple[Step, ...] = ()
        self._plans_anew = False
        self._schedule: ChargingSchedule | None = None

    @property
    def current_a(self) -> float:
        """What holds now."""
        if self.evse.stopped:
            return 0.0
        if self._offer is not None and self._offer[1] > self._roles.hub.now().s:
            return self._offer[0]
        return self._fallback_a

    # What comes

    def hear(self, event: Event) -> None:
        """An event of the wallbox."""
        match event:
            case CarGone(evse=entity) if entity == self.unit[1]:
                self.plug, self._taken = self.plug + 1, None
            case CarPlans(evse=entity) if entity == self.unit[1]:
                self._plans_anew = True
            case CurrentsAnswered(evse=entity, use_case=name, wish=wish, number=number) if (entity, name) == (self.unit[1], OPEV.name):
                self._taken = wish, number
            case Told(entity=entity, wish=limit, number=number) if entity == self.unit[1]:
                self._taken = limit, number
            case Answered(counter=counter) if counter in self._results:
                result = self._results.pop(counter)
                if not result.done():
                    result.set_result(event)
        self._news.set()

    def moved(self, entity: EntityId) -> None:
        """The wallbox has numbered its entities anew."""
        if entity != self.unit[1]:
            self.unit, self._wished, self._taken = (self.unit[0], entity), None, None

    def looked(self, seen: Seen) -> None:
        if seen.car is None:
            self.car_since_s = None
        elif self.car_since_s is None:
            self.car_since_s = self._roles.hub.now().s
        self.seen = seen
        self.evse.offered_a = self.current_a
        self._news.set()

    def lost(self) -> None:
        """The connection is gone."""
        self.evse.lost()
        self.plug, self.measured_at, self.asked_at, self._taken, self.car_since_s = 0, None, None, None, None
        self._news.set()

    # What it may give

    async def offer(self, current_a: float, phases: int, valid_s: float, transaction: str | None, online: Callable[[], bool]) -> Answer:
        """See `port.Station`. Where no car is there, it is kept for the next one."""
        if phases != self.evse.settings.phases:
            return Answer(outcome=Outcome.UNSUPPORTED, detail="EEBUS does not switch phases")
        if transaction is not None and transaction != self.evse.transaction:
            return Answer(outcome=Outcome.REJECTED, detail="that session has ended")
        self._offer = current_a, self._roles.hub.now().s + valid_s
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._written(online)
        except TimeoutError:
            return Answer(outcome=Outcome.TIMED_OUT, detail="the wallbox has not answered the limit")

    async def apply(self) -> None:
        """Hand over what holds by now, where it is another than before: an offer has expired, a car has come that is limited another way."""
        way = self.seen.way if self.seen.way is not None else Way.CURRENT
        current_a = self.current_a
        if (way, current_a) == self._wished:
            return
        self._wished = way, current_a

        def do(now: Now) -> None:
            guard = self._roles.guard
            if way is Way.POWER:
                guard.limit(self._power_w(current_a), None, now, self.unit)
                return
            self._roles.manager.limit(self.unit, _currents(current_a), now)
            before = guard.wish(self.unit)
            if before is not None and before.limit_w is not None:  # of a car that had no other limit
                guard.limit(None, None, now, self.unit)

        await self._roles.hub.act(do)

    async def _written(self, online: Callable[[], bool]) -> Answer:
        """The answer to what holds now; an offer that came meanwhile takes its place."""
        while True:
            self._news.clear()
            await self.apply()
            if not online():
                return Answer(outcome=Outcome.TIMED_OUT, detail="the connection ended before it answered")
            car, number = self.seen.car, self._standing()
            if car is None:
                return Answer(outcome=Outcome.ACCEPTED, detail=NO_CAR)
            if number is ErrorNumber.NONE:
                return Answer(outcome=Outcome.ACCEPTED)
            if number is ErrorNumber.TIMEOUT:
                return Answer(outcome=Outcome.TIMED_OUT, detail="the car has not answered the limit")
            if number is not None:
                return Answer(outcome=Outcome.REJECTED, detail=f"error {int(number)}")
            if self.seen.way is None and car.ready and not self._has_opev():
                return Answer(outcome=Outcome.UNSUPPORTED, detail="it takes no limits: neither OPEV nor LPC")
            await self._news.wait()

    def _standing(self) -> ErrorNumber | None:
        """What was answered to what was wished last; None: nothing yet."""
        if self._wished is None:
            return None
        way, current_a = self._wished
        if way is Way.POWER:
            system, wish = self._roles.guard.systems.get(self.unit), self._roles.guard.wish(self.unit)
            return system.answer if system is not None and system.written == wish and system.counter is None else None
        if self._taken is None:
            return None
        taken, number = self._taken
        return number if taken == _currents(current_a) or self._same(taken, _currents(current_a)) else None

    def _same(self, one: object, other: PerPhase) -> bool:
        """Whether the car cannot tell two wishes apart: all that is below its least current is a pause."""
        evse = self._roles.manager.evse(self.unit)
        if evse is None or evse.car is None or not isinstance(one, tuple):
            return False
        return current_limits.wanted(evse.car.obligation, one) == current_limits.wanted(evse.car.obligation, other)

    def _has_opev(self) -> bool:
        evse = self._roles.manager.evse(self.unit)
        return evse is not None and evse.car is not None and OPEV.name in evse.car.use_cases

    def _power_w(self, current_a: float) -> Decimal:
        """Of all the phases that the car was seen to use; below its least current it is none, for who knows what a car does with so little."""
        settings, car = self.evse.settings, self.seen.car
        drawing = sum(amps > DRAWS_A for amps in car.current_a) if car is not None and car.current_a is not None else 0
        power_w = current_a * NOMINAL_V * (drawing or settings.phases)
        return Decimal(math.floor(power_w)) if current_a >= settings.minimum_a else Decimal(0)

    # What it falls back to

    async def write_fallback(self, current_a: float, safe_a: float | None) -> Answer:
        """See `port.Station`. By LPC it can be written, as a power; what OPEV falls back to is the installer's to set and the owner's to say."""
        self._fallback_a = current_a
        if safe_a is not None and safe_a > current_a:
            detail = f"it falls back to {safe_a:g} A by itself; set {current_a:g} A in it, or fallback_a to what it does"
            return Answer(outcome=Outcome.REJECTED, detail=detail)
        if self.unit in self._roles.guard.systems:
            return await self._failsafe(current_a)
        if safe_a is None:
            detail = "EEBUS cannot write its safe current; set it in the wallbox and say it as safe_current_a"
            return Answer(outcome=Outcome.UNSUPPORTED, detail=detail)
        return Answer(outcome=Outcome.ACCEPTED, detail=f"it falls back to {safe_a:g} A by itself, as configured")

    async def _failsafe(self, current_a: float) -> Answer:
        results: list[asyncio.Future[Answered]] = []
        power_w = Decimal(math.floor(current_a * NOMINAL_V * self.evse.settings.phases))

        def do(now: Now) -> None:
            for counter in self._roles.guard.failsafe(self.unit, power_w, MIN_FAILSAFE_S, now):
                self._results[counter] = asyncio.get_running_loop().create_future()
                results.append(self._results[counter])

        try:
            await self._roles.hub.act(do)
            async with asyncio.timeout(ANSWER_S + 5):
                told = await asyncio.gather(*results)
        except ValueError as error:
            return Answer(outcome=Outcome.TIMED_OUT, detail=str(error))
        except TimeoutError:
            return Answer(outcome=Outcome.TIMED_OUT, detail="it has not answered its failsafe values")
        refused = next((one for one in told if one.number), None)
        if refused is not None:
            return Answer(outcome=Outcome.REJECTED, detail=f"failsafe values: error {int(refused.number)} {refused.description}".rstrip())
        return Answer(outcome=Outcome.ACCEPTED, detail=f"failsafe {power_w} W")

    # What is told ahead

    @property
    def coordination(self) -> Coordination | None:
        """What the car says over CEVC; None where it has not got that."""
        evse = self._roles.manager.evse(self.unit)
        return None if evse is None or evse.car is None else self._roles.coordinator.told((self.unit[0], evse.car.entity))

    async def plan(self, steps: tuple[Step, ...], now: datetime) -> None:
        """Tell the car what is planned for it, when that is another plan; where nothing is, that it may have all there is, for a car that hears of
        no power plans no charging. What holds is the limit in any case."""
        if not steps and self._planned and self._planned[-1].end > now + UNPLANNED / 2:
            return
        settings = self.evse.settings
        most_w = settings.maximum_a * settings.phases * NOMINAL_V
        steps = steps or (Step(start=now, end=now + UNPLANNED, power_w=most_w, price=ANY_PRICE),)
        if steps == self._planned:
            return
        limits, prices = curves_of(steps, now)
        if limits:
            self._planned = steps
            await self._roles.hub.act(lambda at: self._roles.coordinator.coordinate(self.unit, limits, prices, at))

    def planned(self, said: Coordination) -> ChargingSchedule | None:
        """What the car means to do, when it has said something else."""
        if not self._plans_anew:
            return None
        self._plans_anew = False
        schedule = schedule_of(self.evse.number, said.plan, said.limits)
        if schedule is None or schedule == self._schedule:
            return None
        self._schedule = schedule
        return schedule


def _currents(current_a: float) -> PerPhase:
    """Rounded down to what cars count in."""
    value = Decimal(math.floor(round(current_a * 10, 6))) / 10
    return value, value, value
