"""What a plan has batteries do, within what 3.2.6 leaves to it.

Planned charging takes no more than grid connection and fuses leave when all that cars wish is served; planned giving no more than the battery may
(3.2.6.4) and, unless the plan sells it, no more than the property draws. What is left over beyond the plan goes in too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chargebridge.control.figures import sane
from chargebridge.control.loads import NodeLoad
from chargebridge.model.circuit import Battery
from chargebridge.model.decision import BatteryCommand, Demand
from chargebridge.model.phases import NOMINAL_V, PerPhase
from chargebridge.model.plan import BatteryPlan, PlanNow
from chargebridge.model.state import BatteryState

LEAST_W = 100.0
"""Planned less than this is nothing."""


@dataclass(frozen=True, slots=True)
class Orders:
    """plans: by battery. drawn_w: what cars draw now; room_w: what the fuse of the grid connection carries besides, in equal parts on all phases."""

    plans: Mapping[str, BatteryPlan] = field(default_factory=dict)
    drawn_w: float = 0.0
    room_w: float = float("inf")

    @classmethod
    def of(cls, plan: PlanNow | None, root: NodeLoad, fuse_a: PerPhase) -> "Orders":
        if plan is None:
            return NONE
        plans = {order.battery: order for order in plan.batteries if sane(order.power_w)}
        spare_a = min(most - load for most, load in zip(fuse_a, root.base_high_a, strict=True))
        return cls(plans, max(0.0, root.load_w - root.base_w), max(0.0, 3 * NOMINAL_V * spare_a))

    def commands(
        self,
        batteries: Sequence[Battery],
        heard: Mapping[str, BatteryState],
        able_w: Mapping[str, float],
        demand: Demand,
        without_w: float,
        left_w: float,
    ) -> tuple[BatteryCommand, ...]:
        """able_w: what each may give (3.2.6.4). without_w: what the property draws without cars and batteries. left_w: what cars'
        wishes leave of the grid connection, W."""
        found = []
        surplus_w = max(0.0, -without_w - min(demand.wished_w, max(self.drawn_w, demand.needed_w)))
        draws_w = max(0.0, without_w + self.drawn_w)
        for battery in batteries:
            order = self.plans.get(battery.id)
            if order is None:
                continue
            if order.power_w <= -LEAST_W:
                gives = min(-order.power_w, able_w[battery.id], battery.discharge_max_w)
                power_w, reason = -(gives if order.to_grid else min(gives, draws_w)), "gives what the plan has it give"
                draws_w += power_w
            else:
                present = max(0.0, heard[battery.id].power_w)
                most = max(0.0, min(battery.charge_max_w, left_w, self.room_w + present))
                power_w, reason = min(max(order.power_w, surplus_w, 0.0), most), "charges by the plan"
                if power_w <= LEAST_W:
                    power_w, reason = 0.0, "keeps what it has: by the plan it is worth more later"
                surplus_w, left_w = max(0.0, surplus_w - power_w), left_w - power_w
            found.append(BatteryCommand(battery=battery.id, power_w=power_w, reason=reason))
        return tuple(found)


NONE = Orders()
