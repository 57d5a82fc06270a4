"""Sampled values of either version -> `EvseMeasurement` (1.6 7.43 SampledValue, 2.0.1 part 2, 2.41 SampledValueType).

Each version first brings its values into `Samples`: SI base units, phases as 0..2. What is then made of them is common.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Raw

from chargebridge.model.phases import NOMINAL_V, PerPhase
from chargebridge.stations.port import EvseMeasurement, SignedValue
from chargebridge.wire.ocpp import v16, v201
from chargebridge.wire.ocpp.payload import Payload, encode_hook

# The unit each measurand comes to, and the factor from the unit on the wire. An absent unit means the base unit.
FACTORS = {"Wh": 1.0, "kWh": 1e3, "W": 1.0, "kW": 1e3, "A": 1.0, "V": 1.0, "Percent": 0.01, "": 1.0}
PHASES = {"L1": 0, "L2": 1, "L3": 2, "L1-N": 0, "L2-N": 1, "L3-N": 2}
ABSURD = 1e15  # nothing measures so much; what is no number is not below it either
NO_PHASE = {"L1-L2", "L2-L3", "L3-L1", "N"}
TAKEN = {
    "Current.Import",
    "Power.Active.Import",
    "Energy.Active.Import.Register",
    "Voltage",
    "SoC",
    "Current.Offered",
    "Power.Offered",
}
# 2.1 tells offers of import and export apart; the older word remains valid.
RENAMED = {"Current.Import.Offered": "Current.Offered", "Power.Import.Offered": "Power.Offered"}


_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


Samples = dict[str, list[tuple[int | None, float]]]
"""What one meter value says of each measurand, in its order: (phase 0..2, or None for the whole EVSE; A, W, Wh, V, or 0..1 for SoC)."""


def aware(moment: datetime) -> datetime:
    """The moment in UTC. A time without zone is taken as UTC, as OCPP recommends (1.6 3.16, 2.0.1 part 2 A. 'dateTime')."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def as_sent(values: Sequence[Payload]) -> Raw:
    """Values as JSON: every measurand, with nothing read into it."""
    return Raw(_encoder.encode(values))


def digest(values: Raw) -> str:
    """Equal for equal values, in this process and the next."""
    return hashlib.blake2b(bytes(values), digest_size=8).hexdigest()


def signed_16(values: Iterable[v16.MeterValue]) -> tuple[SignedValue, ...]:
    """What is sent as `SignedData` (1.6 7.43; OCA application note on signed meter values)."""
    return tuple(
        SignedValue(
            at=aware(value.timestamp),
            data=sampled.value,
            measurand=sampled.measurand or "Energy.Active.Import.Register",
            context=sampled.context or "Sample.Periodic",
        )
        for value in values
        for sampled in value.sampled_value
        if sampled.format == "SignedData"
    )


def signed_201(values: Iterable[v201.MeterValueType]) -> tuple[SignedValue, ...]:
    return tuple(
        SignedValue(
            at=aware(value.timestamp),
            data=signed.signed_meter_data,
            measurand=sampled.measurand,
            context=sampled.context,
            method=signed.signing_method or None,
            encoding=signed.encoding_method or None,
            public_key=signed.public_key or None,
        )
        for value in values
        for sampled in value.sampled_value
        if (signed := sampled.signed_meter_value)
    )


def from_16(values: Iterable[v16.MeterValue], phases: int) -> tuple[EvseMeasurement, ...]:
    """phases: how many the EVSE has, for values that come without one."""
    measurements = [_measurement(aware(value.timestamp), _samples_16(value), phases) for value in values]
    return tuple(measurement for measurement in measurements if measurement is not None)


def from_201(values: Iterable[v201.MeterValueType], phases: int) -> tuple[EvseMeasurement, ...]:
    measurements = [_measurement(aware(value.timestamp), _samples_201(value), phases) for value in values]
    return tuple(measurement for measurement in measurements if measurement is not None)


