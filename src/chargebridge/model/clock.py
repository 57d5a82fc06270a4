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
