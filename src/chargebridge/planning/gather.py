"""Consolidation: from an LP's plan to one in which every store is off or above its least power, fast for any number of stores.

What a store does below its least power is gathered into as few steps as hold it at that power, those first in which the LP has it do most. A step is
taken only where every limit has room for all least powers together, so that the LP that follows has a solution.
"""

import numpy as np

from chargebridge.planning.arrays import Arrays, Flags, Floats, Ints
from chargebridge.planning.exact import TINY, Choice, Solved
from chargebridge.planning.limits import node_limits
from chargebridge.planning.lp import Form
from chargebridge.planning.plants import cheapest_stretch
from chargebridge.planning.worth import step_prices


def gather(form: Form, a: Arrays, first: Solved, *, careful: bool = False) -> Choice:
    """Bounds of all columns of which something had to be decided. careful: nothing is full before the LP has it so."""
    slack, weights = {}, {}
    for sign in (1, -1):
        limits = [limit for limit in node_limits(a) if limit.hard and limit.sign == sign and np.isfinite(limit.room).any()]
        count = len(limits)
        slack[sign] = np.array([limit.room + limit.secured @ a.gen_low for limit in limits]).reshape(count, a.steps)
        weights[sign] = (
            np.array([limit.stores for limit in limits]).reshape(count, len(a.stored)),
            np.array([limit.singles for limit in limits]).reshape(count, len(a.stored)),
            np.array([limit.plants for limit in limits]).reshape(count, len(a.plant_kw)),
        )
    found: list[tuple[Ints, Floats, Floats]] = []
    price = step_prices(first, a)
    for p, plant in enumerate(a.problem.plants):
        fits = np.ones(a.steps, dtype=bool)
        asked = weights[1][2][:, p] > 0
        if asked.any():
            fits = (slack[1][asked] - np.outer(weights[1][2][asked, p], np.full(a.steps, a.plant_kw[p]))).min(axis=0) >= -1e-9
        on = cheapest_stretch(np.where(fits, a.plant_share[p], 0.0), a.hours, price, plant.run_s / 3600.0)
        there = np.flatnonzero(form.flow.on[p] >= 0)
        values = np.zeros(len(there)) if on is None else on[there]
        found.append((form.flow.on[p, there], values, values))
        if on is not None:
            slack[1] -= np.outer(weights[1][2][:, p], np.where(on > 0, a.plant_kw[p], 0.0))
    x = first.x
    done = _full(form, a, x, as_planned=careful)
    waits = form.full >= 0
    found.append((form.full[waits], done[waits].astype(float), done[waits].astype(float)))
    kept = form.flow.discharge[waits & ~done & (form.flow.discharge >= 0)]
    found.append((kept, np.zeros(len(kept)), np.zeros(len(kept))))
    for i, store in enumerate(a.problem.stores):
        if a.least_charge_kw[i].any() or a.single_kw[i].any():
            factors = (weights[1][0][:, i], weights[1][1][:, i])
            found += _charging(form, a, i, x, slack[1], factors, len(store.phases), done[i])
        if a.least_discharge_kw[i].any():
            found += _discharging(form, a, i, x, slack[-1], weights[-1][0][:, i])
    if not found:
        return Choice(columns=np.zeros(0, dtype=int), low=np.zeros(0), high=np.zeros(0))
    columns, low, high = (np.concatenate(part) for part in zip(*found, strict=True))
    return Choice(columns=columns, low=low, high=high)


def _full(form: Form, a: Arrays, x: Floats, *, as_planned: bool) -> Flags:
    """(S, T): where a store that charges whatever it costs is full at the end: in the LP's plan, or once it does so beside what the LP plans."""
    done = (form.full >= 0) & (_read(form.full, x) > 1.0 - TINY)
    if as_planned:
        return done
    charged, given = _read(form.flow.charge, x) + _read(form.flow.single, x), _read(form.flow.discharge, x)
    for i in np.flatnonzero((form.full >= 0).any(axis=1)).tolist():
        stock, gain, loss = float(a.stored[i]), float(a.charge_efficiency[i]), float(a.discharge_efficiency[i])
        for t in range(a.steps):
            if form.full[i, t] >= 0:
                stock += gain * max(charged[i, t], a.now_kw[i, t], a.least_charge_kw[i, t]) * a.hours[t]
                done[i, t] = stock >= a.most[i] - TINY
            else:
                stock += (gain * charged[i, t] - given[i, t] / loss) * a.hours[t]
            stock = min(max(stock, float(a.floor[i])), float(a.most[i]))
    return done


def _read(columns: Ints, x: Floats) -> Floats:
    return np.asarray(np.append(x, 0.0)[columns])


def _room(slack: Floats, factors: Floats, least: Floats) -> Floats:
    """(T): how much every limit would have left if the store took its least power besides."""
    asked = factors > 0
    if not asked.any():
        return np.full(len(least), np.inf)
    return np.asarray((slack[asked] - np.outer(factors[asked], least)).min(axis=0))


