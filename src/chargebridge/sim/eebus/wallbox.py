"""A virtual wallbox that speaks EEBUS: EVSE and car entities over a real hub, and the physics of whatever stands before it.

    box = VirtualWallbox(WallboxPlan(), Garage(), clock, peers=(StaticPeer(ski, address),))
    async with box:
        box.plug(car=CarSettings(...))
        ...
        box.unplug()

What may flow is the least that the car's OPEV machine allows on any phase or, in a wallbox that has only LPC and MPC, the power of its limit.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Protocol, Self

from msgspec import Struct

from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.links.eebus.trust_store import TrustStore
from chargebridge.model.clock import SteadyClock
from chargebridge.model.phases import NOMINAL_V, PerPhase
from chargebridge.sim.eebus.deviations import DeviantStation, Deviation
from chargebridge.sim.eebus.device import Device
from chargebridge.wire.eebus.ship.identity import Identity
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import LocalDevice, Now
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, Limited
from chargebridge.wire.eebus.usecases.current_limits import Permitted
from chargebridge.wire.eebus.usecases.evcem import CHARGED
from chargebridge.wire.eebus.usecases.evsoc import SOC
from chargebridge.wire.eebus.usecases.limitation import Settings, applied_w
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.monitoring import MonitoredUnit
from chargebridge.wire.eebus.usecases.quantities import CONSUMED, CURRENTS, MPC, POWER, POWERS, Quantity
from chargebridge.wire.eebus.usecases.vehicle_data import CarSettings

STEP_S = 0.2
TOLD_EVERY_S = 1.0


class Truth(Protocol):
    """What an EVSE's own meter sees, on its terminals L1..L3: A, W, its register in Wh; soc 0..1 of the car, if it tells."""

    @property
    def current_a(self) -> PerPhase: ...

    @property
    def power_w(self) -> float: ...

    @property
    def energy_wh(self) -> float: ...

    @property
    def soc(self) -> float | None: ...


class VehicleSide(Protocol):
    """The physics: `sim.world.World.vehicles`, or a `Garage`."""

    def draw(self, evse: int, offered_a: float, phases: int, now: datetime) -> PerPhase: ...

    def measure(self, evse: int) -> Truth: ...


class WallboxPlan(Struct, frozen=True, kw_only=True):
    """serial: its name in the world too. car: of who does not say another one. powers: it has LPC and MPC, powers_only:
    and no e-mobility. failsafe_w: of LPC as it left the factory."""

    serial: str = "1"
    model: str = "Home"
    phases: int = 3
    maximum_a: float = 16.0
    minimum_a: float = 6.0
    pause_a: float = 0.0
    safe_a: float = 6.0
    powers: bool = False
    powers_only: bool = False
    failsafe_w: float = 4200.0
    deviations: frozenset[Deviation] = frozenset()

    @property
    def car(self) -> CarSettings:
        permitted = Permitted(_dec(self.minimum_a), _dec(self.maximum_a), _dec(self.pause_a))
        return CarSettings(permitted=permitted, safe_a=_dec(self.safe_a), phases=self.phases)


