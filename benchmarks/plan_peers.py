"""One plan from start to end beside its peers: 1, 10, 100 cars, evcc's own cases, and 1,000 cars under three levels of fuses.

Each peer runs in a Python environment of its own, made on first use with uv below ``CHARGEBRIDGE_PEERS`` (default: the user's cache). Every
round goes from plain lists to the power of every car in every step, ours with the prices of all constraints besides; CPU time, median of the
rounds. A time counts only when the costs agree to 1e-4. evcc's optimizer is not on PyPI: ``CHARGEBRIDGE_EVCC_OPTIMIZER`` names the folder of a
checkout of evcc-io/optimizer that holds its package (``src``); its cases are read from CHARGEBRIDGE_VECTORS.
"""

import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from chargebridge.planning import plan
from chargebridge.planning.problem import Goal, Horizon, Node, Prices, Problem, Store
from chargebridge.planning.schedule import Schedule, Solver

HOME = Path(os.environ.get("CHARGEBRIDGE_PEERS", Path.home() / ".cache" / "chargebridge" / "plan-peers"))
VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[2] / "shared" / "vectors"))
ROUNDS = 5
NEEDS = {
    "cvxpy": ("modelling", ["cvxpy>=1.9", "linopy>=0.10", "highspy>=1.15"]),
    "linopy": ("modelling", ["cvxpy>=1.9", "linopy>=0.10", "highspy>=1.15"]),
    "flexmeasures": ("flexmeasures", ["flexmeasures>=1.0.1", "highspy>=1.15"]),
    "pypsa": ("pypsa", ["pypsa>=1.4", "highspy>=1.15"]),
    "evcc": ("evcc", ["pulp>=3,<4", "numpy", "pydantic-settings"]),
}
START = datetime(2026, 1, 16, 12, 0, tzinfo=UTC)


def python_of(peer: str) -> str | None:
    """The Python of a peer's environment, made when it is not there; None where that fails."""
    name, packages = NEEDS[peer]
    python = HOME / name / "bin" / "python"
    if not python.exists():
        uv = str(Path(sys.executable).parent / "uv")
        for command in ([uv, "venv", "-q", str(HOME / name)], [uv, "pip", "install", "-q", "-p", str(python), *packages]):
            if subprocess.run(command, check=False).returncode:
                return None
    return str(python)


