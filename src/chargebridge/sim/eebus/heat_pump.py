"""A virtual heat pump that speaks EEBUS: Controllable System of LPC and Monitored Unit of MPC over a real hub, and the physics behind.

    pump = VirtualHeatPump(HeatPumpPlan(), clock, peers=(StaticPeer(ski, address),))
    async with pump:
        pump.thermal.tank_c = 40.0        # cold: it takes all that it may

The physics. A tank loses to the house what the house needs at the temperature outside, and gets what compressor and heating rod give:

    C dT/dt = COP * P_compressor + P_rod - UA * (T_room - T_outside),    COP = eta * T_flow / (T_flow - T_outside) in kelvins

The compressor goes on below the band around its target and off above it, runs and rests at least for a while, modulates between its least and its
most, and ramps. The rod helps where the tank falls well below the band. Under a limit the rod goes first, then the compressor, which stops where it
is left less than its least.
"""

import asyncio
from decimal import Decimal
from types import TracebackType
from typing import Self

from msgspec import Struct

from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.links.eebus.trust_store import TrustStore
from chargebridge.model.clock import SteadyClock
from chargebridge.sim.eebus.device import Device
from chargebridge.wire.eebus.ship.identity import Identity
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import LocalDevice, Now
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, Limited
from chargebridge.wire.eebus.usecases.limitation import Memory, Settings, State
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.monitoring import MonitoredUnit
from chargebridge.wire.eebus.usecases.quantities import CONSUMED, MPC, POWER

STEP_S = 0.2
KELVIN = 273.15


class HeatPumpPlan(Struct, frozen=True, kw_only=True):
    """compressor_w, least_w: the most and the least that the compressor takes. rod_w: the heating rod. standby_w: electronics and pumps.

    tank_wh_per_k: a tank of 300 l holds 350 Wh/K. ua_w_per_k: 180 W/K is a house of the nineties. efficiency: of Carnot's. ramp_w_per_s: of the
    compressor. run_s, rest_s: the least that it runs, and rests. speed: how much faster than the clock the tank's time goes. failsafe_w,
    failsafe_max_s: of LPC as it left the factory.
    """

    serial: str = "1"
    model: str = "Heat"
    compressor_w: float = 4000.0
    least_w: float = 900.0
    rod_w: float = 5000.0
    standby_w: float = 20.0
    tank_wh_per_k: float = 350.0
    ua_w_per_k: float = 180.0
    outside_c: float = 2.0
    room_c: float = 20.5
    target_c: float = 45.0
    band_k: float = 4.0
    efficiency: float = 0.45
    ramp_w_per_s: float = 1000.0
    run_s: float = 300.0
    rest_s: float = 180.0
    speed: float = 1.0
    failsafe_w: float = 3000.0
    failsafe_max_s: float = 86_400.0

    @property
    def nominal_w(self) -> float:
        return self.compressor_w + self.rod_w + self.standby_w