def _charging(
    form: Form, a: Arrays, i: int, x: Floats, slack: Floats, factors: tuple[Floats, Floats], phases: int, done: Flags
) -> list[tuple[Ints, Floats, Floats]]:
    """Off, on with one phase or on with all, in each step. ``slack`` (L, T) is lessened by the least power of what is on."""
    charge, single = form.flow.charge[i], form.flow.single[i]
    power = _read(charge, x) + _read(single, x)
    alone = single >= 0
    least_all = a.least_charge_kw[i]
    least = np.where(alone, least_all / phases, least_all)
    possible = (charge >= 0) & (power >= 0)
    if not a.discharge_kw[i].any():
        possible &= done | ~np.logical_or.accumulate(done)
    # on in full: what the LP has it do is enough; with all phases only where it is enough for them
    full = possible & (power >= least - TINY) & (power > TINY)
    # what charges whatever it costs is on until it is full
    must = possible & (a.now_kw[i] > 0) & ~done
    full = (full | must) & ~done
    all_phases = full & (~alone | (power >= least_all - TINY) | must & (a.now_kw[i] > a.single_kw[i]))
    short = possible & (power > TINY) & ~full & ~done
    energy = float(power[short] @ a.hours[short])
    on = np.zeros(a.steps, dtype=bool)
    for t in np.flatnonzero(full).tolist():
        factor = factors[0] if all_phases[t] else factors[1]
        least_t = least_all[t] if all_phases[t] else least[t]
        if _room(slack[:, t : t + 1], factor, np.array([least_t]))[0] >= -1e-9:
            on[t] = True
            slack[:, t] -= factor * least_t
        else:
            energy += float(power[t] * a.hours[t])
    # what is on takes its least power at least: all of it has to fit in
    fits = np.inf if a.discharge_kw[i].any() else float(a.most[i] - a.stored[i]) / float(a.charge_efficiency[i])
    fits -= float(np.maximum(np.where(on, np.where(all_phases, least_all, least), 0.0), np.where(must, a.now_kw[i], 0.0)) @ a.hours)
    order = np.argsort(-np.where(possible & ~on & ~done, power, -1.0), kind="stable")
    for t in order.tolist():
        if energy <= 1e-9 or not possible[t] or on[t] or done[t]:
            break
        factor = factors[1] if alone[t] else factors[0]
        if _room(slack[:, t : t + 1], factor, least[t : t + 1])[0] < -1e-9:
            continue
        on[t] = True
        slack[:, t] -= factor * least[t]
        energy -= float(least[t] * a.hours[t])
        fits -= float(least[t] * a.hours[t])
    # more than fits in: it stops within the last step in which it charges
    lows = (least_all.copy(), least.copy())
    for t in np.flatnonzero(on)[::-1].tolist():
        if fits >= -1e-9:
            break
        line = lows[0] if all_phases[t] or not alone[t] else lows[1]
        cut = min(float(line[t]), -fits / float(a.hours[t]))
        line[t] -= cut
        fits += cut * float(a.hours[t])
    # within the step in which it is full, and after, it may do anything
    on |= done
    all_phases |= done
    for line in lows:
        line[done] = 0.0
    found = []
    for columns, used, least_of, most in (
        (charge, on & (all_phases | ~alone), lows[0], a.charge_kw[i]),
        (single, on & alone & ~all_phases, lows[1], a.single_kw[i]),
    ):
        there = np.flatnonzero(columns >= 0)
        state = used[there]
        found.append((columns[there], np.where(state, least_of[there], 0.0), np.where(state, most[there], 0.0)))
    return found


def _discharging(form: Form, a: Arrays, i: int, x: Floats, slack: Floats, factors: Floats) -> list[tuple[Ints, Floats, Floats]]:
    """On only where the LP gives back at least the least power."""
    columns, least = form.flow.discharge[i], a.least_discharge_kw[i]
    there = np.flatnonzero(columns >= 0)
    on = (x[columns[there]] >= least[there] - TINY) & (_room(slack[:, there], factors, least[there]) >= -1e-9)
    slack[:, there] -= np.outer(factors, np.where(on, least[there], 0.0))
    return [(columns[there], np.where(on, least[there], 0.0), np.where(on, a.discharge_kw[i, there], 0.0))]


def thin_out(choice: Choice, x: Floats | None) -> Choice:
    """The same with what is on allowed to do less than its least power, and what did so in ``x`` off: that always has a solution."""
    high = choice.high.copy()
    if x is not None:
        values = x[choice.columns]
        high[(choice.low > 0) & (values < choice.low - TINY)] = 0.0
    return Choice(columns=choice.columns, low=np.where(choice.high == choice.low, choice.low, 0.0), high=high)
