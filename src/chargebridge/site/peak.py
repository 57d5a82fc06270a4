"""The running quarter hour at the grid connection, for demand charges that count its mean power."""

from datetime import UTC, datetime, timedelta

from chargebridge.model.reading import Reading
from chargebridge.model.state import PeakBudget

WINDOW_S = 900.0
"""Settlement period of the European markets, Regulation (EU) 2017/2195 article 53."""
GAP_MAX_S = 60.0
"""Between readings further apart than this the power is not taken to have stayed the same."""


class PeakWindow:
    """Adds up what is drawn from the grid in the current window, from the meter's power; windows begin on full quarters of the hour."""

    def __init__(self, budget_w: float) -> None:
        self._budget_w = budget_w
        self._drawn_wh = 0.0
        self._window: datetime | None = None
        self._last: tuple[datetime, float] | None = None

    def add(self, reading: Reading) -> None:
        """Take in a reading of the grid meter."""
        if reading.power_w is None:
            return
        at = reading.received_at
        self._turn(at)
        if self._last is not None and self._window is not None:
            since, power_w = self._last
            seconds = (at - max(since, self._window)).total_seconds()
            if 0 < seconds <= GAP_MAX_S:
                self._drawn_wh += max(0.0, power_w) * seconds / 3600
        self._last = (at, reading.power_w)

    def budget(self, now: datetime) -> PeakBudget:
        self._turn(now)
        assert self._window is not None
        return PeakBudget(window_started_at=self._window, drawn_wh=self._drawn_wh, budget_w=self._budget_w, window_s=WINDOW_S)

    def _turn(self, now: datetime) -> None:
        start = datetime.fromtimestamp(now.timestamp() // WINDOW_S * WINDOW_S, UTC)
        if self._window is None or start > self._window:
            if self._window is not None and self._last is not None:
                self._last = (max(self._last[0], start - timedelta(seconds=GAP_MAX_S)), self._last[1])
            self._window, self._drawn_wh = start, 0.0