class Thermal:
    """The tank and what heats it. tank_c: its temperature. compressor_w, rod_w: what they take now. energy_wh: what all has taken."""

    def __init__(self, plan: HeatPumpPlan) -> None:
        self._plan = plan
        self.tank_c = plan.target_c
        self.outside_c = plan.outside_c
        self.compressor_w = self.rod_w = self.energy_wh = 0.0
        self.on = False
        self._since_s = plan.rest_s

    @property
    def power_w(self) -> float:
        return self.compressor_w + self.rod_w + self._plan.standby_w

    @property
    def cop(self) -> float:
        flow_k = self.tank_c + 5.0 + KELVIN
        return max(1.0, self._plan.efficiency * flow_k / max(5.0, flow_k - self.outside_c - KELVIN))

    def step(self, seconds: float, limit_w: float | None) -> None:
        """Let time go on. limit_w: for all that it takes; None: no limit. Protection of the compressor ends where a limit would be broken."""
        plan, tank_s = self._plan, seconds * self._plan.speed
        room_w = plan.nominal_w if limit_w is None else max(0.0, limit_w)
        room_w -= plan.standby_w
        self._since_s += tank_s
        self._switch(room_w)
        gap_k = plan.target_c + plan.band_k / 2 - self.tank_c
        wanted = max(plan.least_w, min(plan.compressor_w, plan.compressor_w * gap_k / plan.band_k)) if self.on else 0.0
        wanted = min(wanted, room_w) if self.on else 0.0
        if wanted > self.compressor_w:
            wanted = min(wanted, max(plan.least_w, self.compressor_w + plan.ramp_w_per_s * seconds))
        self.compressor_w = max(0.0, wanted)
        cold = self.on and self.tank_c < plan.target_c - 1.5 * plan.band_k
        self.rod_w = max(0.0, min(plan.rod_w, room_w - self.compressor_w)) if cold else 0.0
        heat_w = self.cop * self.compressor_w + self.rod_w - plan.ua_w_per_k * max(0.0, plan.room_c - self.outside_c)
        self.tank_c += heat_w * tank_s / 3600 / plan.tank_wh_per_k
        self.energy_wh += self.power_w * seconds / 3600

    def _switch(self, room_w: float) -> None:
        plan = self._plan
        warm = self.tank_c >= plan.target_c + plan.band_k / 2 and self._since_s >= plan.run_s
        if self.on and (warm or room_w < plan.least_w):
            self.on, self._since_s = False, 0.0
        elif not self.on and self.tank_c <= plan.target_c - plan.band_k / 2 and room_w >= plan.least_w and self._since_s >= plan.rest_s:
            self.on, self._since_s = True, 0.0


class VirtualHeatPump:
    """``async with`` runs it. refuses: why it takes no limit now; "" for it takes them. memory: what it kept of its former life."""

    def __init__(
        self,
        plan: HeatPumpPlan,
        clock: SteadyClock,
        *,
        peers: tuple[StaticPeer, ...] = (),
        identity: Identity | None = None,
        trust: TrustStore | None = None,
        memory: Memory | None = None,
        port: int = 0,
    ) -> None:
        self.plan, self.thermal, self.refuses = plan, Thermal(plan), ""
        self._clock = clock
        name = f"Acme-{plan.model}-{plan.serial}"
        maker = DeviceClassificationManufacturerData(
            device_name=plan.model, serial_number=plan.serial, software_revision="1.0", brand_name="Acme", vendor_name="Acme"
        )
        device = LocalDevice(f"d:_n:{name}", "HeatGenerationSystem", maker)
        self.device = Device(name, device, clock, peers=peers, identity=identity, trust=trust, port=port)
        now, node = self.device.hub.now(), self.device.hub.node
        entity = node.device.add((1,), "HeatPumpAppliance")
        settings = Settings(
            nominal_w=Decimal(round(plan.nominal_w)), failsafe_w=Decimal(round(plan.failsafe_w)), failsafe_max_s=plan.failsafe_max_s
        )
        self._limited = Limited(LPC, settings, memory, now, unable=lambda limit_w: self.refuses)
        self.system = ControllableSystem(node, entity, (self._limited,), now)
        self._meter = MonitoredUnit(node, entity, MPC, (POWER, CONSUMED))
        self._task: asyncio.Task[None] | None = None

    @property
    def ski(self) -> str:
        return self.device.ski

    @property
    def state(self) -> State:
        return self._limited.machine.state

    @property
    def memory(self) -> Memory:
        """What it would keep when its power goes."""
        return self._limited.machine.memory

    @property
    def limit_w(self) -> float | None:
        """What it keeps to now."""
        applied = self._limited.applied_w
        return None if applied is None else float(applied)

    @property
    def power_w(self) -> float:
        return self.thermal.power_w

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
        last_s = self._clock.steady_s()
        while True:
            now_s = self._clock.steady_s()
            self.thermal.step(now_s - last_s, self.limit_w)
            last_s = now_s
            await self.device.hub.act(self._tell)
            await self._clock.sleep(STEP_S)

    def _tell(self, now: Now) -> None:
        self._meter.update({POWER: Decimal(round(self.power_w)), CONSUMED: Decimal(round(self.thermal.energy_wh))}, now)
