"""How fast something may go on: an allowance that fills up again."""


class Pace:
    """per_s: what is allowed in the long run. burst: what is allowed at once. now: seconds of any steady clock."""

    def __init__(self, per_s: float, burst: float, now: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float) -> float:
        """One more. Returns for how many seconds to wait before the next; 0 within the allowance."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s) - 1
        self._at = now
        return max(0.0, -self._left / self._per_s)

    def may(self, now: float) -> bool:
        """Whether there is room for one more; takes it only then."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
