"""The people: they plug in, show a card, and go. Each drives one virtual station's buttons, whatever protocol it speaks."""

import asyncio
from typing import Protocol

from chargebridge.model.clock import Clock
from chargebridge.sim.world.event import Arrive, Depart
from chargebridge.sim.world.physics import Physics

FINDS_CARD_S = 1.5
"""From the plug to the card."""
PULLS_PLUG_S = 2.0
"""From the card (or the end of the transaction) to the plug."""


class StationSide(Protocol):
    """What a virtual station offers to somebody who stands before it."""

    def plug(self, evse: int) -> None:
        """A cable went into the car."""
        ...

    async def present(self, evse: int, token: str) -> bool:
        """A card is held before the reader: asks for a transaction (True: granted), or ends the one that the same card began."""
        ...

    def unplug(self, evse: int) -> None:
        """The cable came out."""
        ...


class Drivers:
    """Cars move in the physics, buttons are pressed at the stations that have joined. Where none has joined, cars come and go without service."""

    def __init__(self, physics: Physics, clock: Clock) -> None:
        self._physics = physics
        self._clock = clock
        self._stations: dict[str, StationSide] = {}
        self._cards: dict[str, str] = {}
        self._turn = {name: asyncio.Lock() for name in physics.outlets}

    def join(self, station: str, side: StationSide) -> None:
        """``side`` is the station with this identity in the topology."""
        self._stations[station] = side

    def at_once(self, event: Arrive | Depart) -> bool:
        """Move the car without any button where the point's station has not joined. False: ``go`` must do it."""
        if self._side(event.point)[0] is not None:
            return False
        self._physics.unplug(event.point)
        if isinstance(event, Arrive):
            self._physics.plug(event.point, event.kind, event.soc)
        return True

    async def go(self, event: Arrive | Depart) -> None:
        """Do what this driver does, after whoever else is busy at that point."""
        side, evse = self._side(event.point)
        if side is None:
            return
        async with self._turn[event.point]:
            if self._physics.plugged(event.point):
                await self._leave(event.point, side, evse)
            if isinstance(event, Arrive):
                self._physics.plug(event.point, event.kind, event.soc)
                self._cards[event.point] = event.card
                side.plug(evse)
                await self._clock.sleep(FINDS_CARD_S)
                await side.present(evse, event.card)

    async def _leave(self, point: str, side: StationSide, evse: int) -> None:
        if point in self._cards:
            await side.present(evse, self._cards.pop(point))
            await self._clock.sleep(PULLS_PLUG_S)
        self._physics.unplug(point)
        side.unplug(evse)

    def _side(self, point: str) -> tuple[StationSide | None, int]:
        wired = self._physics.outlets[point].point
        return self._stations.get(wired.station), wired.evse