def instance(cars: int, steps: int = 96, limited: bool = True) -> dict[str, Any]:
    """Cars with windows, powers and energies under one limit that binds; a price with two waves a day."""
    rng = random.Random(7)
    price = [round(0.25 + 0.1 * math.sin(t / 96 * 4 * math.pi) + rng.uniform(-0.03, 0.03), 4) for t in range(steps)]
    most, energy = [], []
    for _ in range(cars):
        arrives, power = rng.randrange(0, steps // 2), rng.choice([3.7, 7.4, 11.0, 22.0])
        departs = rng.randrange(arrives + 12, steps)
        most.append([power if arrives <= t < departs else 0.0 for t in range(steps)])
        energy.append(round(min(rng.uniform(5, 40), 0.8 * power * (departs - arrives) * 0.25), 3))
    limit = sum(max(line) for line in most) * (0.25 if limited and cars > 1 else 1.0)
    return {"price": price, "most": most, "energy": energy, "hours": 0.25, "limit": limit}


def problem_of(case: dict[str, Any], leaves: int = 0) -> Problem:
    """The instance in our words; leaves: cars hang under so many fuses on two levels below the connection."""
    step = timedelta(hours=case["hours"])
    stores = []
    for i, (line, energy) in enumerate(zip(case["most"], case["energy"], strict=True)):
        there = [t for t, power in enumerate(line) if power]
        leave = START + step * (there[-1] + 1)
        stores.append(
            Store(
                id=f"car{i}", node=f"leaf{i % leaves}" if leaves else "grid", charge_max_w=max(line) * 1000.0, full_wh=energy * 1000.0,
                arrives_at=START + step * there[0], departs_at=leave, goals=(Goal(at=leave, stored_wh=energy * 1000.0),),
            )
        )  # fmt: skip
    count, whole = len(case["price"]), case["limit"] * 1000.0
    nodes = [Node(id="grid", import_w=(whole,) * count)]
    if leaves:
        middle = max(leaves // 10, 1)
        nodes += [Node(id=f"middle{k}", parent="grid", import_w=(whole / middle * 1.1,) * count) for k in range(middle)]
        nodes += [Node(id=f"leaf{k}", parent=f"middle{k % middle}", import_w=(whole / leaves * 1.3,) * count) for k in range(leaves)]
    return Problem(
        horizon=Horizon(starts_at=START, steps_s=(case["hours"] * 3600.0,) * count),
        nodes=tuple(nodes),
        prices=Prices(import_per_kwh=tuple(case["price"]), export_per_kwh=(0.0,) * count),
        stores=tuple(stores),
    )


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(run: Callable[[], Schedule], rounds: int) -> tuple[Schedule, float]:
    made, took = run(), []
    for _ in range(rounds):
        begin = cpu_s()
        made = run()
        took.append(cpu_s() - begin)
    return made, median(took)


def asked(peer: str, case: dict[str, Any], rounds: int = ROUNDS) -> dict[str, Any] | None:
    """What the peer answers; None where it is not to be had."""
    python = python_of(peer)
    if python is None:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(case, file)
        file.flush()
        worker = str(Path(__file__).with_name("_plan_worker.py"))
        done = subprocess.run([python, worker, peer, file.name, str(rounds)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{peer}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def beside_peers(console: Console) -> None:
    table = Table("cars", "cost", "ours", *(peer for peer in NEEDS if peer != "evcc"), title="plan(): 96 steps, one limit, CPU time")
    for cars in (1, 10, 100):
        case = instance(cars)
        made, ours = timed(lambda case=case: plan(problem_of(case), 20.0), 4 * ROUNDS)  # type: ignore[misc]
        assert made.solver is Solver.LP
        row = [str(cars), f"{made.cost:.4f}", f"{ours * 1e3:.1f} ms"]
        for peer in NEEDS:
            if peer == "evcc":
                continue
            answer = asked(peer, case)
            if answer is None:
                row.append("not to be had")
            elif abs(answer["cost"] - made.cost) > 1e-4 * max(1.0, abs(made.cost)):
                row.append(f"other cost: {answer['cost']:.4f}")
            else:
                took = median(answer["took_s"])
                row.append(f"{took * 1e3:.0f} ms, {took / ours:.1f} x")
        table.add_row(*row)
    console.print(table)


def beside_evcc(console: Console) -> None:
    """Their cases by both, ours in the usual time, and by their own terms what each answer is worth."""
    from tests.planning.evcc_cases import cases, flows_of, request_of, worth
    from tests.planning.evcc_cases import problem_of as told

    source, paths = os.environ.get("CHARGEBRIDGE_EVCC_OPTIMIZER"), cases(VECTORS)
    if not paths or not source:
        console.print("evcc's cases are left out: CHARGEBRIDGE_VECTORS has none, or CHARGEBRIDGE_EVCC_OPTIMIZER does not name its checkout")
        return
    table = Table(
        "case", "ours", "evcc (CBC)", "ratio", "worth more", title="golden cases of evcc-io/optimizer, CPU time; worth by its own objective"
    )
    total = [0.0, 0.0]
    for path in paths:
        request = request_of(path)["request"]
        made, ours = timed(lambda request=request: plan(told(request)), 3)  # type: ignore[misc]
        answer = asked("evcc", {"source": source, "request": request}, rounds=3)
        if answer is None:
            console.print("evcc's optimizer is not to be had")
            return
        theirs = median(answer["took_s"])
        money, penalty = worth(request, flows_of(request, made))
        other_money, other_penalty = worth(request, answer["flows"])
        total = [total[0] + ours, total[1] + theirs]
        more = money - penalty - other_money + other_penalty
        table.add_row(path.stem[:28], f"{ours * 1e3:.0f} ms", f"{theirs * 1e3:.0f} ms", f"{theirs / ours:.1f}", f"{more:+.4f}")
    table.add_row("all", f"{total[0]:.2f} s", f"{total[1]:.2f} s", f"{total[1] / total[0]:.1f}", "")
    console.print(table)


def many(console: Console) -> None:
    table = Table("cars", "fuses", "ours", "rule", "rule dearer by", title="three levels of fuses, 96 steps, CPU time")
    from chargebridge.planning.arrays import arrays
    from chargebridge.planning.planner import by_rule

    for cars, leaves in ((100, 10), (1000, 100)):
        problem = problem_of(instance(cars), leaves)
        made, ours = timed(lambda problem=problem: plan(problem, 30.0), 3)  # type: ignore[misc]
        rule, took = timed(lambda problem=problem: by_rule(arrays(problem), "by rule"), 3)  # type: ignore[misc]
        dearer = f"{(rule.cost / made.cost - 1) * 100:.2f} %" if not rule.relaxations else f"{len(rule.relaxations)} goals missed"
        table.add_row(str(cars), str(1 + leaves // 10 + leaves), f"{ours * 1e3:.0f} ms", f"{took * 1e3:.0f} ms", dearer)
    console.print(table)


def main() -> None:
    console = Console(highlight=False)
    many(console)
    beside_peers(console)
    beside_evcc(console)


if __name__ == "__main__":
    main()
