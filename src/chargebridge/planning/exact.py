"""The exact plan: one LP that prices what would have to bend above all money; where something does bend, the order is kept programme by programme;
then, among plans of the same cost, the owner's taste.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Arrays, Flags, Floats, Ints
from chargebridge.planning.highs import Answer, Highs, Programme, SolverError
from chargebridge.planning.lp import Form
from chargebridge.planning.money import Powers

TINY = 1e-5
"""kW, kWh or hours that count as nothing: what a solver's tolerances leave."""


PRIMAL = 4
"""HiGHS' number of the primal simplex."""
FIRST_TRY = 0.4
"""Share of the time that the dual simplex has to itself."""


class Choice(Struct, frozen=True):
    """Other bounds for some columns: what was decided of what is on and what is off."""

    columns: Ints
    low: Floats
    high: Floats


class Solved(Struct):
    """x: the columns, of which the answer has the duals. bends: whether anything does; ordered: whether
    its order was kept. slack: money by which the cost may be
    above that of the best plan. turned (S): stores that would have charged and discharged at once."""

    form: Form
    x: Floats
    answer: Answer
    programme: Programme
    money_scale: float
    slack: float
    bends: bool
    ordered: bool
    turned: Flags
    used_s: float


def scaled(form: Form, a: Arrays) -> tuple[Programme, float]:
    """The programme with prices near one, and what its costs have to be multiplied by to be money."""
    programme = form.sheet.programme()
    prices = np.concatenate((np.abs(a.import_price), np.abs(a.export_price)))
    scale = float(max(prices.max(), 1e-3))
    cost = programme.cost / scale
    return Programme(
        cost=cost, low=programme.low, high=programme.high, row_low=programme.row_low, row_high=programme.row_high,
        starts=programme.starts, columns=programme.columns, values=programme.values, whole=programme.whole,
    ), scale  # fmt: skip


def levels(form: Form, a: Arrays) -> Iterator[tuple[str, Ints, Floats]]:
    """Columns of what bends and their weights, what bends last first: overload, plants, then each priority's quarters, then soft limits."""
    overload = [limit.over for limit in form.limits if limit.hard and len(limit.over)]
    if overload:
        yield "overload", np.concatenate(overload), np.ones(sum(map(len, overload)))
    if len(form.idle):
        yield "plants", form.idle, np.maximum(a.plant_kw, 1e-3)
    i, t = np.nonzero(form.behind >= 0)
    if len(i):
        yield "now", form.behind[i, t], a.hours[t]
    wanted = np.flatnonzero(~a.aims.capped)
    ranks = np.array([store.priority for store in a.problem.stores])[a.aims.store[wanted]] if len(wanted) else wanted
    for rank in sorted(set(ranks.tolist()), reverse=True):
        members = wanted[ranks == rank]
        for quarter in range(4):
            yield f"goals {rank} {quarter}", form.short[members, quarter], a.aims.probability[members]
    soft = [limit for limit in form.limits if not limit.hard]
    if soft:
        yield "soft", np.concatenate([limit.over for limit in soft]), np.concatenate([a.hours[limit.steps] for limit in soft])


def solve(form: Form, a: Arrays, until_s: float, choice: Choice | None = None) -> Solved:
    """Cost first, in the order of what bends; then taste. SolverError when HiGHS has nothing in time.

    A programme that is paid for using energy up (negative prices, a limit on export) lets a store charge and discharge in the same step. Such
    steps are given the direction in which the stock moves, and solved again; the bound stays that of the first.
    """
    programme, scale = scaled(form, a)
    if choice is not None:
        programme.low[choice.columns], programme.high[choice.columns] = choice.low, choice.high
    highs = Highs(programme)
    bounds = Bounds(programme)
    bent = list(levels(form, a))
    try:
        answer = highs.solve(until_s * FIRST_TRY)
    except SolverError:
        # the dual simplex goes astray where a lot has to bend; the primal one has a plan to begin with: nothing charges
        highs.option("simplex_strategy", PRIMAL)
        highs.forget()
        answer = highs.solve(until_s)
    bound = answer.bound
    turned = np.zeros(len(a.stored), dtype=bool)
    for last in (False,) * 5 + (True,):
        stores, wrong = both_ways(form, a, answer.x)
        below = under_reserve(form, a, answer.x, every=last)
        if not len(wrong) and not len(below):
            break
        turned[stores] = True
        bounds.close(highs, np.concatenate((wrong, below)))
        answer = highs.solve(until_s)
    bends, ordered = any((answer.x[columns] > TINY).any() for _, columns, _ in bent), True
    if answer.proven and bends:
        answer, ordered = _in_order(highs, bounds, bent, answer, until_s)
    x = answer.x
    if answer.proven and ordered:
        x = taste(form, highs, bounds, answer, until_s)
    slack = max(answer.cost - bound, 0.0) * scale
    return Solved(
        form=form,
        x=x,
        answer=answer,
        programme=programme,
        money_scale=scale,
        slack=slack,
        bends=bends,
        ordered=ordered,
        turned=turned,
        used_s=highs.used_s,
    )


def both_ways(form: Form, a: Arrays, x: Floats) -> tuple[Ints, Ints]:
    """Stores that charge and discharge in one step, and the columns to close there: of the two the one against which the stock moves."""
    flow = form.flow
    things, steps = np.nonzero((flow.charge >= 0) & (flow.discharge >= 0))
    into, one, out = flow.charge[things, steps], flow.single[things, steps], flow.discharge[things, steps]
    charge = x[into] + np.where(one >= 0, x[one], 0.0)
    both = (charge > TINY) & (x[out] > TINY)
    rises = charge * a.charge_efficiency[things] > x[out] / a.discharge_efficiency[things]
    wrong = np.concatenate((out[both & rises], into[both & ~rises], one[both & ~rises & (one >= 0)]))
    return things[both], wrong


