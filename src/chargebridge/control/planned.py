"""What a plan means for the present. A plan only ever makes cars wish less than they could take, or batteries do something of their own accord; no
limit is raised by it, and what is needed stays needed: a car whose time runs out charges, whatever was planned.

    P_wish  = what is planned for this step, and its share of what the property has left over      (TF-EVC 3.2.4)
    P_need  = what is planned, while all that is missing still fits in well before the target time; else as without a plan (3.2.2)

What is left over is what would flow into the grid at this moment (base below zero, less what other cars draw and what batteries are to take).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from msgspec.structs import replace

from chargebridge.control.figures import sane
from chargebridge.control.loads import Loads
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.plan import PlanNow, PointPlan
from chargebridge.model.state import PointState, SiteState

LEAST_W = 100.0
"""Less than this is no charging, but what a solver's arithmetic leaves over."""
SPARE_S = 600.0
"""A car that could wait no longer than this charges at once: plans come every few minutes, and cars do not take their full power to the last."""
KEEPS_SHARE = 0.5
"""A car that charges from what is left over goes on until it has less than this share of the point's minimum: clouds pass."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Of one point: its plan, and what it has of what is left over, W."""

    plan: PointPlan
    surplus_w: float = 0.0

    def allowed_a(self, point: ChargingPoint, volts: float) -> float:
        """The current that plan and surplus let it wish; a step that is only partly used is charged with the minimum, for a shorter time."""
        watts = self.plan.charge_w + self.surplus_w
        if watts < LEAST_W or volts <= 0:
            return 0.0
        return max(point.minimum_a, watts / volts)

    def planned_a(self, point: ChargingPoint, volts: float) -> float:
        """Without what is left over."""
        return Planned(self.plan).allowed_a(point, volts)

    def sentence(self, zone: tzinfo) -> str:
        plan = self.plan
        if self.surplus_w > 0:
            return "it takes what the property has left over; by the plan it would charge later"
        if plan.charge_w >= LEAST_W:
            return f"the plan has {plan.charge_w / 1000:.1f} kW for it now" + ("" if plan.price is None else f", at {_price(plan.price)}")
        if plan.starts_at is None:
            return "the plan has nothing more for it: what was asked for is charged, or too dear"
        said = f"charging starts at {plan.starts_at.astimezone(zone):%H:%M}"
        if plan.start_price is None or plan.price is None or plan.start_price >= plan.price:
            return f"{said} by the plan"
        return f"{said}, when it costs {_price(plan.start_price)} instead of {_price(plan.price)}"


def alive(state: SiteState, now: datetime) -> PlanNow | None:
    """The plan, unless there is none or it is too old (or of a clock that was set back since)."""
    plan = state.plan
    return plan if plan is not None and plan.made_at <= now < plan.dies_at else None


def is_stale(state: SiteState, now: datetime) -> bool:
    return state.plan is not None and alive(state, now) is None


def of_points(plan: PlanNow | None, seen: Sequence[PointState]) -> dict[str, PointPlan]:
    """By point: what is planned for the very car that is there."""
    if plan is None:
        return {}
    sessions = {state.point: state.session for state in seen}
    return {p.point: p for p in plan.points if sessions.get(p.point) == p.session and sane(p.charge_w)}


def asked_to_give(plans: Mapping[str, PointPlan], seen: Sequence[PointState], until: datetime | None) -> list[PointState]:
    """With what the plan wants cars to give back, where nobody asked otherwise."""
    return [
        replace(state, discharge_w=plan.discharge_w, discharge_until=until)
        if (plan := plans.get(state.point)) is not None and plan.discharge_w >= LEAST_W and state.discharge_w == 0
        else state
        for state in seen
    ]


def share_surplus(
    plans: Mapping[str, PointPlan], plan: PlanNow | None, points: Sequence[ChargingPoint], seen: Sequence[PointState], loads: Loads
) -> dict[str, Planned]:
    """Each planned car with its part of what is left over: those that charge already first, then by priority; nobody gets less than he can use."""
    if plan is None:
        return {}
    batteries = sum(b.power_w - loads.battery_w.get(b.battery, 0.0) for b in plan.batteries if b.power_w > 0)
    others = sum(max(0.0, s.power_w or 0.0) for s in seen if s.point not in plans)
    left = -loads.nodes[0].base_high_w - batteries - others - sum(p.charge_w for p in plans.values())
    found: dict[str, Planned] = {}
    waiting = [(p, s) for p, s in zip(points, seen, strict=True) if p.id in plans]
    for point, state in sorted(waiting, key=lambda pair: (-pair[0].priority, not _charges(pair[1]), pair[0].id)):
        mine, share = plans[point.id], 0.0
        phases = min(len(point.phases), state.car_phases or len(point.phases))
        most_a = min(point.maximum_a, state.car_maximum_a) if sane(state.car_maximum_a) else point.maximum_a
        least_w = point.minimum_a * phases * NOMINAL_V - mine.charge_w
        if mine.surplus and left >= least_w * (KEEPS_SHARE if _charges(state) else 1.0) and left > 0:
            share = max(0.0, min(left, most_a * phases * NOMINAL_V - mine.charge_w))
        left -= share
        found[point.id] = Planned(mine, share)
    return found


def _charges(state: PointState) -> bool:
    return (state.power_w or 0.0) >= LEAST_W


def can_wait(missing_wh: float, usable_w: float, left_s: float) -> bool:
    """Whether what is missing still fits in, at full power, well before the target time."""
    return usable_w > 0 and missing_wh * 3600 / usable_w + SPARE_S <= left_s


def _price(price: float) -> str:
    return f"{round(price, 3):g}"
