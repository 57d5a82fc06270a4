"""The physics of one property, stepped by hand: cars, house, sun, battery, wires, fuses. No sockets and no clock: time is counted in steps.

Everything is decided by (topology, scenario, seed) and by the calls made between steps, so that the same calls give the same figures, bit by bit.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from chargebridge.model.circuit import ChargingPoint, Topology
from chargebridge.model.phases import PerPhase
from chargebridge.sim.world.car import Car
from chargebridge.sim.world.fleet import KINDS
from chargebridge.sim.world.flow import Flow
from chargebridge.sim.world.fuse import Curve
from chargebridge.sim.world.household import Household
from chargebridge.sim.world.network import Branch, Device, Network
from chargebridge.sim.world.outlet import Outlet
from chargebridge.sim.world.profile import Profile
from chargebridge.sim.world.pv import PvPlant
from chargebridge.sim.world.scenario import Scenario
from chargebridge.sim.world.storage import Storage


class Mishap(Struct, frozen=True, kw_only=True):
    """Something that must not happen: a protection opened."""

    at: datetime
    where: str
    text: str


class FuseRecord(Struct, frozen=True, kw_only=True):
    """One phase of one circuit's protection. heat: 0 cold, 1 opens; peak_*: since the beginning."""

    circuit: str
    phase: int
    rated_a: float
    heat: float
    peak_heat: float
    peak_a: float
    opened: bool


class PointTruth(Struct, frozen=True, kw_only=True):
    """What a point's own meter would say without any error, on its terminals L1..L3. energy_wh: its register. soc: of the car there."""

    current_a: PerPhase
    voltage_v: PerPhase
    power_w: float
    energy_wh: float
    soc: float | None


class Physics:
    """``step`` moves the world by ``dt_s``. Positive is towards the load."""

    def __init__(
        self,
        topology: Topology,
        scenario: Scenario,
        start: datetime,
        *,
        seed: int = 1,
        dt_s: float = 0.2,
        curves: dict[str, Curve] | None = None,
        profile: Profile | None = None,
    ) -> None:
        """curves: the protection of a circuit where it is no type B breaker."""
        self.topology = topology
        self.start = start
        self.seed = seed
        self.dt_s = dt_s
        self.steps = 0
        self.mishaps: list[Mishap] = []
        day = profile or Profile.read()
        midnight_s = scenario.day_s
        if midnight_s is None:
            midnight_s = (start - start.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
        self.network = Network(topology, seed, curves)
        self.outlets = {point.id: Outlet(point) for point in topology.points}
        self.households = {
            home.id: Household(home.id, home.circuit, day, seed, midnight_s=midnight_s, scale=home.scale, appliances=home.appliances)
            for home in scenario.homes
        }
        self.plants = {
            generator.id: PvPlant(generator, day, seed, midnight_s=midnight_s, clouds=scenario.clouds) for generator in topology.generators
        }
        self.batteries = {battery.id: Storage(battery, scenario.battery_soc) for battery in topology.batteries}
        self._flows: dict[str, Flow] = {name: branch.flow for name, branch in self.network.branches.items()}
        devices: tuple[Device, ...] = (
            *self.outlets.values(),
            *self.households.values(),
            *self.plants.values(),
            *self.batteries.values(),
        )
        for device in devices:
            if device.id in self._flows:
                raise ValueError(f"{device.id}: this name is used twice")
            self.network.add(device)
            self._flows[device.id] = device.flow
        self._points = {(point.station, point.evse): point for point in topology.points}
        self._cars = 0

    @property
    def t_s(self) -> float:
        """Seconds since the beginning."""
        return self.steps * self.dt_s

    @property
    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.t_s)

    def step(self) -> None:
        t_s = self.t_s
        for circuit in self.network.step(t_s, self.dt_s):
            self.mishaps.append(Mishap(at=self.now, where=circuit, text="the protection opened: overcurrent"))
        self.steps += 1

    def advance(self, seconds: float) -> None:
        """As many steps as ``seconds`` have."""
        for _ in range(round(seconds / self.dt_s)):
            self.step()

    def flow(self, name: str) -> Flow:
        """The ideal meter at a circuit's head, or of a point, household, plant or battery."""
        return self._flows[name]

    def current_a(self, name: str) -> PerPhase:
        """True RMS current on the grid's phases, signed by power, A."""
        return self._flows[name].current_a

    def branch(self, circuit: str) -> Branch:
        return self.network.branches[circuit]

    def fuses(self) -> tuple[FuseRecord, ...]:
        return tuple(
            FuseRecord(
                circuit=name,
                phase=phase,
                rated_a=branch.circuit.fuse_a[phase - 1],
                heat=fuse.heat,
                peak_heat=fuse.peak_heat,
                peak_a=fuse.peak_a,
                opened=not branch.closed,
            )
            for name, branch in self.network.branches.items()
            for phase, fuse in enumerate(branch.fuses, 1)
        )

    def point_of(self, station: str, evse: int = 1) -> ChargingPoint:
        return self._points[(station, evse)]

    def plug(self, point: str, kind: str, soc: float) -> Car:
        """A new car of ``fleet.KINDS`` is plugged in; its chance depends on the world's seed and its number only."""
        self._cars += 1
        car = Car(f"{kind}-{self._cars}", KINDS[kind], soc, self.seed)
        self.outlets[point].plug(car, self.t_s)
        return car

    def unplug(self, point: str) -> Car | None:
        return self.outlets[point].unplug()

    def plugged(self, point: str) -> bool:
        return self.outlets[point].car is not None

    def draw(self, point: str, offered_a: float, phases: int, now: datetime) -> PerPhase:
        """The station's question: it offers ``offered_a`` (0: pilot off) on its first ``phases`` terminals since ``now``; what flows there?

        The offer stands until the next call; the answer is the latest step's true current on the terminals L1..L3, A.
        """
        outlet = self.outlets[point]
        outlet.offer(offered_a, phases, max(self.t_s, (now - self.start).total_seconds()))
        return outlet.terminal_a

    def measure(self, point: str) -> PointTruth:
        outlet = self.outlets[point]
        return PointTruth(
            current_a=outlet.terminal_a,
            voltage_v=outlet.terminals(self.network.branches[outlet.circuit].voltage_v),
            power_w=outlet.flow.power_w,
            energy_wh=outlet.flow.import_wh,
            soc=outlet.car.soc if outlet.car else None,
        )

    def vehicles(self, station: str) -> "Vehicles":
        """The world as the station with this identity meets it."""
        return Vehicles(self, station)


class Vehicles:
    """What stands before one station, by the numbers of its EVSEs: the side that a virtual station asks for the truth."""

    def __init__(self, physics: Physics, station: str) -> None:
        self._physics = physics
        self._station = station

    def draw(self, evse: int, offered_a: float, phases: int, now: datetime) -> PerPhase:
        """See ``Physics.draw``."""
        return self._physics.draw(self._physics.point_of(self._station, evse).id, offered_a, phases, now)

    def measure(self, evse: int) -> PointTruth:
        return self._physics.measure(self._physics.point_of(self._station, evse).id)
