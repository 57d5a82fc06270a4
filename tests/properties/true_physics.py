"""A small true world for the control loop: what really flows, which the controller sees only through meters, samples and answers.

Nothing here is taken from ``chargebridge.control`` but ``decide``. One step is one second.

What cars do (IEC 61851-1): follow a lower pilot current within 5 s, a higher one when they like, ignore small raises, draw less than offered,
sleep and wake late. What stations do: take an offer, answer late, refuse it, never get it, take it and lose the answer, go offline and fall back
when their offer expires. What meters do: die and come back. What houses do: step.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random

from msgspec.structs import replace

from chargebridge.control.decide import decide
from chargebridge.model.circuit import ChargingPoint, Topology
from chargebridge.model.decision import Decision, Move
from chargebridge.model.limit import Limit, OnGroup
from chargebridge.model.phases import PerPhase
from chargebridge.model.reading import Reading
from chargebridge.model.session import PointStatus, Preference
from chargebridge.model.state import Memory, Offer, OfferOutcome, PointState, SiteState

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
VOLTAGE_V = 230.0

HOLDS = 1.13
"""A circuit breaker carries 1.13 times its rated current for an hour without opening, IEC 60898-1 table 7."""
TAU_S = 30.0
"""Time constant of the thermal image  tau d(theta)/dt = (I/In)^2 - theta,  opening at theta = 1.13^2.

With 30 s a cold breaker opens after 6.6 s at 2.55 In (the standard: between 1 s and 60 s, up to 32 A) and after 28 s at 1.45 In (within the hour), so
it is one of the quick ones; a gG fuse of 32 A must hold 2.34 In for 10 s (IEC 60269-1 gates) where this one opens after 8 s.
"""
ALLOWANCE = HOLDS**2
SLOWEST_START_S = 8
"""A car that was plugged in is reckoned with by what its station allows after this: the site has heard of it and made room."""
TIMEOUT_S = 10
"""After this the site stops waiting for a station's answer."""


@dataclass
class Car:
    """phases: it draws on that many terminals. lag_s: until it follows a lower pilot. eager_s: until it follows a higher one.

    share: of what it may draw it takes this part. deaf_a: raises up to this it ignores. naps: (from, to) seconds in which it draws nothing.
    stay: (from, to) seconds in which it is plugged in.
    """

    phases: int
    maximum_a: float
    lag_s: int
    eager_s: int
    share: float
    deaf_a: float
    naps: tuple[tuple[int, int], ...] = ()
    stay: tuple[int, int] = (0, 10**9)
    _pilots: list[float] = field(default_factory=list)
    _level: float = 0.0
    _higher_for: int = 0

    def interrupt(self) -> None:
        """The contactor opens for a change of phases."""
        self._pilots.clear()
        self._level, self._higher_for = 0.0, 0

    def draw(self, t: int, pilot_a: float) -> float:
        """Current on each of its terminals in second ``t``, under the pilot's present limit."""
        self._pilots.append(pilot_a)
        seen = max(self._pilots[-1 - self.lag_s :])
        if seen < self._level:
            self._level, self._higher_for = seen, 0
        elif seen > self._level + (self.deaf_a if self._level else 0.0):
            self._higher_for += 1
            if self._higher_for > self.eager_s:
                self._level, self._higher_for = seen, 0
        if self._level < 6.0 or any(start <= t < end for start, end in self.naps):
            return 0.0
        return min(self.maximum_a, max(6.0, self._level * self.share) if self.share < 1 else self._level)


@dataclass
class Manners:
    """How likely a station misbehaves on one message, and when it is offline: (from, to) seconds."""

    late_s: int = 0
    refuses: float = 0.0
    deaf: float = 0.0
    mute: float = 0.0
    offline: tuple[tuple[int, int], ...] = ()
    notice_s: int = 3


