"""A charging point's power side: contactor, control pilot, register. What it decides to offer is its station's business, not ours."""

from chargebridge.model.circuit import MINIMUM_CURRENT_A, ChargingPoint
from chargebridge.model.phases import ZERO, PerPhase
from chargebridge.sim.world.car import Car
from chargebridge.sim.world.flow import NOTHING, Currents, Flow

CUT_AFTER_S = 6.0
"""So long after the pilot went off the contactor opens, even under load (our figure: a car has 3 s to stop by itself, IEC 61851-1 annex A)."""


class Outlet:
    """The device at ``point``. ``flow`` is its meter, on the grid's phases; ``terminals`` turns them to L1..L3 of the point.

    lines: how many its contactor closes. To change them it takes the pilot off, waits until nothing flows, switches, and offers again, as the
    cars ask for (a charger whose phases change under load may break).
    """

    def __init__(self, point: ChargingPoint) -> None:
        self.id = point.id
        self.circuit = point.circuit
        self.point = point
        self.flow = Flow(point.id)
        self.car: Car | None = None
        self.pilot_a = 0.0
        self.lines = len(point.phases)
        self._offered = (0.0, self.lines)
        self._off_since: float | None = 0.0

    def plug(self, car: Car, t_s: float) -> None:
        """The cable goes in; the pilot that stands is seen at once."""
        if self.car is not None:
            raise ValueError(f"{self.id}: {self.car.name} is plugged in already")
        self.car = car
        car.pilot(self.pilot_a, t_s)

    def unplug(self) -> Car | None:
        """The cable comes out (the plug's lock opens the contactor first)."""
        car, self.car = self.car, None
        if car is not None:
            car.cut()
        return car

    def offer(self, offered_a: float, phases: int, t_s: float) -> None:
        """The station wants this pilot (below 6 A: off) on so many lines."""
        self._offered = (offered_a if offered_a >= MINIMUM_CURRENT_A else 0.0, max(1, min(phases, len(self.point.phases))))
        self._arrange(t_s)

    def _arrange(self, t_s: float) -> None:
        offered_a, lines = self._offered
        if lines != self.lines:
            if self.flow.current == NOTHING:
                self.lines = lines
            else:
                offered_a = 0.0
        if offered_a == self.pilot_a:
            return
        self.pilot_a = offered_a
        self._off_since = t_s if offered_a == 0 else None
        if self.car is not None:
            self.car.pilot(offered_a, t_s)

    def step(self, t_s: float, dt_s: float, voltage_v: PerPhase) -> Currents:
        """Draw for one step at these voltages of the grid's phases."""
        if self._offered[1] != self.lines:
            self._arrange(t_s)
        currents = self._draw(t_s, dt_s, voltage_v)
        self.flow.take(currents, voltage_v, dt_s)
        if self.car is not None:
            self.car.charge(self.flow.power_w * dt_s)
        return currents

    def _draw(self, t_s: float, dt_s: float, voltage_v: PerPhase) -> Currents:
        car = self.car
        if car is None:
            return NOTHING
        if self._off_since is not None and t_s - self._off_since >= CUT_AFTER_S:
            car.cut()
            return NOTHING
        used = self.point.phases[: min(self.lines, car.kind.phases)]
        current = complex(car.draw(t_s, dt_s, tuple(voltage_v[phase - 1] for phase in used)))
        return (current if 1 in used else 0j, current if 2 in used else 0j, current if 3 in used else 0j)

    def terminals(self, on_grid: PerPhase) -> PerPhase:
        """Figures on the grid's phases, as the point's terminals L1, L2, L3 see them; 0 where nothing is wired."""
        seen = [on_grid[phase - 1] for phase in self.point.phases]
        return (seen[0], seen[1] if len(seen) > 1 else 0.0, seen[2] if len(seen) > 2 else 0.0)

    @property
    def terminal_a(self) -> PerPhase:
        return self.terminals(self.flow.current_a) if self.car else ZERO
