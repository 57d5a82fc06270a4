"""The three sources of time: the wall's, a faster one for demos, and one that a test moves by hand.

These are the only places in the counterparts that ask the operating system what time it is.
"""

import asyncio
import heapq
import time
from datetime import UTC, datetime, timedelta
from itertools import count


class WallClock:
    """The time of this computer."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def steady_s(self) -> float:
        return time.monotonic()


class FastClock:
    """Starts at ``start`` (default: the wall's time) and passes ``speed`` times as fast as the wall."""

    def __init__(self, speed: float, start: datetime | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"speed {speed} must be above 0")
        self.speed = speed
        self._start = start or datetime.now(UTC)
        self._wall = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._wall) * self.speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.speed)

    def steady_s(self) -> float:
        return (time.monotonic() - self._wall) * self.speed


class ManualClock:
    """Stands still until ``advance``; who sleeps on it is woken in the order of his due time, at exactly that time."""

    def __init__(self, start: datetime) -> None:
        self._now = self._start = start
        self._order = count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), future))
        await future

    def steady_s(self) -> float:
        return (self._now - self._start).total_seconds()

    async def advance(self, seconds: float, turns: int = 3) -> None:
        """Move on; after each waking the event loop gets ``turns`` turns, so that what was woken runs before the next one is."""
        end = self._now + timedelta(seconds=seconds)
        await _turns(turns)
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            self._now = due
            if not future.done():
                future.set_result(None)
            await _turns(turns)
        self._now = end


async def _turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)