def under_reserve(form: Form, a: Arrays, x: Floats, *, every: bool) -> Ints:
    """Columns to close where a store that begins below its reserve gives back before it is above; all that it gives back, if that is not enough."""
    found = [np.zeros(0, dtype=int)]
    for i in np.flatnonzero(a.stored < a.reserve - TINY):
        there = np.flatnonzero((form.flow.discharge[i] >= 0) & (form.stock[i] >= 0))
        columns = form.flow.discharge[i, there]
        wrong = (x[columns] > TINY) & (x[form.stock[i, there]] < a.reserve[i] - TINY)
        if wrong.any():
            found.append(columns if every else columns[wrong])
    return np.concatenate(found)


def worth_of(s: Solved) -> float:
    """What the solution costs by the programme, penalties and all."""
    return float(s.programme.cost @ s.x)


class Bounds:
    """The bounds of a programme as they stand now."""

    def __init__(self, programme: Programme) -> None:
        self.low, self.high = programme.low.copy(), programme.high.copy()
        self.row_low, self.row_high = programme.row_low.copy(), programme.row_high.copy()
        self.cost = programme.cost
        self.programme = programme

    def close(self, highs: Highs, columns: Ints) -> None:
        """Columns that are to be nothing."""
        self.high[columns] = 0.0
        highs.change(columns=(columns, self.low[columns], self.high[columns]))

    def hold(self, highs: Highs, answer: Answer) -> bool:
        """Keep to the solutions that are as good as the answer: complementary slackness. Columns with a reduced cost and rows with a dual value stay
        where they are. Whether anything is left to choose."""
        fixed = np.flatnonzero((np.abs(answer.column_dual) > 1e-7) & (self.low < self.high))
        self.low[fixed] = self.high[fixed] = np.where(
            np.abs(answer.x[fixed] - self.low[fixed]) <= np.abs(self.high[fixed] - answer.x[fixed]), self.low[fixed], self.high[fixed]
        )
        highs.change(columns=(fixed, self.low[fixed], self.high[fixed]))
        tight = np.flatnonzero((np.abs(answer.row_dual) > 1e-7) & (self.row_low < self.row_high))
        low = answer.row_dual[tight] > 0
        value = np.where(low & np.isfinite(self.row_low[tight]), self.row_low[tight], self.row_high[tight])
        self.row_low[tight] = self.row_high[tight] = value
        highs.change(rows=(tight, value, value))
        return bool((self.low < self.high).any())


def _in_order(highs: Highs, bounds: Bounds, bent: list[tuple[str, Ints, Floats]], answer: Answer, until_s: float) -> tuple[Answer, bool]:
    """Make least of what bends last, hold that, go on with the next, and end with the money: a pure lexicographic optimum."""
    clear = True
    cost = bounds.cost.copy()
    every = np.concatenate([columns for _, columns, _ in bent])
    cost[every] = 0.0
    try:
        for _, columns, weights in bent:
            if clear and not (answer.x[columns] > TINY).any():
                # nothing of this is missing in a plan that misses nothing more important either
                bounds.close(highs, columns)
                continue
            clear = False
            goal = np.zeros(len(cost))
            goal[columns] = weights
            highs.change(cost=goal)
            bounds.hold(highs, highs.solve(until_s))
        highs.change(cost=cost)
        return highs.solve(until_s), True
    except SolverError:
        return answer, False


def taste(form: Form, highs: Highs, bounds: Bounds, answer: Answer, until_s: float) -> Floats:
    """Among plans of the same cost the one that is liked best: calm first, then smooth, then soon. Without time left: any of them."""
    x = answer.x
    for columns, weights in form.likings:
        cost = np.zeros(len(bounds.cost))
        cost[columns] = weights
        if not bounds.hold(highs, answer):
            break
        if not (cost[bounds.low < bounds.high] != 0).any():
            continue
        highs.option("simplex_strategy", PRIMAL)
        highs.change(cost=cost)
        try:
            answer = highs.solve(until_s)
        except SolverError:
            break
        if not answer.proven:
            break
        x = answer.x
    return x


def powers_of(form: Form, a: Arrays, x: Floats) -> Powers:
    """What the columns say, within their bounds; a store that charges and discharges in one step does the difference."""

    def read(field: Ints, most: Floats) -> Floats:
        found = np.zeros(field.shape)
        where = field >= 0
        found[where] = x[field[where]]
        return np.clip(found, 0.0, most)

    flow = form.flow
    single, charge, discharge = read(flow.single, a.single_kw), read(flow.charge, a.charge_kw), read(flow.discharge, a.discharge_kw)
    charge = charge + single
    both = (charge > 0) & (discharge > 0)
    if both.any():
        in_, out = a.charge_efficiency.reshape(-1, 1), a.discharge_efficiency.reshape(-1, 1)
        change = charge * in_ - discharge / out
        charge = np.where(both, np.maximum(change, 0.0) / in_, charge)
        discharge = np.where(both, np.maximum(-change, 0.0) * out, discharge)
        single = np.minimum(single, charge)
    return Powers(
        charge=charge, single=single, discharge=discharge, on=read(flow.on, a.plant_share), curtail=read(flow.curtail, a.gen_likely)
    )
