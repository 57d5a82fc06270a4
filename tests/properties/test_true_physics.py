"""No circuit carries too much, whatever cars, stations, meters and houses do: seen in the true physics, not in what the controller believes.

The allowance. What flows through a protection is judged by its thermal image (``true_physics``): a first-order element of 30 s that opens at
1.13 times the rated current held for ever, IEC 60898-1 table 7, starting warm from rated load. It is needed because a car may take 5 s to follow
and a meter may be silent for its whole age limit before that counts as a fact. With a house that does not step no allowance is needed at all.
"""

from hypothesis import given
from random_sites import Plan, build, plans
from true_physics import ALLOWANCE, HOLDS, START, TIMEOUT_S, VOLTAGE_V, World

from chargebridge.control.timing import CAR_REACTS_S
from chargebridge.model.decision import Decision
from chargebridge.model.limit import Limit, LimitedCurrent, LimitedPower, OnNode

ROUNDING = 0.01
STEP_S = 1
LATEST_S = 2
CLEARS_S = STEP_S + LATEST_S + int(CAR_REACTS_S) + 2
"""A lower limit is kept after: one control step, a late answer, the car's reaction, and a beat of the simulation at each end."""


@given(plans(unconfirmed=False))
def test_with_a_steady_house_no_order_of_faults_ever_lets_stations_together_allow_too_much(plan: Plan) -> None:
    """Not even by what they were told, drawn or not. Only where all stations that follow have been stopped is there nothing more to be done.

    All stations confirmed their fallback here: one that did not may jump to its maximum by itself while others are still on their way down.
    """
    world = build(plan)
    for _ in range(plan.seconds):
        world.step()
        for circuit in world.topology.circuits:
            for phase, (amps, fuse) in enumerate(zip(world.potential(circuit.id), circuit.fuse_a, strict=True), start=1):
                if amps > fuse + ROUNDING:
                    following = [s for p, s in world.stations.items() if p in world.below[circuit.id] and s.following_s > CLEARS_S]
                    text = f"{world.t - 1} s: {circuit.id} L{phase} could carry {amps:.2f} A of {fuse:g} A"
                    assert not any(s.potential()[phase - 1] for s in following), text


@given(plans(restless=0.12, unconfirmed=False))
def test_no_protection_opens_with_a_restless_house_and_stations_that_refuse_or_cannot_be_reached(plan: Plan) -> None:
    _stays_cool(build(plan), plan.seconds)


@given(plans(restless=0.12, lossy=False))
def test_no_protection_opens_when_stations_of_unknown_fallback_are_cut_off(plan: Plan) -> None:
    """They may jump to their maximum: the others have made room before. (Two faults at once, and the others do not hear that, are too many.)

    Where their maximum and the house are too much by themselves, all that is left to do is that nobody else charges.
    """
    world = build(plan)
    for _ in range(plan.seconds):
        world.step()
        theta, circuit, phase = world.hottest()
        if theta >= ALLOWANCE:
            alone = world.base(circuit)[phase - 1]
            others = 0.0
            for point in world.below[circuit]:
                station = world.stations[point]
                if station.away(world.t - 1):
                    alone += station.drawn[phase - 1]
                else:
                    others += station.drawn[phase - 1]
            fuse = next(c.fuse_a[phase - 1] for c in world.topology.circuits if c.id == circuit)
            assert alone > HOLDS * fuse, f"{world.t - 1} s: {circuit} L{phase} at {theta:.3f}, carries {world.flows[circuit]}"
            assert others == 0, f"{world.t - 1} s: {circuit} L{phase} at {theta:.3f}, {others:g} A of it could be stopped"
            return


@given(plans(restless=0.35, unreachable=False, dying=False))
def test_no_protection_opens_with_a_rough_house(plan: Plan) -> None:
    _stays_cool(build(plan), plan.seconds)


@given(plans(restless=0.2, unreachable=False))
def test_no_protection_opens_with_a_rough_house_and_dying_meters(plan: Plan) -> None:
    _stays_cool(build(plan), plan.seconds)


def _stays_cool(world: World, seconds: int) -> None:
    for _ in range(seconds):
        world.step()
        theta, circuit, phase = world.hottest()
        assert theta < ALLOWANCE, f"{world.t - 1} s: {circuit} L{phase} at {theta:.3f}, carries {world.flows[circuit]}"


