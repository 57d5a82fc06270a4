"""Requests to evcc's optimizer (evcc-io/optimizer, MIT) as problems of ours, and what a schedule costs by its terms.

How its words are told in ours:

- energies a step become mean powers; ``p_a``, what a stored Wh is worth at the end, is the rest price;
- ``s_goal`` is a goal at the end of its step; ``p_demand`` (charging that goes on until full) is ``charge_now_w``;
- a state of charge below ``s_min`` is to be left as fast as possible: a goal a step. One above ``s_max`` is to be given out as fast as possible,
  which a store that only wants more cannot say: what is above is a generator until it is out;
- its import limit bends, so it is soft; its export limit does not: what is too much is turned down;
- ``charge_before_export`` and ``discharge_before_import`` are our ``sooner``; ``attenuate_demand_peaks`` is ``calm_grid``, ``attenuate_feedin_peaks``
  is ``calm_feed_in``, ``attenuate_grid_peaks`` both. They decide between plans of the same cost there as here.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chargebridge.planning.problem import Band, DemandCharge, Generator, Goal, Horizon, Node, Prices, Problem, Store, Taste
from chargebridge.planning.schedule import Schedule

START = datetime(2026, 3, 2, tzinfo=UTC)


def cases(folder: Path) -> list[Path]:
    return sorted((folder / "planning" / "evcc_optimizer_cases").glob("*.json"))


def request_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def problem_of(request: dict[str, Any]) -> Problem:
    series, grid = request["time_series"], request.get("grid") or {}
    lengths = tuple(float(length) for length in series["dt"])
    ends, at = [], 0.0
    for length in lengths:
        at += length
        ends.append(START + timedelta(seconds=at))
    watts = lambda values: tuple(value * 3600.0 / length for value, length in zip(values, lengths, strict=True))  # noqa: E731
    stores, generators = [], []
    for i, battery in enumerate(request["batteries"]):
        store, spill = _store(f"battery{i}", battery, request, lengths, ends)
        stores.append(store)
        generators += spill
    load = Node(id="house", parent="grid", load=Band.sure(watts(series["gt"])))
    demand = ()
    if grid.get("p_max_imp") is not None:
        if grid.get("prc_p_exc_imp") is not None:
            demand = (DemandCharge(price_per_kw=grid["prc_p_exc_imp"] * 1000.0, reached_w=grid["p_max_imp"], window_s=min(lengths)),)
        else:
            load = Node(id="house", parent="grid", load=load.load, import_w=(float(grid["p_max_imp"]),) * len(lengths), hard=False)
    limited = grid.get("p_max_exp") is not None
    top = Node(id="grid", export_w=(float(grid["p_max_exp"]),) * len(lengths) if limited else None)
    strategy = request.get("strategy") or {}
    charging = strategy.get("charging_strategy", "none")
    return Problem(
        horizon=Horizon(starts_at=START, steps_s=lengths),
        nodes=(top, load),
        stores=tuple(stores),
        generators=(Generator(id="pv", node="house", power=Band.sure(watts(series["ft"])), curtailable=limited), *generators),
        prices=Prices(
            import_per_kwh=tuple(1000.0 * price for price in series["p_N"]),
            export_per_kwh=tuple(1000.0 * price for price in series["p_E"]),
            demand=demand,
        ),
        taste=Taste(
            sooner="charge_before_export" in charging or strategy.get("discharging_strategy") == "discharge_before_import",
            calm_grid=charging in ("attenuate_demand_peaks", "attenuate_grid_peaks"),
            calm_feed_in=charging in ("attenuate_feedin_peaks", "attenuate_grid_peaks"),
        ),
    )


def _store(
    name: str, battery: dict[str, Any], request: dict[str, Any], lengths: tuple[float, ...], ends: list[datetime]
) -> tuple[Store, list[Generator]]:
    gain, loss = request.get("eta_c", 0.95), request.get("eta_d", 0.95)
    first, top = battery["s_initial"], battery["s_max"]
    spill = []
    if first > top and battery["d_max"] > 0:
        left, power = (first - top) * loss, []
        for length in lengths:
            power.append(min(battery["d_max"], left * 3600.0 / length))
            left -= power[-1] * length / 3600.0
        spill.append(Generator(id=f"{name} above its most", node="house", power=Band.sure(tuple(power))))
        first = top
    goals: list[Goal] = []
    reached, now = first, None
    if battery.get("p_demand"):
        now = tuple(wanted * 3600.0 / length for wanted, length in zip(battery["p_demand"], lengths, strict=True))
    for t, length in enumerate(lengths):
        reached = min(battery["s_min"], reached + gain * battery["c_max"] * length / 3600.0)
        wanted = (battery.get("s_goal") or [0.0] * len(lengths))[t]
        if t and wanted > 0:
            goals.append(Goal(at=ends[t], stored_wh=wanted))
        if first < battery["s_min"]:
            goals.append(Goal(at=ends[t], stored_wh=reached))
    return Store(
        id=name, node="house", charge_max_w=battery["c_max"], charge_min_w=battery["c_min"], full_wh=max(top, first), stored_wh=first,
        floor_wh=battery["s_min"], discharge_max_w=battery["d_max"], charge_efficiency=gain, discharge_efficiency=loss,
        charge_now_w=now, rest_price=battery["p_a"] * 1000.0, goals=tuple(goals), from_grid=battery.get("charge_from_grid", False),
        to_grid=battery.get("discharge_to_grid", False),
    ), spill  # fmt: skip


def flows_of(request: dict[str, Any], schedule: Schedule) -> list[tuple[list[float], list[float]]]:
    """Wh charged and discharged in each step by each battery, what is above its most included."""
    lengths = request["time_series"]["dt"]
    found = []
    for battery, plan in zip(request["batteries"], schedule.stores, strict=True):
        charged = [max(power, 0.0) * length / 3600.0 for power, length in zip(plan.power_w, lengths, strict=True)]
        given = [max(-power, 0.0) * length / 3600.0 for power, length in zip(plan.power_w, lengths, strict=True)]
        left = max(battery["s_initial"] - battery["s_max"], 0.0) * request.get("eta_d", 0.95) if battery["d_max"] > 0 else 0.0
        for t, length in enumerate(lengths):
            out = min(left, battery["d_max"] * length / 3600.0)
            given[t] += out
            left -= out
        found.append((charged, given))
    return found


def expected_flows(case: dict[str, Any]) -> list[tuple[list[float], list[float]]]:
    return [(battery["charging_power"], battery["discharging_power"]) for battery in case["expected_response"]["batteries"]]


def worth(request: dict[str, Any], flows: list[tuple[list[float], list[float]]]) -> tuple[float, float]:
    """Money that the flows are worth by the optimizer's own objective, and its penalties for what they do not keep; both without its tie breakers.

    Written anew from the description of its model: import, export, value of what is stored at the end; penalties a Wh of 100 or 1,000 times the
    dearest price for states of charge outside their bounds, goals, demanded charging and limits that are not kept.
    """
    series, grid, batteries = request["time_series"], request.get("grid") or {}, request["batteries"]
    count, gain, loss = len(series["dt"]), request.get("eta_c", 0.95), request.get("eta_d", 0.95)
    base = max(1e-4, *series["p_N"], *series["p_E"], *(battery["p_a"] for battery in batteries))
    money = penalty = 0.0
    for t, length in enumerate(series["dt"]):
        net = series["gt"][t] - series["ft"][t] + sum(charged[t] - given[t] for charged, given in flows)
        if grid.get("p_max_imp") is not None and net > 0:
            penalty += 100.0 * base * max(0.0, net - grid["p_max_imp"] * length / 3600.0)
        if grid.get("p_max_exp") is not None and net < 0:
            over = max(0.0, -net - grid["p_max_exp"] * length / 3600.0)
            penalty += 100.0 * base * (1.0 - t * 1e-5) * over
            net += over
        money -= net * (series["p_N"][t] if net > 0 else series["p_E"][t])
    for battery, (charged, given) in zip(batteries, flows, strict=True):
        stock = battery["s_initial"]
        for t in range(count):
            stock += gain * charged[t] - given[t] / loss
            penalty += 1000.0 * base * (max(0.0, stock - battery["s_max"]) + max(0.0, battery["s_min"] - stock))
            goal = (battery.get("s_goal") or [0.0] * count)[t]
            if t and goal > 0:
                penalty += 100.0 * base * max(0.0, goal - stock)
            wanted = min((battery.get("p_demand") or [0.0] * count)[t], battery["c_max"] * series["dt"][t] / 3600.0)
            if wanted > 0 and stock < battery["s_max"] - 1.0:
                penalty += 100.0 * base * max(0.0, wanted - charged[t]) * (1.0 + (count - t) / count)
        money += stock * battery["p_a"]
    return money, penalty
