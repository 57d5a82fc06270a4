"""A linear or mixed-integer programme as arrays, and HiGHS spoken to without a modelling layer.

min cost . x   with   low <= x <= high,   row_low <= A x <= row_high
"""

from typing import Any

import highspy
import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Floats, Ints

INFINITY = float("inf")
_ROW_WISE = int(highspy.MatrixFormat.kRowwise)
_MINIMISE = int(highspy.ObjSense.kMinimize)
_DONE = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kModelEmpty)
_STOPPED = (highspy.HighsModelStatus.kTimeLimit, highspy.HighsModelStatus.kSolutionLimit, highspy.HighsModelStatus.kInterrupt)


class SolverError(Exception):
    """HiGHS had no solution: out of time, infeasible, or it failed. The text says which."""


class Sheet:
    """A programme being written: columns, rows, and what stands where they meet. Each call takes and returns arrays; rows come in order."""

    def __init__(self) -> None:
        self._columns: list[tuple[Floats, Floats, Floats]] = []
        self._rows: list[tuple[Floats, Floats]] = []
        self._entries: list[tuple[Ints, Ints, Floats]] = []
        self._tops: dict[int, float] = {}
        self._bottoms: dict[int, float] = {}
        self.width = 0
        self.height = 0

    def columns(self, count: int, low: float | Floats = 0.0, high: float | Floats = INFINITY, cost: float | Floats = 0.0) -> Ints:
        self._columns.append((_filled(low, count), _filled(high, count), _filled(cost, count)))
        self.width += count
        return np.arange(self.width - count, self.width)

    def rows(self, count: int, low: float | Floats = -INFINITY, high: float | Floats = INFINITY) -> Ints:
        self._rows.append((_filled(low, count), _filled(high, count)))
        self.height += count
        return np.arange(self.height - count, self.height)

    def top(self, row: int, high: float) -> None:
        """Another upper bound of a row."""
        self._tops[row] = high

    def bottom(self, row: int, low: float) -> None:
        """Another lower bound of a row."""
        self._bottoms[row] = low

    def put(self, rows: Ints, columns: Ints, values: float | Floats) -> None:
        """Entries; where a row and a column meet twice, the values add up."""
        if rows.shape != columns.shape:
            rows, columns = np.broadcast_arrays(rows, columns)
        self._entries.append((rows.ravel(), columns.ravel(), _filled(values, rows.size)))

    def programme(self) -> "Programme":
        low, high, cost = (np.concatenate(part) if part else np.zeros(0) for part in zip(*self._columns, strict=True))
        row_low, row_high = (np.concatenate(part) for part in zip(*self._rows, strict=True)) if self._rows else (np.zeros(0), np.zeros(0))
        row_low[list(self._bottoms)] = list(self._bottoms.values())
        row_high[list(self._tops)] = list(self._tops.values())
        if self._entries:
            rows, columns, values = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        else:
            rows, columns, values = np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0)
        order = np.argsort(rows * self.width + columns, kind="stable")
        rows, columns, values = rows[order], columns[order], values[order]
        if len(rows) > 1:
            first = np.concatenate(([True], (np.diff(rows) != 0) | (np.diff(columns) != 0)))
            if not first.all():
                values = np.add.reduceat(values, np.flatnonzero(first))
                rows, columns = rows[first], columns[first]
        starts = np.searchsorted(rows, np.arange(self.height + 1))
        return Programme(
            cost=cost,
            low=low,
            high=high,
            row_low=row_low,
            row_high=row_high,
            starts=starts,
            columns=columns,
            values=values,
            whole=np.zeros(0),
        )


def _filled(value: float | Floats, count: int) -> Floats:
    return value.ravel() if isinstance(value, np.ndarray) and value.size == count else np.full(count, value, dtype=float)


