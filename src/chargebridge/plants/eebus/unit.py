"""A peer as a plant sees it: whether it is there, when it was heard, what it measures, and why it is not there."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from chargebridge.links.eebus.hub import Hub
from chargebridge.model.clock import Clock
from chargebridge.plants.port import PlantFault
from chargebridge.wire.eebus.spine.events import Answered, DataChanged, Event
from chargebridge.wire.eebus.spine.local import EntityId, Now
from chargebridge.wire.eebus.usecases.monitoring import Measured, MonitoringAppliance
from chargebridge.wire.eebus.usecases.quantities import MPC, POWER

PATIENCE_S = 10.0
"""So long after the beginning, or after it was there last, a peer may be away before people are told: nodes find each other in some seconds."""


class Unit:
    """heard_at: when it said something last. measured_at: when it said last what it draws. on_event: called with each event of its."""

    def __init__(self, ski: str, hub: Hub, reader: MonitoringAppliance) -> None:
        self.ski = ski
        self.hub = hub
        self.heard_at: datetime | None = None
        self.measured_at: datetime | None = None
        self.on_event: Callable[[Event, Now], None] = lambda event, now: None
        self._reader = reader
        self._bell = asyncio.Event()

    @property
    def linked(self) -> bool:
        """Datagrams go both ways."""
        return self.ski in self.hub.node.links

    def hear(self, event: Event, now: Now) -> None:
        if isinstance(event, DataChanged | Answered | Measured):
            self.heard_at = now.utc
        if isinstance(event, Measured) and event.use_case == MPC.name:
            self.measured_at = now.utc
        self.on_event(event, now)
        self.ring()

    def ring(self) -> None:
        """Something may be news."""
        self._bell.set()

    async def news(self, clock: Clock, patience_s: float) -> None:
        """Until something may be news, at most so long."""
        waits = [asyncio.create_task(self._bell.wait()), asyncio.create_task(clock.sleep(patience_s))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        self._bell.clear()

    def power_w(self, entity: EntityId | None = None) -> float | None:
        """What it draws in all, W: of this entity's measuring where it has one, else of its first."""
        units = [unit for unit in self._reader.units if unit[0] == self.ski] if self.linked else []
        for unit in sorted(units, key=lambda unit: (unit[1] != entity, unit[1])):
            value = self._reader.values(unit).get(POWER)
            if value is not None:
                return float(value)
        return None

    def absence(self, plant: str, now: datetime, lack: str = "") -> PlantFault:
        """Why it is not there, as far as the hub knows. lack: what it has not, where it is connected."""
        where = f"EEBUS {self.ski}"
        if self.linked:
            return PlantFault(
                plant=plant, at=now, where=where, reason=lack, cure="enable it on the device; its maker says under which name"
            )
        trouble = next((peer.trouble for peer in self.hub.peers() if peer.ski == self.ski), None)
        reason, cure = "is not connected", "see that it is on and in the same network, and that each trusts the other"
        if trouble is not None:
            reason, cure = trouble.reason, trouble.cure
        return PlantFault(plant=plant, at=now, where=where, reason=reason, cure=cure)
