"""What a meter's other lists leave out: the currents of the phases, or the whole load, kept from the list before.

Norwegian meters send the total power every 2 to 2.5 s and the phases every 10 s. Between two full lists a current is at most what it was
plus what the whole rise of power draws on that one phase, wherever the rise may lie; that bound follows a rise within 2 s and never
understates a phase's load by more than what falls on another phase at the same time.

Swiss, Slovenian and Croatian meters send lists of registers alone in place of one of their lists of powers: such a list changes nothing of the load.
"""

from msgspec.structs import replace

from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.reading import UNTOLD, MaybePerPhase, Reading

MAX_AGE_S = 25.0
"""Two and a half intervals of 10 s: older phases are not carried on."""


class PhaseMemory:
    """One meter's last reading with phases, and its last one with any load."""

    def __init__(self) -> None:
        self._full: Reading | None = None
        self._load: Reading | None = None

    def complete(self, reading: Reading) -> Reading:
        """``reading`` with its load, derived from the last one where it has none of its own and that is fresh enough."""
        if _registers_only(reading):
            return self._unchanged(reading)
        self._load = self._with_phases(reading)
        return self._load

    def _unchanged(self, reading: Reading) -> Reading:
        """Registers alone: the load is taken to be what it was."""
        last = self._load
        if last is None or (reading.received_at - last.received_at).total_seconds() > MAX_AGE_S:
            return reading
        return replace(
            reading,
            power_w=last.power_w,
            power_w_phases=last.power_w_phases,
            current_a=last.current_a,
            voltage_v=last.voltage_v,
            derived=tuple(dict.fromkeys((*reading.derived, "power_w", "power_w_phases", "current_a", "voltage_v"))),
        )

    def _with_phases(self, reading: Reading) -> Reading:
        if reading.current_a != UNTOLD:
            self._full = reading
            return reading
        full = self._full
        if full is None or reading.power_w is None or full.power_w is None:
            return reading
        if (reading.received_at - full.received_at).total_seconds() > MAX_AGE_S:
            return reading
        rise_w = max(0.0, reading.power_w - full.power_w)
        l1, l2, l3 = (_raised(a, v, rise_w) for a, v in zip(full.current_a, full.voltage_v, strict=True))
        currents: MaybePerPhase = (l1, l2, l3)
        return replace(
            reading,
            current_a=currents,
            voltage_v=full.voltage_v,
            meter_number=reading.meter_number or full.meter_number,
            derived=tuple(dict.fromkeys((*reading.derived, "current_a", "voltage_v"))),
        )


def _raised(current_a: float | None, voltage_v: float | None, rise_w: float) -> float | None:
    return None if current_a is None else current_a + rise_w / (voltage_v or NOMINAL_V)


def _registers_only(reading: Reading) -> bool:
    counted = reading.energy_import_wh is not None or reading.energy_export_wh is not None
    return counted and reading.power_w is None and reading.current_a == reading.voltage_v == reading.power_w_phases == UNTOLD