class VirtualWallbox:
    """``async with`` runs it. Also somebody can stand before it (`sim.world.drivers.StationSide`); it has no reader for cards."""

    def __init__(
        self,
        plan: WallboxPlan,
        vehicles: VehicleSide,
        clock: SteadyClock,
        *,
        peers: tuple[StaticPeer, ...] = (),
        identity: Identity | None = None,
        trust: TrustStore | None = None,
        port: int = 0,
    ) -> None:
        self.plan = plan
        self.silent = False  # its meter tells nothing new
        self._vehicles, self._clock = vehicles, clock
        name = f"Acme-{plan.model}-{plan.serial}"
        maker = DeviceClassificationManufacturerData(
            device_name=plan.model, serial_number=plan.serial, software_revision="1.0", brand_name="Acme", vendor_name="Acme"
        )
        self.device = Device(
            name, LocalDevice(f"d:_n:{name}", "ChargingStation"), clock, peers=peers, identity=identity, trust=trust, port=port
        )
        self.node = self.device.hub.node
        self._entity = self.node.device.add((1,), "EVSE")
        self.station: DeviantStation | None = None
        self.system: ControllableSystem | None = None
        self._limited: Limited | None = None
        now = self.device.hub.now()
        if plan.powers or plan.powers_only:
            nominal_w = _dec(plan.maximum_a * NOMINAL_V * plan.phases)
            self._limited = Limited(LPC, Settings(nominal_w=nominal_w, failsafe_w=_dec(plan.failsafe_w)), None, now)
            self.system = ControllableSystem(self.node, self._entity, (self._limited,), now)
            self._meter = MonitoredUnit(self.node, self._entity, MPC, (POWER, *CURRENTS[: plan.phases], CONSUMED))
        if not plan.powers_only:
            self.station = DeviantStation(self.node, self._entity, maker, plan.deviations)
        self._plugged: CarSettings | None = None
        self._wanted: CarSettings | None = None
        self._began_wh = 0.0
        self._told_at_s = 0.0
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def ski(self) -> str:
        return self.device.ski

    @property
    def allowed_a(self) -> float:
        """What may flow on each phase now, A."""
        limit_w = applied_w(self._limited.machine, self._limited.settings) if self._limited is not None else None
        most_a = self.plan.maximum_a
        if limit_w is not None:
            most_a = min(most_a, float(limit_w) / NOMINAL_V / self.plan.phases)
        if self.plan.powers_only or Deviation.IGNORES in self.plan.deviations:
            return most_a
        vehicle = self.station.vehicle if self.station is not None else None
        if vehicle is None:
            return 0.0
        if Deviation.NO_OPEV in self.plan.deviations:
            return most_a
        return min(most_a, float(min(amps for amps in vehicle.currents_a if amps is not None)))

    # Who stands before it

    def plug(self, evse: int = 1, car: CarSettings | None = None) -> None:
        """A cable went into the car, as which it is then known."""
        self._wanted = car or self.plan.car
        self._bell.set()

    def unplug(self, evse: int = 1) -> None:
        self._wanted = None
        self._bell.set()

    async def present(self, evse: int, token: str) -> bool:
        """There is no reader: nothing happens."""
        return True

    def forget_energy(self) -> None:
        """Its figure of what the car was charged with begins anew, as after a restart."""
        self._began_wh = self._vehicles.measure(1).energy_wh

    # Its life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        await self.device.start()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.device.stop()

    async def _run(self) -> None:
        while True:
            await self._move()
            now = self._clock.now()
            self._vehicles.draw(1, self.allowed_a, self.plan.phases, now)
            if not self.silent and self._clock.steady_s() - self._told_at_s >= TOLD_EVERY_S:
                self._told_at_s = self._clock.steady_s()
                await self.device.hub.act(self._tell)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STEP_S):
                    await self._bell.wait()
            self._bell.clear()

    async def _move(self) -> None:
        """A car comes or goes."""
        wanted, station = self._wanted, self.station
        if wanted is self._plugged:
            return
        self._plugged = wanted
        if station is None:
            return
        if wanted is None:
            await self.device.hub.act(station.unplug)
        else:
            self._began_wh = self._vehicles.measure(1).energy_wh
            await self.device.hub.act(lambda now: station.plug(wanted, now))

    def _tell(self, now: Now) -> None:
        truth = self._vehicles.measure(1)
        currents = zip(CURRENTS[: self.plan.phases], truth.current_a, strict=False)
        values: dict[Quantity, Decimal | None] = {one: _dec(amps) for one, amps in currents}
        if self._limited is not None:
            self._meter.update({**values, POWER: _dec(truth.power_w), CONSUMED: _dec(truth.energy_wh)}, now)
        vehicle = self.station.vehicle if self.station is not None else None
        if vehicle is None:
            return
        phases = self.plan.phases
        values |= {one: _dec(amps * NOMINAL_V) for one, amps in zip(POWERS[:phases], truth.current_a, strict=False)}
        values[CHARGED] = _dec(max(0.0, truth.energy_wh - self._began_wh))
        if vehicle.car.battery:
            values[SOC] = None if truth.soc is None else _dec(truth.soc * 100)
        vehicle.measured(_known(values, vehicle.car), now)


def _known(values: Mapping[Quantity, Decimal | None], car: CarSettings) -> dict[Quantity, Decimal | None]:
    return {one: value for one, value in values.items() if one in car.quantities}


def _dec(value: float) -> Decimal:
    return Decimal(str(round(value, 1)))
