"""What the limits of every node leave to the plan, step by step: the limit less the bad side of what is not planned."""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Arrays, Flags, Floats, per_step


class NodeLimit(Struct, frozen=True):
    """sign . (stores . power + singles . power on one phase + plants . power + curtailed . turned down) - secured . sure generation <= room, kW.

    sign: 1 for a limit on what comes in (import, a phase), -1 on what goes out. room (T): what the forecast's bad side leaves; where that alone
    crosses a hard limit, the plan has to add nothing: 0, and overload (T) has how much is too much, kW.
    sure generation: what comes at least of what can be turned down (Arrays.banded): neither above its low value nor above what is left of its
    likely one. binding (T): where all that could be planned would cross the limit. phase: 0 to 2, None in sum.
    """

    node: int
    kind: str
    sign: int
    hard: bool
    stores: Floats
    singles: Floats
    plants: Floats
    curtailed: Floats
    secured: Floats
    room: Floats
    overload: Floats
    binding: Flags
    phase: int | None = None


def node_limits(a: Arrays) -> Iterator[NodeLimit]:
    """Every limit of every node that is set."""
    every = a.problem.voltage_v / 1000.0
    for n, node in enumerate(a.problem.nodes):
        if node.import_w is not None:
            yield from _one(a, n, "import", 1, per_step(node.import_w, a.steps), None)
        if node.export_w is not None:
            yield from _one(a, n, "export", -1, per_step(node.export_w, a.steps), None)
        if node.current_a is not None:
            current = np.array(node.current_a, dtype=float) * every
            for phase in range(3):
                yield from _one(a, n, f"L{phase + 1}", 1, current[:, phase], phase)
                yield from _one(a, n, f"L{phase + 1}", -1, current[:, phase], phase)


def _one(a: Arrays, n: int, kind: str, sign: int, limit: Floats, phase: int | None) -> Iterator[NodeLimit]:
    def of(below: Flags, spread: Floats) -> Floats:
        return below.astype(float) if phase is None else below * spread[:, phase]

    stores, plants = of(a.store_below[n], a.store_spread), of(a.plant_below[n], a.plant_spread)
    singles = of(a.store_below[n], a.first_spread)
    gens = of(a.gen_below[n], a.gen_spread)
    down = np.where(a.curtailable, gens, 0.0)
    fixed = gens - down
    likely, low, high = (a.node_likely, a.node_low, a.node_high) if phase is None else np.moveaxis(a.node_spread[:, :, phase], 1, 0)
    none = np.zeros(len(gens))
    if sign > 0:
        most = np.maximum(stores.reshape(-1, 1) * a.charge_kw, singles.reshape(-1, 1) * a.single_kw).sum(axis=0) + plants @ (
            a.plant_kw.reshape(-1, 1) * a.plant_share
        )
        banded = np.where(a.banded, down, 0.0)
        sides = [(high[n] - fixed @ a.gen_low - (down - banded) @ a.gen_likely, down - banded, banded, banded @ a.gen_low)]
        most = most + (down - banded) @ a.gen_likely
    else:
        # what can be turned down is, when more comes than was likely; the likely part has to fit with what is planned to be turned down
        most = stores @ a.discharge_kw
        sides = [(low[n] - fixed @ a.gen_high, none, none, np.zeros(a.steps))]
        if down.any():
            sides.append((likely[n] - gens @ a.gen_likely, down, none, down @ a.gen_likely))
    hard = a.problem.nodes[n].hard
    for base, curtailed, secured, spare in sides:
        room = limit - sign * base
        overload = np.maximum(-spare - room, 0.0)
        if hard:
            room = np.maximum(room, -spare)
        yield NodeLimit(
            node=n, kind=kind, sign=sign, hard=hard, stores=stores, singles=singles, plants=plants, curtailed=curtailed, secured=secured,
            room=room, overload=overload, binding=most > room + 1e-9, phase=phase,
        )  # fmt: skip
