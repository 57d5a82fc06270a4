"""The pairing window: the minutes in which peers that nobody knows may ask to be trusted. Nothing is trusted by itself in it; a person decides."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from chargebridge.model.clock import SteadyClock
from chargebridge.model.errors import ChargebridgeError

USUAL_S = 180.0
LONGEST_S = 300.0
START_S = 60.0
"""After a start peers that nobody knows are kept waiting for so long, not refused: boxes that are refused once may give up, and what makes one known
(its announcement for the pairing service, a configuration that is being loaded) comes a moment later than its connection."""


class WindowError(ChargebridgeError):
    """A window that may not be opened so."""


class PairingWindow:
    """The one place that says whether peers that nobody knows may wait for a decision, or are refused at once."""

    def __init__(self, clock: SteadyClock, start_s: float = START_S) -> None:
        self._clock = clock
        self._started_s = clock.steady_s()
        self._start_s = start_s
        self._ends_s: float | None = None
        self._until: datetime | None = None
        self._moved = asyncio.Event()
        self._calls: list[Callable[[], None]] = []

    @property
    def until(self) -> datetime | None:
        """When it closes by itself; None while it is closed."""
        return self._until if self.is_open else None

    @property
    def is_open(self) -> bool:
        """What mDNS says as `register`."""
        return self._ends_s is not None and self._clock.steady_s() < self._ends_s

    @property
    def unknown_may_wait(self) -> bool:
        """Whether the hello of a peer that nobody knows is answered with `pending` rather than `aborted`."""
        return self.is_open or self._clock.steady_s() < self._started_s + self._start_s

    def on_change(self, call: Callable[[], None]) -> None:
        """`call` when it opens and when it closes."""
        self._calls.append(call)

    def open(self, seconds: float = USUAL_S) -> None:
        """From now on for so long, instead of how long it was open before. Raises WindowError."""
        if not 0 < seconds <= LONGEST_S:
            raise WindowError("pairing window", f"{seconds} s", f"open it for up to {LONGEST_S:g} s, and again if that was too short")
        self._ends_s = self._clock.steady_s() + seconds
        self._until = self._clock.now() + timedelta(seconds=seconds)
        self._tell()

    def close(self) -> None:
        """Nothing happens if it is closed."""
        if self._ends_s is not None:
            self._ends_s = self._until = None
            self._tell()

    async def run(self) -> None:
        """Close it in time, until cancelled. Without this it is closed in time too, but nobody is told."""
        while True:
            self._moved.clear()
            if self._ends_s is None:
                await self._moved.wait()
            elif (left_s := self._ends_s - self._clock.steady_s()) > 0:
                await self._clock.sleep(min(left_s, 1.0))  # it may be opened anew for less
            else:
                self.close()

    def _tell(self) -> None:
        self._moved.set()
        for call in self._calls:
            call()
