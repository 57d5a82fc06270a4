"""The same planning problem, written a second time as plainly as can be: every variable of every step, nothing left out, no shortcuts.

It shares with the planner only the words of the problem. Powers in kW, energies in kWh; each step's presence is reckoned here anew.
"""

from typing import Any

import highspy

from chargebridge.planning.problem import Problem, Store


def full_or_wanted(store: Store) -> float:
    """Wh that it may hold at the end."""
    full = max(store.full_wh, store.stored_wh)
    if store.rest_price is not None:
        return full
    return min(full, max([store.stored_wh, *(goal.stored_wh for goal in store.goals)]))


class Plain:
    """Builds the model; ``least(...)`` minimises something, ``hold(...)`` keeps what was found."""

    def __init__(self, problem: Problem, *, whole: bool = False) -> None:
        """whole: with what is on or off: least powers, one phase or all, one direction at a time, and the true price of export."""
        self.problem = problem
        self.h: Any = highspy.Highs()
        self.h.silent()
        starts = problem.horizon.starts_at
        edges, at = [0.0], 0.0
        for length in problem.horizon.steps_s:
            at += length
            edges.append(at)
        self.edges = edges
        self.T = range(len(problem.horizon.steps_s))
        self.hours = [length / 3600 for length in problem.horizon.steps_s]

        def offset(time: Any, otherwise: float) -> float:
            return otherwise if time is None else (time - starts).total_seconds()

        h, T = self.h, self.T  # noqa: N806
        var = lambda high=highspy.kHighsInf, low=0.0: h.addVariable(lb=low, ub=max(high, low))  # noqa: E731
        prices = problem.prices
        price_in = [
            prices.import_per_kwh[t]
            + (prices.network_per_kwh[t] if prices.network_per_kwh else 0.0)
            + (prices.co2_g_per_kwh[t] / 1000 * prices.co2_price_per_kg if prices.co2_g_per_kwh else 0.0)
            for t in T
        ]
        # min-rule: exporting never pays more than importing costs
        price_out = [prices.export_per_kwh[t] if whole else min(prices.export_per_kwh[t], price_in[t]) for t in T]
        self.grid_in, self.grid_out = [var() for _ in T], [var() for _ in T]
        if whole:
            for t in T:
                out = h.addBinary()
                h.addConstr(self.grid_out[t] <= 500.0 * out)
                h.addConstr(self.grid_in[t] <= 500.0 - 500.0 * out)
        self.cut = {g.id: [var(g.power.likely[t] / 1000 if g.curtailable else 0.0) for t in T] for g in problem.generators}
        self.sure = {g.id: [var(min(g.power.low[t], g.power.likely[t]) / 1000) for t in T] for g in problem.generators}
        for g in problem.generators:
            for t in T:
                h.addConstr(self.sure[g.id][t] + self.cut[g.id][t] <= g.power.likely[t] / 1000)
        self.p: dict[str, list[Any]] = {}
        self.q: dict[str, list[Any]] = {}
        self.s: dict[str, list[Any]] = {}
        self.first: dict[str, list[Any]] = {}
        self.short: list[tuple[Any, Any, list[Any]]] = []
        money = 0.0 * self.grid_in[0]
        for store in problem.stores:
            begin, end = max(0.0, offset(store.arrives_at, 0.0)), min(edges[-1], offset(store.departs_at, edges[-1]))
            here = [max(0.0, min(edges[t + 1], end) - max(edges[t], begin)) / (edges[t + 1] - edges[t]) for t in T]
            most = [min(store.charge_max_w, store.charge_limit_w[t] if store.charge_limit_w else 1e18) / 1000 for t in T]
            easy = len(store.phases) if store.switchable else 1
            most = [0.0 if m < store.charge_min_w / 1000 / easy else m for m in most]
            p = self.p[store.id] = [var(most[t] * here[t]) for t in T]
            q = self.q[store.id] = [var(store.discharge_max_w / 1000 * here[t]) for t in T]
            self.first[store.id] = [var(most[t] * here[t] / len(store.phases) if store.switchable else 0.0) for t in T]
            if whole:
                gives = store.discharge_max_w > 0
                room = (full_or_wanted(store) - store.stored_wh) / 1000 / store.charge_efficiency
                for t in T:
                    all_on, one_on, back = h.addBinary(), h.addBinary(), h.addBinary()
                    least = min(store.charge_min_w / 1000 * here[t], room / self.hours[t] if not gives else 1e18)
                    h.addConstr(p[t] <= most[t] * here[t] * all_on)
                    h.addConstr(p[t] >= least * all_on)
                    h.addConstr(self.first[store.id][t] <= most[t] * here[t] / len(store.phases) * one_on)
                    h.addConstr(self.first[store.id][t] >= least / len(store.phases) * one_on)
                    h.addConstr(q[t] <= store.discharge_max_w / 1000 * here[t] * back)
                    h.addConstr(q[t] >= store.discharge_min_w / 1000 * here[t] * back)
                    h.addConstr(all_on + one_on + back <= 1)
            elif store.switchable:
                raise ValueError("switching phases is whole")
            both = [p[t] + self.first[store.id][t] for t in T]
            s0, full = store.stored_wh / 1000, max(store.full_wh, store.stored_wh) / 1000
            s = self.s[store.id] = [var(full, min(store.floor_wh / 1000, s0)) for t in T]
            caps = [goal.price_cap for goal in store.goals if goal.price_cap is not None]
            rest = min([store.rest_price or 0.0, *caps])
            wanted = max([s0, *(goal.stored_wh / 1000 for goal in store.goals)])
            before = s0
            for t in T:
                h.addConstr(s[t] == before + self.hours[t] * (store.charge_efficiency * both[t] - (1 / store.discharge_efficiency) * q[t]))
                if store.taper is not None:
                    top = store.full_wh / 1000
                    line = (store.charge_max_w - store.taper_end_w) / 1000 / (top - store.taper * top)
                    middle = 0.5 * s[t] + 0.5 * before
                    h.addConstr(
                        p[t] + self.first[store.id][t]
                        <= here[t] * (store.charge_max_w / 1000 + line * store.taper * top) - here[t] * line * middle
                    )
                before = s[t]
                money += store.wear_per_kwh * self.hours[t] * q[t]
            if store.rest_price is None:
                h.addConstr(s[-1] <= min(full, wanted))
                if not store.goals and store.discharge_max_w > 0:
                    h.addConstr(s[-1] >= s0)
            money += -rest * s[-1] + rest * wanted
            for goal in store.goals:
                time = min(offset(goal.at, 0.0), offset(store.departs_at, 1e18))
                level = goal.stored_wh / 1000
                if time > edges[-1]:
                    level = max(0.0, level - store.charge_max_w / 1000 * store.charge_efficiency * (time - edges[-1]) / 3600)
                time = min(max(time, 0.0), edges[-1])
                quarters = [var() for _ in range(4)]
                need = max(level - s0, 0.0)
                for quarter in quarters[1:]:
                    h.addConstr(quarter <= need / 4)
                # what is stored at that time: a straight line through the part of the step in which the store is there
                have: Any = s0
                for t in T:
                    first, last = max(edges[t], begin), min(edges[t + 1], end)
                    if last <= first or time <= first:
                        continue
                    share = min(1.0, (time - first) / (last - first))
                    have = have + share * self.hours[t] * (store.charge_efficiency * both[t] - (1 / store.discharge_efficiency) * q[t])
                h.addConstr(have + sum(quarters[1:], start=quarters[0]) >= level)
                if goal.price_cap is None:
                    self.short.append((store, goal, quarters))
                else:
                    money += (goal.price_cap - rest) * goal.probability * sum(quarters[1:], start=quarters[0])
        self.on: dict[str, list[Any]] = {}
        self.idle: dict[str, Any] = {}
        for plant in problem.plants:
            begin, end = offset(plant.earliest_at, 0), offset(plant.latest_at, 0)
            on = self.on[plant.id] = [var(max(0.0, min(edges[t + 1], end) - max(edges[t], begin)) / (edges[t + 1] - edges[t])) for t in T]
            idle = self.idle[plant.id] = var()
            h.addConstr(sum((self.hours[t] * on[t] for t in T), start=1.0 * idle) == plant.run_s / 3600)
        for t in T:
            load = sum(node.load.likely[t] for node in problem.nodes if node.load) / 1000
            pv = sum(g.power.likely[t] for g in problem.generators) / 1000
            net = self.grid_in[t] - self.grid_out[t]
            for store in problem.stores:
                net = net - self.p[store.id][t] - self.first[store.id][t] + self.q[store.id][t]
            for plant in problem.plants:
                net = net - plant.power_w / 1000 * self.on[plant.id][t]
            for g in problem.generators:
                net = net - self.cut[g.id][t]
            h.addConstr(net == load - pv)
            money += self.hours[t] * price_in[t] * self.grid_in[t] - self.hours[t] * price_out[t] * self.grid_out[t]
        for charge in prices.demand:
            # each second belongs to the window of its own; windows of whole steps only, which is all that the tests give
            peak = var()
            money += charge.price_per_kw * peak
            length, first = charge.window_s, starts.timestamp() % charge.window_s
            windows: dict[int, list[tuple[int, float]]] = {}
            for t in T:
                cursor = edges[t]
                while cursor < edges[t + 1] - 1e-9:
                    index = int((cursor + first + 1e-9) // length)
                    stop = min(edges[t + 1], (index + 1) * length - first)
                    windows.setdefault(index, []).append((t, stop - cursor))
                    cursor = stop
            for index, parts in windows.items():
                whole = sum(span for _, span in parts) + (first if index == 0 else 0.0)
                begun = charge.first_window_wh / 1000 / (whole / 3600) if index == 0 and first > 0 else 0.0
                h.addConstr(
                    sum((span / whole * self.grid_in[t] for t, span in parts), start=-1.0 * peak) <= charge.reached_w / 1000 - begun
                )
        self.money = money
        self.soft = 0.0 * self.grid_in[0]
        self.overload = 0.0 * self.grid_in[0]
        self._nodes()

    def _nodes(self) -> None:
        problem, h = self.problem, self.h
        parent = {node.id: node.parent for node in problem.nodes}

        def below(place: str, node: str) -> bool:
            while place is not None and place != node:
                place = parent[place]
            return place == node

        for node in problem.nodes:
            counts = (
                (lambda thing, n=node: thing.id in n.members)
                if node.members is not None
                else (lambda thing, n=node: below(thing.node, n.id))
            )
            loads = [
                n for n in problem.nodes if n.load and (n is node or (node.members is None and n.members is None and below(n.id, node.id)))
            ]
            for phase in (None, 1, 2, 3):
                share = lambda phases, phase=phase: 1.0 if phase is None else (1.0 / len(phases) if phase in phases else 0.0)  # noqa: E731
                for t in self.T:
                    flow: Any = 0.0 * self.grid_in[0]
                    for store in filter(counts, problem.stores):
                        flow = flow + share(store.phases) * (self.p[store.id][t] - self.q[store.id][t])
                        flow = flow + share(store.phases[:1]) * self.first[store.id][t]
                    for plant in filter(counts, problem.plants):
                        flow = flow + share(plant.phases) * plant.power_w / 1000 * self.on[plant.id][t]
                    low = sum(share(n.load_phases) * n.load.low[t] for n in loads) / 1000
                    likely = sum(share(n.load_phases) * n.load.likely[t] for n in loads) / 1000
                    high = sum(share(n.load_phases) * n.load.high[t] for n in loads) / 1000
                    gens = list(filter(counts, problem.generators))
                    fixed = [g for g in gens if not g.curtailable]
                    down = [g for g in gens if g.curtailable]
                    f = lambda g, share=share: share(g.phases)  # noqa: E731
                    worst = flow + (high - sum(f(g) * g.power.low[t] for g in fixed) / 1000)
                    best = flow + (low - sum(f(g) * g.power.high[t] for g in fixed) / 1000)
                    usual = flow + (likely - sum(f(g) * g.power.likely[t] for g in gens) / 1000)
                    for g in down:
                        worst = worst - f(g) * self.sure[g.id][t]
                        usual = usual + f(g) * self.cut[g.id][t]
                    if phase is None:
                        top = node.import_w[t] / 1000 if node.import_w else None
                        bottom = node.export_w[t] / 1000 if node.export_w else None
                    else:
                        top = bottom = node.current_a[t][phase - 1] * problem.voltage_v / 1000 if node.current_a else None
                    least = low - sum(f(g) * g.power.high[t] for g in fixed) / 1000
                    normal = likely - sum(f(g) * g.power.likely[t] for g in fixed) / 1000
                    for limit, sides, sign in (
                        (top, ((worst, 0.0),), 1),
                        (bottom, ((best, least), *([(usual, normal)] if down else [])), -1),
                    ):
                        if limit is None or limit == float("inf"):
                            continue
                        for side, base in sides:
                            if node.hard:
                                # what nobody plans may cross it; the plan takes away from that, and never adds to it
                                alone = {1: high - sum(f(g) * g.power.low[t] for g in gens) / 1000, -1: -base}[sign]
                                over = h.addVariable(ub=max(0.0, alone - limit))
                                h.addConstr(sign * side - over <= limit)
                                self.overload = self.overload + over
                            else:
                                over = h.addVariable()
                                h.addConstr(sign * side - over <= limit)
                                self.soft = self.soft + self.hours[t] * over

    def least(self, what: Any) -> float:
        """Its minimum; infinite where there is no solution."""
        self.h.minimize(what)
        status = self.h.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return float("inf")
        assert status == highspy.HighsModelStatus.kOptimal, self.h.modelStatusToString(status)
        return float(self.h.getInfo().objective_function_value)

    def hold(self, what: Any, value: float) -> None:
        self.h.addConstr(what <= value + 1e-7)

    def missing(self, priority: int, quarter: int) -> Any:
        """kWh missing of one quarter of the goals of one priority, weighed with their probabilities."""
        found: Any = 0.0 * self.grid_in[0]
        for store, goal, quarters in self.short:
            if store.priority == priority:
                found = found + goal.probability * quarters[quarter]
        return found

    def in_order(self) -> tuple[list[float], float]:
        """What bends, what bends last first, each made least in turn; then the money."""
        found = []
        steps = [self.overload, sum((p.power_w / 1000 * self.idle[p.id] for p in self.problem.plants), start=0.0 * self.grid_in[0])]
        for priority in sorted({store.priority for store, _, _ in self.short}, reverse=True):
            steps += [self.missing(priority, quarter) for quarter in range(4)]
        for what in [*steps, self.soft]:
            found.append(self.least(what))
            self.hold(what, found[-1])
        return found, self.least(self.money)
