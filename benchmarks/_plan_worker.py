"""One peer on one planning problem, run by the Python of its own environment: ``_plan_worker.py peer instance.json rounds``.

Prints JSON: what each round took (CPU seconds of the process and of those it started) and the cost. Every round goes from plain lists to the powers
of every car. The first round, with all that is loaded on first use, is left out. Nothing of chargebridge is imported here.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Instance = dict[str, Any]


def linopy_(case: Instance) -> Callable[[], float]:
    import linopy
    import numpy as np
    import pandas as pd

    def run() -> float:
        cars, steps = pd.RangeIndex(len(case["energy"]), name="car"), pd.RangeIndex(len(case["price"]), name="step")
        most = pd.DataFrame(case["most"], index=cars, columns=steps)
        model = linopy.Model()
        power = model.add_variables(lower=0, upper=most, name="power")
        model.add_constraints((power * case["hours"]).sum("step") >= pd.Series(case["energy"], index=cars))
        model.add_constraints(power.sum("car") <= case["limit"])
        model.add_objective((power * pd.Series(np.array(case["price"]) * case["hours"], index=steps)).sum())
        model.solve("highs", io_api="direct", output_flag=False)
        assert power.solution.to_numpy().shape == most.shape
        return float(model.objective.value)

    return run


def cvxpy_(case: Instance) -> Callable[[], float]:
    import cvxpy as cp
    import numpy as np

    def run() -> float:
        most = np.array(case["most"])
        power = cp.Variable(most.shape, bounds=[np.zeros(most.shape), most])
        limits = [case["hours"] * cp.sum(power, axis=1) >= np.array(case["energy"]), cp.sum(power, axis=0) <= case["limit"]]
        problem = cp.Problem(cp.Minimize(cp.sum(power @ (np.array(case["price"]) * case["hours"]))), limits)
        problem.solve(solver=cp.HIGHS)
        assert power.value.shape == most.shape
        return float(problem.value)

    return run


def pypsa_(case: Instance) -> Callable[[], float]:
    import logging

    import numpy as np
    import pandas as pd
    import pypsa

    logging.disable(logging.CRITICAL)

    def run() -> float:
        most = np.array(case["most"])
        index = pd.date_range("2026-01-01", periods=most.shape[1], freq=f"{round(case['hours'] * 60)}min")
        network = pypsa.Network()
        network.set_snapshots(index)
        network.snapshot_weightings = pd.DataFrame(case["hours"], index=index, columns=network.snapshot_weightings.columns)
        network.add("Bus", "site")
        network.add("Generator", "grid", bus="site", p_nom=case["limit"], marginal_cost=pd.Series(case["price"], index=index))
        names = [f"car{i}" for i in range(len(most))]
        network.add("Bus", names)
        peak = most.max(axis=1)
        share = pd.DataFrame((most / peak[:, None]).T, index=index, columns=names)
        network.add("Link", names, bus0="site", bus1=names, p_nom=peak, p_max_pu=share)
        wanted = pd.DataFrame(np.zeros(share.shape), index=index, columns=names)
        wanted.iloc[-1] = 1.0
        network.add("Store", names, bus=names, e_nom=np.array(case["energy"]), e_initial=0.0, e_min_pu=wanted)
        network.optimize(solver_name="highs", io_api="direct", solver_options={"output_flag": False}, assign_all_duals=False)
        assert network.links_t.p0.shape == share.shape
        return float(network.objective)

    return run


def flexmeasures_(case: Instance) -> Callable[[], float]:
    import logging

    import flask
    import numpy as np
    import pandas as pd
    from flexmeasures.data.models.planning import FlowCommitment
    from flexmeasures.data.models.planning.linear_optimization import device_scheduler

    logging.disable(logging.CRITICAL)
    app = flask.Flask("benchmark")
    app.config.update(FLEXMEASURES_LP_SOLVER="highspy", LOGGING_LEVEL="WARNING", FLEXMEASURES_LP_SOLVER_OPTIONS={})
    none = np.nan

    def run() -> float:
        most, hours = np.array(case["most"]), case["hours"]
        count = most.shape[1]
        index = pd.date_range("2026-01-01", periods=count, freq=f"{round(hours * 60)}min", tz="UTC", inclusive="left")
        devices = []
        for i, energy in enumerate(case["energy"]):
            least = np.zeros(count)
            least[-1] = energy / hours  # it counts stock in power times steps
            devices.append(
                pd.DataFrame(
                    {
                        "min": least, "max": energy / hours, "equals": none, "efficiency": 1.0, "stock delta": 0.0, "derivative min": 0.0,
                        "derivative max": most[i], "derivative equals": none, "derivative down efficiency": 1.0, "derivative up efficiency": 1.0,
                    },
                    index=index,
                )
            )  # fmt: skip
        site = pd.DataFrame({"derivative min": 0.0, "derivative max": case["limit"]}, index=index)
        price = pd.Series(case["price"], index=index)
        energy_cost = FlowCommitment(name="energy", index=index, quantity=0, upwards_deviation_price=price, downwards_deviation_price=price)
        with app.app_context():
            powers, *_ = device_scheduler(devices, site, commitments=[energy_cost], initial_stock=0)
        return float(sum(np.array(power) @ np.array(case["price"]) for power in powers) * hours)

    return run


def evcc_(case: Instance) -> Callable[[], float]:
    """Its own request, solved by its own code: a checkout of evcc-io/optimizer stands where ``source`` says."""
    sys.path.insert(0, case["source"])
    from optimizer.optimizer import BatteryConfig, GridConfig, OptimizationStrategy, Optimizer, TimeSeriesData  # type: ignore[import-not-found]

    request = case["request"]
    grid, strategy = request.get("grid") or {}, request.get("strategy") or {}

    def run() -> float:
        optimizer = Optimizer(
            strategy=OptimizationStrategy(strategy.get("charging_strategy", "none"), strategy.get("discharging_strategy", "none")),
            grid=GridConfig(grid.get("p_max_imp"), grid.get("p_max_exp"), grid.get("prc_p_exc_imp")),
            batteries=[
                BatteryConfig(
                    charge_from_grid=battery.get("charge_from_grid", False), discharge_to_grid=battery.get("discharge_to_grid", False),
                    s_capacity=battery.get("s_capacity", battery["s_max"]), s_min=battery["s_min"], s_max=battery["s_max"],
                    s_initial=battery["s_initial"], p_demand=battery.get("p_demand"), s_goal=battery.get("s_goal"), c_min=battery["c_min"],
                    c_max=battery["c_max"], d_max=battery["d_max"], p_a=battery["p_a"], c_priority=battery.get("c_priority", 0),
                )
                for battery in request["batteries"]
            ],
            time_series=TimeSeriesData(**{name: request["time_series"][name] for name in ("dt", "gt", "ft", "p_N", "p_E")}),
            eta_c=request.get("eta_c", 0.95), eta_d=request.get("eta_d", 0.95),
        )  # fmt: skip
        case["answer"] = optimizer.solve()
        return float(case["answer"]["objective_value"])

    return run


PEERS = {"linopy": linopy_, "cvxpy": cvxpy_, "pypsa": pypsa_, "flexmeasures": flexmeasures_, "evcc": evcc_}


def cpu_s() -> float:
    own, started = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + started.ru_utime + started.ru_stime


def main() -> None:
    peer, path, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    case = json.loads(path.read_text())
    run = PEERS[peer](case)
    cost, took = run(), []
    for _ in range(rounds):
        begin = cpu_s()
        cost = run()
        took.append(cpu_s() - begin)
    print(json.dumps({"cost": cost, "took_s": took, "flows": _flows(case)}))


def _flows(case: Instance) -> Any:
    answer = case.get("answer")
    return answer and [(battery["charging_power"], battery["discharging_power"]) for battery in answer["batteries"]]


if __name__ == "__main__":
    main()
