"""Random properties that pass ``check``, with cars, habits and faults; every choice comes from hypothesis or from one seed that it drew."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from hypothesis import strategies as st
from msgspec.structs import replace
from true_physics import START, Car, House, Manners, Meter, Station, World

from chargebridge.control.topology import check
from chargebridge.model.circuit import ChargingPoint, Circuit, Group, Topology
from chargebridge.model.limit import Limit, LimitedCurrent, LimitedPower, LimitSource, OnGroup, OnNode, Scope
from chargebridge.model.phases import PerPhase, Phase

ROTATIONS: tuple[tuple[Phase, ...], ...] = ((1, 2, 3), (2, 3, 1), (3, 1, 2), (1, 3, 2))
SINGLES: tuple[tuple[Phase, ...], ...] = ((1,), (2,), (3,))


@dataclass(frozen=True)
class Plan:
    """What a random world is made from. restless: how far the house may step, as a part of the smallest fuse above it.

    Of the faults each can be left out, so that hypothesis finds the one that matters.
    """

    seed: int
    circuits: int
    points: int
    seconds: int
    restless: float
    late: bool
    refusing: bool
    losing: bool
    offline: bool
    dying_meters: bool
    sleepy: bool
    unconfirmed: bool
    limited: bool


def plans(
    *,
    restless: float = 0.0,
    seconds: int = 180,
    points: int = 8,
    unreachable: bool = True,
    dying: bool = True,
    limited: bool = True,
    unconfirmed: bool = True,
    lossy: bool = True,
) -> st.SearchStrategy[Plan]:
    """Worlds; without ``unreachable`` every station can be told at any time, if late; without ``lossy`` all that are online take what is told."""
    maybe, never = st.booleans(), st.just(False)
    return st.builds(
        Plan,
        seed=st.integers(0, 2**32 - 1),
        circuits=st.integers(1, 7),
        points=st.integers(1, points),
        seconds=st.just(seconds),
        restless=st.just(restless),
        late=maybe,
        refusing=maybe if unreachable and lossy else never,
        losing=maybe if unreachable and lossy else never,
        offline=maybe if unreachable else never,
        dying_meters=maybe if dying else never,
        sleepy=maybe,
        unconfirmed=maybe if unconfirmed else never,
        limited=maybe if limited else never,
    )


def _circuits(rng: Random, count: int) -> list[Circuit]:
    made: list[Circuit] = []
    depth: dict[str, int] = {}
    for index in range(count):
        parents = [c.id for c in made if depth[c.id] < 3]
        parent = rng.choice(parents) if parents else None
        depth[f"c{index}"] = 0 if parent is None else depth[parent] + 1
        fuse = float(rng.choice((63, 80, 100)) if parent is None else rng.choice((16, 20, 25, 32, 40, 50, 63)))
        fuses: PerPhase = (fuse, fuse, fuse) if rng.random() < 0.8 else (fuse, float(rng.choice((16, 25, 32))), fuse)
        made.append(
            Circuit(
                id=f"c{index}",
                name=f"Circuit {index}",
                fuse_a=fuses,
                parent=parent,
                meter=f"m{index}" if index == 0 or rng.random() < 0.6 else None,
                meter_max_age_s=float(rng.choice((5, 10, 15))),
            )
        )
    return made


def _windows(rng: Random, seconds: int, longest: int) -> tuple[tuple[int, int], ...]:
    start = rng.randint(20, max(21, seconds - 40))
    return ((start, start + rng.randint(5, longest)),)


def build(plan: Plan) -> World:
    """The world of a plan: its loads and fallbacks always fit under its fuses, as ``check`` asks."""
    rng = Random(plan.seed)
    circuits = _circuits(rng, plan.circuits)
    parent = {c.id: c.parent for c in circuits}
    fuse = {c.id: c.fuse_a for c in circuits}

    def up(circuit: str) -> list[str]:
        chain = [circuit]
        while (above := parent[chain[-1]]) is not None:
            chain.append(above)
        return chain

    children = {c.id: [d.id for d in circuits if d.parent == c.id] for c in circuits}
    spare = {c.id: list(c.fuse_a) for c in circuits}
    houses: dict[str, House] = {}
    worst: dict[str, PerPhase] = {c.id: (0.0, 0.0, 0.0) for c in circuits}
    for circuit in circuits:
        if circuit.meter is None:
            continue
        tops = [min(0.5 * spare[a][p] for a in up(circuit.id)) for p in range(3)]
        peak = [round(rng.uniform(0, top) / (1 + len(children[circuit.id])), 1) for top in tops]
        reach = [plan.restless * min(fuse[a][p] for a in up(circuit.id)) / plan.circuits for p in range(3)]
        steps = [(t, _load(rng, peak, reach)) for t in ([0] if plan.restless == 0 else range(0, plan.seconds, 35))]
        houses[circuit.id] = House(tuple(steps))
        for above in up(circuit.id):
            spare[above] = [s - p for s, p in zip(spare[above], peak, strict=True)]
            worst[above] = tuple(a + b for a, b in zip(worst[above], peak, strict=True))  # type: ignore[assignment]
    points: list[ChargingPoint] = []
    for index in range(plan.points):
        seat = rng.choice(circuits).id
        phases = rng.choice(ROTATIONS) if rng.random() < 0.7 else rng.choice(SINGLES)
        fallback = 6.0 if rng.random() < 0.4 and all(spare[a][p - 1] >= 6.0 for a in up(seat) for p in phases) else 0.0
        for above in up(seat):
            for phase in phases:
                spare[above][phase - 1] -= fallback
        points.append(
            ChargingPoint(
                id=f"p{index}",
                name=f"Point {index}",
                circuit=seat,
                station=f"s{index}",
                phases=phases,
                maximum_a=float(rng.choice((16, 20, 32))),
                fallback_a=fallback,
                can_switch_phases=len(phases) == 3 and rng.random() < 0.3,
                priority=rng.choice((0, 0, 0, 1)),
                weight=rng.choice((1.0, 1.0, 2.0)),
                station_max_age_s=30.0,
            )
        )
    group = Group(id="g", name="the charging points", members=tuple(p.id for p in points if rng.random() < 0.7))
    wired = tuple(replace(c, lost_meter_load_a=worst[c.id], unbalance_a=20.0 if rng.random() < 0.15 else None) for c in circuits)
    topology = Topology(circuits=wired, points=tuple(points), groups=(group,))
    assert check(topology) == (), check(topology)
    stations = {point.id: _station(rng, plan, point) for point in points}
    meters = {
        c.meter: Meter(
            c.meter,
            rng.choice((1, 1, 2, 3)),
            _windows(rng, plan.seconds, 60) if plan.dying_meters and rng.random() < 0.5 else (),
        )
        for c in circuits
        if c.meter is not None
    }
    limits = [_limit(rng, plan, topology, n) for n in range(rng.randint(1, 3))] if plan.limited else []
    return World(topology=topology, stations=stations, meters=meters, houses=houses, limits=limits)


def _limit(rng: Random, plan: Plan, topology: Topology, number: int) -> tuple[int, Limit]:
    """A limit that arrives in the middle of things, on a circuit, the group or a point; 0 W is one too; some have a heartbeat that stops."""
    arrives = rng.randint(10, plan.seconds - 40)
    where = rng.choice(("root", "circuit", "group", "point"))
    scope: Scope = OnGroup("g")
    if where != "group":
        scope = OnNode({"root": "c0", "circuit": rng.choice(topology.circuits).id, "point": rng.choice(topology.points).id}[where])
    amps = round(rng.uniform(0, 40), 1)
    power = rng.choice((0.0, 4200.0, round(rng.uniform(0, 20000), 0)))
    beats = rng.random() < 0.3
    return arrives, Limit(
        id=f"l{number}",
        source=rng.choice((LimitSource.GRID_OPERATOR, LimitSource.OWNER)),
        scope=scope,
        bound=LimitedPower(power) if rng.random() < 0.7 else LimitedCurrent((amps, amps, amps)),
        starts_at=START + timedelta(seconds=arrives),
        received_at=START + timedelta(seconds=arrives),
        duration_s=rng.choice((None, 30.0, 60.0)),
        legal_basis="drawn by lot",
        max_age_s=20.0 if beats else None,
        failsafe_w=rng.choice((None, 3000.0)) if beats else None,
    )


def _load(rng: Random, peak: list[float], reach: list[float]) -> PerPhase:
    """Between 0 and the peak; steps go no further than ``reach``."""
    loads = [max(0.0, p - rng.uniform(0, r)) if r else p * rng.random() for p, r in zip(peak, reach, strict=True)]
    return (loads[0], loads[1], loads[2])


def _station(rng: Random, plan: Plan, point: ChargingPoint) -> Station:
    car = None
    if rng.random() < 0.9:
        naps = ()
        if plan.sleepy and rng.random() < 0.6:
            naps = ((0, rng.randint(1, 90)), *_windows(rng, plan.seconds, 60))
        car = Car(
            phases=min(rng.choice((1, 2, 3, 3, 3)), len(point.phases)),
            maximum_a=float(rng.choice((10, 16, 32))),
            lag_s=rng.randint(0, 5),
            eager_s=rng.randint(0, 6),
            share=rng.choice((1.0, 1.0, 0.6)),
            deaf_a=rng.choice((0.0, 0.0, 1.5)),
            naps=naps,
            stay=(rng.choice((0, 0, 40, 80)), rng.choice((10**9, 10**9, 120))),
        )
    manners = Manners(
        late_s=rng.choice((0, 1, 2)) if plan.late else 0,
        refuses=rng.choice((0.0, 0.1, 0.3)) if plan.refusing else 0.0,
        deaf=rng.choice((0.0, 0.1, 0.4)) if plan.losing else 0.0,
        mute=rng.choice((0.0, 0.2, 0.5)) if plan.losing else 0.0,
        offline=_windows(rng, plan.seconds, 120) if plan.offline and rng.random() < 0.4 else (),
        notice_s=rng.choice((1, 5, 20)),
    )
    confirms = not (plan.unconfirmed and rng.random() < 0.3)
    return Station(
        point=point,
        car=car,
        manners=manners,
        every_s=rng.choice((1, 2, 5, 10)),
        confirms=confirms,
        falls_to_a=None if confirms else point.maximum_a,
        rng=Random(rng.getrandbits(32)),
        phase_s=rng.randint(0, 9),
    )
