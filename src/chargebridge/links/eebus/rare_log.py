"""A log that a flood does not fill."""

from collections.abc import Callable
from typing import Any

import structlog

EVERY_S = 10.0
MAX_NAMES = 256

log = structlog.get_logger(__name__)


class RareLog:
    """One warning for each name in `EVERY_S`; the next one says how many were left out. seconds: of any steady clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._told: dict[str, tuple[float, int]] = {}

    def warning(self, name: str, event: str, **what: Any) -> None:
        now = self._seconds()
        at, left_out = self._told.pop(name, (now - EVERY_S, 0))
        if now - at >= EVERY_S:
            if left_out:
                what["left_out_before"] = left_out
            log.warning(event, **what)
            at, left_out = now, 0
        else:
            left_out += 1
        self._told[name] = at, left_out
        while len(self._told) > MAX_NAMES:
            del self._told[next(iter(self._told))]
