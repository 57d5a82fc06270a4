"""Batteries under a limit of what is fed in: they give no more than it leaves, and take in what is too much.

    load      what flows through the circuit, batteries included, import positive
    without   load - what its batteries draw
    kept if   without + batteries >= -limit,  so  batteries >= -limit - without

What PV makes is not curtailed by us, and cars may stop at any moment; the next decision reckons anew. Behind a meter that is silent nothing is given.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from chargebridge.control.book import Book
from chargebridge.control.ems import HOLD_W
from chargebridge.control.figures import sane
from chargebridge.control.loads import Loads
from chargebridge.control.timing import BATTERY_MAX_AGE_S, age_s
from chargebridge.control.tree import Tree
from chargebridge.model.circuit import Battery
from chargebridge.model.decision import Alert, BatteryCommand, Effective
from chargebridge.model.limit import Direction
from chargebridge.model.state import BatteryState

SEEN_W = 200.0
"""An excess below this is the meter's and the inverters' own inexactness."""


def hold_to_feed_in(
    tree: Tree,
    book: Book,
    loads: Loads,
    batteries: Sequence[Battery],
    states: Sequence[BatteryState],
    commands: tuple[BatteryCommand, ...],
    now: datetime,
) -> tuple[BatteryCommand, ...]:
    """The commands, raised where a limit of production asks for it."""
    heard = {s.battery: s for s in states if age_s(s.heard_at, now) <= BATTERY_MAX_AGE_S and sane(s.power_w)}
    found = {command.battery: command for command in commands}
    for at, limit_w, limit in _limited(tree, book):
        below = [b for b in batteries if b.id in heard and at in tree.chain[tree.circuit_index[b.circuit]]]
        node, present_w = loads.nodes[at], sum(heard[b.id].power_w for b in below)
        least_w = 0.0 if node.lost is not None else -limit_w - (node.load_w - present_w)
        wanted = {b.id: found[b.id].power_w if b.id in found else heard[b.id].power_w for b in below}
        margin_w = HOLD_W if any(b.id not in found for b in below) else 0.0
        short_w = least_w - sum(wanted.values())
        if short_w <= -margin_w:
            continue
        for battery in below:
            more_w = max(0.0, min(short_w, _most_w(battery, heard[battery.id]) - wanted[battery.id]))
            short_w -= more_w
            power_w = wanted[battery.id] + more_w
            if more_w > 0 or (battery.id not in found and power_w != 0):
                does = "takes in what may not be fed in" if power_w > 0 else "gives no more than may be fed in"
                found[battery.id] = BatteryCommand(battery=battery.id, power_w=power_w, reason=f"{does}: {limit.text}")
    return tuple(found.values())


def feed_in_alerts(tree: Tree, book: Book, loads: Loads) -> Iterator[Alert]:
    """Where more is fed in than a limit allows."""
    for at, limit_w, _ in _limited(tree, book):
        fed_w = -loads.nodes[at].load_w
        if loads.nodes[at].lost is None and fed_w > limit_w + SEEN_W:
            circuit = tree.circuits[at]
            yield Alert(
                severity="error",
                node=circuit.id,
                text=f"{circuit.name} feeds in {fed_w / 1000:.1f} of {limit_w / 1000:.1f} kW",
                cure="batteries take in what they can; what PV makes is not curtailed by this site: see to its inverter",
            )


def _limited(tree: Tree, book: Book) -> Iterator[tuple[int, float, Effective]]:
    """(circuit, W, limit) of circuits of which the feed-in is limited, each with its tightest limit."""
    for at, circuit in enumerate(tree.circuits):
        found = [(e.power_w, e) for e in book.of(circuit.id) if e.direction is Direction.PRODUCTION and e.power_w is not None]
        if found:
            power_w, limit = min(found, key=lambda pair: pair[0])
            yield at, power_w, limit


def _most_w(battery: Battery, state: BatteryState) -> float:
    """What it can take in: nothing when it is full."""
    full = sane(state.stored_wh) and state.stored_wh >= battery.capacity_wh
    return 0.0 if full else battery.charge_max_w
