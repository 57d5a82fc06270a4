"""One wallbox that speaks EEBUS, as the site sees it: there before its connection, between connections and after them.

Currents. The newest offer holds until it expires, then the point's fallback current: EEBUS itself has no limit that ends in another one.
What holds is written to the car that is there (OPEV) and, at once, to each that comes; a wallbox without OPEV gets it as a power (LPC). Where the
connection or this process ends, our heartbeat ends with it: after 4 s the car falls to the safe current that the installer has set, by OPEV; after
120 s the wallbox falls to the failsafe power that we have written, by LPC.

Sessions. See `evse`. One task looks at what there is to see whenever something was told, and every few seconds besides.
"""

import asyncio
import contextlib
import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from chargebridge.links.eebus.hub import Hub
from chargebridge.model.clock import Clock
from chargebridge.model.phases import NOMINAL_V
from chargebridge.stations.eebus import look
from chargebridge.stations.eebus.ahead import Plans, Step, curves_of, schedule_of
from chargebridge.stations.eebus.evse import Evse
from chargebridge.stations.eebus.memory import Memory, Stay
from chargebridge.stations.eebus.seen import Seen, Way
from chargebridge.stations.eebus.settings import PointSettings, WallboxSettings
from chargebridge.stations.events import ChargingSchedule
from chargebridge.stations.port import Answer, Outcome, StationInfo, StationSink
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Answered, DataChanged, Event
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, FeatureId, Now
from chargebridge.wire.eebus.usecases import current_limits, evsecc
from chargebridge.wire.eebus.usecases.cevc import Coordination
from chargebridge.wire.eebus.usecases.coordinator import CarPlans, Coordinator
from chargebridge.wire.eebus.usecases.current_limits import PerPhase
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard, Told
from chargebridge.wire.eebus.usecases.energy_manager import CarGone, CurrentsAnswered, EnergyManager
from chargebridge.wire.eebus.usecases.limitation import MIN_FAILSAFE_S
from chargebridge.wire.eebus.usecases.monitoring import VALUES
from chargebridge.wire.eebus.usecases.opev import OPEV

PROTOCOL = "eebus"
LOOK_EVERY_S = 2.0
ASK_EVERY = timedelta(seconds=15)
"""What does not change is not told again; so it is asked for, or nobody could tell a quiet wallbox from a dead one."""
ANSWER_S = 10.0
"""SPINE gives an answer so much time."""
MAKER_S = 5.0
"""So long who made it is waited for, before the site is told of the wallbox without."""
SETTLED_S = 30.0
"""A wallbox that has just started may need so long until it knows the car that stands there all along."""
IDLE = timedelta(minutes=30)
"""Where no car is told, a session ends after the car has taken nothing for so long."""
NOT_IN_EEBUS = "EEBUS has no word for it"
NO_CAR = "no car is there; it holds for the next one"

log = structlog.get_logger(__name__)


class Bay:
    """One EVSE with what it may give. wished: what was handed over to be written last; taken: what the car or the EVSE has said yes to.
    drew_at: when power flowed last, where that alone tells of a car. news: rings for who waits for an answer.
    planned: what the car was told ahead; schedule: what it means to do; plans_anew: it has said so again."""

    def __init__(self, unit: EntityId, evse: Evse) -> None:
        self.unit = unit
        self.evse = evse
        self.seen = Seen(car=None, certain=False)
        self.plug = 0
        self.measured_at: datetime | None = None
        self.asked_at: datetime | None = None
        self.drew_at: datetime | None = None
        self.offer: tuple[float, float] | None = None  # A, and until when by the steady clock
        self.fallback_a = evse.settings.fallback_a
        self.wished: tuple[Way, float] | None = None
        self.news = asyncio.Event()
        self.taken: tuple[object, ErrorNumber] | None = None
        self.planned: tuple[Step, ...] = ()
        self.schedule: ChargingSchedule | None = None
        self.plans_anew = False

    def current_a(self, now_s: float) -> float:
        """What holds now."""
        if self.evse.stopped:
            return 0.0
        if self.offer is not None and self.offer[1] > now_s:
            return self.offer[0]
        return self.fallback_a


