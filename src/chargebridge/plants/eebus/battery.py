"""A battery, or its inverter, that speaks EEBUS and only tells what it draws: Monitored Unit of MPC. EEBUS has no set points for it here."""

from collections.abc import AsyncIterator

from chargebridge.model.circuit import Battery
from chargebridge.model.clock import Clock
from chargebridge.model.state import BatteryState
from chargebridge.plants.eebus.unit import PATIENCE_S, Unit
from chargebridge.plants.port import PlantAnswer, PlantFault, PlantOutcome

TELL_EVERY_S = 2.0


class EebusBattery:
    """Implements ``BatteryPlant``. What it told last holds while it is connected: MPC repeats nothing that has not changed."""

    def __init__(self, battery: Battery, unit: Unit, clock: Clock) -> None:
        self._battery, self._unit, self._clock = battery, unit, clock

    @property
    def id(self) -> str:
        return self._battery.id

    async def states(self) -> AsyncIterator[BatteryState | PlantFault]:
        """See ``BatteryPlant``. Charging is consumption, and positive in both."""
        known_at = self._clock.now()
        while True:
            now, power_w = self._clock.now(), self._unit.power_w()
            if power_w is not None:
                known_at = now
                yield BatteryState(battery=self.id, heard_at=now, power_w=power_w)
            elif (now - known_at).total_seconds() >= PATIENCE_S:
                yield self._unit.absence(self.id, now, "tells no power (MPC)")
            await self._unit.news(self._clock, TELL_EVERY_S)

    async def set_power(self, power_w: float | None, valid_s: float) -> PlantAnswer:
        """See ``BatteryPlant``: it runs its own programme, whatever is asked."""
        return PlantAnswer(outcome=PlantOutcome.UNSUPPORTED, detail="it tells what it draws and takes no set points (MPC)")
