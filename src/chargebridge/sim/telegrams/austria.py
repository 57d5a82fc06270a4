"""DataNotifications of Austrian customer interfaces, not enciphered yet (see ``enciphered``): the four forms of ``lists.austria``."""

from collections.abc import Iterator
from datetime import timedelta

from chargebridge.sim.telegrams.values import MeterValues, in_summer
from chargebridge.wire.meter import cosem_time, mbus, oms
from chargebridge.wire.meter.apdu import DATA_NOTIFICATION
from chargebridge.wire.meter.axdr_encode import enum, int8, int16, octets, structure, uint16, uint32

_W, _WH, _VARH, _A, _V, _NONE = 27, 30, 32, 33, 35, 255
_VOLTAGES, _CURRENTS = (32, 52, 72), (31, 51, 71)


def netz_noe(values: MeterValues) -> bytes:
    """Form (a): clock, code, value and scaler in turn, the meter's number at the end. Phases that are not there show 0."""
    items = [octets(_clock(values))]
    for code, value, scaler, unit in (
        *_energies(values)[:2],
        *_powers(values),
        *_phases(values),
        ((13, 7), int16(_factor(values)), -3, _NONE),
    ):
        items += (_code(*code), value, structure(int8(scaler), enum(unit)))
    return _notification(values, structure(*items, octets(values.meter_id.encode("ascii"))))


def tirol(values: MeterValues) -> bytes:
    """Form (b): code and clock, then one structure an object."""
    items = [
        _code(1, 0, a=0, b=0),
        octets(_clock(values)),
        structure(_code(96, 1, a=0, b=0), octets(values.meter_id.encode("ascii"))),
        structure(_code(42, 0, a=0, b=0), octets(f"KFM12{values.meter_id}".encode("ascii"))),
    ]
    for code, value, scaler, unit in (*_phases(values), *_powers(values), *_energies(values)):
        items.append(structure(_code(*code), value, structure(int8(scaler), enum(unit))))
    return _notification(values, structure(*items))


def burgenland(values: MeterValues) -> bytes:
    """Form (c): bare values."""
    factor = uint16(abs(_factor(values)))
    return _notification(
        values,
        structure(
            *(uint16(round(voltage or 0)) for voltage in values.voltage_v),
            *(uint16(round((current or 0) * 100)) for current in values.current_a),
            *(value for _, value, *_ in _powers(values)),
            *(value for _, value, *_ in _energies(values)[:2]),
            *(factor, factor, factor),
            octets(values.meter_id.encode("ascii")),
        ),
    )


def wien(values: MeterValues) -> bytes:
    """Form (d): clock, four registers, four powers."""
    powers = (values.power_import_w, values.power_export_w, values.reactive_import_var, values.reactive_export_var)
    energies = [value for _, value, *_ in _energies(values)]
    return _notification(values, structure(octets(_clock(values)), *energies, *(uint32(round(power)) for power in powers)))


def netz_ooe(values: MeterValues, key: bytes, access: int) -> bytes:
    """A whole M-Bus frame of an AMIS meter in Oberösterreich: M-Bus records under OMS encryption mode 5."""
    local = values.at + timedelta(hours=1 + in_summer(values.at))
    year = local.year - 2000
    time = (
        local.second | (0x40 if in_summer(values.at) else 0),
        local.minute,
        local.hour | local.isoweekday() << 5,
        local.day | (year & 0x07) << 5,
        local.month | (year & 0x78) << 1,
        local.isocalendar().week,
    )
    registers = (
        ("0403", values.energy_import_wh),
        ("04833c", values.energy_export_wh),
        ("8410fb8273", values.reactive_energy_import_varh),
        ("8410fb82f33c", values.reactive_energy_export_varh),
        ("042b", round(values.power_import_w)),
        ("04ab3c", round(values.power_export_w)),
        ("04fb14", round(values.reactive_import_var)),
        ("04fb943c", round(values.reactive_export_var)),
        ("0483ff04", 0),
    )
    records = b"".join(bytes.fromhex(name) + value.to_bytes(4, "little") for name, value in registers)
    plaintext = b"\x2f\x2f\x06\x6d" + bytes(time) + records + b"\x2f\x2f"
    return mbus.frame(oms.encode(plaintext, key=key, access=access), address=mbus.DISPLAY, ci=oms.TO_DEVICE)


_Object = tuple[tuple[int, int], bytes, int, int]
"""Groups C and D of the code, the value, its scaler and unit."""


def _energies(values: MeterValues) -> tuple[_Object, ...]:
    registers = (
        values.energy_import_wh,
        values.energy_export_wh,
        values.reactive_energy_import_varh,
        values.reactive_energy_export_varh,
    )
    return tuple(((c, 8), uint32(register), 0, _VARH if c > 2 else _WH) for c, register in enumerate(registers, 1))


def _powers(values: MeterValues) -> tuple[_Object, ...]:
    return ((1, 7), uint32(round(values.power_import_w)), 0, _W), ((2, 7), uint32(round(values.power_export_w)), 0, _W)


def _phases(values: MeterValues) -> Iterator[_Object]:
    for c, voltage in zip(_VOLTAGES, values.voltage_v, strict=True):
        yield (c, 7), uint16(round((voltage or 0) * 10)), -1, _V
    for c, current in zip(_CURRENTS, values.current_a, strict=True):
        yield (c, 7), uint16(round((current or 0) * 100)), -2, _A


def _factor(values: MeterValues) -> int:
    """The power factor in thousandths: net power over what the currents carry, at most 1."""
    apparent = sum((u or 0) * (i or 0) for u, i in zip(values.voltage_v, values.current_a, strict=True))
    net = values.power_import_w - values.power_export_w
    return round(1000 * max(-1.0, min(1.0, net / apparent))) if apparent else 1000


def _code(c: int, d: int, *, a: int = 1, b: int = 0) -> bytes:
    return octets(bytes((a, b, c, d, 0, 255)))


def _clock(values: MeterValues) -> bytes:
    """Local time with its deviation, -60 or -120 minutes, and whether summer time is in force."""
    summer = in_summer(values.at)
    hours = 1 + summer
    return cosem_time.build(values.at + timedelta(hours=hours), deviation_min=-60 * hours, summer=summer)


def _notification(values: MeterValues, body: bytes) -> bytes:
    return bytes((DATA_NOTIFICATION, 0, 0, 0, 0, cosem_time.SIZE)) + _clock(values) + body
