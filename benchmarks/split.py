"""Sharing a site's current among 10, 100 and 1,000 charging points on a tree of three levels, and how soon a new limit holds.

Ours settles all tightest bounds of a round at once (numpy); beside it progressive filling as the textbook has it, one bound after the other, in plain
Python on the same input, and the same again as a linear programme for each level where ``highspy`` is installed. The results are compared before
anything is timed. The second table counts control steps, not time, until a site obeys a limit of 40 %: ours, and a manager that visits one point at a
time every 30 s, as the best-known peer does. The limit is kept as soon as the cars follow; no manager can be faster than one step.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from time import process_time

import numpy as np
from rich.console import Console
from rich.table import Table

from chargebridge.control.book import open_book
from chargebridge.control.ceiling import reckon
from chargebridge.control.csm import Case, share
from chargebridge.control.decide import decide
from chargebridge.control.fill import Floats, Shares, fill
from chargebridge.control.loads import measure
from chargebridge.control.rows import lay_out
from chargebridge.control.tree import grow
from chargebridge.control.wants import want
from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.model.limit import Limit, LimitedPower, LimitSource, OnNode
from chargebridge.model.phases import Phase
from chargebridge.model.reading import Reading
from chargebridge.model.session import PointStatus
from chargebridge.model.state import Offer, OfferOutcome, PointMemory, PointState, SiteState

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SIZES = (10, 100, 1000)
ROUNDS = 15
PEER_VISITS_EVERY_S = 30.0
"""The default interval of evcc, which updates one load point in each."""
Uses = list[tuple[tuple[int, ...], tuple[float, ...]]]


def site(count: int, *, spacious: bool = False) -> SiteState:
    """A root, a main for each hundred points, a board for each ten; one, two and three phases, weights and house loads by lot."""
    dice = random.Random(count)
    mains, boards = max(1, count // 100), max(1, count // 10)
    wide = 40.0 if spacious else 13.0

    def fuse(points: int) -> float:
        return round(points * wide * dice.uniform(0.9, 1.2))

    root_a = fuse(count)
    circuits = [Circuit(id="root", name="Root", fuse_a=(root_a, root_a, root_a), meter="grid")]
    for n in range(mains):
        amps = fuse(count // mains)
        circuits.append(Circuit(id=f"main{n}", name=f"Main {n}", fuse_a=(amps, amps, amps), parent="root"))
    for n in range(boards):
        amps = fuse(count // boards)
        circuits.append(Circuit(id=f"board{n}", name=f"Board {n}", fuse_a=(amps, amps, amps), parent=f"main{n % mains}"))
    points, states = [], []
    for n in range(count):
        phases: tuple[Phase, ...] = dice.choice(((1, 2, 3), (2, 3, 1), (3, 1, 2), (1,), (2,), (3,)))
        points.append(
            ChargingPoint(
                id=f"p{n}",
                name=f"P{n}",
                circuit=f"board{n % boards}",
                station=f"s{n}",
                phases=phases,
                maximum_a=dice.choice((16.0, 20.0, 32.0)),
                weight=dice.choice((1.0, 1.0, 2.0)),
            )
        )
        offer = Offer(
            current_a=16.0,
            phases=len(phases),
            sent_at=NOW - timedelta(seconds=20),
            expires_at=NOW + timedelta(seconds=40),
            outcome=OfferOutcome.ACCEPTED,
            answered_at=NOW - timedelta(seconds=20),
        )
        states.append(
            PointState(
                point=f"p{n}",
                online=True,
                status=PointStatus.CHARGING,
                heard_at=NOW,
                session=f"x{n}",
                authorised=True,
                terminal_a=(0.0, 0.0, 0.0),
                measured_at=NOW,
                offers=(offer,),
                fallback_a=0.0,
                car_phases=len(phases),
            )
        )
    reading = Reading(meter="grid", received_at=NOW, current_a=(5.0, 6.0, 7.0), power_w=18 * 230.0)
    return SiteState(topology=Topology(circuits=tuple(circuits), points=tuple(points)), readings=(reading,), points=tuple(states))


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Milliseconds of CPU of the quickest of some runs."""
    found = []
    for _ in range(rounds):
        start = process_time()
        work()
        found.append(process_time() - start)
    return min(found) * 1000


