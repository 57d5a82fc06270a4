"""Telegram to ``Reading``: the same quantities under one name, whatever list, code or direction the meter uses for them."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.reading import MaybePerPhase, Reading, ScaleOrigin
from chargebridge.wire.meter import ClockOrigin, Protocol, Scale, Telegram

_TARIFFS = range(1, 11)
"""Two in most countries, four in P1, up to ten in France; registers by another calendar come after them."""
_EXPORTING = 0x0800
"""Bit of the status word of a German basic meter (FNN "Lastenheft Basiszähler", status word): total active energy flows into the grid."""
_FAULTY_SIGN_MAKER = "DZG"
_SIGN_MARGIN = 0.97
"""For the rounding of voltages to 1 V and currents to 0.1 A."""
_STEP_A = 1.0
"""P1 meters of the Netherlands show whole amperes, some rounded, some cut off."""
_LEAST_POWER_FACTOR = 0.9


class _Collector:
    """Looks values of electricity (group A = 1) up by ``C.D.E`` and keeps count of where their scales come from."""

    def __init__(self, telegram: Telegram) -> None:
        self.registers = {code[code.index(":") + 1 :]: found for code, found in telegram.registers.items() if code.startswith("1-")}
        self.derived: list[str] = []
        self._scales: set[Scale] = set()

    def number(self, code: str, unit: str) -> float | None:
        """The measured value under ``code`` if it is there in ``unit``."""
        found = self.registers.get(code)
        if found is None or found.unit != unit or not isinstance(found.value, int | float):
            return None
        self._scales.add(found.scale)
        return float(found.value)

    def energy(self, code: str) -> Decimal | None:
        """The register under ``code``, Wh."""
        found = self.registers.get(code)
        if found is None or found.unit != "Wh" or not isinstance(found.value, Decimal):
            return None
        self._scales.add(found.scale)
        return found.value

    @property
    def scale(self) -> ScaleOrigin:
        """The least sure of all that was looked up."""
        if Scale.UNKNOWN in self._scales:
            return ScaleOrigin.UNKNOWN
        return ScaleOrigin.PROFILE if Scale.PROFILE in self._scales else ScaleOrigin.TELEGRAM


def reading_of(telegram: Telegram, *, meter: str, received_at: datetime) -> Reading:
    """The reading in one telegram. What the meter does not tell stays None; what is computed here is named in ``derived``."""
    found = _Collector(telegram)
    power_w = _net_power(found, telegram)
    powers = _per_phase(lambda group: _phase_power(found, group))
    if power_w is None and telegram.protocol in (Protocol.MODBUS, Protocol.JSON):
        power_w = _summed(found, powers)
    voltages = _per_phase(lambda group: found.number(f"{group + 12}.7.0", "V"))
    currents = _per_phase(lambda group: found.number(f"{group + 11}.7.0", "A"))
    if telegram.protocol in (Protocol.P1, Protocol.SML, Protocol.D0, Protocol.MODBUS, Protocol.JSON):
        currents = _refined(found, currents, powers, voltages)
    elif telegram.protocol is Protocol.TIC:
        currents = _from_apparent(found, currents, voltages)
    else:
        currents = _third_wire(found, telegram.profile, currents, voltages)
    return Reading(
        meter=meter,
        received_at=received_at,
        measured_at=None if telegram.clock_origin is ClockOrigin.NONE else telegram.clock,
        meter_number=telegram.meter_id,
        power_w=power_w,
        power_w_phases=powers,
        current_a=_signed(found, currents, powers, voltages, power_w),
        voltage_v=voltages,
        energy_import_wh=_energy(found, 1, "energy_import_wh"),
        energy_export_wh=_energy(found, 2, "energy_export_wh"),
        frequency_hz=found.number("14.7.0", "Hz"),
        scale=found.scale,
        derived=tuple(dict.fromkeys(found.derived)),
    )


def _per_phase(figure: Callable[[int], float | None]) -> MaybePerPhase:
    """``figure`` for the OBIS groups C of L1, L2, L3, which begin at 20, 40 and 60."""
    return (figure(20), figure(40), figure(60))


def _net_power(found: _Collector, telegram: Telegram) -> float | None:
    """Import less export, W: 16.7.0 signed; or 1.7.0 less 2.7.0; or the magnitude 15.7.0 where registers show one direction only."""
    net = found.number("16.7.0", "W")
    if net is not None:
        return _sign_restored(found, telegram, net)
    imported, exported = found.number("1.7.0", "W"), found.number("2.7.0", "W")
    if imported is not None or exported is not None:
        return (imported or 0.0) - (exported or 0.0)
    magnitude = found.number("15.7.0", "W")
    if magnitude is not None:
        # A meter with a magnitude alone counts one direction; where it counts both, import is the side on which no fuse is overloaded.
        found.derived.append("power_w")
        only_export = _counts(found, 2) and not _counts(found, 1)
        return -magnitude if only_export else magnitude
    average = found.number("1.7.1", "W")
    return _bound_by_apparent(found) if average is None else average


def _bound_by_apparent(found: _Collector) -> float | None:
    """Net power of a meter that tells apparent power only, by direction (9.7.0, 10.7.0).

    What is drawn is at most as many W as VA. What is fed in is counted with the least power factor that EN 50549-1 clause 4.7.2 lets an inverter
    have.
    """
    drawn, fed = found.number("9.7.0", "VA"), found.number("10.7.0", "VA")
    if drawn is None and fed is None:
        return None
    found.derived.append("power_w")
    return drawn if drawn or not fed else -fed * _LEAST_POWER_FACTOR


def _summed(found: _Collector, powers: MaybePerPhase) -> float | None:
    """The power of a meter that tells its phases one by one."""
    told = [power for power in powers if power is not None]
    if len(told) < len(powers):
        return None
    found.derived.append("power_w")
    return sum(told)


def _sign_restored(found: _Collector, telegram: Telegram, net: float) -> float:
    """DZG's DVS-74 drops leading zero bytes of a positive power, so that 35624 arrives as -29912 in two bytes.

    When the register's status says that energy is drawn, a negative power is such a one: it is read again without sign.
    """
    power, counter = found.registers["16.7.0"], found.registers.get("1.8.0")
    raw, status = power.raw, None if counter is None else counter.status
    if net >= 0 or telegram.device != _FAULTY_SIGN_MAKER or status is None or status & _EXPORTING or not isinstance(raw, int):
        return net
    found.derived.append("power_w")
    width = (raw.bit_length() + 8) // 8
    return float((raw + (1 << 8 * width)) * 10.0 ** (power.scaler or 0))


def _counts(found: _Collector, direction: int) -> bool:
    return any(code.startswith(f"{direction}.8.") for code in found.registers)


def _phase_power(found: _Collector, group: int) -> float | None:
    """Import less export of one phase, W: 36/56/76 signed, or 21/41/61 less 22/42/62."""
    net = found.number(f"{group + 16}.7.0", "W")
    if net is not None:
        return net
    imported, exported = found.number(f"{group + 1}.7.0", "W"), found.number(f"{group + 2}.7.0", "W")
    return None if imported is None and exported is None else (imported or 0.0) - (exported or 0.0)


def _refined(found: _Collector, currents: MaybePerPhase, powers: MaybePerPhase, voltages: MaybePerPhase) -> MaybePerPhase:
    """Currents from power and voltage where the meter shows whole amperes or none.

    |P|/U is the least that can flow. A whole ampere may be rounded, so that the true current may be half a step below it, which covers the
    reactive part that |P|/U leaves out; the greater of the two counts.
    """
    coarse = all(_is_whole(found, code) for code in ("31.7.0", "51.7.0", "71.7.0"))
    if not coarse:
        return currents

    def one(index: int) -> float | None:
        current, power, voltage = currents[index], powers[index], voltages[index]
        if power is None:
            return current
        found.derived.append("current_a")
        active = abs(power) / (voltage if voltage else NOMINAL_V)
        return active if current is None else max(active, current - _STEP_A / 2)

    return (one(0), one(1), one(2))


def _from_apparent(found: _Collector, currents: MaybePerPhase, voltages: MaybePerPhase) -> MaybePerPhase:
    """Currents of a meter that shows whole amperes, and what it tells of apparent power: S/U is the current itself.

    Where the voltage is not told (historic TIC) the nominal one stands for it, and the shown current counts if it is greater.
    """
    single = currents[1] is None and currents[2] is None

    def one(index: int) -> float | None:
        current, voltage = currents[index], voltages[index]
        apparent = found.number(f"{29 + 20 * index}.7.0", "VA")
        if apparent is None and single and index == 0:
            apparent = found.number("9.7.0", "VA")
        if apparent is None or current is None:
            return current
        found.derived.append("current_a")
        return max(apparent / voltage, current - _STEP_A / 2) if voltage else max(apparent / NOMINAL_V, current)

    return (one(0), one(1), one(2))


def _is_whole(found: _Collector, code: str) -> bool:
    """The current is absent, or shown without a decimal."""
    register = found.registers.get(code)
    if register is None:
        return True
    return isinstance(register.raw, tuple) and "." not in register.raw[-1]


def _third_wire(found: _Collector, profile: str, currents: MaybePerPhase, voltages: MaybePerPhase) -> MaybePerPhase:
    """The current that meters with two elements do not measure on a three-wire (IT) net.

    It is the negative phasor sum of the other two; their angle is unknown, so the sum of their magnitudes stands for it: it is never exceeded.
    Such a meter leaves one current out while it tells all three voltages (Aidon), or shows L2 with 0 A and 0 V (Embriq).
    """
    missing = [index for index, current in enumerate(currents) if current is None]
    if profile == "embriq" and currents[1] == 0.0 and voltages[1] == 0.0:
        missing = [1]
    elif not all(voltages):
        return currents
    if len(missing) != 1:
        return currents
    found.derived.append("current_a")
    bound = sum(abs(current) for current in currents if current is not None)
    l1, l2, l3 = (bound if index in missing else current for index, current in enumerate(currents))
    return (l1, l2, l3)


def _signed(
    found: _Collector, currents: MaybePerPhase, powers: MaybePerPhase, voltages: MaybePerPhase, power_w: float | None
) -> MaybePerPhase:
    """Currents with the sign of their phase's power where the meter tells it.

    Where it tells the whole power only, an export greater than all that the other phases can carry (their apparent power) must flow in part
    through this one. A phase for which that cannot be shown keeps its positive sign, on the side on which no fuse is overloaded.
    """
    exported_w = -power_w * _SIGN_MARGIN if power_w is not None and power_w < 0 else 0.0
    apparent_va = [abs(current or 0.0) * (voltage or NOMINAL_V) for current, voltage in zip(currents, voltages, strict=True)]

    def one(index: int) -> float | None:
        current, power = currents[index], powers[index]
        if current is None or current <= 0:
            return current
        if power is not None:
            return -current if power < 0 else current
        if exported_w > sum(apparent_va) - apparent_va[index]:
            found.derived.append("current_a")
            return -current
        return current

    return (one(0), one(1), one(2))


def _energy(found: _Collector, direction: int, field: str) -> Decimal | None:
    """The total register, or the sum of the tariff registers."""
    total = found.energy(f"{direction}.8.0")
    if total is not None:
        return total
    parts = [part for tariff in _TARIFFS if (part := found.energy(f"{direction}.8.{tariff}")) is not None]
    if not parts:
        return None
    found.derived.append(field)
    return sum(parts, Decimal(0))
