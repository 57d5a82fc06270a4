"""Fleets from a thousand cars to a million: time, memory and proven distance from the cheapest plan, beside HiGHS and a greedy rule.

Every row is a process of its own. Seconds are CPU time with everything: the site's programme, summing up the cars, solving. The gap is
between the plan's cost and a lower bound, in terms of all money that passes the meter. Plans are expanded to every car in a second step
(``expand``) and looked at there: powers, windows, energies, limits and cost. HiGHS solves one programme with a column for each car and
step, as long as it takes no more than two minutes. The greedy rule goes through the cars, least laxity first, and gives each its cheapest
steps that still have room.
"""

import os
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import process_time

import numpy as np
from rich.console import Console
from rich.table import Table

QUARTERS = (900.0,) * 96
TWO_DAYS = (900.0,) * 192
FINE = (300.0,) * 288
MIXED = (300.0,) * 12 + (900.0,) * 28 + (3600.0,) * 16
GREEDY_UP_TO, DIRECT_UP_TO, DIRECT_S = 100_000, 10_000, 120.0
ROWS = (
    ("", 1_000, QUARTERS, 0, False, 1e-4),
    ("", 10_000, QUARTERS, 0, False, 1e-4),
    ("", 100_000, QUARTERS, 0, False, 1e-4),
    ("", 1_000_000, QUARTERS, 0, False, 1e-4),
    ("come and go within a step", 100_000, QUARTERS, 0, True, 1e-4),
    ("two days", 100_000, TWO_DAYS, 0, False, 1e-4),
    ("5 min, 15 min, 1 h", 100_000, MIXED, 0, False, 1e-4),
    ("5 min", 100_000, FINE, 0, False, 1e-3),
    ("5 min", 100_000, FINE, 0, False, 1e-4),
    ("tree of 3 levels", 1_000, QUARTERS, 10, False, 1e-4),
    ("tree of 3 levels", 10_000, QUARTERS, 10, False, 1e-3),
    ("tree of 3 levels", 10_000, QUARTERS, 10, False, 1e-4),
)
Row = tuple[str, int, tuple[float, ...], int, bool, float]


def measure(row: Row) -> dict[str, float | None]:
    """One row, in a process of its own."""
    from benchmarks._fleet_cases import case, directly, greedily
    from chargebridge.planning.fleet import plan_fleet
    from chargebridge.planning.fleet.audit import audit

    _, count, steps, leaf, ragged, gap = row
    plan_fleet(case(50, QUARTERS))
    fleet = case(count, steps, leaf=leaf, ragged=ragged)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = process_time()
    plan = plan_fleet(fleet, gap, budget_s=120.0)
    found: dict[str, float | None] = {"seconds": process_time() - begun, "gap": plan.gap, "cost": plan.cost, "bound": plan.bound}
    found |= {"rounds": plan.iterations, "megabytes": max(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024.0}
    begun = process_time()
    seen = audit(fleet, plan)
    found |= {"expand": process_time() - begun, "full": seen.full}
    worst = max(
        seen.over_power_w, seen.over_energy_wh, seen.under_energy_wh, seen.over_limit_w / max(1.0, np.abs(plan.grid_w).max() * 1e-6)
    )
    if worst > 1.0 or abs(seen.cost - plan.cost) > 1e-5 * plan.turnover:
        raise SystemExit(f"the plan does not hold: {seen}")
    found |= {"direct": None, "direct_cost": None, "greedy": None, "missing": None}
    if count <= DIRECT_UP_TO and gap < 1e-3:
        found["direct_cost"], found["direct"] = directly(fleet, DIRECT_S)
    if count <= GREEDY_UP_TO and gap < 1e-3:
        cost, missing, found["greedy_s"] = greedily(fleet)
        found |= {"greedy": (cost - plan.bound) / plan.turnover, "missing": missing}
    return found


def main() -> None:
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    console = Console(highlight=False, width=170)
    from benchmarks._fleet_cases import day_prices

    console.print(f"Prices: {day_prices()[1]}. Load of the machine when it began: {os.getloadavg()[0]:.1f}.")
    table = Table(
        "cars", "steps", "", "CPU", "rounds", "gap", "cost", "bound", "memory", "expanded and checked", "HiGHS", "greedy above bound"
    )
    sizes = [name for name in sys.argv[1:] if name.isdigit()]
    chosen = [row for row in ROWS if not sizes or str(row[1]) in sizes]
    scale = []
    for row in chosen:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            got = pool.submit(measure, row).result()
        if not row[0]:
            scale.append((row[1], got["seconds"]))
        greedy = "-" if got["greedy"] is None else f"{got['greedy']:.2%}, {got['missing'] or 0:.0f} kWh missing, {got['greedy_s']:.1f} s"
        direct = (
            "-"
            if got["direct"] is None
            else f"{got['direct']:.1f} s, " + (f"{got['direct_cost']:.2f}" if got["direct_cost"] else "not done")
        )
        table.add_row(
            f"{row[1]:,}", str(len(row[2])), row[0], f"{got['seconds']:.2f} s", f"{got['rounds']}", f"{got['gap']:.4%}",
            f"{got['cost']:.2f}", f"{got['bound']:.2f}", f"{got['megabytes']:.0f} MB", f"{got['expand']:.1f} s", direct, greedy,
        )  # fmt: skip
    console.print(table)
    if len(scale) > 1:
        slope = np.polyfit(np.log([count for count, _ in scale]), np.log([seconds or 1.0 for _, seconds in scale]), 1)[0]
        console.print(f"One limit, {scale[0][0]:,} to {scale[-1][0]:,} cars: CPU time grows with their number to the power of {slope:.2f}.")
    console.print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
