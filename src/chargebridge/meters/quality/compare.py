"""Two meters at one place: one and the same current twice, or a main meter and those below it."""

from collections.abc import Iterator
from datetime import datetime
from math import isfinite

from chargebridge.meters.quality.verdict import Fine, Verdict
from chargebridge.model.finding import Finding, FindingKind, Severity
from chargebridge.model.reading import Reading

WINDOW_S = 900.0
STEP_S = 60.0
SHARE, SLACK_W = 0.05, 50.0
WINDOWS = 2


class _Side:
    """The energy of one window between its bounds, by our clock: two meters have two clocks."""

    def __init__(self) -> None:
        self._last: Reading | None = None
        self.low_wh = self.high_wh = 0.0
        self._whole = True

    def feed(self, reading: Reading) -> None:
        last, self._last = self._last, reading
        if last is None or last.power_w is None or reading.power_w is None:
            return
        seconds = (reading.received_at - last.received_at).total_seconds()
        if not 0 <= seconds <= STEP_S:
            self._whole = False
            return
        self.low_wh += min(last.power_w, reading.power_w) * seconds / 3600
        self.high_wh += max(last.power_w, reading.power_w) * seconds / 3600

    def turn(self, now: datetime) -> None:
        """Begin a new window; a meter that is silent at its begin has no whole one."""
        self.low_wh = self.high_wh = 0.0
        self._whole = True
        self._whole = self.covers(now)

    def covers(self, now: datetime) -> bool:
        """Whether it spoke all the time until now."""
        return self._whole and self._last is not None and (now - self._last.received_at).total_seconds() <= STEP_S


class Comparison:
    """``main`` against the sum of ``parts`` in windows of a quarter hour: equal within 5 % and 50 W, twice in a row else it is a finding.

    all_metered: nothing but ``parts`` is behind ``main``, so that they must be equal (two meters on one line). Else there may be other consumers, and
    ``main`` must only not be less than its parts.
    """

    def __init__(self, main: str, parts: tuple[str, ...], *, all_metered: bool = False) -> None:
        self.main, self.parts = main, parts
        self._all = all_metered
        self._sides = {name: _Side() for name in (main, *parts)}
        self._since: datetime | None = None
        self._contradicted = 0

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        """Verdicts are about ``main``."""
        side = self._sides.get(reading.meter)
        if side is None or reading.power_w is None or not isfinite(reading.power_w) or reading.fresh_at is not None:
            return
        now = reading.received_at
        side.feed(reading)
        if self._since is None:
            self._turn(now)
        assert self._since is not None
        seconds = (now - self._since).total_seconds()
        if seconds < 0:
            self._turn(now)
        elif seconds >= WINDOW_S:
            yield from self._judge(self._since, now, seconds)
            self._turn(now)

    def _turn(self, now: datetime) -> None:
        self._since = now
        for side in self._sides.values():
            side.turn(now)

    def _judge(self, since: datetime, now: datetime, seconds: float) -> Iterator[Verdict]:
        if not all(side.covers(now) for side in self._sides.values()):
            return
        main, parts = self._sides[self.main], [self._sides[name] for name in self.parts]
        low, high = sum(p.low_wh for p in parts), sum(p.high_wh for p in parts)
        greatest = max(abs(v) for side in self._sides.values() for v in (side.low_wh, side.high_wh))
        slack = SHARE * greatest + SLACK_W * seconds / 3600
        less, more = main.high_wh + slack < low, main.low_wh - slack > high
        if not less and not (more and self._all):
            self._contradicted = 0
            yield Fine(FindingKind.DISAGREEMENT)
            return
        self._contradicted += 1
        if self._contradicted < WINDOWS:
            return
        to_w = 3600 / seconds
        main_w, parts_w = (main.low_wh + main.high_wh) / 2 * to_w, (low + high) / 2 * to_w
        yield Finding(
            meter=self.main,
            kind=FindingKind.DISAGREEMENT,
            severity=Severity.WARNING,
            at=now,
            since=since,
            until=now,
            text=f"it told {main_w:.0f} W in the mean of {seconds / 60:.0f} min, {' and '.join(self.parts)} {parts_w:.0f} W",
            cure="see which hangs where: a wrong circuit in the configuration, a swapped or wrongly turned current transformer",
            figures={"main_w": round(main_w, 1), "parts_w": round(parts_w, 1)},
        )