def _samples_16(value: v16.MeterValue) -> Samples:
    samples: Samples = {}
    for sampled in value.sampled_value:
        if sampled.format == "SignedData" or sampled.location == "Inlet":
            continue
        measurand = sampled.measurand or "Energy.Active.Import.Register"
        try:
            number = float(sampled.value)
        except ValueError:
            continue  # a word where a number belongs: this value is lost, the others are not
        _add(samples, measurand, sampled.phase or None, number, sampled.unit or ("Percent" if measurand == "SoC" else ""))
    return samples


def _samples_201(value: v201.MeterValueType) -> Samples:
    samples: Samples = {}
    for sampled in value.sampled_value:
        if sampled.location == "Inlet":
            continue
        measurand, unit, number = sampled.measurand, sampled.unit_of_measure, sampled.value
        name = "Percent" if measurand == "SoC" else unit.unit if unit else ""
        # An absent unitOfMeasure means Wh for energy; "Wh" is also the schema's default where only a multiplier is given.
        if name == "Wh" and measurand != "Energy.Active.Import.Register":
            name = ""
        if unit and unit.multiplier:
            if abs(unit.multiplier) > 12:
                continue
            number *= 10.0**unit.multiplier
        _add(samples, RENAMED.get(measurand, measurand), sampled.phase or None, number, name)
    return samples


def _add(samples: Samples, measurand: str, phase: str | None, number: float, unit: str) -> None:
    value = number * FACTORS.get(unit, math.nan)
    if measurand in TAKEN and phase not in NO_PHASE and abs(value) < ABSURD:
        samples.setdefault(measurand, []).append((PHASES[phase] if phase else None, value))


def _measurement(at: datetime, samples: Samples, phases: int) -> EvseMeasurement | None:
    if not samples:
        return None
    offered_a = _whole(samples, "Current.Offered")
    offered_w = _whole(samples, "Power.Offered")
    if offered_a is None and offered_w is not None:
        offered_a = offered_w / (NOMINAL_V * phases)
    energy_wh = _whole(samples, "Energy.Active.Import.Register", summed=True)
    power_w = _whole(samples, "Power.Active.Import", summed=True)
    voltage_v = _voltage(samples.get("Voltage"))
    return EvseMeasurement(
        measured_at=at,
        current_a=_current(samples.get("Current.Import"), phases, power_w, voltage_v),
        voltage_v=voltage_v,
        power_w=power_w,
        energy_wh=None if energy_wh is None else round(energy_wh),
        offered_a=offered_a,
        soc=_whole(samples, "SoC"),
    )


def _whole(samples: Samples, measurand: str, *, summed: bool = False) -> float | None:
    """The value for the whole EVSE; else, of its phases, the sum (power, energy) or the highest (offers, SoC)."""
    values = samples.get(measurand)
    if values is None:
        return None
    for phase, value in reversed(values):
        if phase is None:
            return value
    told = [value for _, value in values]
    return sum(told) if summed else max(told)


def _current(
    values: list[tuple[int | None, float]] | None, phases: int, power_w: float | None, voltage_v: PerPhase | None
) -> PerPhase | None:
    """By phase where told; a phase not told of carries nothing.

    A figure without phase is the sum of the phases at some stations and each phase's at others. The power tells which; if
    there is none, it is taken as each phase's: too much current supposed does no harm.
    """
    if values is None:
        return None
    told = {phase: value for phase, value in values if phase is not None}
    if not told:
        current_a = values[-1][1]
        volts = voltage_v or (NOMINAL_V,)
        if power_w is not None and abs(current_a * volts[0] - power_w) < abs(current_a * volts[0] * phases - power_w):
            current_a /= phases
        told = dict.fromkeys(range(phases), current_a)
    return (told.get(0, 0.0), told.get(1, 0.0), told.get(2, 0.0))


def _voltage(values: list[tuple[int | None, float]] | None) -> PerPhase | None:
    """By phase; a phase not told of has the mean of the others."""
    if values is None:
        return None
    told = dict(values)
    if 0 in told and 1 in told and 2 in told:
        return (told[0], told[1], told[2])
    mean = sum(value for _, value in values) / len(values)
    return (told.get(0, mean), told.get(1, mean), told.get(2, mean))
