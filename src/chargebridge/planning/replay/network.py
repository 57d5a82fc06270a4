"""What the wires allow, for any wiring: rows of currents that add up as phasors.

A row is one conductor behind one protection: the current in it is the sum over the stations of a complex coefficient times the station's current,
and its magnitude is to stay below the row's limit. In a European star-connected property the coefficient is 1 on each phase that a station
uses; behind an American delta-wye transformer it carries the phase angle and the ratio. One form serves both (ACN-Sim calls it the
constraint matrix with phase angles; Lee, Johansson, Low: "ACN-Sim: An open-source simulator for data-driven electric vehicle charging
research", 2021, equation 3).
"""

from collections.abc import Sequence
from math import sqrt

from msgspec import Struct

from chargebridge.model.circuit import Topology

NOMINAL_V = 230.0


class Station(Struct, frozen=True, kw_only=True):
    """watts_per_a: power of one ampere of its current, W (690 on three phases of 230 V). levels_a: the currents that it can offer, ascending from 0;
    None: any up to maximum_a, and below minimum_a only 0.
    """

    id: str
    watts_per_a: float
    maximum_a: float = 32.0
    minimum_a: float = 0.0
    levels_a: tuple[float, ...] | None = None

    @property
    def least_a(self) -> float:
        """The least current but none."""
        return self.minimum_a if self.levels_a is None else min((level for level in self.levels_a if level > 0), default=0.0)


class Row(Struct, frozen=True, kw_only=True):
    """limit_a: one for always, or one for each step (what other loads leave). terms: (index of the station, coefficient)."""

    name: str
    limit_a: float | tuple[float, ...]
    terms: tuple[tuple[int, complex], ...]


class Network(Struct, frozen=True, kw_only=True):
    stations: tuple[Station, ...]
    rows: tuple[Row, ...]

    def classes(self) -> list[list[int]]:
        """Stations that no row can tell apart, and that have the same voltage, in groups."""
        groups: dict[tuple[object, ...], list[int]] = {}
        terms: list[list[tuple[int, complex]]] = [[] for _ in self.stations]
        for number, row in enumerate(self.rows):
            for at, coefficient in row.terms:
                terms[at].append((number, coefficient))
        for index, station in enumerate(self.stations):
            groups.setdefault((station.watts_per_a, *terms[index]), []).append(index)
        return list(groups.values())


def of_topology(topology: Topology, base_a: dict[str, Sequence[tuple[float, float, float]]] | None = None) -> Network:
    """The rows of a property's tree: each phase of each circuit's fuse. base_a: of a circuit, what is not charging points, per phase and step, A.

    A circuit's limit in W stands as the same current on each phase, which is never more than the limit.
    """
    index = {point.id: number for number, point in enumerate(topology.points)}
    parent = {circuit.id: circuit.parent for circuit in topology.circuits}
    below: dict[str, list[str]] = {circuit.id: [] for circuit in topology.circuits}
    for point in topology.points:
        above: str | None = point.circuit
        while above is not None:
            below[above].append(point.id)
            above = parent[above]
    points = {point.id: point for point in topology.points}
    rows = []
    for circuit in topology.circuits:
        for phase in (1, 2, 3):
            limit = circuit.fuse_a[phase - 1]
            if circuit.power_limit_w is not None:
                limit = min(limit, circuit.power_limit_w / 3 / NOMINAL_V)
            terms = tuple((index[name], 1 + 0j) for name in below[circuit.id] if phase in points[name].phases)
            base = None if base_a is None else base_a.get(circuit.id)
            left = limit if base is None else tuple(max(0.0, limit - amps[phase - 1]) for amps in base)
            if terms:
                rows.append(Row(name=f"{circuit.name} L{phase}", limit_a=left, terms=terms))
    stations = tuple(
        Station(id=point.id, watts_per_a=NOMINAL_V * len(point.phases), maximum_a=point.maximum_a, minimum_a=point.minimum_a)
        for point in topology.points
    )
    return Network(stations=stations, rows=tuple(rows))


class Room:
    """What is left on the rows while currents are given out, one step at a time. class_of: of each station, see `Network.classes`."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._limits = [row.limit_a for row in network.rows]
        self._fixed = all(isinstance(limit, float | int) for limit in self._limits)
        self._squares = [limit * limit for limit in self._limits if not isinstance(limit, tuple)]
        self._sums: list[tuple[float, float]] = []
        of_station: list[list[tuple[int, float, float, float]]] = [[] for _ in network.stations]
        for number, row in enumerate(network.rows):
            for station, coefficient in row.terms:
                size = coefficient.real**2 + coefficient.imag**2
                if size:
                    of_station[station].append((number, coefficient.real, coefficient.imag, size))
        self._terms = of_station
        self._zero = [(0.0, 0.0)] * len(network.rows)
        self.class_of = [0] * len(network.stations)
        for number, members in enumerate(network.classes()):
            for station in members:
                self.class_of[station] = number

    def clear(self, step: int) -> None:
        """Nothing is given out; the limits are those of the step."""
        self._sums = self._zero.copy()
        if not self._fixed:
            self._squares = [(limit[step] if isinstance(limit, tuple) else limit) ** 2 for limit in self._limits]

    def most(self, station: int, upper_a: float) -> float:
        """The largest current not above ``upper_a`` that no row forbids. Of |z + a r| = m the larger root is the end of what is allowed."""
        best = upper_a
        for number, real, imag, size in self._terms[station]:
            at_real, at_imag = self._sums[number]
            half = at_real * real + at_imag * imag
            rest = at_real * at_real + at_imag * at_imag - self._squares[number]
            if (size * best + 2 * half) * best + rest > 0.0:
                inside = half * half - size * rest
                best = max(0.0, (sqrt(inside) - half) / size) if inside > 0.0 else 0.0
        return best

    def take(self, station: int, amps: float) -> None:
        for number, real, imag, _ in self._terms[station]:
            at_real, at_imag = self._sums[number]
            self._sums[number] = (at_real + real * amps, at_imag + imag * amps)

    def rise(self, stations: Sequence[int], slopes: Sequence[float], upper: float) -> tuple[float, list[int]]:
        """How far all of these can rise together, each by its slope, and which rows stop them (none when ``upper`` does)."""
        steps: dict[int, tuple[float, float]] = {}
        for station, slope in zip(stations, slopes, strict=True):
            for number, real, imag, _ in self._terms[station]:
                a, b = steps.get(number, (0.0, 0.0))
                steps[number] = (a + real * slope, b + imag * slope)
        best, stopped = upper, []
        for number, (real, imag) in steps.items():
            size = real * real + imag * imag
            at_real, at_imag = self._sums[number]
            half = at_real * real + at_imag * imag
            rest = at_real * at_real + at_imag * at_imag - self._squares[number]
            if size and (size * best + 2 * half) * best + rest > 0.0:
                inside = half * half - size * rest
                end = max(0.0, (sqrt(inside) - half) / size) if inside > 0.0 else 0.0
                if end < best:
                    best, stopped = end, [number]
                elif end == best:
                    stopped.append(number)
        return best, stopped

    def over(self, tolerance_a: float = 1e-6) -> list[str]:
        """The rows that carry more than they may: none, if all that was taken was asked for before."""
        return [
            row.name
            for row, (real, imag), square in zip(self.network.rows, self._sums, self._squares, strict=True)
            if sqrt(real * real + imag * imag) > sqrt(square) + tolerance_a
        ]

    def rows_of(self, station: int) -> set[int]:
        return {number for number, *_ in self._terms[station]}
