"""Every limit as one row of a table: how much of it is taken by the base, and how much one ampere at each point takes of what is left.

    current     one row for each phase of a node        1 per ampere on that phase
    power       one row for each node limited in W       the voltages of the loaded phases
    lopsided    one row for each phase under unbalance   1 per ampere that another phase may be without
    grant       one row for the whole site               as power

Unbalance limits the difference of any two phases. Cars may stop at any moment, so what one phase may carry more than another is reckoned
without counting on cars on the other: sum of lopsided draw on p <= limit - (base on p - least base). A car seen to use three phases alike adds
to none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from chargebridge.control.book import Book, binding_current, binding_power, binding_unbalance
from chargebridge.control.loads import Loads, NodeLoad
from chargebridge.control.tree import Tree
from chargebridge.model.decision import Effective, MeterView
from chargebridge.model.phases import PerPhase, Phase, add, spread, total


class Own(NamedTuple):
    """W of each controllable load that it has to itself in limited groups: where it is going, and the most until it is there."""

    goal_w: Sequence[float] = ()
    top_w: Sequence[float] = ()


NOBODY = Own()


class Kind(StrEnum):
    CURRENT = "current"
    POWER = "power"
    LOPSIDED = "lopsided"
    GRANT = "grant"


@dataclass(frozen=True, slots=True)
class Row:
    """limit: the bound, A or W. base, base_low, base_high: what the base takes of it, see ``loads``; base_low is base where the node is overloaded.

    circuit or members: whose draw counts. phase: 1..3 or None for all. loads: what controllable loads have to themselves of it, in words.
    """

    kind: Kind
    node: str
    name: str
    limit: float
    base: float
    base_low: float
    base_high: float
    phase: int | None = None
    origin: Effective | None = None
    circuit: int | None = None
    members: tuple[int, ...] = ()
    loads: str = ""


Use = tuple[tuple[int, ...], tuple[float, ...]]
"""Row numbers and what one ampere takes of each."""


@dataclass(slots=True)
class Table:
    """All rows, and for any point and any way of charging the rows that it takes part in."""

    tree: Tree
    voltage_v: PerPhase
    rows: list[Row] = field(default_factory=list)
    _of_circuit: list[list[int]] = field(default_factory=list)
    _of_point: list[list[int]] = field(default_factory=list)
    _known: dict[tuple[int, tuple[Phase, ...], tuple[Phase, ...]], Use] = field(default_factory=dict)

    def use(self, point: int, loaded: tuple[Phase, ...], lopsided: tuple[Phase, ...]) -> Use:
        """What one ampere on each of the phases ``loaded`` takes, of which ``lopsided`` may be without their neighbours."""
        seat = self.tree.seat[point]
        key = (seat, loaded, lopsided)
        shared = self._known.get(key)
        if shared is None:
            above = [row for circuit in self.tree.chain[seat] for row in self._of_circuit[circuit]]
            shared = self._known[key] = self._weigh(above, loaded, lopsided)
        own = self._of_point[point]
        if not own:
            return shared
        more = self._weigh(own, loaded, lopsided)
        return shared[0] + more[0], shared[1] + more[1]

    def _weigh(self, rows: list[int], loaded: tuple[Phase, ...], lopsided: tuple[Phase, ...]) -> Use:
        volts = sum(self.voltage_v[phase - 1] for phase in loaded)
        numbers: list[int] = []
        weights: list[float] = []
        for number in rows:
            row = self.rows[number]
            match row.kind:
                case Kind.CURRENT:
                    weight = float(row.phase in loaded)
                case Kind.LOPSIDED:
                    weight = float(row.phase in lopsided)
                case _:
                    weight = volts
            if weight:
                numbers.append(number)
                weights.append(weight)
        return tuple(numbers), tuple(weights)

    def rooms(self, offered: Sequence[PerPhase], lopsided: Sequence[PerPhase]) -> list[float]:
        """What each row leaves to charging. Where a car's ramp may be taken for a household load, what stands offered may go on standing."""
        found: list[float] = []
        for row, standing in zip(self.rows, self.totals(offered, lopsided), strict=True):
            found.append(max(row.limit - row.base, min(row.limit - row.base_low, standing)))
        return found

    def totals(self, drawn: Sequence[PerPhase], lopsided: Sequence[PerPhase]) -> list[float]:
        """What given currents of all points take of every row."""
        rolled, rolled_lopsided = self.tree.roll_up(drawn), self.tree.roll_up(lopsided)
        found: list[float] = []
        for row in self.rows:
            values = (rolled_lopsided if row.kind is Kind.LOPSIDED else rolled) if row.circuit is not None else None
            if values is not None and row.circuit is not None:
                sum_ = values[row.circuit]
            else:
                source = lopsided if row.kind is Kind.LOPSIDED else drawn
                sum_ = (
                    sum(source[i][0] for i in row.members),
                    sum(source[i][1] for i in row.members),
                    sum(source[i][2] for i in row.members),
                )
            if row.phase is not None:
                found.append(sum_[row.phase - 1])
            else:
                volts = self.voltage_v
                found.append(sum_[0] * volts[0] + sum_[1] * volts[1] + sum_[2] * volts[2])
        return found

    def _add(self, row: Row) -> None:
        number = len(self.rows)
        self.rows.append(row)
        if row.circuit is not None:
            self._of_circuit[row.circuit].append(number)
        for member in row.members:
            self._of_point[member].append(number)


