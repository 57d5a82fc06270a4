"""From a standing plan to what pages and interfaces show of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chargebridge.model.circuit import Topology
from chargebridge.planning.problem import Band, Store, Yield
from chargebridge.planning.schedule import Schedule, StorePlan
from chargebridge.site.outlook import Outlook
from chargebridge.site.plan_view import CarPlan, PlanView
from chargebridge.site.standing_plan import CHARGES_W, StandingPlan, spent, starts_of

NEARLY_WH, NEARLY = 10.0, 0.002
"""So near to what is needed a car has it: a solver leaves crumbs for later steps."""


def view(made: StandingPlan, topology: Topology, currency: str, max_age_s: float, now: datetime) -> PlanView:
    plan, problem = made.schedule, made.outlook.problem
    dies_at = min(made.made_at + timedelta(seconds=max_age_s), _end(plan))
    steps = range(len(plan.horizon.steps_s))
    batteries = [store.power_w for store in plan.stores if store.store not in made.outlook.sessions]
    return PlanView(
        made_at=made.made_at,
        dies_at=dies_at,
        alive=made.made_at <= now < dies_at,
        solver=plan.solver.value,
        cause=made.cause,
        note=plan.note,
        took_s=made.took_s,
        currency=currency,
        cost=spent(plan),
        saves=made.saves,
        at_once_cost=None if made.at_once is None else spent(made.at_once),
        co2_kg=plan.co2_kg,
        known_until=made.outlook.known_until,
        starts=tuple(made.starts),
        steps_s=plan.horizon.steps_s,
        price_per_kwh=tuple(made.price(t) for t in steps),
        export_per_kwh=problem.prices.export_per_kwh,
        house_w=_less(_sum([_likely(node.load) for node in problem.nodes if node.load is not None], len(steps)), made.outlook.at_once),
        pv_w=_sum([_likely(generator.power) for generator in problem.generators], len(steps)),
        battery_w=_sum(batteries, len(steps)),
        grid_w=plan.grid_w,
        at_once_grid_w=None if made.at_once is None else made.at_once.grid_w,
        cars=cars(made.outlook, plan, topology),
        bent=bent(plan, topology),
    )


def bent(plan: Schedule, topology: Topology) -> tuple[str, ...]:
    """What could not be had, with the names that people know."""
    names = {p.id: p.name for p in topology.points} | {c.id: c.name for c in topology.circuits} | {g.id: g.name for g in topology.groups}
    found = []
    for relaxation in plan.relaxations:
        what, said = relaxation.what, relaxation.sentence
        if relaxation.order is not Yield.REST:
            found.append(said.replace(what, names.get(what, what), 1) if said.startswith(what) else said)
    return tuple(found)


def cars(outlook: Outlook, plan: Schedule, topology: Topology) -> tuple[CarPlan, ...]:
    names = {point.id: point.name for point in topology.points}
    stores = {store.id: store for store in outlook.problem.stores}
    zone = ZoneInfo(topology.timezone)
    waiting = [
        car(mine, stores[mine.store], outlook, plan, names[mine.store], zone)
        for mine in plan.stores
        if mine.store in outlook.sessions and mine.store in names
    ]
    return (*waiting, *(_at_once(name, series, outlook, plan, names[name]) for name, series in outlook.at_once.items() if name in names))


def _at_once(name: str, power_w: tuple[float, ...], outlook: Outlook, plan: Schedule, title: str) -> CarPlan:
    """A car that nobody said a time for: what it is expected to do."""
    starts, hours = starts_of(plan), [seconds / 3600 for seconds in plan.horizon.steps_s]
    charging = [t for t, power in enumerate(power_w) if power >= CHARGES_W]
    return CarPlan(
        point=name,
        name=title,
        waits=False,
        power_w=power_w,
        starts_at=starts[charging[0]] if charging else None,
        done_at=starts[charging[-1]] + timedelta(hours=hours[charging[-1]]) if charging else None,
        energy_wh=sum(power * hour for power, hour in zip(power_w, hours, strict=True)),
        cost=_cost(power_w, outlook, plan),
        missing_wh=0.0,
        leaves_at=None,
        sentence="charges at once, as nobody said by when",
    )


def car(mine: StorePlan, store: Store, outlook: Outlook, plan: Schedule, name: str, zone: ZoneInfo) -> CarPlan:
    starts, steps = starts_of(plan), plan.horizon.steps_s
    charging = [t for t, power in enumerate(mine.power_w) if power >= CHARGES_W]
    energy_wh = sum(power * seconds / 3600 for power, seconds in zip(mine.power_w, steps, strict=True))
    missing_wh = sum(mine.missing_wh)
    done_at = _done_at(mine, store, plan, charging)
    starts_at = starts[charging[0]] if charging else None
    return CarPlan(
        point=mine.store,
        name=name,
        waits=True,
        power_w=mine.power_w,
        starts_at=starts_at,
        done_at=done_at,
        energy_wh=energy_wh,
        cost=_cost(mine.power_w, outlook, plan),
        missing_wh=missing_wh,
        leaves_at=store.departs_at,
        sentence=_sentence(starts_at, done_at, energy_wh, missing_wh, plan, zone),
    )


def _cost(power_w: Sequence[float], outlook: Outlook, plan: Schedule) -> float:
    """At the price of the grid; at what would be paid for it, where the property has more than it uses."""
    prices, hours = outlook.problem.prices, [seconds / 3600 for seconds in plan.horizon.steps_s]
    fees = prices.network_per_kwh or (0.0,) * len(hours)
    return sum(
        power / 1000 * hours[t] * (prices.import_per_kwh[t] + fees[t] if plan.grid_w[t] > 0 else prices.export_per_kwh[t])
        for t, power in enumerate(power_w)
    )


def _done_at(mine: StorePlan, store: Store, plan: Schedule, charging: Sequence[int]) -> datetime | None:
    """When the goals are reached, by the energy within the step; without goals, when it has all that it gets."""
    starts, steps = starts_of(plan), plan.horizon.steps_s
    if any(missing > 1 for missing in mine.missing_wh) or not charging:
        return None if any(missing > 1 for missing in mine.missing_wh) or not store.goals else starts[0]
    level = max((goal.stored_wh for goal in store.goals), default=max(mine.stored_wh))
    before = store.stored_wh
    for t, after in enumerate(mine.stored_wh):
        if after >= level - max(NEARLY_WH, NEARLY * level):
            share = 1.0 if after <= before else min(1.0, max(0.0, (level - before) / (after - before)))
            length = steps[t] if mine.power_w[t] <= 0 else min(steps[t], share * steps[t])
            return starts[t] + timedelta(seconds=round(length))
        before = after
    return None


def _sentence(
    starts_at: datetime | None,
    done_at: datetime | None,
    energy_wh: float,
    missing_wh: float,
    plan: Schedule,
    zone: ZoneInfo,
) -> str:
    if starts_at is None:
        return "has what was asked for" if missing_wh <= 1 else f"{missing_wh / 1000:.1f} kWh of what is needed cannot be had in time"
    when = "now" if starts_at <= plan.horizon.starts_at else f"at {_clock(starts_at, plan.horizon.starts_at, zone)}"
    done = "" if done_at is None else f", has what is needed at {_clock(done_at, plan.horizon.starts_at, zone)}"
    lacks = f", {missing_wh / 1000:.1f} kWh of what is needed are missing" if missing_wh > 1 else ""
    return f"begins {when}{done}, {energy_wh / 1000:.1f} kWh in all{lacks}"


def _clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:%a %H:%M}"


def _end(plan: Schedule) -> datetime:
    return plan.horizon.starts_at + timedelta(seconds=sum(plan.horizon.steps_s))


def _likely(band: Band) -> tuple[float, ...]:
    return band.likely


def _less(loads: Sequence[float], cars: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    return tuple(max(0.0, load - sum(series[t] for series in cars.values())) for t, load in enumerate(loads))


def _sum(series: Sequence[Sequence[float]], count: int) -> tuple[float, ...]:
    return tuple(sum(values) for values in zip(*series, strict=True)) if series else (0.0,) * count


def of_point(found: Sequence[CarPlan], point: str) -> CarPlan | None:
    by_point: Mapping[str, CarPlan] = {car.point: car for car in found}
    return by_point.get(point)