@given(plans(limited=True))
def test_a_limit_is_kept_from_seconds_after_it_arrives(plan: Plan) -> None:
    """By all that can still be told something: a station that is cut off keeps its last offer until that expires."""
    world = build(plan)
    for _ in range(plan.seconds):
        world.step()
        t = world.t - 1
        for arrived, limit in world.limits:
            ended = limit.duration_s is not None and t >= arrived + limit.duration_s
            if t < arrived + CLEARS_S or ended or limit.max_age_s is not None:
                continue
            able = [p for p in world.scope(limit) if world.stations[p].following_s > CLEARS_S + TIMEOUT_S]
            for over, phases in _excess(world, limit):
                drawing = sum(world.stations[p].drawn[phase] for p in able for phase in phases)
                assert over <= ROUNDING * 100 or drawing <= ROUNDING, (
                    f"{t} s: {limit.bound} on {limit.scope} exceeded by {over:.1f}, cars take {drawing:.1f} A"
                )


def _excess(world: World, limit: Limit) -> list[tuple[float, tuple[int, ...]]]:
    """How far the true flow is above each bound of a limit, W or A, and the phases that count for it: the house may fill one of them alone."""
    flow = [0.0, 0.0, 0.0]
    for point in world.scope(limit):
        for phase in range(3):
            flow[phase] += world.stations[point].drawn[phase]
    if isinstance(limit.scope, OnNode) and limit.scope.node in world.below:
        base = world.base(limit.scope.node)
        flow = [flow[phase] + base[phase] for phase in range(3)]
    match limit.bound:
        case LimitedPower(power_w=most):
            return [(sum(flow) * VOLTAGE_V - most, (0, 1, 2))]
        case LimitedCurrent(current_a=amps):
            return [(flow[phase] - amps[phase], (phase,)) for phase in range(3)]
        case _:
            return []


@given(plans())
def test_a_silent_meter_sends_its_points_to_their_fallback_within_its_age_limit(plan: Plan) -> None:
    world = build(plan)
    for _ in range(plan.seconds):
        decision = world.step()
        for circuit in world.topology.circuits:
            if circuit.meter is None:
                continue
            reading = world.meters[circuit.meter].reading
            age = float("inf") if reading is None else (decision.at - reading.received_at).total_seconds()
            if age <= circuit.meter_max_age_s:
                continue
            for told in _points(world, decision, circuit.id):
                assert told[1] <= told[2] + ROUNDING, f"{decision.at}: {circuit.meter} silent for {age} s, {told[0]} told {told[1]} A"


def _points(world: World, decision: Decision, circuit: str) -> list[tuple[str, float, float]]:
    """(point, what it is to draw, its fallback) of all that can be told something."""
    found = []
    for told, point in zip(decision.points, world.topology.points, strict=True):
        seen = world.stations[point.id].seen
        refused = seen.offers and seen.offers[-1].outcome not in ("accepted", "sent")
        if point.id in world.below[circuit] and seen.online and not refused and (decision.at - START).total_seconds() > 0:
            heard = seen.heard_at is not None and (decision.at - seen.heard_at).total_seconds() <= point.station_max_age_s
            if heard:
                found.append((point.id, told.goal_a, point.fallback_a))
    return found


@given(plans())
def test_what_is_granted_lies_between_needed_and_wished_when_that_is_feasible(plan: Plan) -> None:
    """TF-EVC 3.2.6.2."""
    world = build(plan)
    for _ in range(0, plan.seconds, 3):
        decision = world.step()
        demand, grant = decision.demand, decision.grant
        assert grant.granted_w <= demand.wished_w + ROUNDING
        assert grant.granted_w >= demand.needed_w - ROUNDING or grant.short_w > 0
        assert grant.granted_w + grant.short_w >= demand.needed_w - ROUNDING
        for told in decision.points:
            assert told.needed_a <= told.wished_a
            assert told.goal_a <= told.wished_a + ROUNDING


@given(plans(unreachable=False, dying=False, limited=False))
def test_nothing_is_left_lying_where_nothing_goes_wrong(plan: Plan) -> None:
    """After a while every car that wants more stands at its goal, but for the deadband and what a raise leaves free."""
    world = build(plan)
    for _ in range(plan.seconds):
        decision = world.step()
    for told in decision.points:
        station = world.stations[told.point]
        still = station.car is None or not any(start - 60 < plan.seconds < end + 60 for start, end in (*station.car.naps, station.car.stay))
        if still and station.seen.fallback_a is not None:
            assert told.current_a >= told.goal_a - LEFT_A, (
                f"{told.point} has {told.current_a}, could have {told.goal_a}: {told.why.sentence}"
            )


LEFT_A = 2.0
"""The deadband of raises and what they leave free, together with the rounding."""
