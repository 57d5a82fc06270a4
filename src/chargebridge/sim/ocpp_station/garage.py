"""Cars of the simulated world at the EVSEs of a station that stands alone: the `VehicleSide` of the command `chargebridge station`."""

from datetime import datetime

from msgspec import Struct

from chargebridge.model.phases import NOMINAL_V, PerPhase
from chargebridge.sim.world.car import Car, CarKind

NOBODY: PerPhase = (0.0, 0.0, 0.0)


class Meter(Struct):
    """What an EVSE's meter shows (`Truth`)."""

    current_a: PerPhase = NOBODY
    voltage_v: PerPhase = (NOMINAL_V, NOMINAL_V, NOMINAL_V)
    power_w: float = 0.0
    energy_wh: float = 0.0
    energy_export_wh: float = 0.0
    soc: float | None = None


class Garage:
    """A car at each EVSE that has one, and its meter. A bidirectional EVSE takes out of the car what it asks for."""

    def __init__(self) -> None:
        self.cars: dict[int, Car] = {}
        self._meters: dict[int, Meter] = {}
        self._offers: dict[int, float] = {}
        self._at: dict[int, datetime] = {}

    def arrive(self, evse: int, name: str, kind: CarKind, soc: float) -> None:
        self.cars[evse] = Car(name, kind, soc, name)

    def leave(self, evse: int) -> None:
        self.cars.pop(evse, None)
        self._offers.pop(evse, None)

    def draw(self, evse: int, offered_a: float, phases: int, now: datetime) -> PerPhase:
        meter = self._meters.setdefault(evse, Meter())
        dt_s = max((now - self._at.get(evse, now)).total_seconds(), 0.0)
        self._at[evse] = now
        self._count(meter, dt_s)
        car = self.cars.get(evse)
        if car is None:
            meter.current_a, meter.power_w, meter.soc = NOBODY, 0.0, None
            return NOBODY
        lines = min(phases, car.kind.phases)
        current_a = self._of(car, evse, offered_a, lines, now.timestamp(), dt_s or 0.5)
        l1, l2, l3 = (current_a if line < lines else 0.0 for line in range(3))
        meter.current_a, meter.power_w, meter.soc = (l1, l2, l3), current_a * lines * NOMINAL_V, car.soc
        car.charge(meter.power_w * dt_s)
        return meter.current_a

    def _of(self, car: Car, evse: int, offered_a: float, lines: int, t_s: float, dt_s: float) -> float:
        if offered_a < 0:
            self._offers[evse] = offered_a
            return max(offered_a, -car.kind.maximum_a) if car.soc > 0.1 else 0.0
        if self._offers.get(evse) != offered_a:
            self._offers[evse] = offered_a
            car.pilot(offered_a, t_s)
        return car.draw(t_s, dt_s, (NOMINAL_V,) * lines)

    @staticmethod
    def _count(meter: Meter, dt_s: float) -> None:
        energy_wh = meter.power_w * dt_s / 3600
        if energy_wh >= 0:
            meter.energy_wh += energy_wh
        else:
            meter.energy_export_wh -= energy_wh

    def measure(self, evse: int) -> Meter:
        return self._meters.setdefault(evse, Meter())
