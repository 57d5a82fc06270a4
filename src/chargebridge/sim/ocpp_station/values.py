"""What an EVSE's sample comes to in measurands, before a version words it."""

from collections.abc import Iterable

from msgspec import Struct

from chargebridge.sim.ocpp_station.evse import Sample

MEASURANDS = (
    "Current.Import",
    "Current.Export",
    "Power.Active.Import",
    "Power.Active.Export",
    "Energy.Active.Import.Register",
    "Energy.Active.Export.Register",
    "Voltage",
    "Frequency",
    "Current.Offered",
    "Power.Offered",
    "SoC",
)
SETPOINT = "Power.Active.Setpoint"  # 2.1
DEFAULT_MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import"


class Value(Struct, frozen=True):
    """One sampled value before it is worded: phase 1..3, or None for the whole."""

    measurand: str
    value: float
    unit: str
    phase: int | None = None


def values(sample: Sample, measurands: str) -> list[Value]:
    """The sampled values for a comma-separated list of measurands (`Current.Import` stands for all its phases)."""
    wanted = [name.strip().split(".L")[0] for name in measurands.split(",")]
    return [value for name in dict.fromkeys(wanted) for value in _values(sample, name)]


def _values(sample: Sample, name: str) -> Iterable[Value]:
    power_w = sample.power_w
    match name:
        case "Current.Import":
            return _phased(name, [max(a, 0.0) for a in sample.current_a], "A", sample.phases, 2)
        case "Current.Export":
            return _phased(name, [max(-a, 0.0) for a in sample.current_a], "A", sample.phases, 2)
        case "Voltage":
            return _phased(name, sample.voltage_v, "V", sample.phases, 1)
        case "Power.Active.Import":
            return [Value(name, round(max(power_w, 0.0), 1), "W")]
        case "Power.Active.Export":
            return [Value(name, round(max(-power_w, 0.0), 1), "W")]
        case "Energy.Active.Import.Register":
            return [Value(name, float(sample.energy_wh), "Wh")]
        case "Energy.Active.Export.Register":
            return [Value(name, float(sample.export_wh), "Wh")]
        case "Frequency":
            return [Value(name, 50.0, "Hertz")]
        case "Current.Offered":
            return [Value(name, round(abs(sample.offered_a), 1), "A")]
        case "Power.Offered":
            return [Value(name, round(abs(sample.offered_a) * sum(sample.voltage_v[: sample.phases]), 1), "W")]
        case "SoC" if sample.soc is not None:
            return [Value(name, round(sample.soc * 100, 1), "Percent")]
        case "Power.Active.Setpoint" if sample.setpoint_w is not None:
            return [Value(name, round(sample.setpoint_w, 1), "W")]
    return []


def _phased(name: str, three: Iterable[float], unit: str, phases: int, digits: int) -> list[Value]:
    return [Value(name, round(value, digits), unit, phase) for phase, value in enumerate(three, 1) if phase <= phases]
