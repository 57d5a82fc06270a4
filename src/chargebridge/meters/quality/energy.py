"""Power against energy: what the power adds up to, and what the register moved by meanwhile.

Between two telegrams the power is taken to lie between what they tell. So the energy of a while has a lower and an upper bound, and a register that
moves by something between them is right, however the load changes. Three things widen the bounds: 5 % for the meter, the register's own step at both
ends, and that a register may be up to 15 s older than its telegram.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite

from chargebridge.meters.quality.grain import Grain
from chargebridge.meters.quality.verdict import Fine, Verdict, step_s
from chargebridge.model.finding import Finding, FindingKind, Severity
from chargebridge.model.reading import Reading

LEAST_S = 900.0
SHARE = 0.05
LAG_S = 15.0
"""Norwegian meters tell the hour 10 s after it has passed."""
STEP_S = 60.0
"""Over longer silences power is not taken to have stayed between what was told before and after."""
SCALE_SHARE = 0.15
SCALES = (1, -1, 2, -2, 3, -3)
SURE_STEPS = 10
PATIENCE_S = 4 * 3600.0
"""What is wrong is told when the register has moved by so many steps, or after so long."""
WINDOWS = 2
"""So many windows in a row must contradict in one direction where it is no power of ten and no stuck register."""
STUCK_W, STUCK_STEPS = 50.0, 3
SELDOM_S = 600.0
_KINDS = (FindingKind.SCALE, FindingKind.POWER_ENERGY, FindingKind.REGISTER_STUCK)


class Bounds:
    """The energy that flowed, Wh, import positive, at least and at most; and how long it was watched, s."""

    def __init__(self) -> None:
        self.low_wh = self.high_wh = self.watched_s = 0.0
        self.exported = self.imported = False

    def add(self, before_w: float, after_w: float, seconds: float) -> None:
        self.low_wh += min(before_w, after_w) * seconds / 3600
        self.high_wh += max(before_w, after_w) * seconds / 3600
        self.watched_s += seconds
        self.exported |= before_w < 0 or after_w < 0
        self.imported |= before_w > 0 or after_w > 0

    @property
    def middle_wh(self) -> float:
        return (self.low_wh + self.high_wh) / 2


class EnergyCheck:
    def __init__(self) -> None:
        self._grain = Grain(3)
        self._last: Reading | None = None
        self._recent: deque[tuple[float, float]] = deque()
        self._bounds = Bounds()
        self._covered_s = 0.0
        self._anchor: Reading | None = None
        self._anchor_w = 0.0
        self._contradicted = 0

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        self._watch(reading)
        for register in (reading.energy_import_wh, reading.energy_export_wh):
            if register is not None:
                self._grain.see(register)
        if reading.energy_import_wh is None and reading.energy_export_wh is None:
            return
        if self._anchor is None:
            if self._covered_s >= LAG_S:
                self._begin(reading)
        elif self._bounds.watched_s >= LEAST_S:
            yield from self._judge(reading, self._anchor)

    def _watch(self, reading: Reading) -> None:
        power = reading.power_w
        if power is None or not isfinite(power) or "power_w" in reading.derived:
            return
        last, self._last = self._last, reading
        if last is None or last.power_w is None:
            return
        seconds = step_s(last, reading)
        if not 0 <= seconds <= STEP_S:
            self._anchor, self._covered_s, self._bounds = None, 0.0, Bounds()
            self._recent.clear()
            return
        self._bounds.add(last.power_w, power, seconds)
        self._covered_s += seconds
        self._recent.append((self._covered_s, max(abs(last.power_w), abs(power))))
        while self._recent[0][0] < self._covered_s - LAG_S:
            self._recent.popleft()

    def _edge_w(self) -> float:
        """The greatest power of the last seconds, that may or may not be in the register yet."""
        return max((watts for _, watts in self._recent), default=0.0)

    def _begin(self, reading: Reading) -> None:
        self._anchor, self._anchor_w, self._bounds = reading, self._edge_w(), Bounds()

    def _judge(self, reading: Reading, anchor: Reading) -> Iterator[Verdict]:
        moved = _moved(anchor, reading)
        bounds, grain = self._bounds, self._grain.step
        if moved is None or not _counted(anchor, bounds):
            self._begin(reading)
            return
        imported, exported = moved
        step = float(imported - exported)
        steps = 2 * grain * (1 + (exported > 0 or bounds.exported))
        edges = (self._anchor_w + self._edge_w()) * LAG_S / 3600
        if _within(step, bounds, steps + edges, SHARE):
            self._contradicted = 0
            for kind in _KINDS:
                yield Fine(kind)
            self._begin(reading)
            return
        least = min(abs(bounds.low_wh), abs(bounds.high_wh)) if bounds.low_wh * bounds.high_wh > 0 else 0.0
        if not imported and not exported:
            if least >= max(STUCK_STEPS * grain, STUCK_W * bounds.watched_s / 3600):
                yield self._finding(reading, anchor, FindingKind.REGISTER_STUCK, step, bounds)
            return  # watched on: what it moves by next belongs to all of this time
        if abs(step) < SURE_STEPS * grain and bounds.watched_s < PATIENCE_S:
            return  # too little yet to tell what is wrong
        scale = next((10.0**n for n in SCALES if _is_scaled(step, bounds, steps + edges * 10.0**n, 10.0**n)), None)
        way = 1 if step > bounds.middle_wh else -1
        self._contradicted = self._contradicted + way if self._contradicted * way > 0 else way
        if scale is not None:
            yield self._finding(reading, anchor, FindingKind.SCALE, step, bounds, scale)
        elif abs(self._contradicted) >= WINDOWS:
            yield self._finding(reading, anchor, FindingKind.POWER_ENERGY, step, bounds)
        self._begin(reading)

    def _finding(
        self, reading: Reading, anchor: Reading, kind: FindingKind, step: float, bounds: Bounds, scale: float | None = None
    ) -> Finding:
        minutes, middle = bounds.watched_s / 60, bounds.middle_wh
        seen = f"in {minutes:.0f} min its power came to {middle:.0f} Wh"
        words = {
            FindingKind.REGISTER_STUCK: (
                f"{seen}, but its register did not move",
                "if this comes once an hour, the meter repeated an hour and the next one has both; if it stays, tell the meter's operator",
            ),
            FindingKind.SCALE: (
                f"{seen}, but its register moved by {step:.0f} Wh: {scale or 1:g} times as much, so the scale of one of them is wrong",
                "do not bill by it; set the scale of its registers in its address (kamstrup_energy), or report the meter with a telegram of it",
            ),
            FindingKind.POWER_ENERGY: (
                f"{seen}, but its register moved by {step:.0f} Wh",
                "see whether its current transformers and the set ratio are right; else report the meter with a telegram of it",
            ),
        }
        text, cure = words[kind]
        return Finding(
            meter=reading.meter,
            kind=kind,
            severity=Severity.ERROR if kind is FindingKind.SCALE else Severity.WARNING,
            at=reading.received_at,
            since=anchor.received_at,
            until=reading.received_at,
            text=text,
            cure=cure,
            figures={
                "register_wh": step,
                "power_low_wh": round(bounds.low_wh, 1),
                "power_high_wh": round(bounds.high_wh, 1),
                "register_step_wh": self._grain.step,
            },
        )


def _moved(before: Reading, after: Reading) -> tuple[Decimal, Decimal] | None:
    """By how much (import, export) moved; one that the meter does not have did not; None where one is told only once."""
    found = []
    for old, new in ((before.energy_import_wh, after.energy_import_wh), (before.energy_export_wh, after.energy_export_wh)):
        if (old is None) != (new is None):
            return None
        found.append(Decimal(0) if old is None or new is None else new - old)
    return found[0], found[1]


def _counted(anchor: Reading, bounds: Bounds) -> bool:
    """Every direction in which power flowed has a register."""
    return not (bounds.exported and anchor.energy_export_wh is None) and not (bounds.imported and anchor.energy_import_wh is None)


def _within(step: float, bounds: Bounds, slack: float, share: float, scale: float = 1.0) -> bool:
    low, high = bounds.low_wh * scale, bounds.high_wh * scale
    return low - share * abs(low) - slack <= step <= high + share * abs(high) + slack


def _is_scaled(step: float, bounds: Bounds, slack: float, scale: float) -> bool:
    return step * bounds.middle_wh > 0 and abs(step) > slack and _within(step, bounds, slack, SCALE_SHARE, scale)


class RepeatedHourCheck:
    """A register list that is told anew with the time and the registers of the one before, beside figures of the present.

    Known of Aidon: two or three times a month, and the next hour carries the energy of both.
    """

    def __init__(self) -> None:
        self._told: Reading | None = None
        self._apart_s = 0.0

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        if reading.measured_at is None or reading.energy_import_wh is None:
            return
        last, self._told = self._told, reading
        if last is None or last.measured_at is None:
            return
        apart = (reading.measured_at - last.measured_at).total_seconds()
        received = (reading.received_at - last.received_at).total_seconds()
        if apart:
            self._apart_s = apart
            if reading.energy_import_wh != last.energy_import_wh:
                yield Fine(FindingKind.REGISTER_STUCK)
            return
        same = (last.energy_import_wh, last.energy_export_wh) == (reading.energy_import_wh, reading.energy_export_wh)
        lively = (last.power_w, last.current_a, last.voltage_v) != (reading.power_w, reading.current_a, reading.voltage_v)
        if not same or not lively or max(self._apart_s, received) < SELDOM_S:
            return
        yield Finding(
            meter=reading.meter,
            kind=FindingKind.REGISTER_STUCK,
            severity=Severity.WARNING,
            at=reading.received_at,
            since=last.received_at,
            until=reading.received_at,
            text=f"it told the registers of {reading.measured_at:%H:%M} UTC a second time, beside power of the present",
            cure="nothing is lost: the next hour carries the energy of both; do not take that hour for a peak",
            figures={"power_w": reading.power_w or 0.0, "register_wh": float(reading.energy_import_wh)},
        )
