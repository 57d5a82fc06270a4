"""What is on or off: a least power, one phase or three, plants that run at a stretch. Where the LP's answer is neither, a MILP decides for a few
stores; for many, what lies below the least power is gathered into whole steps and the LP is solved once more.
"""

from contextlib import suppress

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Arrays, Flags, Floats, Ints
from chargebridge.planning.exact import TINY, Choice, Solved, powers_of, scaled, solve, worth_of
from chargebridge.planning.flow import net
from chargebridge.planning.gather import gather, thin_out
from chargebridge.planning.highs import Highs, Programme, SolverError
from chargebridge.planning.lp import Form, formulate
from chargebridge.planning.money import money
from chargebridge.planning.plants import plant_switches

GAP = 1e-5
"""Share of the cost at which a MILP may stop."""
SEARCH: dict[str, float | str | bool] = {
    "presolve": "on",
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_allow_restart": False,
}
"""A good plan is known from the start: of the searches for better ones by smaller MILPs only the one around it (RINS) is worth its time, and ten
cars with least powers need that one; beginning anew is not."""
FEW = 10
"""Stores up to which a MILP is tried."""


def undecided(form: Form, a: Arrays, x: Floats) -> Flags:
    """(S): whether a store does something that it cannot: less than its least power, one phase and three."""

    def read(columns: Ints) -> Floats:
        return np.asarray(np.append(x, 0.0)[columns])

    charge, single, discharge = (read(form.flow.charge), read(form.flow.single), read(form.flow.discharge))
    phases = np.array([len(store.phases) for store in a.problem.stores]).reshape(-1, 1)
    wrong = np.asarray((charge > TINY) & (charge < a.least_charge_kw - TINY))
    wrong = wrong | (single > TINY) & (single < a.least_charge_kw / phases - TINY)
    wrong = wrong | (discharge > TINY) & (discharge < a.least_discharge_kw - TINY)
    wrong = wrong | (charge > TINY) & (single > TINY)
    wrong = wrong | ((form.full >= 0) & (np.abs(read(form.full) - 0.5) < 0.5 - TINY))
    found: Flags = wrong.any(axis=1)
    return found


def decide(first: Solved, a: Arrays, budget_s: float) -> tuple[Solved, bool]:
    """The best plan in which everything is on or off, from the LP's; and whether a MILP made it."""
    form = first.form
    switches = (a.least_charge_kw, a.single_kw, a.least_discharge_kw, a.now_kw, first.turned, a.plant_kw, form.twisted)
    if not any(each.any() for each in switches[:-2]) and not any(len(each) for each in switches[-2:]):
        return first, False
    bad = undecided(form, a, first.x) | first.turned
    switched = (a.least_charge_kw.max(axis=1, initial=0.0) > 0) | (a.single_kw.max(axis=1, initial=0.0) > 0)
    switched |= a.now_kw.max(axis=1, initial=0.0) > 0
    switched |= a.least_discharge_kw.max(axis=1, initial=0.0) > 0
    if not bad.any() and not len(a.plant_kw) and not len(form.twisted):
        return first, False
    choice, used = gather(form, a, first), first.used_s
    best: Solved | None = None
    try:
        best = solve(form, a, budget_s - used, choice)
    except SolverError:
        # a least power did not fit after all, beside a taper say: off, where the LP would have less than it
        with suppress(SolverError):
            choice = gather(form, a, first, careful=True)
            loose = solve(form, a, budget_s - used, thin_out(choice, None))
            best = solve(form, a, budget_s - used, thin_out(choice, loose.x))
            if undecided(form, a, best.x).any():
                best = None
    used += 0.0 if best is None else best.used_s
    if best is not None and _as_good(first, best, a):
        return best, False
    if int((switched | bad).sum()) <= FEW:
        try:
            near = abs(money(a, powers_of(form, a, first.x)).total)
            exact = _milp(a, first.turned, best, near, budget_s - used)
            if best is None or worth_of(exact) <= worth_of(best) + 1e-6 * max(1.0, abs(worth_of(best))):
                return exact, True
        except SolverError:
            pass
    if best is None:
        raise SolverError("no plan in which everything is on or off was found in time")
    return best, False


def _as_good(first: Solved, best: Solved, a: Arrays) -> bool:
    """Whether the gathered plan is one that can be done and costs what the LP does, which no plan goes below."""
    if first.bends or len(first.form.twisted) or len(a.plant_kw) or best.turned.any() or undecided(best.form, a, best.x).any():
        return False
    near = abs(money(a, powers_of(first.form, a, first.x)).total)
    return (worth_of(best) - worth_of(first)) * first.money_scale + first.slack <= GAP * max(near, 1.0)


