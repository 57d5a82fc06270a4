"""Controllable loads in the true world: what they draw, what they take, refuse and never hear, and what they do when nobody speaks to them."""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from msgspec.structs import replace
from random_sites import Plan, build
from true_physics import START, VOLTAGE_V, World

from chargebridge.model.circuit import Load
from chargebridge.model.decision import Decision
from chargebridge.model.limit import Limit, LimitedPower, LimitSource, OnGroup
from chargebridge.model.phases import PerPhase
from chargebridge.model.state import LoadLimit, LoadState, OfferOutcome, SiteState

DEAF_S = 120
"""After so long without our heartbeat a load keeps to its failsafe limit (LPC-911, LPC-912)."""
HEARS_S = 60


@dataclass
class TrueLoad:
    """likes: (from second, W). late_s: until an answer. ramps_s: until it draws what it took. away: (from, to). refuses: how likely."""

    load: Load
    likes: tuple[tuple[int, float], ...]
    late_s: int
    ramps_s: int
    refuses: float
    away: tuple[tuple[int, int], ...]
    rng: Random
    keeps_w: float | None = None
    drawn_w: float = 0.0
    following_s: int = 0
    unheard_s: int = 0
    seen: LoadState = field(init=False)
    _answers: list[tuple[int, LoadLimit, OfferOutcome]] = field(default_factory=list)
    _lower: list[tuple[int, float | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen = LoadState(
            load=self.load.id,
            online=True,
            since=START - timedelta(hours=1),
            heard_at=START,
            failsafe_w=self.load.failsafe_w,
            failsafe_s=self.load.failsafe_s,
        )

    def gone(self, t: int) -> bool:
        return any(start <= t < end for start, end in self.away)

    @property
    def able(self) -> bool:
        """It has heard us and obeyed for long enough to have followed."""
        return self.following_s > self.late_s + self.ramps_s + 2

    def send(self, t: int, limit_w: float | None) -> None:
        newest = self.seen.limits[-1] if self.seen.limits else None
        if self.gone(t) or not self.seen.online:
            return
        if newest is not None and newest.limit_w == limit_w and newest.outcome is not OfferOutcome.REJECTED:
            return
        now = START + timedelta(seconds=t)
        if newest is not None and newest.limit_w == limit_w and (now - newest.sent_at).total_seconds() < HEARS_S:
            return
        asked = LoadLimit(limit_w=limit_w, sent_at=now)
        self.seen = replace(self.seen, limits=(*self.seen.limits[-6:], asked))
        refused = self.rng.random() < self.refuses
        self._answers.append((t + self.late_s, asked, OfferOutcome.REJECTED if refused else OfferOutcome.ACCEPTED))

    def step(self, t: int) -> None:
        now = START + timedelta(seconds=t)
        gone = self.gone(t)
        self.unheard_s = self.unheard_s + 1 if gone else 0
        for due, asked, outcome in self._answers:
            if due <= t:
                done = replace(asked, outcome=OfferOutcome.TIMED_OUT if gone else outcome, answered_at=now)
                if outcome is OfferOutcome.ACCEPTED:
                    self._lower.append((t + self.ramps_s, asked.limit_w))
                self.seen = replace(self.seen, limits=tuple(done if one is asked else one for one in self.seen.limits))
        self._answers = [one for one in self._answers if one[0] > t]
        for due, limit_w in self._lower:
            if due <= t:
                self.keeps_w = limit_w
        self._lower = [one for one in self._lower if one[0] > t]
        if self.unheard_s == DEAF_S:
            self.keeps_w = self.load.failsafe_w
        likes = [watts for since, watts in self.likes if since <= t][-1]
        self.drawn_w = min(likes, self.load.nominal_w if self.keeps_w is None else self.keeps_w)
        refused = bool(self.seen.limits) and self.seen.limits[-1].outcome is not OfferOutcome.ACCEPTED
        self.following_s = 0 if gone or refused or not self.seen.limits else self.following_s + 1
        if gone and self.seen.online:
            self.seen = replace(self.seen, online=False, since=now)
        elif not gone:
            since = self.seen.since if self.seen.online else now
            self.seen = replace(self.seen, online=True, since=since, heard_at=now, power_w=self.drawn_w, measured_at=now)


@dataclass
class LoadWorld(World):
    """A world with loads on its circuits."""

    loads: dict[str, TrueLoad] = field(default_factory=dict)

    def base(self, circuit: str) -> PerPhase:
        found = list(super().base(circuit))
        for true in self.loads.values():
            if circuit in self.up(true.load.circuit):
                for phase in true.load.phases:
                    found[phase - 1] += true.drawn_w / VOLTAGE_V / len(true.load.phases)
        return (found[0], found[1], found[2])

    def state(self) -> SiteState:
        return replace(super().state(), loads=tuple(true.seen for true in self.loads.values()))

    def step(self) -> Decision:
        for true in self.loads.values():
            true.step(self.t)
        t = self.t
        decision = super().step()
        for told in decision.loads:
            self.loads[told.load].send(t, told.limit_w)
        return decision


def with_loads(plan: Plan, *, faults: bool, calm: bool = False) -> LoadWorld:
    """The world of a plan with one to three loads in its group, and orders on that group. calm: what loads like and the one order stay."""
    world = build(plan)
    rng = Random(plan.seed + 1)
    loads = []
    for number in range(rng.randint(1, 3)):
        nominal = float(rng.choice((2000, 3000, 6000, 9000, 12_000)))
        loads.append(
            Load(
                id=f"load{number}",
                name=f"Load {number}",
                circuit=rng.choice(world.topology.circuits).id,
                nominal_w=nominal,
                minimum_w=float(rng.choice((4200, 4200, 1500))),
                failsafe_w=float(rng.choice((4200, 0, 1500))),
                phases=rng.choice(((1, 2, 3), (1, 2, 3), (2,))),
                priority=rng.choice((0, 0, 1)),
            )
        )
    (group,) = world.topology.groups
    group = replace(group, members=(*group.members, *(load.id for load in loads)))
    topology = replace(world.topology, loads=tuple(loads), groups=(group,))
    true = {load.id: _true(rng, plan, load, faults=faults, calm=calm) for load in loads}
    limits = [_order(rng, plan, number, calm=calm) for number in range(1 if calm else rng.randint(1, 3))]
    fields = {name: getattr(world, name) for name in ("stations", "meters", "houses")}
    return LoadWorld(topology=topology, limits=limits, loads=true, **fields)


def _true(rng: Random, plan: Plan, load: Load, *, faults: bool, calm: bool) -> TrueLoad:
    steps = [0] if calm else [0, *sorted(rng.sample(range(5, plan.seconds), 4))]
    away = ()
    if faults and rng.random() < 0.5:
        start = rng.randint(20, plan.seconds - 20)
        away = ((start, start + rng.randint(5, plan.seconds)),)
    return TrueLoad(
        load=load,
        likes=tuple((at, rng.choice((0.0, 500.0, load.nominal_w, load.nominal_w))) for at in steps),
        late_s=rng.choice((0, 1, 2)),
        ramps_s=rng.choice((0, 3)),
        refuses=rng.choice((0.0, 0.3)) if faults else 0.0,
        away=away,
        rng=Random(rng.getrandbits(32)),
    )


def _order(rng: Random, plan: Plan, number: int, *, calm: bool) -> tuple[int, Limit]:
    arrives = 20 if calm else rng.randint(10, plan.seconds - 40)
    return arrives, Limit(
        id=f"order{number}",
        source=LimitSource.GRID_OPERATOR,
        scope=OnGroup("g"),
        bound=LimitedPower(rng.choice((0.0, 4200.0, 8400.0, float(rng.randint(0, 30_000))))),
        starts_at=START + timedelta(seconds=arrives),
        received_at=START + timedelta(seconds=arrives),
        duration_s=None if calm else rng.choice((None, 30.0, 60.0)),
        legal_basis="section 14a EnWG",
    )
