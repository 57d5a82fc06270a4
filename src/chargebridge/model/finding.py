"""What is odd about a meter: found, shown with its cure, never silently repaired."""

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct


class FindingKind(StrEnum):
    """What does not add up; docs/meter-quality.md tells for each how it is found and what to do."""

    SCALE = "scale"
    POWER_ENERGY = "power_energy"
    REGISTER_STUCK = "register_stuck"
    REGISTER_FELL = "register_fell"
    REGISTER_RESET = "register_reset"
    REGISTER_COARSE = "register_coarse"
    METER_EXCHANGED = "meter_exchanged"
    INTERVAL_SUM = "interval_sum"
    INTERVAL_MISSING = "interval_missing"
    GAP = "gap"
    DUPLICATE = "duplicate"
    FROZEN = "frozen"
    SAME_FIGURES = "same_figures"
    CLOCK_OFFSET = "clock_offset"
    CLOCK_HOUR = "clock_hour"
    CLOCK_JUMP = "clock_jump"
    PHASE_SUM = "phase_sum"
    APPARENT_POWER = "apparent_power"
    VOLTAGE = "voltage"
    DISAGREEMENT = "disagreement"


class Severity(StrEnum):
    """INFO: good to know. WARNING: some of the figures are wrong. ERROR: the meter cannot be relied on."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that does not add up; it is open until ``cleared_at``.

    at: when it was found first. since, until: the stretch of time that shows it. figures: the numbers by name, with their units in it.
    text: one sentence. cure: what a person can do. times: how often it was found while it stood open.
    """

    meter: str
    kind: FindingKind
    severity: Severity
    at: datetime
    since: datetime
    until: datetime
    text: str
    cure: str
    figures: dict[str, float] = {}
    times: int = 1
    cleared_at: datetime | None = None


class DayFigures(Struct, frozen=True, kw_only=True):
    """How well a meter was heard on one local day.

    telegrams: readings that were taken in; missing: those that its push interval lets expect besides. faults: damaged telegrams and broken links
    by kind. completeness: 0..1, None before the interval is known. delay_p50_s, delay_p95_s: from the meter's time to ours; clock_offset_s: the least
    delay, which is the meter's clock behind ours; None where its telegrams carry no time. found: findings that were opened, by kind.
    """

    meter: str
    day: date
    telegrams: int = 0
    missing: int = 0
    duplicates: int = 0
    faults: dict[str, int] = {}
    interval_s: float | None = None
    completeness: float | None = None
    fault_rate: float | None = None
    delay_p50_s: float | None = None
    delay_p95_s: float | None = None
    clock_offset_s: float | None = None
    found: dict[str, int] = {}
