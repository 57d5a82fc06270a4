"""What a virtual meter measures, before it is spelled in any language."""

from datetime import datetime, timedelta

from msgspec import Struct

from chargebridge.model.phases import PerPhase

PhaseFigures = tuple[float | None, float | None, float | None]
"""One figure for each of L1, L2, L3; None for a phase that the meter does not have."""


class MeterValues(Struct, frozen=True, kw_only=True):
    """One moment at one meter.

    at: aware UTC. power_*_w, reactive_*_var: the sum, import and export each 0 or more, only one of them above 0.
    power_w_phases: W, import positive, export negative. current_a: A, 0 or more. voltage_v: to neutral, V.
    energy_*_wh, reactive_energy_*_varh: whole Wh and varh.
    """

    at: datetime
    meter_id: str
    power_import_w: float
    power_export_w: float
    power_w_phases: PhaseFigures
    current_a: PhaseFigures
    voltage_v: PhaseFigures
    energy_import_wh: int
    energy_export_wh: int
    reactive_import_var: float = 0.0
    reactive_export_var: float = 0.0
    reactive_energy_import_varh: int = 0
    reactive_energy_export_varh: int = 0

    @property
    def single_phase(self) -> bool:
        """The meter has L1 only."""
        return self.voltage_v[1] is None and self.voltage_v[2] is None


def measured(
    *,
    at: datetime,
    meter_id: str,
    power_w_phases: PerPhase,
    voltage_v: PerPhase,
    energy_import_wh: float,
    energy_export_wh: float,
    power_factor: float = 1.0,
) -> MeterValues:
    """What a three-phase meter shows for the true powers and voltages of its phases.

    I = |P| / (U cos phi) for each phase; the sum over the phases decides between import and export, as meters in the EU count (sum of
    the phases, not each on its own). Registers show whole Wh, cut off.
    """
    total = sum(power_w_phases)
    l1, l2, l3 = (abs(p) / (u * power_factor) if u > 0 else 0.0 for p, u in zip(power_w_phases, voltage_v, strict=True))
    return MeterValues(
        at=at,
        meter_id=meter_id,
        power_import_w=max(0.0, total),
        power_export_w=max(0.0, -total),
        power_w_phases=power_w_phases,
        current_a=(l1, l2, l3),
        voltage_v=voltage_v,
        energy_import_wh=int(energy_import_wh),
        energy_export_wh=int(energy_export_wh),
    )


def in_summer(at: datetime) -> bool:
    """Summer time of the European Union is in force (Directive 2000/84/EC: last Sundays of March and October, 01:00 UTC)."""
    return _last_sunday(at, 3) <= at < _last_sunday(at, 10)


def _last_sunday(at: datetime, month: int) -> datetime:
    last_day = at.replace(month=month, day=31, hour=1, minute=0, second=0, microsecond=0)
    return last_day - timedelta(days=last_day.isoweekday() % 7)