@dataclass
class Station:
    """The truth at one charging point. pilot: what holds there now; when it expires, the fallback does (``falls_to_a`` where none was confirmed).

    following_s: for how long it has taken and answered all that it was told.
    """

    point: ChargingPoint
    car: Car | None
    manners: Manners
    every_s: int
    confirms: bool
    rng: Random
    phase_s: int = 0
    pilot_a: float = 0.0
    phases: int = 3
    expires: int = -1
    drawn: PerPhase = (0.0, 0.0, 0.0)
    impaired: bool = False
    plugged_s: int = 0
    following_s: int = 0
    falls_to_a: float | None = None
    seen: PointState = field(init=False)
    _under_way: list[tuple[int, Offer]] = field(default_factory=list)
    _answers: list[tuple[int, Offer, OfferOutcome]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.phases = len(self.point.phases)
        self.pilot_a = self.point.fallback_a
        self.seen = PointState(
            point=self.point.id,
            online=True,
            status=PointStatus.AVAILABLE,
            heard_at=START,
            fallback_a=self.point.fallback_a if self.confirms else None,
        )

    def _plug(self, t: int) -> bool:
        """Whether a car is there; its coming and going is told at once, unless the station is away: then when it is back."""
        here = self.car is not None and self.car.stay[0] <= t < self.car.stay[1]
        self.plugged_s = self.plugged_s + 1 if here else 0
        if here != self.seen.authorised and not self.away(t):
            status = PointStatus.CHARGING if here else PointStatus.AVAILABLE
            self.seen = replace(
                self.seen, status=status, authorised=here, session=f"{self.point.id} {t}" if here else None, car_phases=None
            )
        return here

    def away(self, t: int) -> bool:
        return any(start <= t < end for start, end in self.manners.offline)

    def send(self, t: int, amps: float, phases: int, valid_s: float) -> None:
        """The site sends an offer: what becomes of it is decided here. Messages to one station keep their order."""
        now = START + timedelta(seconds=t)
        offer = Offer(current_a=amps, phases=phases, sent_at=now, expires_at=now + timedelta(seconds=valid_s))
        self.seen = replace(self.seen, offers=(*self.seen.offers[-40:], offer))
        manners, chance = self.manners, self.rng.random()
        arrives = max([t + self.rng.randint(0, manners.late_s), *(due for due, _ in self._under_way)])
        if self.away(arrives) or chance < manners.deaf:
            self._answers.append((t + TIMEOUT_S, offer, OfferOutcome.TIMED_OUT))
            self.impaired = True
        elif chance < manners.deaf + manners.mute:
            self._under_way.append((arrives, offer))
            self._answers.append((t + TIMEOUT_S, offer, OfferOutcome.TIMED_OUT))
        elif chance < manners.deaf + manners.mute + manners.refuses:
            self._answers.append((arrives, offer, OfferOutcome.REJECTED))
            self.impaired = True
        else:
            self._under_way.append((arrives, offer))
            self._answers.append((arrives, offer, OfferOutcome.ACCEPTED))

    def _wire(self, phases: int) -> None:
        if phases != self.phases and self.car is not None:
            self.car.interrupt()
        self.phases = phases

    def potential(self) -> PerPhase:
        """The most that could flow now, or when what is under way arrives, on the grid's phases."""
        found = list(self.drawn)
        if self.car is not None and self.plugged_s >= SLOWEST_START_S:
            for amps, phases in [(self.pilot_a, self.phases), *((offer.current_a, offer.phases) for _, offer in self._under_way)]:
                for phase in self.point.phases[: min(self.car.phases, phases)]:
                    found[phase - 1] = max(found[phase - 1], amps)
        return (found[0], found[1], found[2])

    def step(self, t: int) -> None:
        """Time goes on: offers and answers arrive, offers expire, the car draws, a sample is sent."""
        now = START + timedelta(seconds=t)
        for due, offer in self._under_way:
            if due <= t:
                self._wire(offer.phases)
                self.pilot_a = offer.current_a
                self.expires = due + int((offer.expires_at - offer.sent_at).total_seconds())
                self.impaired = False
        self._under_way = [(due, offer) for due, offer in self._under_way if due > t]
        for due, offer, outcome in self._answers:
            if due <= t:
                done = replace(offer, outcome=outcome, answered_at=now)
                heard = self.seen.heard_at if outcome is OfferOutcome.TIMED_OUT else now
                self.seen = replace(self.seen, heard_at=heard, offers=tuple(done if o is offer else o for o in self.seen.offers))
        self._answers = [answer for answer in self._answers if answer[0] > t]
        if self.expires >= 0 and t >= self.expires:
            self._wire(len(self.point.phases))
            self.impaired = True
            self.pilot_a, self.expires = self.point.fallback_a if self.falls_to_a is None else self.falls_to_a, -1
        here = self._plug(t)
        amps = self.car.draw(t, self.pilot_a) if self.car is not None and here else 0.0
        used = min(self.car.phases, self.phases) if self.car is not None and here else 0
        grid = [0.0, 0.0, 0.0]
        for phase in self.point.phases[:used]:
            grid[phase - 1] = amps
        self.drawn = (grid[0], grid[1], grid[2])
        self._tell(t, now, amps, used)

    def _tell(self, t: int, now: datetime, amps: float, used: int) -> None:
        away = self.away(t)
        self.following_s = 0 if self.impaired or away or not self.seen.online else self.following_s + 1
        if away and self.away(t - self.manners.notice_s):
            self.seen = replace(self.seen, online=False)
        if away:
            return
        if not self.seen.online:
            self.seen = replace(self.seen, online=True, heard_at=now)
        if (t + self.phase_s) % self.every_s == 0:
            terminals = (amps if used > 0 else 0.0, amps if used > 1 else 0.0, amps if used > 2 else 0.0)
            full = self.phases == len(self.point.phases)
            learned = used if amps > 1 and full else self.seen.car_phases
            self.seen = replace(self.seen, heard_at=now, measured_at=now, terminal_a=terminals, car_phases=learned)


@dataclass
class Meter:
    """A meter at a circuit: speaks every ``every_s`` seconds, but not while it is dead: (from, to) seconds."""

    name: str
    every_s: int
    dead: tuple[tuple[int, int], ...] = ()
    reading: Reading | None = None

    def tell(self, t: int, amps: PerPhase) -> None:
        if t % self.every_s == 0 and not any(start <= t < end for start, end in self.dead):
            now = START + timedelta(seconds=t)
            self.reading = Reading(meter=self.name, received_at=now, current_a=amps, power_w=sum(amps) * VOLTAGE_V)


@dataclass
class House:
    """Other loads on one circuit: (from second, A per phase), in order of time."""

    steps: tuple[tuple[int, PerPhase], ...]

    def load(self, t: int) -> PerPhase:
        present: PerPhase = (0.0, 0.0, 0.0)
        for since, load in self.steps:
            if since <= t:
                present = load
        return present


@dataclass
class World:
    """Everything together. limits: (second of arrival, limit)."""

    topology: Topology
    stations: dict[str, Station]
    meters: dict[str, Meter]
    houses: dict[str, House]
    limits: list[tuple[int, Limit]] = field(default_factory=list)
    preferences: dict[str, Preference] = field(default_factory=dict)
    t: int = 0
    memory: Memory = field(default_factory=Memory)
    decision: Decision | None = None
    heat: dict[tuple[str, int], float] = field(default_factory=dict)
    flows: dict[str, PerPhase] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parent = {circuit.id: circuit.parent for circuit in self.topology.circuits}
        self.below = {
            circuit.id: [p.id for p in self.topology.points if circuit.id in self.up(p.circuit)] for circuit in self.topology.circuits
        }

    def up(self, circuit: str) -> list[str]:
        chain = [circuit]
        while (parent := self.parent[chain[-1]]) is not None:
            chain.append(parent)
        return chain

    def base(self, circuit: str) -> PerPhase:
        """The true load under a circuit that is not charging."""
        sum_ = [0.0, 0.0, 0.0]
        for at, house in self.houses.items():
            if circuit in self.up(at):
                for phase, amps in enumerate(house.load(self.t)):
                    sum_[phase] += amps
        return (sum_[0], sum_[1], sum_[2])

    def cars(self, circuit: str) -> PerPhase:
        drawn = [self.stations[point].drawn for point in self.below[circuit]]
        return (sum(d[0] for d in drawn), sum(d[1] for d in drawn), sum(d[2] for d in drawn))

    def potential(self, circuit: str) -> PerPhase:
        """The base and the most that could flow to cars, under a circuit."""
        base, most = self.base(circuit), [self.stations[point].potential() for point in self.below[circuit]]
        return (base[0] + sum(m[0] for m in most), base[1] + sum(m[1] for m in most), base[2] + sum(m[2] for m in most))

    def scope(self, limit: Limit) -> list[str]:
        """The points under a limit."""
        if isinstance(limit.scope, OnGroup):
            return [p for group in self.topology.groups if group.id == limit.scope.group for p in group.members]
        return self.below.get(limit.scope.node, [limit.scope.node])

    def now(self) -> datetime:
        return START + timedelta(seconds=self.t)

    def state(self) -> SiteState:
        points = tuple(replace(self.stations[p.id].seen, preference=self.preferences.get(p.id, Preference())) for p in self.topology.points)
        return SiteState(
            topology=self.topology,
            readings=tuple(m.reading for m in self.meters.values() if m.reading is not None),
            points=points,
            limits=tuple(limit for since, limit in self.limits if since <= self.t),
            memory=self.memory,
        )

    def step(self) -> Decision:
        """One second: the world moves on, the meters speak, the controller decides, what it says is sent."""
        for station in self.stations.values():
            station.step(self.t)
        for circuit in self.topology.circuits:
            base, cars = self.base(circuit.id), self.cars(circuit.id)
            flow = (base[0] + cars[0], base[1] + cars[1], base[2] + cars[2])
            self.flows[circuit.id] = flow
            if circuit.meter is not None:
                self.meters[circuit.meter].tell(self.t, flow)
            for phase in range(3):
                theta = self.heat.get((circuit.id, phase), 1.0)
                final = (flow[phase] / circuit.fuse_a[phase]) ** 2
                self.heat[circuit.id, phase] = final + (theta - final) * exp(-1.0 / TAU_S)
        decision = decide(self.state(), self.now())
        self.memory, self.decision = decision.memory, decision
        for point in decision.points:
            if point.move is not Move.HOLD:
                self.stations[point.point].send(self.t, point.current_a, point.phases, point.valid_s)
        self.t += 1
        return decision

    def hottest(self) -> tuple[float, str, int]:
        """(theta, circuit, phase) of the protection that is nearest to opening."""
        (circuit, phase), theta = max(self.heat.items(), key=lambda item: item[1])
        return theta, circuit, phase + 1