def textbook(uses: Uses, room: list[float], low: list[float], high: list[float], weight: list[float]) -> list[float]:
    """Progressive filling, one event after the other: all rise from the same level, the next point or bound to fill stops those it holds."""
    level = max(a / w for a, w in zip(low, weight, strict=True))
    assert all(h / w >= level for h, w in zip(high, weight, strict=True))
    x = [level * w for w in weight]
    members: dict[int, list[int]] = {}
    left, rate = room.copy(), [0.0] * len(room)
    for i, (numbers, weights) in enumerate(uses):
        for k, a in zip(numbers, weights, strict=True):
            members.setdefault(k, []).append(i)
            left[k] -= a * x[i]
            rate[k] += a * weight[i]
    rising = set(range(len(uses)))
    while rising:
        step, bound = min(((left[k] / rate[k], k) for k in members if rate[k] > 1e-9), default=(float("inf"), -1))
        top = min(((high[i] - x[i]) / weight[i], i) for i in rising)
        stops = [top[1]] if top[0] <= step else [i for i in members[bound] if i in rising]
        step = max(0.0, min(step, top[0]))
        for i in rising:
            x[i] += step * weight[i]
        for k in members:
            left[k] -= step * rate[k]
        for i in stops:
            rising.discard(i)
            for k, a in zip(*uses[i], strict=True):
                rate[k] -= a * weight[i]
    return x


def programmes(uses: Uses, room: list[float], low: list[float], high: list[float], weight: list[float]) -> list[float]:
    """Max-min by linear programmes: raise the least level as far as it goes, fix what cannot rise, again."""
    import highspy  # type: ignore[import-not-found, unused-ignore]

    n, fixed = len(uses), {}
    while len(fixed) < n:
        model = highspy.Highs()
        model.setOptionValue("output_flag", False)
        x = [model.addVariable(lb=fixed.get(i, low[i]), ub=fixed.get(i, high[i])) for i in range(n)]
        level = model.addVariable(lb=0)
        rows: dict[int, list[object]] = {}
        for i, (numbers, weights) in enumerate(uses):
            for k, a in zip(numbers, weights, strict=True):
                rows.setdefault(k, []).append(a * x[i])
        duals = {k: model.addConstr(sum(terms) <= room[k]) for k, terms in rows.items()}  # type: ignore[arg-type]
        for i in range(n):
            if i not in fixed:
                model.addConstr(x[i] - weight[i] * level >= 0)
        model.maximize(level)
        values = model.getSolution()
        reached = values.col_value[level.index]
        tight = {k for k, row in duals.items() if abs(values.row_dual[row.index]) > 1e-9}
        stopped = [i for i in range(n) if i not in fixed and (set(uses[i][0]) & tight or high[i] <= weight[i] * reached + 1e-9)]
        for i in stopped or [i for i in range(n) if i not in fixed]:
            fixed[i] = min(high[i], weight[i] * reached)
    return [fixed[i] for i in range(n)]


def problem(count: int) -> tuple[Uses, Floats, Floats, Floats, Floats]:
    """The bare split of a site: uses, room, lower and upper ends, weights. All start from one level, as the textbook's do."""
    state = site(count)
    table, cases, room = prepared(state)
    goals = share(table, cases, room, NOW)
    weight = np.array([c.point.weight for c in cases])
    high = np.array([c.want.wished_a for c in cases])
    return [goal.use for goal in goals], room, weight * 3.0, high, weight


def prepared(state: SiteState) -> tuple[object, list[Case], Floats]:
    tree = grow(state.topology)
    ceilings = [reckon(p, s, NOW) for p, s in zip(tree.points, state.points, strict=True)]
    loads = measure(tree, state, ceilings, state.points, NOW)
    book = open_book(tree, state.limits, None, NOW)
    cases = []
    for p, s, c in zip(tree.points, state.points, ceilings, strict=True):
        memory = PointMemory(point=p.id, session=s.session)
        cases.append(Case(p, s, memory, c, want(p, s, memory, c, [], None, loads.voltage_v, NOW)))
    table = lay_out(tree, book, loads, 1e9)
    return table, cases, np.array([row.limit - row.base for row in table.rows])