class Programme(Struct, frozen=True):
    """The matrix by rows: row r has values[starts[r]:starts[r + 1]] in those columns. whole: 1 for each integer column, or empty."""

    cost: Floats
    low: Floats
    high: Floats
    row_low: Floats
    row_high: Floats
    starts: Ints
    columns: Ints
    values: Floats
    whole: Floats

    def times(self, x: Floats) -> Floats:
        """A x."""
        products = np.concatenate((self.values * x[self.columns], [0.0]))
        sums = np.add.reduceat(products, np.minimum(self.starts[:-1], len(products) - 1)) if len(self.starts) > 1 else np.zeros(0)
        return np.where(np.diff(self.starts) > 0, sums, 0.0)


class Answer(Struct, frozen=True):
    """x (columns); of an LP also the dual value of each row and the reduced cost of each column: d cost / d bound. bound: cost is never less."""

    x: Floats
    cost: float
    bound: float
    row_dual: Floats
    column_dual: Floats
    proven: bool


class Highs:
    """One programme in HiGHS, which may be changed and solved again from where it stands. Times are the solver's own, summed in ``used_s``."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self._highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (("output_flag", False), ("threads", 1), ("random_seed", 0), ("presolve", "off")):
            self._highs.setOptionValue(name, value)
        p = programme
        status = self._highs.passModel(
            len(p.cost), len(p.row_low), len(p.values), _ROW_WISE, _MINIMISE, 0.0,
            p.cost, p.low, p.high, p.row_low, p.row_high,
            p.starts.astype(np.int32), p.columns.astype(np.int32), p.values,
            (p.whole if len(p.whole) else np.zeros(len(p.cost))).astype(np.int32),
        )  # fmt: skip
        if status == highspy.HighsStatus.kError:
            raise SolverError("HiGHS refused the programme")

    @property
    def used_s(self) -> float:
        return float(self._highs.getRunTime())

    def option(self, name: str, value: float | str | bool) -> None:
        self._highs.setOptionValue(name, value)

    def forget(self) -> None:
        """Begin anew with the next solve."""
        self._highs.clearSolver()

    def change(
        self,
        *,
        cost: Floats | None = None,
        columns: tuple[Ints, Floats, Floats] | None = None,
        rows: tuple[Ints, Floats, Floats] | None = None,
        whole: tuple[Ints, Ints] | None = None,
    ) -> None:
        """New costs of all columns; new bounds of some columns or rows; which columns are integers."""
        if cost is not None:
            self._highs.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)
        if columns is not None and len(columns[0]):
            self._highs.changeColsBounds(len(columns[0]), columns[0].astype(np.int32), columns[1], columns[2])
        if rows is not None and len(rows[0]):
            self._highs.changeRowsBounds(len(rows[0]), rows[0].astype(np.int32), rows[1], rows[2])
        if whole is not None and len(whole[0]):
            self._highs.changeColsIntegrality(len(whole[0]), whole[0].astype(np.int32), whole[1].astype(np.uint8))

    def begin_at(self, columns: Ints, values: Floats) -> None:
        """What some columns are in a solution to begin with, a MILP's. HiGHS completes it."""
        self._highs.setSolution(len(columns), columns.astype(np.int32), values.astype(float))

    def solve(self, until_s: float) -> Answer:
        """Solve; at most until ``used_s`` is ``until_s``. SolverError when there is no solution."""
        self._highs.setOptionValue("time_limit", max(until_s, 1e-3))
        self._highs.run()
        status = self._highs.getModelStatus()
        info = self._highs.getInfo()
        proven = status in _DONE
        feasible = info.primal_solution_status == 2
        if not proven and not (status in _STOPPED and feasible):
            raise SolverError(f"HiGHS says {self._highs.modelStatusToString(status)!r}")
        solution = self._highs.getSolution()
        cost = float(info.objective_function_value)
        whole = bool(len(self.programme.whole))
        return Answer(
            x=np.array(solution.col_value),
            cost=cost,
            bound=float(info.mip_dual_bound) if whole else (cost if proven else -INFINITY),
            row_dual=np.array(solution.row_dual),
            column_dual=np.array(solution.col_dual),
            proven=proven,
        )
