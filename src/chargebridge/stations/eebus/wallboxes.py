"""All wallboxes of a site that speak EEBUS: one adapter, as the OCPP Central System is another."""

import asyncio
from collections.abc import Iterator, Sequence

from chargebridge.links.eebus.hub import Hub
from chargebridge.model.clock import Clock
from chargebridge.stations.eebus.ahead import Plans
from chargebridge.stations.eebus.bay import Roles
from chargebridge.stations.eebus.memory import Memory
from chargebridge.stations.eebus.settings import WallboxSettings
from chargebridge.stations.eebus.wallbox import Wallbox
from chargebridge.stations.port import StationSink
from chargebridge.store import Database
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import Now
from chargebridge.wire.eebus.usecases.coordinator import Coordinator
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.energy_manager import EnergyManager


class Wallboxes:
    """Implements ``Stations``. manager, coordinator, guard: the site's own, on the hub's node."""

    def __init__(
        self,
        settings: Sequence[WallboxSettings],
        hub: Hub,
        manager: EnergyManager,
        coordinator: Coordinator,
        guard: EnergyGuard,
        sink: StationSink,
        database: Database,
        clock: Clock,
    ) -> None:
        roles = Roles(hub, manager, coordinator, guard)
        self._by_ski = {one.ski: Wallbox(one, roles, sink, Memory(database, one.identity), clock) for one in settings}
        self._by_identity = {one.identity: one for one in self._by_ski.values()}
        hub.listen(self._hear)
        hub.on_change(self._changed)

    def station(self, identity: str) -> Wallbox | None:
        return self._by_identity.get(identity)

    def __iter__(self) -> Iterator[Wallbox]:
        return iter(list(self._by_identity.values()))

    def plan_by(self, plans: Plans) -> None:
        """Where the site's plans for cars are found from now on; cars that want them (CEVC) are told."""
        for one in self:
            one.plans = plans

    async def run(self) -> None:
        """Serve them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for one in self:
                group.create_task(one.run(), name=f"wallbox {one.identity}")

    async def _hear(self, event: Event, now: Now) -> None:
        box = self._by_ski.get(getattr(event, "peer", ""))
        if box is not None:
            box.hear(event)

    def _changed(self) -> None:
        """A connection has come or gone."""
        for one in self:
            one.ring()