class Switches(Struct):
    """Columns that are 0 or 1, and what they were in a plan that is known: the start."""

    columns: list[Ints]
    start: list[Floats]

    def add(self, columns: Ints, start: Floats) -> Ints:
        self.columns.append(columns)
        self.start.append(start)
        return columns


def _milp(a: Arrays, turned: Flags, known: Solved | None, near: float, budget_s: float) -> Solved:
    form = formulate(a)
    width = form.sheet.width
    x = known.x if known is not None else np.zeros(width)
    switches = Switches(columns=[], start=[])
    _store_switches(form, a, turned, switches, x)
    plant_switches(form, a, switches, x)
    _twisted(form, a, switches, x)
    programme, scale = scaled(form, a)
    whole = np.zeros(len(programme.cost))
    columns = np.concatenate(switches.columns) if switches.columns else np.zeros(0, dtype=int)
    whole[columns] = 1.0
    highs = Highs(_with_whole(programme, whole))
    for name, value in SEARCH.items():
        highs.option(name, value)
    # a gap in money: beside penalties a relative one would be none
    highs.option("mip_rel_gap", 0.0)
    highs.option("mip_abs_gap", GAP * max(near, 1.0) / scale)
    if known is not None and len(columns):
        highs.begin_at(columns, np.concatenate(switches.start))
    answer = highs.solve(budget_s * 0.8)
    values = np.round(answer.x[columns])
    decided = solve(form, a, budget_s - highs.used_s, Choice(columns=columns, low=values, high=values))
    decided.slack = max(decided.slack, (answer.cost - answer.bound) * decided.money_scale)
    return decided


def _with_whole(p: Programme, whole: Floats) -> Programme:
    return Programme(
        cost=p.cost,
        low=p.low,
        high=p.high,
        row_low=p.row_low,
        row_high=p.row_high,
        starts=p.starts,
        columns=p.columns,
        values=p.values,
        whole=whole,
    )


def _binary(form: Form, count: int) -> Ints:
    return form.sheet.columns(count, high=1.0)


def _between(form: Form, columns: Ints, switch: Ints, least: Floats, most: Floats) -> Ints:
    """least switch <= column <= most switch; the rows of the first."""
    rows = form.sheet.rows(len(columns), high=0.0)
    form.sheet.put(rows, columns, 1.0)
    form.sheet.put(rows, switch, -most)
    rows = form.sheet.rows(len(columns), low=0.0)
    form.sheet.put(rows, columns, 1.0)
    form.sheet.put(rows, switch, -least)
    return rows


def _store_switches(form: Form, a: Arrays, turned: Flags, switches: Switches, x: Floats) -> None:
    """One switch for each way in which a store may be on in a step, of which one at most is on."""
    phases = np.array([len(store.phases) for store in a.problem.stores]).reshape(-1, 1)
    # taking and giving at once would be a way around a least power
    both = (turned.reshape(-1, 1) | (a.now_kw > 0) | (a.least_charge_kw > 0) | (a.single_kw > 0)) & (a.discharge_kw > 0)
    ways = (
        (form.flow.charge, a.least_charge_kw, a.charge_kw, (a.least_charge_kw > 0) | (a.single_kw > 0) | both),
        (form.flow.single, a.least_charge_kw / phases, a.single_kw, a.single_kw > 0),
        (form.flow.discharge, a.least_discharge_kw, a.discharge_kw, (a.least_discharge_kw > 0) | both),
    )
    taken = (np.append(x, 0.0)[form.flow.charge] > TINY) | (np.append(x, 0.0)[form.flow.single] > TINY)
    found = []
    for field, least, most, wanted in ways:
        spots = np.full(field.shape, -1)
        i, t = np.nonzero((field >= 0) & wanted)
        if len(i):
            start = x[field[i, t]] > TINY
            if field is form.flow.discharge:
                start &= ~taken[i, t]
            spots[i, t] = switches.add(_binary(form, len(i)), start.astype(float))
            rows = _between(form, field[i, t], spots[i, t], least[i, t], most[i, t])
            if field is not form.flow.discharge:
                # what is full within the step has done less than its least power in the mean
                full = form.full[i, t] >= 0
                form.sheet.put(rows[full], form.full[i, t][full], least[i, t][full])
        found.append(spots)
    i, t = np.nonzero(form.full >= 0)
    switches.add(form.full[i, t], (x[form.full[i, t]] > 1.0 - TINY).astype(float))
    _while_not_full(form, a, found)
    several = sum((spots >= 0).astype(int) for spots in found)
    i, t = np.nonzero(np.asarray(several) > 1)
    rows = form.sheet.rows(len(i), high=1.0)
    for spots in found:
        there = spots[i, t] >= 0
        form.sheet.put(rows[there], spots[i[there], t[there]], 1.0)


