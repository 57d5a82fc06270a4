"""Where the Central System is and how it is reached: the connection in use, the one tried instead, and when to come back from it.

A changed password or security profile is tried first, the old one kept until the new one has let the station in (2.0.1 part 2 A01, A05, B10).
"""

from random import Random

from msgspec import Struct
from msgspec.structs import replace

ATTEMPTS = 3  # NetworkProfileConnectionAttempts


class Slot(Struct, frozen=True, kw_only=True):
    """One way. uri: without the identity. security_profile: 0 to 3. timeout_s: of calls."""

    uri: str
    password: str | None
    security_profile: int
    timeout_s: float


class Network:
    """The ways in their order, and the one that is on."""

    def __init__(self, slot: Slot, seed: str) -> None:
        self._order = [slot]
        self._at = 0
        self._failures = 0
        self._trial = False
        self._random = Random(seed)

    @property
    def slot(self) -> Slot:
        return self._order[self._at]

    def prefer(self, **changes: object) -> None:
        """From the next connection on, with these changes; back to what is now if that does not go."""
        self._order = [replace(self.slot, **changes), self.slot]
        self._at, self._failures, self._trial = 0, 0, True

    def order(self, slots: list[Slot]) -> None:
        """From the next connection on, these in turn; what is now comes last."""
        self._order = [*slots, *([self.slot] if self.slot not in slots else [])]
        self._at, self._failures, self._trial = 0, 0, False

    def succeeded(self) -> None:
        """The Central System let the station in."""
        if self._trial:
            self._order, self._at, self._trial = [self.slot], 0, False
        self._failures = 0

    def failed(self, *, refused: bool) -> bool:
        """It did not go. refused: because of who it is. True: another way is tried next."""
        self._failures += 1
        if len(self._order) == 1 or (self._failures < ATTEMPTS and not (refused and self._trial)):
            return False
        self._at, self._failures = (self._at + 1) % len(self._order), 0
        return True

    def wait_s(self, attempt: int, minimum_s: float, doublings: float, random_s: float) -> float:
        """Before the attempt after so many that failed (part 4, 5.3: doubled each time, up to a number of times, and some chance)."""
        return float(minimum_s * 2 ** min(attempt, doublings)) + self._random.uniform(0.0, random_s)
