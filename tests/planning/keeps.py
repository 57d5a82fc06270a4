"""What every plan has to keep, whoever made it: checked from the problem and the schedule alone."""

from chargebridge.planning.problem import Node, Problem, Store, Yield
from chargebridge.planning.schedule import Schedule, StorePlan

NOTHING_W = 1.0
"""W or Wh: what a solver's tolerances leave, and what is too little to be reported."""


def presence(problem: Problem, store: Store) -> list[float]:
    found, begin = [], 0.0
    for length in problem.horizon.steps_s:
        end = begin + length
        here = begin if store.arrives_at is None else max(begin, (store.arrives_at - problem.horizon.starts_at).total_seconds())
        gone = end if store.departs_at is None else min(end, (store.departs_at - problem.horizon.starts_at).total_seconds())
        found.append(max(0.0, gone - here) / length)
        begin = end
    return found


def check_stores(problem: Problem, made: Schedule) -> None:
    """Powers between their least and most while it is there; the stock is what flowed in, in its bounds, and over the reserve when it gives back."""
    for store, done in zip(problem.stores, made.stores, strict=True):
        here, stock = presence(problem, store), store.stored_wh
        alone = len(store.phases) if store.switchable else 1
        for t, length in enumerate(problem.horizon.steps_s):
            power = done.power_w[t]
            most = min(store.charge_max_w, store.charge_limit_w[t] if store.charge_limit_w else store.charge_max_w) * here[t]
            assert -store.discharge_max_w * here[t] - NOTHING_W <= power <= most + NOTHING_W, (store.id, t)
            hours = length / 3600.0
            stock += hours * (power * store.charge_efficiency if power > 0 else power / store.discharge_efficiency)
            assert abs(stock - done.stored_wh[t]) <= NOTHING_W, (store.id, t)
            assert stock <= max(store.full_wh, store.stored_wh) + NOTHING_W
            if power < -NOTHING_W:
                assert stock >= store.floor_wh - NOTHING_W, (store.id, t)
            if power > NOTHING_W and store.discharge_max_w == 0.0:
                room = max(store.full_wh, store.stored_wh) - (stock - hours * power * store.charge_efficiency)
                assert (
                    power >= min(store.charge_min_w * here[t] / alone, room / hours) - NOTHING_W
                    or stock >= _enough(store) - NOTHING_W
                    or _last(done, t)
                )
            if done.phases[t] == 1 and len(store.phases) > 1:
                assert power <= most / len(store.phases) + NOTHING_W


def _last(done: StorePlan, t: int) -> bool:
    """Whether it charges no more afterwards: then it stops within the step."""
    return all(power <= NOTHING_W for power in done.power_w[t + 1 :])


def _enough(store: Store) -> float:
    return max([store.stored_wh, *(goal.stored_wh for goal in store.goals)])


def check_balance(problem: Problem, made: Schedule) -> None:
    for t in range(len(problem.horizon.steps_s)):
        planned = sum(done.power_w[t] for done in made.stores) + sum(turned[t] for turned in made.curtailed_w.values())
        planned += sum(plant.power_w * done.on[t] for plant, done in zip(problem.plants, made.plants, strict=True))
        load = sum(node.load.likely[t] for node in problem.nodes if node.load) - sum(g.power.likely[t] for g in problem.generators)
        assert abs(made.grid_w[t] - load - planned) <= 1e-3


def below(problem: Problem, place: str, node: str) -> bool:
    parent = {each.id: each.parent for each in problem.nodes}
    at: str | None = place
    while at is not None and at != node:
        at = parent[at]
    return at == node


def check_limits(problem: Problem, made: Schedule) -> None:
    """No hard limit of any node and phase is crossed by what is planned, whatever side of the forecast comes true."""
    overloaded = {r.node for r in made.relaxations if r.order is Yield.OVERLOAD}
    for node in problem.nodes:
        if not node.hard:
            continue
        for phase in (None, 1, 2, 3):
            for t in range(len(problem.horizon.steps_s)):
                top, bottom = _bounds(problem, node, phase, t)
                if top is None and bottom is None:
                    continue
                high, low, likely, planned = _sides(problem, made, node, phase, t)
                if top is not None and high + planned > top + NOTHING_W:
                    assert node.id in overloaded, (node.id, phase, t, high + planned, top)
                    assert planned <= NOTHING_W, "the plan added to an overload"
                if bottom is not None and min(low, likely) + planned < -bottom - NOTHING_W:
                    assert node.id in overloaded, (node.id, phase, t, low + planned, bottom)