def _while_not_full(form: Form, a: Arrays, ways: list[Ints]) -> None:
    """What follows for whole numbers from (10), and brings the LP close to them: who is not full and charges whatever it costs is on, with its least
    power, and has at least what it charged so far, if it gives nothing back."""
    sheet, phases = form.sheet, np.array([len(store.phases) for store in a.problem.stores])
    for i in np.flatnonzero((form.full >= 0).any(axis=1)).tolist():
        t = np.flatnonzero(form.full[i] >= 0)
        full, behind, now = form.full[i, t], form.behind[i, t], a.now_kw[i, t]
        least = a.least_charge_kw[i, t] / np.where(form.flow.single[i, t] >= 0, phases[i], 1.0)
        # a store without a switch may charge with however little
        switched = ways[0][i, t] >= 0
        least = np.where(switched, np.maximum(now, least), now)
        on, power = sheet.rows(len(t), low=switched.astype(float)), sheet.rows(len(t), low=least)
        for spots, columns in zip(ways, (form.flow.charge, form.flow.single), strict=False):
            there = spots[i, t] >= 0
            sheet.put(on[there], spots[i, t[there]], 1.0)
            there = columns[i, t] >= 0
            sheet.put(power[there], columns[i, t[there]], 1.0)
        for rows, size in ((on, np.ones(len(t))), (power, least)):
            sheet.put(rows, full, size)
            sheet.put(rows, behind, size / now)
        gives = bool(a.discharge_kw[i].any())
        if gives and a.most[i] < a.full[i] - TINY:
            continue
        # nothing can be given back where it has to charge or stay full, unless charging is behind
        back = np.where(form.flow.discharge[i, t] >= 0, a.discharge_kw[i, t], 0.0) / now
        out = back > 0
        rows = sheet.rows(int(out.sum()), high=0.0)
        sheet.put(rows, form.flow.discharge[i, t[out]], 1.0)
        sheet.put(rows, behind[out], -back[out])
        lost = a.hours[t] * (a.charge_efficiency[i] + back / a.discharge_efficiency[i])
        gained = a.charge_efficiency[i] * a.hours[t] * now
        for run in np.split(np.arange(len(t)), np.flatnonzero(np.diff(t) > 1) + 1) if gives else [np.arange(len(t))]:
            # full stays full
            rows = sheet.rows(len(run) - 1, low=0.0)
            sheet.put(rows, full[run[1:]], 1.0)
            sheet.put(rows, full[run[:-1]], -1.0)
            sheet.put(rows, behind[run[1:]], 1.0 / now[run[1:]])
            begin = a.stored[i] if t[run[0]] == 0 or not gives else a.floor[i]
            reached = np.minimum(begin + np.cumsum(gained[run]), a.most[i])
            rows = sheet.rows(len(run), low=reached)
            sheet.put(rows, form.stock[i, t[run]], 1.0)
            sheet.put(rows, full[run], reached - a.most[i])
            later, sooner = np.tril_indices(len(run))
            sheet.put(rows[later], behind[run[sooner]], lost[run[sooner]])


def _twisted(form: Form, a: Arrays, switches: Switches, x: Floats) -> None:
    """Steps in which exporting pays more than importing costs: what goes out earns the difference, but nothing goes out while anything comes in."""
    steps = form.twisted
    if not len(steps):
        return
    gain = ((a.export_price - a.import_price) * a.hours)[steps]
    low = -a.base - 0.0
    most_out = np.maximum(a.discharge_kw.sum(axis=0) + low, 0.0)[steps]
    most_in = (a.base + a.charge_kw.sum(axis=0) + (a.plant_kw @ a.plant_share) + a.gen_likely[a.curtailable].sum(axis=0))[steps]
    out = form.sheet.columns(len(steps), high=most_out, cost=-gain)
    flow = form.flow
    net_now = a.base[steps].copy()
    for field, sign in ((flow.charge, 1.0), (flow.single, 1.0), (flow.discharge, -1.0), (flow.curtail, 1.0)):
        net_now += sign * np.where(field[:, steps] >= 0, x[field[:, steps]], 0.0).sum(axis=0)
    net_now += (np.where(flow.on[:, steps] >= 0, x[flow.on[:, steps]], 0.0) * a.plant_kw.reshape(-1, 1)).sum(axis=0)
    exports = switches.add(_binary(form, len(steps)), (net_now < 0).astype(float))
    rows = form.sheet.rows(len(steps), high=0.0)
    form.sheet.put(rows, out, 1.0)
    form.sheet.put(rows, exports, -most_out)
    # out + net <= most in . (1 - exports)
    rows = np.full(a.steps, -1)
    rows[steps] = form.sheet.rows(len(steps), high=most_in - a.base[steps])
    form.sheet.put(rows[steps], out, 1.0)
    form.sheet.put(rows[steps], exports, most_in)
    net(a, form.sheet, rows, flow, 1.0)