def lay_out(tree: Tree, book: Book, loads: Loads, granted_w: float, own: Own = NOBODY) -> Table:
    """The table of all limits in force. own: what controllable loads have to themselves."""
    table = Table(tree, loads.voltage_v, _of_circuit=[[] for _ in tree.circuits], _of_point=[[] for _ in tree.points])
    for index, circuit in enumerate(tree.circuits):
        for row in _of_node(circuit.id, circuit.name, book, loads.nodes[index], index, ()):
            table._add(row)
    for group, members, controllable in zip(tree.groups, tree.in_group, tree.loads_in_group, strict=True):
        others_w = sum(max(0.0, loads.battery_w.get(member, 0.0)) for member in group.members)
        others = _with_loads(_others(others_w, loads.voltage_v), tree, controllable, own)
        said = " and ".join(f"{tree.loads[i].name} has {own.goal_w[i] / 1000:.1f} kW" for i in controllable)
        for row in _of_node(group.id, group.name, book, others, None, members):
            table._add(replace(row, loads=said) if said else row)
    for index, point in enumerate(tree.points):
        if point.id in book.nodes:
            for row in _of_node(point.id, point.name, book, _others(0.0, loads.voltage_v), None, (index,)):
                table._add(row)
    everyone = Row(Kind.GRANT, tree.circuits[0].id, tree.circuits[0].name, granted_w, 0.0, 0.0, 0.0, circuit=0)
    table._add(everyone)
    return table


def _others(watts: float, voltage_v: PerPhase) -> NodeLoad:
    """Members of a group that are no charging points: batteries that charge, on three phases alike."""
    amps = watts / sum(voltage_v)
    each = (amps, amps, amps)
    return NodeLoad(MeterView.SUM, each, watts, each, watts, each, watts, each, watts)


def _with_loads(others: NodeLoad, tree: Tree, controllable: Sequence[int], own: Own) -> NodeLoad:
    """And the loads among them, with what they have to themselves: for goals what they will, for raises also what they still may draw."""
    if not controllable:
        return others
    goal_a = add(others.base_a, total(spread(own.goal_w[i], tree.loads[i].phases) for i in controllable))
    top_a = add(others.base_a, total(spread(own.top_w[i], tree.loads[i].phases) for i in controllable))
    goal_w = others.base_w + sum(own.goal_w[i] for i in controllable)
    top_w = others.base_w + sum(own.top_w[i] for i in controllable)
    return NodeLoad(MeterView.SUM, goal_a, goal_w, goal_a, goal_w, goal_a, goal_w, top_a, top_w)


def _of_node(node: str, name: str, book: Book, load: NodeLoad, circuit: int | None, members: tuple[int, ...]) -> list[Row]:
    limits = book.of(node)
    rows: list[Row] = []
    base, low, high = load.base_a, load.base_low_a, load.base_high_a
    for phase, (amps, origin) in enumerate(binding_current(limits) or ()):
        low_a = base[phase] if load.load_a[phase] > amps else low[phase]
        rows.append(Row(Kind.CURRENT, node, name, amps, base[phase], low_a, high[phase], phase + 1, origin, circuit, members))
    if (power := binding_power(limits)) is not None:
        low_w = load.base_w if load.load_w > power[0] else load.base_low_w
        rows.append(Row(Kind.POWER, node, name, power[0], load.base_w, low_w, load.base_high_w, None, power[1], circuit, members))
    if (unbalance := binding_unbalance(limits)) is not None:
        uneven = max(load.load_a) - min(load.load_a) > unbalance[0]
        for phase in range(3):
            own = base[phase] - min(base)
            low_a = own if uneven else min(own, low[phase] - min(low))
            high_a = max(own, high[phase] - min(base))
            rows.append(Row(Kind.LOPSIDED, node, name, unbalance[0], own, low_a, high_a, phase + 1, unbalance[1], circuit, members))
    return rows
