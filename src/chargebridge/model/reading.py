"""What a meter says, whichever meter it is."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

MaybePerPhase = tuple[float | None, float | None, float | None]
"""One figure for each of L1, L2, L3; None where the meter does not tell."""

UNTOLD: MaybePerPhase = (None, None, None)


class ScaleOrigin(StrEnum):
    """Where the unit and the power of ten of the values come from: many telegrams do not carry them."""

    TELEGRAM = "telegram"
    PROFILE = "profile"
    UNKNOWN = "unknown"


class Reading(Struct, frozen=True, kw_only=True):
    """One reading of a meter.

    power_w, power_w_phases: active power, import positive, export negative, W.
    current_a: A per phase, with the sign of the phase's power where the meter tells it.
    voltage_v: to neutral, V. energy_*_wh: the registers, Wh. frequency_hz: Hz.
    measured_at: by the meter's clock; received_at: by ours. fresh_at: by ours, since when the meter repeats this measured_at; None when it
    told it only now, or tells no time. Ages are reckoned from ``heard_at``: a telegram that is repeated with its clock standing still grows old.
    derived: names of the fields that we computed from others (such as current from power and voltage).
    """

    meter: str
    received_at: datetime
    measured_at: datetime | None = None
    fresh_at: datetime | None = None
    meter_number: str | None = None
    power_w: float | None = None
    power_w_phases: MaybePerPhase = UNTOLD
    current_a: MaybePerPhase = UNTOLD
    voltage_v: MaybePerPhase = UNTOLD
    energy_import_wh: Decimal | None = None
    energy_export_wh: Decimal | None = None
    frequency_hz: float | None = None
    scale: ScaleOrigin = ScaleOrigin.TELEGRAM
    derived: tuple[str, ...] = ()

    @property
    def heard_at(self) -> datetime:
        """When this was news, by our clock."""
        return self.fresh_at or self.received_at


class MeterFault(Struct, frozen=True, kw_only=True):
    """A telegram that could not be used, or a source that could not be reached. The next reading may be good again.

    kind: what was wrong with the telegram ("checksum", "truncated", "key" ...), or "link" where no telegram came.
    """

    meter: str
    at: datetime
    where: str
    reason: str
    cure: str
    kind: str = "link"
