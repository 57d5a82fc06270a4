"""The station's own clock: it is set by what the Central System says (1.6 4.6, 2.0.1 part 2 G02), and can be wrong on demand."""

from datetime import datetime, timedelta

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.faults import Faults

TOLERANCE_S = 2.0  # what a message's way may take; a smaller difference is none


class StationClock:
    """The clock of the machine and how far the station's own is away from it."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._offset = timedelta()

    def now(self) -> datetime:
        return self._clock.now() + self._offset + timedelta(seconds=self._faults.clock_off_s)

    def correct(self, told: datetime) -> float:
        """Set it by the Central System's; by how many seconds it moved, 0 if it was right. A clock that a fault has put wrong does not move."""
        away_s = (told - self.now()).total_seconds()
        if self._faults.clock_off_s or abs(away_s) <= TOLERANCE_S:
            return 0.0
        self._offset += timedelta(seconds=away_s)
        return away_s
