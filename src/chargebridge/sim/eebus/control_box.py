"""A grid operator's control box: Energy Guard of LPC and LPP, and it reads what the site tells (MGCP, MPC). With faults, since field boxes have some.

async with ControlBox(clock, peers=(StaticPeer(site_ski, site_address),)) as box:
    await box.found()
    answer = await box.limit(4200, duration_s=900)      # ErrorNumber.NONE: the site keeps it
    box.silent = True                                   # the connection stays, the heartbeat does not
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from chargebridge.model.clock import SteadyClock
from chargebridge.sim.eebus.device import Device
from chargebridge.wire.eebus.spine.datagram import PARTIAL, command
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Answered, Event
from chargebridge.wire.eebus.spine.functions.common import TimePeriod, scaled
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitData, LoadControlLimitListData
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, LocalDevice, Now
from chargebridge.wire.eebus.usecases import heartbeat
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard, Report, Told
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP
from chargebridge.wire.eebus.usecases.monitoring import Measured, MonitoringAppliance
from chargebridge.wire.eebus.usecases.quantities import MGCP, MPC, Monitoring, Quantity

ENTITY = (1,)
ANSWER_S = 15.0
"""A system has 10 s to answer; then the node tells of a timeout."""


class ControlBox(Device):
    """name: its SHIP ID; others of the same name have other keys all the same. told: the answers to limits, newest last."""

    def __init__(self, clock: SteadyClock, *, name: str = "Grid-Box-1", **device: Any) -> None:
        super().__init__(name, LocalDevice(f"d:_n:Grid_{name}", "ElectricitySupplySystem"), clock, **device)
        node = self.hub.node
        entity = node.device.add(ENTITY, "GridGuard")
        self.lpc, self.lpp = (EnergyGuard(node, entity, kind, self.hub.now()) for kind in (LPC, LPP))
        self.mgcp, self.mpc = MonitoringAppliance(node, entity, MGCP), MonitoringAppliance(node, entity, MPC)
        self.told: list[Told] = []
        self.measured: list[Measured] = []
        self._entity = entity
        self._pulse = heartbeat.source(node, entity, self.hub.now())
        self._answers: dict[int, ErrorNumber] = {}
        self._moved = asyncio.Event()
        self.hub.listen(self._hear)

    # What a grid operator does

    async def found(self, timeout_s: float = 20.0) -> None:
        """Until the site has taken a first limit (LPC-913: deactivated, if none was asked for)."""
        await self._until(lambda: any(one.number is ErrorNumber.NONE for one in self.told), timeout_s)

    async def limit(self, limit_w: float | None, duration_s: float | None = None, *, production: bool = False) -> ErrorNumber:
        """Limit the site; None ends it. limit_w: of production 0 or negative. Returns the site's answer."""
        guard = self.lpp if production else self.lpc
        before = len(self.told)
        asked = None if limit_w is None else Decimal(str(limit_w))
        await self.hub.act(lambda now: guard.limit(asked, duration_s, now))
        answers: list[Told] = []

        def answered() -> bool:
            answers[:] = [one for one in self.told[before:] if one.use_case == guard.kind.name and one.wish.limit_w == asked]
            return bool(answers)

        await self._until(answered, ANSWER_S)
        return answers[-1].number

    async def failsafe(self, limit_w: float | None, lasts_s: float | None, *, production: bool = False) -> list[ErrorNumber]:
        """Write failsafe values; the site's answers."""
        guard = self.lpp if production else self.lpc
        counters: list[int] = []
        asked = None if limit_w is None else Decimal(str(limit_w))
        await self.hub.act(lambda now: counters.extend(guard.failsafe(self.system, asked, lasts_s, now)))
        return [await self._answer(counter) for counter in counters]

    def report(self, *, production: bool = False) -> Report:
        """What the site says of its limit."""
        return (self.lpp if production else self.lpc).report(self.system)

    @property
    def system(self) -> tuple[str, EntityId]:
        """The site's Controllable System."""
        return next(iter(self.lpc.systems))

    def values(self, of: Monitoring = MGCP) -> dict[Quantity, Decimal]:
        """What the site measures: at the grid connection (MGCP), or of its limited devices (MPC)."""
        appliance = self.mgcp if of is MGCP else self.mpc
        return {quantity: value for unit in appliance.units for quantity, value in appliance.values(unit).items()}

    # Faults

    @property
    def silent(self) -> bool:
        """Whether the heartbeat has stopped though the connection is up."""
        return self._pulse not in self.hub.node.parts

    @silent.setter
    def silent(self, silent: bool) -> None:
        if silent and not self.silent:
            self.hub.node.parts.remove(self._pulse)
        elif not silent and self.silent:
            self.hub.node.parts.append(self._pulse)

    async def write(
        self, value_w: float | None = None, *, active: bool | None = True, lasts: str | None = None, limit_id: int = 0
    ) -> ErrorNumber:
        """A limit past all checks of ours, such as one with a duration of "PT0S"; the site's answer."""
        value = None if value_w is None else scaled(Decimal(str(value_w)))
        period = None if lasts is None else TimePeriod(end_time=lasts)
        row = LoadControlLimitData(limit_id=limit_id, is_limit_active=active, time_period=period, value=value)
        cmd = command(LoadControlLimitListData(load_control_limit_data=(row,)), filters=(PARTIAL,))
        peer, entity = self.system
        server = self.hub.node.links[peer].remote.find(entity, "LoadControl", SERVER)
        assert server is not None
        client, counters = self._entity.feature("LoadControl", CLIENT).ident, []

        def ask(now: Now) -> None:
            counters.append(self.hub.node.write(peer, client, server.ident, cmd, now))

        await self.hub.act(ask)
        return await self._answer(counters[0])

    async def flood(self, count: int, limit_w: float) -> list[ErrorNumber]:
        """So many writes at once, each of another value."""
        return list(await asyncio.gather(*(self.write(limit_w + at) for at in range(count))))

    # Inside

    async def _hear(self, event: Event, now: Now) -> None:
        if isinstance(event, Told):
            self.told.append(event)
        elif isinstance(event, Measured):
            self.measured.append(event)
        elif isinstance(event, Answered):
            self._answers[event.counter] = event.number
        self._moved.set()

    async def _answer(self, counter: int) -> ErrorNumber:
        await self._until(lambda: counter in self._answers, ANSWER_S)
        return self._answers.pop(counter)

    async def _until(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._moved.clear()
                await self._moved.wait()