class Wallbox:
    """Implements `port.Station`. ``hear`` takes the hub's events of its peer; ``run`` must be running."""

    def __init__(
        self,
        settings: WallboxSettings,
        hub: Hub,
        manager: EnergyManager,
        coordinator: Coordinator,
        guard: EnergyGuard,
        sink: StationSink,
        memory: Memory,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.info: StationInfo | None = None
        self.connected_at: datetime | None = None
        self.heard_at: datetime | None = None
        self.plans: Plans | None = None
        self._hub, self._manager, self._coordinator, self._guard = hub, manager, coordinator, guard
        self._sink, self._memory, self._clock = sink, memory, clock
        self._bays: dict[int, Bay] = {}
        self._stays: dict[int, Stay] = {}
        self._bell = asyncio.Event()
        self._lock = asyncio.Lock()
        self._since_s = 0.0
        self._results: dict[int, asyncio.Future[Answered]] = {}

    @property
    def identity(self) -> str:
        return self.settings.identity

    @property
    def online(self) -> bool:
        """Connected, and its EVSEs are known."""
        return self.connected_at is not None and self.info is not None

    @property
    def bays(self) -> dict[int, Bay]:
        """By EVSE, those that it has shown."""
        return self._bays

    # What the hub tells

    def hear(self, event: Event) -> None:
        """An event of this peer; quick."""
        self.heard_at = self._clock.now()
        self._sink.heard_from(self.identity)
        match event:
            case CarGone(evse=entity):
                for bay in self._of(entity):
                    bay.plug, bay.taken = bay.plug + 1, None
            case DataChanged(feature=feature, function=function) if function == VALUES:
                for bay in self._bays.values():
                    if feature[0][: len(bay.unit)] == bay.unit:
                        bay.measured_at = self._clock.now()
            case CarPlans(evse=entity):
                for bay in self._of(entity):
                    bay.plans_anew = True
            case CurrentsAnswered(evse=entity, use_case=name, wish=wish, number=number) if name == OPEV.name:
                self._answer(entity, wish, number)
            case Told(entity=entity, wish=wish, number=number):
                self._answer(entity, wish, number)
            case Answered(counter=counter) if counter in self._results:
                result = self._results.pop(counter)
                if not result.done():
                    result.set_result(event)
        self.ring()

    def ring(self) -> None:
        """Something may have changed."""
        self._bell.set()

    def _of(self, entity: EntityId) -> Iterable[Bay]:
        return (bay for bay in self._bays.values() if bay.unit == entity)

    def _answer(self, entity: EntityId, wish: object, number: ErrorNumber) -> None:
        for bay in self._of(entity):
            bay.taken = wish, number
            bay.news.set()

    # What there is to see

    async def run(self) -> None:
        """Look, and tell the site, until cancelled. What goes wrong is looked at again."""
        self._stays = await self._memory.load()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._bell.wait()
            self._bell.clear()
            try:
                async with self._lock:
                    await self._look()
                await self._apply_all()
            except Exception:
                log.exception("a wallbox could not be served", station=self.identity)
                await self._clock.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        ski, now = self.settings.ski, self._clock.now()
        link = self._hub.node.links.get(ski)
        units = [] if link is None else look.units(link.remote, self._manager, ski)
        if link is None or not units:
            await self._lost()
            return
        await self._found(units, now)
        settled = self._hub.now().s - self._since_s >= SETTLED_S
        for bay in self._bays.values():
            heard = look.Heard(plug=bay.plug, measured_at=bay.measured_at, settled=settled)
            said = self._coordination(bay)
            bay.seen = look.seen(link.remote, self._manager, (ski, bay.unit), heard, said)
            self._idle(bay, now)
            bay.evse.offered_a = bay.current_a(self._hub.now().s)
            await bay.evse.look(bay.seen, now)
            if said is not None:
                await self._coordinate(bay, said, now)
            await self._ask(bay, now)
            bay.news.set()

    def _coordination(self, bay: Bay) -> Coordination | None:
        evse = self._manager.evse((self.settings.ski, bay.unit))
        return None if evse is None or evse.car is None else self._coordinator.told((self.settings.ski, evse.car.entity))

    async def _coordinate(self, bay: Bay, said: Coordination, now: datetime) -> None:
        """Tell the car what is planned for it, when that is another plan; and the site what the car makes of it."""
        steps = tuple(self.plans(self.identity, bay.evse.number)) if self.plans is not None else ()
        if steps and steps != bay.planned:
            limits, prices = curves_of(steps, now)
            if limits:
                bay.planned = steps
                await self._hub.act(lambda at: self._coordinator.coordinate((self.settings.ski, bay.unit), limits, prices, at))
        if bay.plans_anew:
            bay.plans_anew = False
            schedule = schedule_of(bay.evse.number, said.plan, said.limits)
            if schedule is not None and schedule != bay.schedule:
                await self._sink.told(self.identity, schedule)
                bay.schedule = schedule

    async def _found(self, units: list[EntityId], now: datetime) -> None:
        """It is there: the site hears of it once it has said who made it."""
        if self.connected_at is None:
            self.connected_at, self._since_s, self.info = now, self._hub.now().s, None
            await self._sink.station_connected(self.identity, PROTOCOL)
        for number, unit in enumerate(units, 1):
            bay = self._bays.get(number)
            if bay is None:
                settings = self.settings.points.get(number, PointSettings())
                stay, unknown = self._stays.get(number), self.settings.unknown_cars
                self._bays[number] = Bay(unit, Evse(self.identity, number, settings, unknown, self._sink, self._memory, stay))
            elif bay.unit != unit:
                bay.unit, bay.wished, bay.taken = unit, None, None
        if self.info is None:
            await self._introduce(units[0])

    async def _introduce(self, unit: EntityId) -> None:
        remote = self._hub.node.links[self.settings.ski].remote
        maker = evsecc.told_by(remote, unit).maker
        tells = remote.find(unit, "DeviceClassification", SERVER) is not None
        if tells and maker == DeviceClassificationManufacturerData() and self._hub.now().s - self._since_s < MAKER_S:
            return
        info = StationInfo(
            station=self.identity,
            protocol=PROTOCOL,
            vendor=maker.brand_name or maker.vendor_name or "",
            model=maker.device_name or maker.device_code or "",
            serial=maker.serial_number,
            firmware=maker.software_revision,
        )
        await self._sink.station_booted(info)
        self.info = info

    async def _lost(self) -> None:
        if self.connected_at is None:
            return
        for bay in self._bays.values():
            bay.evse.lost()
            bay.plug, bay.measured_at, bay.asked_at, bay.taken = 0, None, None, None
            bay.news.set()
        self.connected_at = None
        await self._sink.station_lost(self.identity)

    def _idle(self, bay: Bay, now: datetime) -> None:
        """Where only power tells of a car, one that has taken nothing for long is held for gone."""
        if (self.settings.ski, bay.unit) in self._manager.evses or bay.seen.car is None:
            return
        if (bay.seen.car.power_w or 0.0) > 200.0:
            bay.drew_at = now
        elif bay.drew_at is not None and now - bay.drew_at >= IDLE:
            bay.plug, bay.drew_at = bay.plug + 1, None

    async def _ask(self, bay: Bay, now: datetime) -> None:
        """Ask for what was not told for a while."""
        newest = max((at for at in (bay.measured_at, bay.asked_at) if at is not None), default=None)
        if newest is not None and timedelta(0) <= now - newest < ASK_EVERY:
            return
        bay.asked_at = now
        await self._hub.act(lambda at: self._read(bay, at))

    def _read(self, bay: Bay, now: Now) -> None:
        ski = self.settings.ski
        link = self._hub.node.links.get(ski)
        if link is None:
            return
        asked = [(entity, "Measurement", VALUES) for entity in link.remote.entities if entity[: len(bay.unit)] == bay.unit]
        about = [(bay.unit, "DeviceClassification", evsecc.MAKER)] if self.info is None else []
        for entity, type_, function in (*asked, *about, (bay.unit, "DeviceDiagnosis", evsecc.STATE)):
            server, client = link.remote.find(entity, type_, SERVER), self._client(type_)
            if server is not None and client is not None and function in server.operations:
                self._hub.node.read(ski, client, server.ident, function, now)

    def _client(self, type_: str) -> FeatureId | None:
        entities = self._hub.node.device.entities.values()
        features = (one for entity in entities for one in entity.features.values())
        return next((one.ident for one in features if (one.type, one.role) == (type_, CLIENT)), None)

    # What it may give

    async def _apply_all(self) -> None:
        """What holds by now, where it is another than what was written: an offer has expired, a car has come that is limited another way."""
        for bay in self._bays.values():
            await self._apply(bay)

    async def _apply(self, bay: Bay) -> None:
        way = bay.seen.way if bay.seen.way is not None else Way.CURRENT
        wish = way, bay.current_a(self._hub.now().s)
        if wish == bay.wished or self.connected_at is None:
            return
        bay.wished = wish
        unit = (self.settings.ski, bay.unit)

        def do(now: Now) -> None:
            if way is Way.CURRENT:
                self._manager.limit(unit, _currents(wish[1]), now)
            else:
                self._guard.limit(self._power_w(bay, wish[1]), None, now, unit)

        await self._hub.act(do)

    def _power_w(self, bay: Bay, current_a: float) -> Decimal:
        """Of all the phases that the car was seen to use; below its least current it is none, for who knows what a car does with so little."""
        settings = bay.evse.settings
        drawing = sum(amps > 1.0 for amps in bay.seen.car.current_a) if bay.seen.car is not None and bay.seen.car.current_a else 0
        power_w = current_a * NOMINAL_V * (drawing or settings.phases)
        return Decimal(round(power_w)) if current_a >= settings.minimum_a else Decimal(0)

    def _standing(self, bay: Bay) -> ErrorNumber | None:
        """What was answered to what was wished last; None: nothing yet."""
        if bay.wished is None:
            return None
        way, current_a = bay.wished
        if way is Way.POWER:
            unit = (self.settings.ski, bay.unit)
            system, wish = self._guard.systems.get(unit), self._guard.wish(unit)
            return system.answer if system is not None and system.written == wish and system.counter is None else None
        if bay.taken is None:
            return None
        taken, number = bay.taken
        return number if taken == _currents(current_a) or self._same(bay, taken, _currents(current_a)) else None

    def _same(self, bay: Bay, one: object, other: PerPhase) -> bool:
        """Whether the car cannot tell two wishes apart: all that is below its least current is a pause."""
        evse = self._manager.evse((self.settings.ski, bay.unit))
        if evse is None or evse.car is None or not isinstance(one, tuple):
            return False
        return current_limits.wanted(evse.car.obligation, one) == current_limits.wanted(evse.car.obligation, other)

    async def offer(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Answer:
        """See `port.Station`. Where no car is there, it is kept for the next one."""
        bay = self._bays.get(evse)
        if not self.online or bay is None:
            return self._no_evse(evse)
        if phases != bay.evse.settings.phases:
            return Answer(outcome=Outcome.UNSUPPORTED, detail="EEBUS does not switch phases")
        if transaction is not None and transaction != bay.evse.transaction:
            return Answer(outcome=Outcome.REJECTED, detail="that session has ended")
        bay.offer = current_a, self._hub.now().s + valid_s
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._written(bay)
        except TimeoutError:
            return Answer(outcome=Outcome.TIMED_OUT, detail="the wallbox has not answered the limit")

    async def _written(self, bay: Bay) -> Answer:
        """The answer to what holds now. An offer that came meanwhile takes its place."""
        while True:
            bay.news.clear()
            await self._apply(bay)
            if not self.online:
                return Answer(outcome=Outcome.TIMED_OUT, detail="the connection ended before it answered")
            car = bay.seen.car
            if car is None:
                return Answer(outcome=Outcome.ACCEPTED, detail=NO_CAR)
            number = self._standing(bay)
            if number is ErrorNumber.NONE:
                return Answer(outcome=Outcome.ACCEPTED)
            if number is ErrorNumber.TIMEOUT:
                return Answer(outcome=Outcome.TIMED_OUT, detail="the car has not answered the limit")
            if number is not None:
                return Answer(outcome=Outcome.REJECTED, detail=f"error {int(number)}")
            if bay.seen.way is None and car.ready and self._settled_without_limits(bay):
                return Answer(outcome=Outcome.UNSUPPORTED, detail="it takes no limits: neither OPEV nor LPC")
            await bay.news.wait()

    def _settled_without_limits(self, bay: Bay) -> bool:
        car = self._manager.evse((self.settings.ski, bay.unit))
        return car is None or car.car is None or OPEV.name not in car.car.use_cases

    async def write_fallback(self, evse: int, current_a: float) -> Answer:
        """See `port.Station`. By LPC it can be written, as a power; what OPEV falls back to is the installer's to set and the owner's to say."""
        bay = self._bays.get(evse)
        if not self.online or bay is None:
            return self._no_evse(evse)
        bay.fallback_a = current_a
        self.ring()
        safe_a = self.settings.safe_current_a
        if safe_a is not None and safe_a > current_a:
            detail = f"it falls back to {safe_a:g} A by itself; set {current_a:g} A in it, or fallback_a to what it does"
            return Answer(outcome=Outcome.REJECTED, detail=detail)
        unit = (self.settings.ski, bay.unit)
        if unit in self._guard.systems:
            return await self._failsafe(bay, unit, current_a)
        if safe_a is None:
            detail = "EEBUS cannot write its safe current; set it in the wallbox and say it as safe_current_a"
            return Answer(outcome=Outcome.UNSUPPORTED, detail=detail)
        return Answer(outcome=Outcome.ACCEPTED, detail=f"it falls back to {safe_a:g} A by itself, as configured")

    async def _failsafe(self, bay: Bay, unit: tuple[str, EntityId], current_a: float) -> Answer:
        results: list[asyncio.Future[Answered]] = []
        loop = asyncio.get_running_loop()
        power_w = Decimal(round(current_a * NOMINAL_V * bay.evse.settings.phases))

        def do(now: Now) -> None:
            for counter in self._guard.failsafe(unit, power_w, MIN_FAILSAFE_S, now):
                self._results[counter] = loop.create_future()
                results.append(self._results[counter])

        try:
            await self._hub.act(do)
        except ValueError as error:
            return Answer(outcome=Outcome.TIMED_OUT, detail=str(error))
        try:
            async with asyncio.timeout(ANSWER_S + 5):
                told = await asyncio.gather(*results)
        except TimeoutError:
            return Answer(outcome=Outcome.TIMED_OUT, detail="it has not answered its failsafe values")
        refused = next((one for one in told if one.number), None)
        if refused is not None:
            return Answer(outcome=Outcome.REJECTED, detail=f"failsafe values: error {int(refused.number)} {refused.description}".rstrip())
        return Answer(outcome=Outcome.ACCEPTED, detail=f"failsafe {power_w} W")

    def _no_evse(self, evse: int) -> Answer:
        if not self.online:
            return Answer(outcome=Outcome.OFFLINE, detail="not connected")
        return Answer(outcome=Outcome.UNSUPPORTED, detail=f"it has no EVSE {evse}, but {len(self._bays)}")

    # Sessions

    async def remote_start(self, evse: int, token: str) -> Answer:
        """Let the car that is there charge, whoever it is."""
        bay = self._bays.get(evse)
        if not self.online or bay is None:
            return self._no_evse(evse)
        async with self._lock:
            begun = await bay.evse.start(token, self._clock.now())
        self.ring()
        return Answer(outcome=Outcome.ACCEPTED) if begun else Answer(outcome=Outcome.REJECTED, detail="no car is plugged in")

    async def remote_stop(self, evse: int, transaction: str) -> Answer:
        bay = next((one for one in self._bays.values() if one.evse.transaction == transaction), None)
        if bay is None:
            return Answer(outcome=Outcome.REJECTED, detail="no such session runs there")
        async with self._lock:
            await bay.evse.stop(self._clock.now())
        await self._apply(bay)
        self.ring()
        return Answer(outcome=Outcome.ACCEPTED)

    # What EEBUS has no word for

    async def discharge(self, evse: int, power_w: float, valid_s: float, transaction: str) -> Answer:
        return Answer(outcome=Outcome.UNSUPPORTED, detail="cars give nothing back over EEBUS")

    async def report_limits(self, request: int) -> Answer:
        return Answer(outcome=Outcome.UNSUPPORTED, detail=NOT_IN_EEBUS)

    async def reset(self, *, hard: bool) -> Answer:
        return Answer(outcome=Outcome.UNSUPPORTED, detail=f"{NOT_IN_EEBUS}; switch it off and on")


def _currents(current_a: float) -> PerPhase:
    """Rounded down to what cars count in."""
    value = Decimal(math.floor(round(current_a * 10, 6))) / 10
    return value, value, value
