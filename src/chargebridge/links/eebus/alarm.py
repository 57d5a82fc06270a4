"""One timer for all that is due by the steady clock."""

import asyncio
import math
from collections.abc import Callable

import structlog

from chargebridge.model.clock import SteadyClock

log = structlog.get_logger(__name__)
AFTER_FAILURE_S = 1.0
STUCK_S = 0.1


class Alarm:
    """Calls `ring` when `due` has come. due: seconds of the clock, None: nothing is."""

    def __init__(self, clock: SteadyClock, due: Callable[[], float | None], ring: Callable[[], None]) -> None:
        self._clock = clock
        self._due = due
        self._ring = ring
        self._armed_s = -math.inf
        self._earlier = asyncio.Event()
        self._asked = False

    def moved(self) -> None:
        """Something may be due earlier than before. Reckoned once for all such calls of one turn of the event loop."""
        if not self._asked:
            self._asked = True
            asyncio.get_running_loop().call_soon(self._check)

    def _check(self) -> None:
        self._asked = False
        due = self._due()
        if due is not None and due < self._armed_s:
            self._earlier.set()

    async def run(self) -> None:
        while True:
            due = self._due()
            self._armed_s = math.inf if due is None else due
            self._earlier.clear()
            if due is None:
                await self._earlier.wait()
            elif (left_s := due - self._clock.steady_s()) > 0:
                await self._sleep(left_s)
            else:
                await self._sound(due)

    async def _sound(self, due: float) -> None:
        try:
            self._ring()
        except Exception:
            log.exception("eebus timer failed")
            await asyncio.sleep(AFTER_FAILURE_S)
        await asyncio.sleep(STUCK_S if self._due() == due else 0.0)  # what stays due must not take all the time of others

    async def _sleep(self, seconds: float) -> None:
        waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._earlier.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
