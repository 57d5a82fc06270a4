"""A small property whose stations do at once what they are told, for tests that look at one rule."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from chargebridge.control.decide import decide
from chargebridge.model.circuit import Battery, ChargingPoint, Circuit, Group, Load, Topology
from chargebridge.model.decision import Decision, Move, PointDecision
from chargebridge.model.limit import Bound, Limit, LimitSource, OnGroup, OnNode
from chargebridge.model.phases import PerPhase
from chargebridge.model.plan import PlanNow
from chargebridge.model.reading import Reading
from chargebridge.model.session import PointStatus
from chargebridge.model.state import (
    BatteryState,
    LoadLimit,
    LoadState,
    Memory,
    Offer,
    OfferOutcome,
    PeakBudget,
    PointState,
    SiteState,
)

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def root(fuse_a: float = 32.0, **more: object) -> Circuit:
    return Circuit(id="house", name="House", fuse_a=(fuse_a, fuse_a, fuse_a), meter="grid", **more)  # type: ignore[arg-type]


def circuit(name: str, fuse_a: float, parent: str = "house", **more: object) -> Circuit:
    return Circuit(id=name, name=name.capitalize(), fuse_a=(fuse_a, fuse_a, fuse_a), parent=parent, **more)  # type: ignore[arg-type]


def point(name: str, at_: str = "house", **more: object) -> ChargingPoint:
    return ChargingPoint(id=name, name=name.upper(), circuit=at_, station=f"station of {name}", **more)  # type: ignore[arg-type]


def offer(amps: float, sent: float, outcome: OfferOutcome = OfferOutcome.ACCEPTED, phases: int = 3, valid_s: float = 60.0) -> Offer:
    answered = at(sent) if outcome is not OfferOutcome.SENT else None
    return Offer(current_a=amps, phases=phases, sent_at=at(sent), expires_at=at(sent + valid_s), outcome=outcome, answered_at=answered)


def limit(bound: Bound, node: str = "house", *, group: bool = False, since: float = 0.0, **more: object) -> Limit:
    scope = OnGroup(node) if group else OnNode(node)
    kind = {"id": "l", "source": LimitSource.GRID_OPERATOR, "legal_basis": "section 14a EnWG"} | more
    return Limit(bound=bound, scope=scope, starts_at=at(since), received_at=at(since), **kind)  # type: ignore[arg-type]


@dataclass
class SmallSite:
    """Points with a car each that draws what it is offered (``takes`` overrides), and a house load on the grid's phases.

    Loads draw what they like (``likes``, else nothing), up to what they were told; those in ``silent`` are not heard and keep what they had.
    """

    circuits: tuple[Circuit, ...]
    points: tuple[ChargingPoint, ...]
    house: PerPhase = (0.0, 0.0, 0.0)
    groups: tuple[Group, ...] = ()
    batteries: tuple[Battery, ...] = ()
    battery_states: tuple[BatteryState, ...] = ()
    limits: tuple[Limit, ...] = ()
    peak: PeakBudget | None = None
    price: float | None = None
    plan: PlanNow | None = None
    silent: set[str] = field(default_factory=set)
    takes: dict[str, float] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)
    loads: tuple[Load, ...] = ()
    likes: dict[str, float] = field(default_factory=dict)
    load_seen: dict[str, LoadState] = field(default_factory=dict)
    t: float = 0.0
    memory: Memory = field(default_factory=Memory)
    seen: dict[str, PointState] = field(default_factory=dict)
    reading: Reading | None = None

    def __post_init__(self) -> None:
        for p in self.points:
            self.seen[p.id] = PointState(
                point=p.id,
                online=True,
                status=PointStatus.CHARGING,
                heard_at=NOON,
                session=f"session of {p.id}",
                authorised=True,
                fallback_a=p.fallback_a,
                offers=(offer(0.0, -10.0, phases=len(p.phases)),),
                terminal_a=(0.0, 0.0, 0.0),
                measured_at=NOON,
                car_phases=self.uses.get(p.id, len(p.phases)),
            )

        for load in self.loads:
            self.load_seen.setdefault(
                load.id,
                LoadState(load=load.id, online=True, since=at(-300), heard_at=NOON, failsafe_w=load.failsafe_w, failsafe_s=load.failsafe_s),
            )

    def draws(self, load: Load) -> float:
        """What it truly draws."""
        taken = [one for one in self.load_seen[load.id].limits if one.outcome is OfferOutcome.ACCEPTED]
        limit_w = taken[-1].limit_w if taken else None
        return min(self.likes.get(load.id, 0.0), load.nominal_w if limit_w is None else limit_w)

    def change(self, name: str, **more: object) -> None:
        self.seen[name] = replace(self.seen[name], **more)

    def state(self) -> SiteState:
        return SiteState(
            topology=Topology(circuits=self.circuits, points=self.points, groups=self.groups, batteries=self.batteries, loads=self.loads),
            readings=() if self.reading is None else (self.reading,),
            points=tuple(self.seen.values()),
            batteries=tuple(replace(b, heard_at=at(self.t)) for b in self.battery_states),
            limits=self.limits,
            peak=self.peak,
            price_per_kwh=self.price,
            memory=self.memory,
            plan=self.plan,
            loads=tuple(self.load_seen.values()),
        )

    def measure(self) -> None:
        flow = list(self.house)
        for p in self.points:
            seen = self.seen[p.id]
            if not seen.online or p.id in self.silent:
                continue
            told = seen.offers[-1] if seen.offers else None
            amps = 0.0 if told is None or told.current_a < 6 else min(told.current_a, self.takes.get(p.id, told.current_a))
            amps = self.takes[p.id] if p.id in self.takes and p.id in self.greedy else amps
            used = min(self.uses.get(p.id, 3), 3 if told is None else told.phases, len(p.phases))
            amps -= 0.0 if told is None else told.discharge_w / 230 / used
            terminals = tuple(amps if n < used else 0.0 for n in range(3))
            self.change(p.id, terminal_a=terminals, measured_at=at(self.t), heard_at=at(self.t))
            for phase in p.phases[:used]:
                flow[phase - 1] += amps
        for b in self.battery_states:
            flow = [f + b.power_w / 690 for f in flow]
        for load in self.loads:
            watts = self.draws(load)
            flow = [f + (watts / 230 / len(load.phases) if n + 1 in load.phases else 0.0) for n, f in enumerate(flow)]
            if load.id not in self.silent:
                self.load_seen[load.id] = replace(self.load_seen[load.id], heard_at=at(self.t), power_w=watts, measured_at=at(self.t))
        if "grid" not in self.silent:
            self.reading = Reading(meter="grid", received_at=at(self.t), current_a=(flow[0], flow[1], flow[2]), power_w=sum(flow) * 230)

    greedy: frozenset[str] = frozenset()

    def step(self, seconds: float = 1.0) -> Decision:
        """Measure, decide, let the stations do what they were told, and let time go on."""
        self.measure()
        decision = decide(self.state(), at(self.t))
        self.memory = decision.memory
        for told in decision.points:
            if told.move is not Move.HOLD and told.point not in self.silent:
                made = replace(offer(told.current_a, self.t, phases=told.phases), discharge_w=told.discharge_w)
                offers = (*self.seen[told.point].offers[-3:], made)
                self.change(told.point, offers=offers)
        for one in decision.loads:
            seen = self.load_seen[one.load]
            newest = seen.limits[-1] if seen.limits else None
            if one.load not in self.silent and (newest is None or newest.limit_w != one.limit_w):
                answered = LoadLimit(limit_w=one.limit_w, sent_at=at(self.t), outcome=OfferOutcome.ACCEPTED, answered_at=at(self.t))
                self.load_seen[one.load] = replace(seen, limits=(*seen.limits[-3:], answered))
        self.t += seconds
        return decision

    def run(self, seconds: float, step: float = 1.0) -> Decision:
        """Steps until then; the last decision."""
        end = self.t + seconds
        decision = self.step(step)
        while self.t < end:
            decision = self.step(step)
        return decision


def told(decision: Decision, name: str) -> PointDecision:
    return next(p for p in decision.points if p.point == name)


def amps(decision: Decision) -> dict[str, float]:
    return {p.point: p.current_a for p in decision.points}


def goals(decision: Decision) -> dict[str, float]:
    return {p.point: p.goal_a for p in decision.points}