def _bounds(problem: Problem, node: Node, phase: int | None, t: int) -> tuple[float | None, float | None]:
    if phase is None:
        return (node.import_w[t] if node.import_w else None), (node.export_w[t] if node.export_w else None)
    if node.current_a is None:
        return None, None
    limit = node.current_a[t][phase - 1] * problem.voltage_v
    return limit, limit


def _sides(problem: Problem, made: Schedule, node: Node, phase: int | None, t: int) -> tuple[float, float, float, float]:
    """W at a node: what is not planned when it is high, low and as likely, and what is planned. Generation that is turned down gives no more than is
    left of its likely power; what would be too much on the low side is turned down when it comes."""

    def share(phases: tuple[int, ...]) -> float:
        return 1.0 if phase is None else (1.0 / len(phases) if phase in phases else 0.0)

    def counts(thing: object) -> bool:
        return thing.id in node.members if node.members is not None else below(problem, thing.node, node.id)  # type: ignore[attr-defined]

    planned = 0.0
    for store, done in zip(problem.stores, made.stores, strict=True):
        if counts(store):
            phases = store.phases[:1] if done.phases[t] == 1 else store.phases
            planned += share(phases) * done.power_w[t]
    for plant, done in zip(problem.plants, made.plants, strict=True):
        if counts(plant):
            planned += share(plant.phases) * plant.power_w * done.on[t]
    high = low = likely = 0.0
    for other in problem.nodes:
        mine = other is node or (node.members is None and other.members is None and below(problem, other.id, node.id))
        if other.load and mine:
            high += share(other.load_phases) * max(other.load.high[t], other.load.likely[t])
            low += share(other.load_phases) * min(other.load.low[t], other.load.likely[t])
            likely += share(other.load_phases) * other.load.likely[t]
    for g in problem.generators:
        if counts(g):
            turned = made.curtailed_w[g.id][t] if g.curtailable else 0.0
            high -= share(g.phases) * max(0.0, min(g.power.low[t], g.power.likely[t] - turned))
            likely -= share(g.phases) * (g.power.likely[t] - turned)
            low -= 0.0 if g.curtailable else share(g.phases) * max(g.power.high[t], g.power.likely[t])
    return high, low, likely, planned


def check_plants(problem: Problem, made: Schedule) -> None:
    """A plant runs its time between its two times, or says that it does not."""
    for plant, done in zip(problem.plants, made.plants, strict=True):
        ran = sum(on * length for on, length in zip(done.on, problem.horizon.steps_s, strict=True))
        short = any(r.what == plant.id and r.order is Yield.PLANT for r in made.relaxations)
        assert ran <= plant.run_s + 1.0
        assert short or ran >= plant.run_s - 1.5


def bent(problem: Problem, made: Schedule) -> list[float]:
    """kWh: what is missing of plants, then of each priority's quarters, as the plain formulation counts it."""
    found = [sum(r.amount / 1000 for r in made.relaxations if r.order is Yield.PLANT)]
    for priority in sorted({store.priority for store in problem.stores if any(g.price_cap is None for g in store.goals)}, reverse=True):
        quarters = [0.0] * 4
        for store, done in zip(problem.stores, made.stores, strict=True):
            if store.priority != priority:
                continue
            for goal, missing in zip(store.goals, done.missing_wh, strict=True):
                if goal.price_cap is None:
                    need = max(goal.stored_wh - store.stored_wh, 0.0)
                    for k in (3, 2, 1):
                        part = min(missing, need / 4)
                        quarters[k] += goal.probability * part / 1000
                        missing -= part
                    quarters[0] += goal.probability * missing / 1000
        found += quarters
    return found


def check_all(problem: Problem, made: Schedule) -> None:
    check_stores(problem, made)
    check_balance(problem, made)
    check_limits(problem, made)
    check_plants(problem, made)
