"""The wall's clock: the only place in the product that looks at the machine's time."""

import asyncio
from datetime import UTC, datetime


class WallClock:
    """Implements ``model.clock.Clock``."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
