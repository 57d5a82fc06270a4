"""What a circuit above controllable loads carries beside them and the cars: the lowest of the last seconds.

Meter and load do not tell at the same moment that it has started, and until both do it looks as if the rest of the house took what the load takes.
Such a step must send it no limit, so the limits of loads believe a base that rose only when it has stayed up for ``QUIET_S``.
"""

from dataclasses import dataclass
from datetime import datetime

from chargebridge.control.loads import Loads
from chargebridge.control.timing import QUIET_S, age_s
from chargebridge.control.tree import Tree
from chargebridge.model.decision import MeterView
from chargebridge.model.phases import PerPhase, spread, sub, total
from chargebridge.model.state import Memory, QuietMemory


@dataclass(frozen=True, slots=True)
class Quiet:
    """A per phase, and W."""

    a: PerPhase
    w: float


def quiet_of(tree: Tree, loads: Loads, memory: Memory) -> dict[str, Quiet]:
    """Of each circuit above a controllable load. Where its meter is lost, the owner's worst case has the loads in it, at their most."""
    kept = {quiet.node: quiet for quiet in memory.quiet}
    found: dict[str, Quiet] = {}
    for at, circuit in enumerate(tree.circuits):
        if tree.loads_below[at]:
            now = _present(tree, loads, at)
            before = kept.get(circuit.id)
            if before is not None:
                now = Quiet(_min(now.a, _min(before.low_a, before.before_a)), min(now.w, before.low_w, before.before_w))
            found[circuit.id] = now
    return found


def _present(tree: Tree, loads: Loads, at: int) -> Quiet:
    node, lost = loads.nodes[at], loads.nodes[at].view is MeterView.ASSUMED
    powers = [(tree.loads[i], loads.controllable[i].worst_w if lost else loads.controllable[i].draws_w) for i in tree.loads_below[at]]
    amps = sub(node.base_a, total(spread(watts, load.phases) for load, watts in powers))
    watts = node.base_w - sum(watts for _, watts in powers)
    return Quiet((max(0.0, amps[0]), max(0.0, amps[1]), max(0.0, amps[2])), max(0.0, watts)) if lost else Quiet(amps, watts)


def keep_quiet(tree: Tree, loads: Loads, memory: Memory, now: datetime) -> tuple[QuietMemory, ...]:
    """The lowest of the present and of the last span of ``QUIET_S``."""
    known = {quiet.node: quiet for quiet in memory.quiet}
    found: list[QuietMemory] = []
    for at, circuit in enumerate(tree.circuits):
        if not tree.loads_below[at]:
            continue
        quiet, kept = _present(tree, loads, at), known.get(circuit.id)
        since, low, before = now, quiet, quiet
        if kept is not None and age_s(kept.since, now) < QUIET_S:
            since, low = kept.since, Quiet(_min(kept.low_a, quiet.a), min(kept.low_w, quiet.w))
            before = Quiet(kept.before_a, kept.before_w)
        elif kept is not None and age_s(kept.since, now) < 2 * QUIET_S:
            before = Quiet(kept.low_a, kept.low_w)
        found.append(QuietMemory(node=circuit.id, since=since, low_a=low.a, low_w=low.w, before_a=before.a, before_w=before.w))
    return tuple(found)


def _min(a: PerPhase, b: PerPhase) -> PerPhase:
    return (min(a[0], b[0]), min(a[1], b[1]), min(a[2], b[2]))
