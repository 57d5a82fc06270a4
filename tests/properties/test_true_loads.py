"""Controllable loads and cars under one order: kept together, the guarantee kept beside it, and told no more often than needed."""

from itertools import pairwise

from hypothesis import given
from random_sites import Plan, plans
from true_loads import HEARS_S, LoadWorld, with_loads
from true_physics import TIMEOUT_S

from chargebridge.control.timing import CAR_REACTS_S, LOAD_RAISE_S
from chargebridge.model.limit import LimitedPower

CLEARS_S = 5 + int(CAR_REACTS_S) + 4
"""A step, a late answer of a load, its ramp, then the cars' reaction and a beat at each end."""
SLACK_W = 1.0


def orders_in_force(world: LoadWorld, t: int) -> list[tuple[int, float]]:
    """(since, W) of those that hold."""
    found = []
    for arrived, limit in world.limits:
        if arrived <= t and (limit.duration_s is None or t < arrived + limit.duration_s):
            assert isinstance(limit.bound, LimitedPower)
            found.append((arrived, limit.bound.power_w))
    return found


@given(plans(points=3, limited=False, seconds=100))
def test_a_group_keeps_its_order_by_all_that_can_be_told(plan: Plan) -> None:
    """What flows above it flows to who cannot be told: no car that follows draws, and no load more than its part."""
    world = with_loads(plan, faults=True)
    (group,) = world.topology.groups
    for _ in range(plan.seconds):
        made = world.step()
        t = world.t - 1
        for arrived, most_w in orders_in_force(world, t):
            if t < arrived + CLEARS_S:
                continue
            cars = {p: sum(world.stations[p].drawn) * 230 for p in group.members if p in world.stations}
            total = sum(cars.values()) + sum(true.drawn_w for true in world.loads.values())
            if total <= most_w + SLACK_W:
                continue
            able = sum(watts for p, watts in cars.items() if world.stations[p].following_s > CLEARS_S + TIMEOUT_S)
            assert able <= SLACK_W, f"{t} s: {total:.0f} W of {most_w:.0f}, {able:.0f} W of it could be stopped; {made.loads}"
            for true in world.loads.values():
                assert not true.able or true.drawn_w <= true.load.guaranteed_w + SLACK_W, (
                    f"{t} s: {total:.0f} W of {most_w:.0f}: {made.loads}"
                )


@given(plans(points=3, limited=False, seconds=90, unreachable=False))
def test_no_load_is_told_less_than_its_guarantee_unless_the_order_is_below_all_guarantees(plan: Plan) -> None:
    """Where it is not the wiring that leaves less, and not cars that do not let go."""
    world = with_loads(plan, faults=True)
    sure = sum(true.load.guaranteed_w for true in world.loads.values())
    wired = {true.load.id: set(world.up(true.load.circuit)) for true in world.loads.values()}
    free_at: dict[str, float] = {}
    for _ in range(plan.seconds):
        made = world.step()
        t = world.t - 1
        free_at |= {one.load: t + LOAD_RAISE_S for one in made.loads if one.node in wired[one.load]}
        orders = [watts for _, watts in orders_in_force(world, t)]
        edges = [edge for at, limit in world.limits for edge in (at, at + (limit.duration_s or 0))]
        if any(edge <= t < edge + CLEARS_S for edge in edges):
            continue
        for one in made.loads:
            if one.limit_w is None or t <= free_at.get(one.load, 0.0):
                continue
            load = world.loads[one.load].load
            assert one.limit_w >= 0
            if orders and min(orders) >= sure:
                assert one.limit_w >= load.guaranteed_w - SLACK_W, one
        if orders and min(orders) < sure:
            told = [one.limit_w for one in made.loads]
            assert None not in told
            assert sum(watts or 0.0 for watts in told) <= min(orders) + SLACK_W


@given(plans(points=3, limited=False, seconds=100, unreachable=False, dying=False))
def test_together_they_are_told_no_more_than_the_order(plan: Plan) -> None:
    """Loads by their limits, drawn or not, and cars by their offers, once lower limits have had time to be taken."""
    world = with_loads(plan, faults=False)
    (group,) = world.topology.groups
    for _ in range(plan.seconds):
        made = world.step()
        t = world.t - 1
        for arrived, most_w in orders_in_force(world, t):
            if t < arrived + CLEARS_S:
                continue
            loads = sum(world.loads[one.load].load.nominal_w if one.limit_w is None else one.limit_w for one in made.loads)
            offers = {p.point: p for p in made.points if p.point in group.members and world.stations[p.point].seen.session}
            cars = sum(p.current_a * min(p.phases, world.stations[name].seen.car_phases or p.phases) * 230 for name, p in offers.items())
            assert loads + cars <= most_w + SLACK_W, f"{t} s: loads {loads:.0f} and cars {cars:.0f} of {most_w:.0f}; {made.loads}"


@given(plans(points=3, limited=False, seconds=140, unreachable=False, dying=False))
def test_where_nothing_changes_nothing_is_told(plan: Plan) -> None:
    """A load's limit moves for the order, for what the cars turn out to use, and then no more; never more often than a raise a minute."""
    world = with_loads(plan, faults=False, calm=True)
    changes: dict[str, list[tuple[int, float | None]]] = {name: [] for name in world.loads}
    for _ in range(plan.seconds):
        for one in world.step().loads:
            if not changes[one.load] or changes[one.load][-1][1] != one.limit_w:
                changes[one.load].append((world.t - 1, one.limit_w))
    for found in changes.values():
        raises = [t for (_, a), (t, b) in pairwise(found) if a is not None and (b is None or b > a)]
        assert all(later - sooner >= LOAD_RAISE_S for sooner, later in pairwise(raises)), found
        assert len(found) <= 2 + 2 * (plan.seconds // HEARS_S), found
