"""The energy management system's answer to the CSM: TF-EVC 3.2.6. It knows the grid, the house and the batteries, and of the cars only a Demand.

A foreign EMS may take this place: what it has to give is a Grant.
"""

from collections.abc import Sequence
from datetime import datetime

from chargebridge.control.book import Book, binding_power
from chargebridge.control.figures import sane
from chargebridge.control.orders import NONE, Orders
from chargebridge.control.timing import BATTERY_MAX_AGE_S, ESS_INTERVAL_S, age_s
from chargebridge.control.tree import Tree
from chargebridge.model.circuit import Battery
from chargebridge.model.decision import BatteryCommand, Demand, Grant
from chargebridge.model.state import BatteryState

HOLD_W = 100.0
"""A battery that charges within this of what may be left to it is held there; one that charges less is left to itself."""


def grant(
    demand: Demand,
    others_w: float,
    max_grid_w: float,
    batteries: Sequence[Battery],
    states: Sequence[BatteryState],
    now: datetime,
    orders: Orders = NONE,
) -> tuple[Grant, tuple[BatteryCommand, ...]]:
    """P_granted with needed <= granted <= wished (3.2.6.2) and P_used - P_gen + P_granted <= P_max of the grid (3.2.6.1).

    others_w: P_used - P_gen as measured, batteries included, W. Where what is needed does not fit, batteries have to help (3.2.6.3) within their
    power and their stored energy (3.2.6.4); their share counts as granted, and reaches the cars when the meter shows it. Else they follow ``orders``.
    """
    heard = {s.battery: s for s in states if age_s(s.heard_at, now) <= BATTERY_MAX_AGE_S and sane(s.power_w)}
    known = [battery for battery in batteries if battery.id in heard]
    present_w = sum(heard[battery.id].power_w for battery in known)
    without_w = others_w - present_w
    left_w = max_grid_w - without_w - demand.needed_w
    planned = [battery for battery in known if battery.id in orders.plans] if left_w >= 0 else []
    able_w = {battery.id: _able_w(battery, heard[battery.id]) for battery in planned}
    commands = orders.commands(planned, heard, able_w, demand, without_w, max_grid_w - without_w - demand.wished_w)
    free = [battery for battery in known if battery not in planned]
    free_w = sum(heard[battery.id].power_w for battery in free)
    owed = _commands(free, heard, left_w - sum(max(0.0, c.power_w) for c in commands), free_w)
    commands += owed
    told = {command.battery for command in commands}
    planned_w = sum(c.power_w for c in commands) + sum(heard[b.id].power_w for b in known if b.id not in told)
    available_w = max(0.0, max_grid_w - without_w - planned_w)
    granted_w = min(demand.wished_w, available_w)
    short_w = max(0.0, demand.needed_w - granted_w)
    given_w = max(0.0, -sum(c.power_w for c in owed))
    return Grant(granted_w=granted_w, battery_w=given_w, short_w=short_w, reason=_reason(demand, granted_w, given_w, short_w)), commands


def _commands(batteries: Sequence[Battery], heard: dict[str, BatteryState], left_w: float, present_w: float) -> tuple[BatteryCommand, ...]:
    """Set points so that all batteries together draw at most ``left_w`` (negative: they give); none where they do so by themselves."""
    if left_w >= 0 and present_w <= left_w - HOLD_W:
        return ()
    if left_w >= 0 and present_w <= 0:
        return ()
    commands: list[BatteryCommand] = []
    for battery in batteries:
        if left_w >= 0:
            power_w = min(left_w, max(0.0, heard[battery.id].power_w))
            reason = "charges no more than the house and what the cars need leave to it (3.2.6.1)"
        else:
            power_w = -min(-left_w, _able_w(battery, heard[battery.id]))
            reason = "gives what is needed and the grid cannot (3.2.6.3)"
        left_w -= power_w
        commands.append(BatteryCommand(battery=battery.id, power_w=power_w, reason=reason))
    return tuple(commands)


def hold_to_groups(
    tree: Tree,
    book: Book,
    states: Sequence[BatteryState],
    needed_w: Sequence[float],
    commands: tuple[BatteryCommand, ...],
    now: datetime,
    own_w: Sequence[float] = (),
) -> tuple[BatteryCommand, ...]:
    """Hold the batteries of each limited group to what its cars' needs leave of the limit (such as that of section 14a EnWG).

    needed_w: P_needed of the cars in each group. own_w: of each controllable load, what it has to itself. What the batteries leave unused the
    cars get, by the group's row in the split.
    """
    heard = {s.battery: s for s in states if age_s(s.heard_at, now) <= BATTERY_MAX_AGE_S and sane(s.power_w)}
    found = {command.battery: command for command in commands}
    for group, members, needed in zip(tree.groups, tree.loads_in_group, needed_w, strict=True):
        bound = binding_power(book.of(group.id))
        powers = {m: found[m].power_w if m in found else heard[m].power_w for m in group.members if m in heard}
        charging = {m: max(power, heard[m].power_w) for m, power in powers.items() if max(power, heard[m].power_w) > 0}
        if bound is None or not charging:
            continue
        left_w = max(0.0, bound[0] - needed - sum(own_w[i] for i in members))
        present_w = sum(charging.values())
        if present_w <= left_w - HOLD_W:
            continue
        reason = f"charges no more than {bound[1].text} leaves to it"
        for battery, power_w in charging.items():
            most_w = left_w * power_w / present_w
            if battery not in found or found[battery].power_w > most_w:
                found[battery] = BatteryCommand(battery=battery, power_w=most_w, reason=reason)
    return tuple(found.values())


def _able_w(battery: Battery, state: BatteryState) -> float:
    """3.2.6.4: P_gen <= P_max and E_stored - E_min >= delta t * P_gen; nothing when it does not tell what it stores."""
    if not sane(state.stored_wh):
        return 0.0
    spare_wh = max(0.0, state.stored_wh - battery.reserve_wh)
    return min(battery.discharge_max_w, spare_wh * 3600 / ESS_INTERVAL_S)


def _reason(demand: Demand, granted_w: float, given_w: float, short_w: float) -> str:
    if demand.wished_w <= 0:
        return "no car asks for power"
    if short_w > 0:
        return f"{short_w / 1000:.1f} kW of what is needed cannot be granted: neither the grid connection nor the batteries can give it"
    if given_w > 0:
        return f"what is needed is granted with {given_w / 1000:.1f} kW from the batteries"
    if granted_w < demand.wished_w:
        return f"{granted_w / 1000:.1f} kW is what the house leaves of the grid connection"
    return "all that is wished is granted"
