"""Sampled values of either version -> `EvseMeasurement` (1.6 7.43 SampledValue, 2.0.1 part 2, 2.41 SampledValueType).

Each version first brings its values into `Samples`: SI base units, phases as 0..2. What is then made of them is common.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, Raw

from chargebridge.model.phases import NOMINAL_V, PerPhase
from chargebridge.stations.port import EvseMeasurement, SignedValue
from chargebridge.wire.ocpp import v16, v201
from chargebridge.wire.ocpp.payload import Payload, encode_hook

# The unit each measurand comes to, and the factor from the unit on the wire. An absent unit means the base unit.
FACTORS = {UNSET: 1.0, "": 1.0, "Wh": 1.0, "kWh": 1e3, "W": 1.0, "kW": 1e3, "A": 1.0, "V": 1.0, "Percent": 0.01}
PHASES = {UNSET: None, "L1": 0, "L2": 1, "L3": 2, "L1-N": 0, "L2-N": 1, "L3-N": 2}
"""What has another phase (between two, or the neutral's) is not taken."""
ABSURD = 1e15  # nothing measures so much; what is no number is not below it either
ENERGY = "Energy.Active.Import.Register"
TAKEN = frozenset(
    {
        *("Current.Import", "Current.Export", "Power.Active.Import", "Power.Active.Export", ENERGY),
        *("Voltage", "SoC", "Current.Offered", "Power.Offered"),
    }
)
# 2.1 tells offers of import and export apart; the older word remains valid.
RENAMED = {"Current.Import.Offered": "Current.Offered", "Power.Import.Offered": "Power.Offered"}


_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


Samples = dict[str, dict[int | None, float]]
"""What one meter value says: measurand -> phase 0..2, or None for the whole EVSE -> A, W, Wh, V, or 0..1 for SoC."""


def aware(moment: datetime) -> datetime:
    """The moment in UTC. A time without zone is taken as UTC, as OCPP recommends (1.6 3.16, 2.0.1 part 2 A. 'dateTime')."""
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def as_sent(values: Sequence[Payload]) -> Raw:
    """Values as JSON: every measurand, with nothing read into it."""
    return Raw(_encoder.encode(values))


def digest(values: Raw) -> str:
    """Equal for equal values, in this process and the next."""
    return hashlib.sha256(bytes(values)).hexdigest()[:16]


def signed_16(values: Iterable[v16.MeterValue]) -> tuple[SignedValue, ...]:
    """What is sent as `SignedData` (1.6 7.43; OCA application note on signed meter values)."""
    return tuple(
        SignedValue(
            at=aware(value.timestamp),
            data=sampled.value,
            measurand=sampled.measurand or ENERGY,
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
    return tuple([_measurement(aware(value.timestamp), samples, phases) for value in values if (samples := _samples_16(value))])


def from_201(values: Iterable[v201.MeterValueType], phases: int) -> tuple[EvseMeasurement, ...]:
    return tuple([_measurement(aware(value.timestamp), samples, phases) for value in values if (samples := _samples_201(value))])


def _samples_16(value: v16.MeterValue) -> Samples:
    samples: Samples = {}
    for sampled in value.sampled_value:
        measurand, phase = sampled.measurand or ENERGY, sampled.phase
        if measurand not in TAKEN or phase not in PHASES or sampled.location == "Inlet" or sampled.format == "SignedData":
            continue
        unit = sampled.unit or ("Percent" if measurand == "SoC" else "")
        try:
            number = float(sampled.value) * FACTORS[unit]
        except (ValueError, KeyError):
            continue  # a word where a number belongs, or a unit that the measurand cannot have: this value is lost, the others are not
        if -ABSURD < number < ABSURD:
            samples.setdefault(measurand, {})[PHASES[phase]] = number
    return samples


def _samples_201(value: v201.MeterValueType) -> Samples:
    samples: Samples = {}
    for sampled in value.sampled_value:
        measurand, phase = RENAMED.get(sampled.measurand, sampled.measurand), sampled.phase
        if measurand not in TAKEN or phase not in PHASES or sampled.location == "Inlet":
            continue
        number, unit = sampled.value, sampled.unit_of_measure
        if measurand == "SoC":
            number *= 0.01
        elif unit and (unit.unit != "Wh" or measurand == ENERGY):
            # An absent unitOfMeasure means Wh for energy; "Wh" is also the schema's default where only a multiplier is given.
            factor = FACTORS.get(unit.unit)
            if factor is None:
                continue
            number *= factor
        if unit and unit.multiplier:
            if abs(unit.multiplier) > 12:
                continue
            number *= 10.0**unit.multiplier
        if -ABSURD < number < ABSURD:
            samples.setdefault(measurand, {})[PHASES[phase]] = number
    return samples


def _measurement(at: datetime, samples: Samples, phases: int) -> EvseMeasurement:
    offered_a = _whole(samples.get("Current.Offered"))
    offered_w = _whole(samples.get("Power.Offered"))
    if offered_a is None and offered_w is not None:
        offered_a = offered_w / (NOMINAL_V * phases)
    energy_wh = _whole(samples.get(ENERGY), summed=True)
    power_w = _whole(samples.get("Power.Active.Import"), summed=True)
    voltage_v = _voltage(samples.get("Voltage"))
    current_a = _current(samples.get("Current.Import"), phases, power_w, voltage_v)
    if "Power.Active.Export" in samples or "Current.Export" in samples:
        power_w, current_a = _net(samples, phases, power_w, current_a, voltage_v)
    return EvseMeasurement(
        measured_at=at,
        current_a=current_a,
        voltage_v=voltage_v,
        power_w=power_w,
        energy_wh=None if energy_wh is None else round(energy_wh),
        offered_a=offered_a,
        soc=_whole(samples.get("SoC")),
    )


def _whole(told: dict[int | None, float] | None, *, summed: bool = False) -> float | None:
    """The value for the whole EVSE; else, of its phases, the sum (power, energy) or the highest (offers, SoC)."""
    if told is None:
        return None
    if None in told:
        return told[None]
    return sum(told.values()) if summed else max(told.values())


def _current(told: dict[int | None, float] | None, phases: int, power_w: float | None, voltage_v: PerPhase | None) -> PerPhase | None:
    """By phase where told; a phase not told of carries nothing.

    A figure without phase is the sum of the phases at some stations and each phase's at others. The power tells which; if
    there is none, it is taken as each phase's: too much current supposed does no harm.
    """
    if told is None:
        return None
    if len(told) == 1 and None in told:
        current_a = told[None]
        volts = voltage_v or (NOMINAL_V,)
        if power_w is not None and abs(current_a * volts[0] - power_w) < abs(current_a * volts[0] * phases - power_w):
            current_a /= phases
        told = dict.fromkeys(range(phases), current_a)
    return (told.get(0, 0.0), told.get(1, 0.0), told.get(2, 0.0))


def _net(
    samples: Samples, phases: int, power_w: float | None, current_a: PerPhase | None, voltage_v: PerPhase | None
) -> tuple[float | None, PerPhase | None]:
    """What flows out of the car is negative (2.1 Q). What flows out alone says nothing of what flows in."""
    out_w = _whole(samples.get("Power.Active.Export"), summed=True)
    out_a = _current(samples.get("Current.Export"), phases, out_w, voltage_v)
    if out_a is None and out_w and current_a is not None:
        out_a = _current({None: out_w / (NOMINAL_V * phases)}, phases, None, None)
    if out_w is not None and power_w is not None:
        power_w -= out_w
    if out_a is not None and current_a is not None:
        current_a = (current_a[0] - out_a[0], current_a[1] - out_a[1], current_a[2] - out_a[2])
    return power_w, current_a


def _voltage(told: dict[int | None, float] | None) -> PerPhase | None:
    """By phase; a phase not told of has the mean of the others."""
    if told is None:
        return None
    if 0 in told and 1 in told and 2 in told:
        return (told[0], told[1], told[2])
    mean = sum(told.values()) / len(told)
    return (told.get(0, mean), told.get(1, mean), told.get(2, mean))