def speed(console: Console) -> None:
    lp = find_spec("highspy") is not None
    head = ("points", "fill ms", "whole split ms", "decide() ms", "textbook ms", "ratio", *(("LP ms", "ratio") if lp else ()))
    table = Table(*head, title="Split: quickest of runs" + ("" if lp else "; no highspy here, so no linear programmes"))
    for count in SIZES:
        uses, room, low, high, weight = problem(count)
        shares = Shares(uses, len(room))
        plain = (room.tolist(), low.tolist(), high.tolist(), weight.tolist())
        ours = fill(shares, room, low, high, weight)
        assert np.abs(ours - np.array(textbook(uses, *plain))).max() < 1e-6, "the two splits differ"
        state = site(count)
        laid_out, cases, space = prepared(state)
        filling = best(lambda s=shares, r=room, a=low, b=high, w=weight: fill(s, r, a, b, w))  # type: ignore[misc]
        whole = best(lambda t=laid_out, c=cases, r=space: share(t, c, r, NOW))  # type: ignore[misc]
        deciding = best(lambda s=state: decide(s, NOW))  # type: ignore[misc]
        slow = best(lambda u=uses, p=plain: textbook(u, *p))  # type: ignore[misc]
        cells = [f"{count}", f"{filling:.2f}", f"{whole:.2f}", f"{deciding:.1f}", f"{slow:.2f}", f"{slow / filling:.1f} x"]
        if lp:
            assert np.abs(ours - np.array(programmes(uses, *plain))).max() < 1e-3, "the linear programmes differ"
            solving = best(lambda u=uses, p=plain: programmes(u, *p), 1)  # type: ignore[misc]
            cells += [f"{solving:.1f}", f"{solving / filling:.0f} x"]
        table.add_row(*cells)
    console.print(table)


def peer_steps(count: int) -> tuple[int, int]:
    """(steps until the sum is legal, cars at 0 A then) of a manager that clamps one point a step to what is left, from 16 A each to 40 %."""
    offered, limit_a, steps = [16.0] * count, 0.4 * 16.0 * count, 0
    while sum(offered) > limit_a + 1e-9:
        here = steps % count
        space = offered[here] + limit_a - sum(offered)
        offered[here] = max(0.0, min(16.0, space)) if space >= 6.0 else 0.0
        steps += 1
    return steps, sum(amps == 0 for amps in offered)


def our_steps(count: int) -> tuple[int, int]:
    """(steps until what is offered is legal, cars at 0 A then) of ours, for the same cut of the power at the root."""
    state = site(count, spacious=True)
    full_w = sum(16.0 * 230 * len(p.phases) for p in state.topology.points)
    house_w = 18 * 230.0
    cut = Limit(
        id="cut",
        source=LimitSource.GRID_OPERATOR,
        scope=OnNode("root"),
        bound=LimitedPower(house_w + 0.4 * full_w),
        starts_at=NOW,
        received_at=NOW,
        legal_basis="benchmark",
    )
    full = tuple(
        PointState(
            **{f: getattr(s, f) for f in s.__struct_fields__} | {"terminal_a": tuple(16.0 if t < len(p.phases) else 0.0 for t in range(3))}
        )
        for s, p in zip(state.points, state.topology.points, strict=True)
    )
    flows = [sum(16.0 for p in state.topology.points if phase in p.phases) + base for phase, base in ((1, 5.0), (2, 6.0), (3, 7.0))]
    reading = Reading(meter="grid", received_at=NOW, current_a=(flows[0], flows[1], flows[2]), power_w=sum(flows) * 230)
    told = decide(SiteState(topology=state.topology, readings=(reading,), points=full, limits=(cut,)), NOW)
    offered_w = sum(t.current_a * 230 * len(p.phases) for t, p in zip(told.points, state.topology.points, strict=True))
    assert offered_w <= 0.4 * full_w + 1, f"{offered_w} W are offered, {0.4 * full_w} W allowed"
    return 1, sum(t.current_a == 0 for t in told.points)


def reaction(console: Console) -> None:
    table = Table(
        "points",
        "ours, steps",
        "ours, at 0 A",
        "one at a time, steps",
        "s at 30 s each",
        "at 0 A",
        "ratio",
        title="A limit of 40 %: control steps until it holds",
    )
    for count in (20, 200):
        ours, ours_off = our_steps(count)
        peer, peer_off = peer_steps(count)
        table.add_row(
            f"{count}", f"{ours}", f"{ours_off}", f"{peer}", f"{peer * PEER_VISITS_EVERY_S:.0f}", f"{peer_off}", f"{peer / ours:.0f} x"
        )
    console.print(table)


def main() -> None:
    console = Console(highlight=False)
    speed(console)
    reaction(console)


if __name__ == "__main__":
    main()
