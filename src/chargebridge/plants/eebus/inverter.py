"""An inverter that speaks EEBUS and tells what it draws or gives: Monitored Unit of MPC, as a meter of its generator."""

from collections.abc import AsyncIterator

from chargebridge.model.clock import Clock
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.plants.eebus.unit import PATIENCE_S, Unit

TELL_EVERY_S = 5.0


class EebusInverter:
    """Read like any meter. What it told last holds while it is connected: MPC repeats nothing that has not changed."""

    def __init__(self, name: str, unit: Unit, clock: Clock) -> None:
        self.name = name
        self._unit, self._clock = unit, clock

    async def readings(self) -> AsyncIterator[Reading | MeterFault]:
        """Consumption is positive and production negative, in both."""
        known_at = self._clock.now()
        while True:
            now, power_w = self._clock.now(), self._unit.power_w()
            if power_w is not None:
                known_at = now
                yield Reading(meter=self.name, received_at=now, power_w=power_w)
            elif (now - known_at).total_seconds() >= PATIENCE_S:
                fault = self._unit.absence(self.name, now, "tells no power (MPC)")
                yield MeterFault(meter=self.name, at=now, where=fault.where, reason=fault.reason, cure=fault.cure)
            await self._unit.news(self._clock, TELL_EVERY_S)
