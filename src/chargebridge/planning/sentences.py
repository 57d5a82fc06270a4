"""What bent, named for a person: in the order of Yield."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from chargebridge.planning.arrays import Arrays, Floats
from chargebridge.planning.limits import NodeLimit
from chargebridge.planning.money import Powers
from chargebridge.planning.problem import Yield
from chargebridge.planning.schedule import Relaxation

LEAST_WH = 1.0
"""Less missing energy, Wh, is a solver's tolerance and nobody's loss."""
LEAST_W = 1.0


def relaxations(
    a: Arrays, powers: Powers, missing: Floats, stock: Floats, every: Sequence[NodeLimit], blame: dict[str, str]
) -> tuple[Relaxation, ...]:
    """Everything that is not as it was asked for, what bends first coming first."""
    limits = [limit for limit in every if not limit.hard or limit.overload.any()]
    found = _soft(a, powers, limits)
    found += [_goal(a, k, float(missing[k]), blame) for k in np.flatnonzero(~a.aims.capped & (missing * 1000.0 > LEAST_WH)).tolist()]
    found += _behind(a, powers, stock)
    for p, plant in enumerate(a.problem.plants):
        lacking = plant.run_s - float(powers.on[p] @ a.hours) * 3600.0
        if lacking > 1.0:
            amount = lacking / 3600.0 * plant.power_w
            sentence = f"{plant.id} runs {(plant.run_s - lacking) / 60.0:.0f} of its {plant.run_s / 60.0:.0f} minutes"
            found.append(Relaxation(order=Yield.PLANT, what=plant.id, amount=amount, sentence=sentence))
    if found:
        found = _rest(a, stock) + found
    found += [_overload(a, limit, over) for limit, over in _worst(a, powers, limits, hard=True)]
    return tuple(found)


def flows(limit: NodeLimit, a: Arrays, powers: Powers) -> Floats:
    """(T), kW: the left side of a limit. Sure generation counts with all that it can."""
    net = limit.stores @ (powers.charge - powers.single - powers.discharge) + limit.singles @ powers.single
    net = net + limit.plants @ (a.plant_kw.reshape(-1, 1) * powers.on)
    net = limit.sign * (net + limit.curtailed @ powers.curtail)
    if limit.secured.any():
        net = net - limit.secured @ np.clip(np.minimum(a.gen_low, a.gen_likely - powers.curtail), 0.0, None)
    return np.asarray(net)


def _clock(a: Arrays, step: int, share: float = 0.0) -> str:
    at = a.problem.horizon.starts_at + timedelta(seconds=float(a.edges_s[step] + share * (a.edges_s[step + 1] - a.edges_s[step])))
    return at.strftime("%a %H:%M")


def _worst(a: Arrays, powers: Powers, limits: list[NodeLimit], *, hard: bool) -> list[tuple[NodeLimit, Floats]]:
    """Of each node's limit that is crossed, the worse side and by how much it is crossed in each step, kW."""
    worst: dict[tuple[int, str], tuple[NodeLimit, Floats]] = {}
    for limit in limits:
        if limit.hard != hard:
            continue
        over = flows(limit, a, powers) - limit.room + (limit.overload if hard else 0.0)
        known = worst.get((limit.node, limit.kind))
        if over.max() * 1000.0 > LEAST_W and (known is None or over.max() > known[1].max()):
            worst[limit.node, limit.kind] = (limit, over)
    return list(worst.values())


def _soft(a: Arrays, powers: Powers, limits: list[NodeLimit]) -> list[Relaxation]:
    found = []
    for limit, over in _worst(a, powers, limits, hard=False):
        node, step = a.problem.nodes[limit.node].id, int(np.argmax(over))
        sentence = f"the wished limit of {node} ({limit.kind}) is crossed by {over[step]:.2f} kW at {_clock(a, step)}"
        amount = float(over[step]) * 1000.0
        found.append(Relaxation(order=Yield.SOFT_LIMIT, what=node, amount=amount, sentence=sentence, node=node, step=step))
    return found


def _goal(a: Arrays, k: int, missing: float, blame: dict[str, str]) -> Relaxation:
    i, level, step = int(a.aims.store[k]), float(a.aims.level[k]), int(a.aims.step[k])
    store = a.problem.stores[i]
    node = blame.get(store.id)
    why = f"the limit of {node} leaves no more" if node else "at full power it is not there long enough"
    if level > float(a.full[i]) + 1e-9:
        why = f"it holds no more than {a.full[i]:.1f} kWh"
    sentence = f"{store.id} misses {missing:.1f} of {level:.1f} kWh by {_clock(a, step, float(a.aims.share[k]))}: {why}"
    return Relaxation(order=Yield.GOAL, what=store.id, amount=missing * 1000.0, sentence=sentence, node=node, step=step)


def _behind(a: Arrays, powers: Powers, stock: Floats) -> list[Relaxation]:
    """Stores that were to charge whatever it costs, and do not."""
    lacking = np.where(stock < a.most.reshape(-1, 1) - 1e-3, np.maximum(a.now_kw - powers.charge, 0.0), 0.0) @ a.hours
    found = []
    for i in np.flatnonzero(lacking * 1000.0 > LEAST_WH).tolist():
        name = a.problem.stores[i].id
        sentence = f"{name} was to charge at once: {lacking[i]:.1f} kWh of that have to wait"
        found.append(Relaxation(order=Yield.GOAL, what=name, amount=float(lacking[i]) * 1000.0, sentence=sentence))
    return found


def _rest(a: Arrays, stock: Floats) -> list[Relaxation]:
    """Of stores that want more than their goals: how much they go without, where something more important bent too."""
    found = []
    for i, store in enumerate(a.problem.stores):
        lacking = float(a.most[i] - stock[i, -1]) * 1000.0
        if store.rest_price is None or store.discharge_max_w > 0 or lacking <= LEAST_WH or not (a.charge_kw[i] > 0).any():
            continue
        if a.rest[i] * a.charge_efficiency[i] > float(a.import_price[a.charge_kw[i] > 0].min()):
            sentence = f"{store.id} gets {lacking / 1000.0:.1f} kWh less than it could take: needed energy goes first"
            found.append(Relaxation(order=Yield.REST, what=store.id, amount=lacking, sentence=sentence))
    return found


def _overload(a: Arrays, limit: NodeLimit, over: Floats) -> Relaxation:
    node, step = a.problem.nodes[limit.node].id, int(np.argmax(over))
    what = f"what is not planned may cross the limit of {node} ({limit.kind}) by {over[step]:.2f} kW"
    sentence = f"{what} at {_clock(a, step)}; the plan adds nothing"
    return Relaxation(order=Yield.OVERLOAD, what=node, amount=float(over[step]) * 1000.0, sentence=sentence, node=node, step=step)
