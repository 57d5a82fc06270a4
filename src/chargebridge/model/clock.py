"""Time is passed in: the one way in which anything here learns what time it is."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time. The live one is the wall's; the simulator's runs faster; a test's stands still until moved."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of this clock's time."""
        ...


class SteadyClock(Clock, Protocol):
    """A clock that also counts seconds for timers that must run on truly when somebody sets the wall clock anew, as a box does after each start."""

    def steady_s(self) -> float:
        """Seconds from any beginning; they never jump and never go back."""
        ...
