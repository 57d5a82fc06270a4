"""How long is waited before something that failed is tried again."""

from chargebridge.model.clock import Clock

FIRST_S, LAST_S = 1.0, 30.0


class Backoff:
    """1, 2, 4 ... `last_s` seconds; from the beginning again after a success."""

    def __init__(self, clock: Clock, last_s: float = LAST_S) -> None:
        self._clock = clock
        self._last_s = last_s
        self._next_s = FIRST_S

    def reset(self) -> None:
        """It went well."""
        self._next_s = FIRST_S

    async def wait(self) -> None:
        wait_s, self._next_s = self._next_s, min(self._last_s, 2 * self._next_s)
        await self._clock.sleep(wait_s)
