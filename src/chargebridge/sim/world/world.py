"""The world runs: its physics keeps up with the clock, its meters speak, its story is played, its drivers come and go."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from heapq import heappop, heappush
from itertools import count

from chargebridge.model.circuit import Battery, Circuit, Generator, Topology
from chargebridge.model.clock import Clock
from chargebridge.sim.sunspec_battery import BatteryServer
from chargebridge.sim.world.drivers import Drivers, StationSide
from chargebridge.sim.world.event import Arrive, Cloud, Depart, FaultKind, Happening, MeterFails, SwitchOn
from chargebridge.sim.world.fuse import Curve
from chargebridge.sim.world.line import SerialLine, TcpLine
from chargebridge.sim.world.meter import Meter
from chargebridge.sim.world.physics import Physics
from chargebridge.sim.world.scenario import Scenario
from chargebridge.sim.world.server import HOST
from chargebridge.sim.world.speech import rhythm
from chargebridge.sim.world.storage_side import StorageSide

Listener = Callable[[Happening, datetime], None]
TOLD = 500
"""So many of the last events are remembered."""
BREATHE_EVERY = 25
"""While catching up with the clock, the event loop gets a turn after so many steps."""


class World(Physics):
    """A property that lives by itself. ``async with`` opens its sockets; ``run`` never returns.

    Listeners hear of each event when it happens: the page shows its sentence, and what concerns the site (a grid limit, a driver's new
    departure) is brought to the site by its own interface.
    """

    def __init__(
        self,
        topology: Topology,
        scenario: Scenario,
        clock: Clock,
        *,
        seed: int = 1,
        dt_s: float = 0.2,
        curves: dict[str, Curve] | None = None,
    ) -> None:
        super().__init__(topology, scenario, clock.now(), seed=seed, dt_s=dt_s, curves=curves)
        self.clock = clock
        self.scenario = scenario
        self.told: deque[tuple[datetime, Happening]] = deque(maxlen=TOLD)
        self._listeners: list[Listener] = []
        self._order = count()
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._errands: list[Arrive | Depart] = []
        self._drivers = Drivers(self, clock)
        measured = _meters_of(topology)
        self.meters = {spec.id: Meter(spec.id, self.flow(measured[spec.id]), rhythm(spec.language), seed) for spec in scenario.meters}
        self._tcp = {spec.id: TcpLine(spec.port) for spec in scenario.meters}
        self._serial: dict[str, SerialLine] = {}
        self._controls = {
            spec.battery: BatteryServer(StorageSide(self.batteries[spec.battery], lambda: self.t_s), clock, port=spec.port)
            for spec in scenario.controls
        }
        self.play(scenario.story, scenario.repeat_s)

    async def __aenter__(self) -> "World":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen for who wants to hear the meters or command the batteries."""
        for line in self._tcp.values():
            await line.open()
        for control in self._controls.values():
            await control.open()
        for spec in self.scenario.meters:
            if spec.serial:
                self._serial[spec.id] = SerialLine()

    async def close(self) -> None:
        for line in self._tcp.values():
            await line.close()
        for control in self._controls.values():
            await control.close()
        for serial in self._serial.values():
            serial.close()
        self._serial.clear()

    def meter_address(self, meter: str) -> tuple[str, int]:
        """Host and port where this meter's telegrams come out."""
        return HOST, self._tcp[meter].port

    def meter_path(self, meter: str) -> str:
        """The pseudo-terminal of a meter whose specification says ``serial``."""
        return self._serial[meter].path

    def battery_url(self, battery: str) -> str:
        """Where a battery of ``Scenario.controls`` takes set points, as a site's configuration says it."""
        return self._controls[battery].url

    def join(self, station: str, side: StationSide) -> None:
        """A virtual station comes to life: drivers can use it."""
        self._drivers.join(station, side)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def play(self, story: tuple[Happening, ...], repeat_s: float | None = None) -> None:
        """Play a story from now on, and again every ``repeat_s`` (see ``event.stretch`` for fast clocks)."""
        for event in story:
            self._at(event.at_s, partial(self.happen, event))
        if story and repeat_s is not None:
            self._at(repeat_s, partial(self.play, story, repeat_s))

    def happen(self, event: Happening) -> None:
        """Let something happen now."""
        if isinstance(event, MeterFails):
            self.meters[event.meter].fail(event.fault, event.late_s)
            self._tcp[event.meter].break_off(event.fault is FaultKind.DEAD)
        elif isinstance(event, SwitchOn):
            self.households[event.household].switch_on(event.what, event.power_w, event.phases, self.t_s + event.run_s, event.power_factor)
        elif isinstance(event, Cloud):
            self.plants[event.plant].cloud(event.lets_through, self.t_s + event.lasts_s)
        elif isinstance(event, Arrive | Depart) and not self._drivers.at_once(event):
            self._errands.append(event)
        self.told.append((self.now, event))
        for listener in self._listeners:
            listener(event, self.now)

    def step(self) -> None:
        """One step: what is due happens, physics moves, meters speak."""
        while self._coming and self._coming[0][0] <= self.t_s:
            heappop(self._coming)[2]()
        super().step()
        t_s, now = self.t_s, self.now
        for name, meter in self.meters.items():
            for telegram in meter.tick(t_s, now):
                self._tcp[name].send(telegram)
                if name in self._serial:
                    self._serial[name].send(telegram)

    async def run(self) -> None:
        """Keep up with the clock until cancelled."""
        async with asyncio.TaskGroup() as errands:
            while True:
                behind = int(((self.clock.now() - self.start).total_seconds() - self.t_s) / self.dt_s + 1e-6)
                for k in range(behind):
                    self.step()
                    for event in self._errands:
                        errands.create_task(self._drivers.go(event))
                    self._errands.clear()
                    if k % BREATHE_EVERY == BREATHE_EVERY - 1:
                        await asyncio.sleep(0)
                await self.clock.sleep(self.dt_s)

    def _at(self, in_s: float, action: Callable[[], None]) -> None:
        heappush(self._coming, (self.t_s + in_s, next(self._order), action))


def _meters_of(topology: Topology) -> dict[str, str]:
    """What each meter named in the topology measures."""
    metered: tuple[Circuit | Battery | Generator, ...] = (*topology.circuits, *topology.batteries, *topology.generators)
    return {part.meter: part.id for part in metered if part.meter is not None}
