"""Batteries in both directions: what they say of themselves into the present, what was decided about them to the plant."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from chargebridge.model.clock import Clock
from chargebridge.model.decision import BatteryCommand
from chargebridge.plants import BatteryPlant, PlantAnswer, PlantFault, PlantOutcome
from chargebridge.site.live import Live

VALID_S = 30.0
"""A set point reverts by itself after this long, in the plant's own timer."""
RENEW_S = 10.0
AGAIN_S = 10.0
STEP_W = 100.0
"""Smaller changes than this wait for the next renewal."""

log = structlog.get_logger(__name__)


class BatteryKeeper:
    """``give`` takes a decision's commands; ``run`` reads and steers until it is cancelled."""

    def __init__(
        self, plants: Sequence[BatteryPlant], live: Live, clock: Clock, *, wake: Callable[[], None], tell: Callable[[str, str, str], None]
    ) -> None:
        self._plants = plants
        self._live = live
        self._clock = clock
        self._wake = wake
        self._tell = tell
        self._wanted: dict[str, float | None] = {plant.id: None for plant in plants}
        self._sent: dict[str, tuple[float | None, datetime]] = {}
        self._bell = {plant.id: asyncio.Event() for plant in plants}
        self._faults: dict[str, str] = {}

    def give(self, commands: tuple[BatteryCommand, ...]) -> None:
        """A battery without a command runs its own programme."""
        wanted = {command.battery: command.power_w for command in commands}
        for plant in self._plants:
            self._wanted[plant.id] = wanted.get(plant.id)
            if self._due(plant.id):
                self._bell[plant.id].set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for plant in self._plants:
                group.create_task(self._read(plant), name=f"battery {plant.id}")
                group.create_task(self._steer(plant), name=f"set points of {plant.id}")

    def _due(self, name: str) -> bool:
        wanted = self._wanted[name]
        sent, at = self._sent.get(name, (None, None))
        if (wanted is None) != (sent is None):
            return True
        if wanted is None or sent is None or at is None:
            return False
        return abs(wanted - sent) >= STEP_W or not 0 <= (self._clock.now() - at).total_seconds() < RENEW_S

    async def _read(self, plant: BatteryPlant) -> None:
        """A plant's adapter that fails costs that plant, which counts as silent, and is tried again."""
        while True:
            try:
                await self._listen(plant)
                self._say(plant.id, "tells nothing more")
            except Exception as error:
                log.exception("reading a battery failed", battery=plant.id)
                self._say(plant.id, f"cannot be read ({type(error).__name__}: {error})")
            await self._clock.sleep(AGAIN_S)

    async def _listen(self, plant: BatteryPlant) -> None:
        async for item in plant.states():
            if isinstance(item, PlantFault):
                self._say(plant.id, f"{item.reason}; {item.cure}")
                continue
            self._faults.pop(plant.id, None)
            self._live.batteries[plant.id] = item
            self._wake()

    async def _steer(self, plant: BatteryPlant) -> None:
        bell = self._bell[plant.id]
        while True:
            await bell.wait()
            bell.clear()
            wanted = self._wanted[plant.id]
            answer = await self._set(plant, wanted)
            if answer.outcome is PlantOutcome.ACCEPTED:
                self._sent[plant.id] = (wanted, self._clock.now())
            else:
                self._say(plant.id, f"did not take its set point: {answer.outcome} {answer.detail}")
                await self._clock.sleep(1.0)

    async def _set(self, plant: BatteryPlant, wanted: float | None) -> PlantAnswer:
        try:
            return await plant.set_power(wanted, VALID_S)
        except Exception as error:
            log.exception("a set point could not be given", battery=plant.id)
            return PlantAnswer(outcome=PlantOutcome.TIMED_OUT, detail=f"{type(error).__name__}: {error}")

    def _say(self, name: str, text: str) -> None:
        if self._faults.get(name) != text:
            self._faults[name] = text
            self._tell("alert", f"{name}: {text}", name)
