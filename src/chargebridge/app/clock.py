"""The wall's clock: the only place in the product that looks at the machine's time."""

import asyncio
import time
from datetime import UTC, datetime


class WallClock:
    """Implements ``model.clock.SteadyClock``."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def steady_s(self) -> float:
        return time.monotonic()
