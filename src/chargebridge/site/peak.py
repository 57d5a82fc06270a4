"""The running quarter hour at the grid connection, for demand charges that count its mean power."""

from datetime import UTC, datetime
from math import isfinite

from chargebridge.model.reading import Reading
from chargebridge.model.state import PeakBudget

WINDOW_S = 900.0
"""Settlement period of the European markets, Regulation (EU) 2017/2195 article 53."""
GAP_MAX_S = 60.0
"""Between readings further apart than this the power is not taken to have stayed the same."""


class PeakWindow:
    """Adds up what is drawn from the grid in the current window; windows begin on full quarters of the hour.

    By the meter's power while its readings come close together; over a gap by its register. Where there is none, and before the first reading,
    the grid is taken to have given just the budget: what nobody measured neither saves anything for later nor is owed by it.
    """

    def __init__(self, budget_w: float) -> None:
        self._budget_w = budget_w
        self._drawn_wh = 0.0
        self._window: datetime | None = None
        self._last: Reading | None = None

    def add(self, reading: Reading) -> None:
        """Take in a reading of the grid meter."""
        repeated_s = (reading.received_at - reading.heard_at).total_seconds()
        if reading.power_w is None or not isfinite(reading.power_w) or repeated_s > GAP_MAX_S:
            return
        window = self._turn(reading.received_at)
        last, self._last = self._last, reading
        since = window if last is None else max(last.received_at, window)
        seconds = (reading.received_at - since).total_seconds()
        if seconds > 0:
            self._drawn_wh += self._mean_w(last, reading) * seconds / 3600

    def _mean_w(self, last: Reading | None, reading: Reading) -> float:
        """The power that counts for the time between two readings."""
        if last is None or last.power_w is None:
            return self._budget_w
        seconds = (reading.received_at - last.received_at).total_seconds()
        if 0 < seconds <= GAP_MAX_S:
            return max(0.0, last.power_w)
        before, after = last.energy_import_wh, reading.energy_import_wh
        if seconds > 0 and before is not None and after is not None and after >= before:
            return float(after - before) * 3600 / seconds
        return self._budget_w

    def budget(self, now: datetime) -> PeakBudget:
        return PeakBudget(window_started_at=self._turn(now), drawn_wh=self._drawn_wh, budget_w=self._budget_w, window_s=WINDOW_S)

    def _turn(self, now: datetime) -> datetime:
        """The window in which now lies; a clock that was set back opens a new one too."""
        start = window_of(now)
        if start != self._window:
            if self._last is not None and self._last.received_at > now:
                self._last = None
            self._window, self._drawn_wh = start, 0.0
        return start


def window_of(now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // WINDOW_S * WINDOW_S, UTC)
