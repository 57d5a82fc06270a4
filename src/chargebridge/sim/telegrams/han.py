"""Norwegian HAN lists in HDLC frames: Aidon V0001, Kaifa KFM_001 and Kamstrup_V0001 (NVE, NEK "HAN lists", version 2017).

``size`` chooses the list: POWER (Aidon and Kaifa: active power only; every 2 to 2.5 s), FULL (every 10 s), HOURLY (FULL with clock and registers).
"""

from datetime import datetime, timedelta
from enum import Enum

from chargebridge.sim.telegrams.values import MeterValues, PhaseFigures
from chargebridge.wire.meter import axdr, cosem_time, hdlc
from chargebridge.wire.meter.apdu import DATA_NOTIFICATION, LLC

_LOCAL = timedelta(hours=1)
_NONE = bytes((axdr.NULL,))
_NO_TIME = b"\0"
_W, _VAR, _WH, _VARH, _A, _V = 27, 29, 30, 32, 33, 35
_POWERS = (1, 2, 3, 4)
_CURRENTS, _VOLTAGES = (31, 51, 71), (32, 52, 72)


class ListSize(Enum):
    POWER = 1
    FULL = 2
    HOURLY = 3


def aidon(values: MeterValues, size: ListSize) -> bytes:
    """Aidon: scalers and units in the telegram; W, 0.1 A, 0.1 V, 10 Wh."""
    powers = [_scaled((1, 0, c, 7, 0, 255), _u32(raw), 0, _VAR if c > 2 else _W) for c, raw in zip(_POWERS, _power(values), strict=True)]
    if size is ListSize.POWER:
        return _aidon_frame(powers[:1])
    items = [
        _plain((1, 1, 0, 2, 129, 255), _visible("AIDON_V0001")),
        _plain((0, 0, 96, 1, 0, 255), _visible(values.meter_id)),
        _plain((0, 0, 96, 1, 7, 255), _visible("6515" if values.single_phase else "6534")),
        *powers,
        *(_scaled((1, 0, c, 7, 0, 255), _i16(raw), -1, _A) for c, raw in _present(_CURRENTS, values.current_a, 10)),
        *(_scaled((1, 0, c, 7, 0, 255), _u16(raw), -1, _V) for c, raw in _present(_VOLTAGES, values.voltage_v, 10)),
    ]
    if size is ListSize.HOURLY:
        items.append(_plain((0, 0, 1, 0, 0, 255), _octets(_clock(values.at))))
        items += [
            _scaled((1, 0, c, 8, 0, 255), _u32(raw // 10), 1, _VARH if c > 2 else _WH)
            for c, raw in zip(_POWERS, _energy(values), strict=True)
        ]
    return _aidon_frame(items)


def kaifa(values: MeterValues, size: ListSize) -> bytes:
    """Kaifa: bare values in order; W, mA, 0.1 V, Wh. The date-time before the list is tagged, against the standard."""
    power, *others = map(_u32, _power(values))
    items = [power]
    if size is not ListSize.POWER:
        items = [
            _octets(b"KFM_001"),
            _octets(values.meter_id.encode("ascii")),
            _octets(b"MA105H2E" if values.single_phase else b"MA304H3E"),
            power,
            *others,
            *(_u32(raw) for _, raw in _present(_CURRENTS, values.current_a, 1000)),
            *(_u32(raw) for _, raw in _present(_VOLTAGES, values.voltage_v, 10)),
        ]
    if size is ListSize.HOURLY:
        items += [_octets(_clock(values.at)), *map(_u32, _energy(values))]
    apdu = _apdu(0x40000000, _octets(_clock(values.at)), _structure(items))
    return hdlc.frame(apdu, destination=b"\x01", source=b"\x02\x01", control=0x10)


def kamstrup(values: MeterValues, size: ListSize) -> bytes:
    """Kamstrup: codes and values in turn, null for a phase that is not there; W, 0.01 A, 1 V, 10 Wh. There is no list of power only."""
    items = [
        _visible("Kamstrup_V0001"),
        *_pair((1, 1, 0, 0, 5, 255), _visible(values.meter_id)),
        *_pair((1, 1, 96, 1, 1, 255), _visible("6861111BN242101040" if values.single_phase else "6841131BN243101040")),
    ]
    for c, raw in zip(_POWERS, _power(values), strict=True):
        items += _pair((1, 1, c, 7, 0, 255), _u32(raw))
    for c, current in zip(_CURRENTS, values.current_a, strict=True):
        items += (_NONE, _NONE) if current is None else _pair((1, 1, c, 7, 0, 255), _u32(round(current * 100)))
    for c, voltage in zip(_VOLTAGES, values.voltage_v, strict=True):
        items += (_NONE, _NONE) if voltage is None else _pair((1, 1, c, 7, 0, 255), _u16(round(voltage)))
    if size is ListSize.HOURLY:
        items += _pair((0, 1, 1, 0, 0, 255), _octets(_clock(values.at)))
        for c, raw in zip(_POWERS, _energy(values), strict=True):
            items += _pair((1, 1, c, 8, 0, 255), _u32(raw // 10))
    apdu = _apdu(0, bytes((cosem_time.SIZE,)) + _clock(values.at), _structure(items))
    return hdlc.frame(apdu, destination=b"\x2b", source=b"\x21", control=0x13)


def kamstrup_push_1(values: MeterValues) -> bytes:
    """The DataNotification of Kamstrup's "DLMS push 1" as Danish meters encipher it, without frame: all quantities of each phase.

    Scales as in ``kamstrup``. A phase that is not there shows null for code and value.
    """
    clock = _clock(values.at)
    items = [_visible("Kamstrup_V0001")]
    for c, raw in zip(_POWERS, _energy(values), strict=True):
        items += _pair((1, 1, c, 8, 0, 255), _u32(raw // 10))
    items += _pair((1, 1, 0, 0, 1, 255), _u32(int(values.meter_id)))
    for c, raw in zip(_POWERS, _power(values), strict=True):
        items += _pair((1, 1, c, 7, 0, 255), _u32(raw))
    items += _pair((0, 1, 1, 0, 0, 255), _octets(clock))
    for c, voltage in zip(_VOLTAGES, values.voltage_v, strict=True):
        items += (_NONE, _NONE) if voltage is None else _pair((1, 1, c, 7, 0, 255), _u16(round(voltage)))
    for c, current in zip(_CURRENTS, values.current_a, strict=True):
        items += (_NONE, _NONE) if current is None else _pair((1, 1, c, 7, 0, 255), _u32(round(current * 100)))
    for first, sign in ((21, 1), (22, -1)):
        for c, power in zip((first, first + 20, first + 40), values.power_w_phases, strict=True):
            items += (_NONE, _NONE) if power is None else _pair((1, 1, c, 7, 0, 255), _u32(max(0, round(power) * sign)))
    return _apdu(0, bytes((cosem_time.SIZE,)) + clock, _structure(items)).removeprefix(LLC)


def _aidon_frame(items: list[bytes]) -> bytes:
    apdu = _apdu(0x40000000, _NO_TIME, bytes((axdr.ARRAY, len(items))) + b"".join(items))
    return hdlc.frame(apdu, destination=b"\x41", source=b"\x08\x83", control=0x13)


def _apdu(invoke_id: int, time: bytes, body: bytes) -> bytes:
    return LLC + bytes((DATA_NOTIFICATION,)) + invoke_id.to_bytes(4, "big") + time + body


def _power(values: MeterValues) -> tuple[int, int, int, int]:
    return (
        round(values.power_import_w),
        round(values.power_export_w),
        round(values.reactive_import_var),
        round(values.reactive_export_var),
    )


def _energy(values: MeterValues) -> tuple[int, int, int, int]:
    return (
        values.energy_import_wh,
        values.energy_export_wh,
        values.reactive_energy_import_varh,
        values.reactive_energy_export_varh,
    )


def _present(codes: tuple[int, int, int], figures: PhaseFigures, per_unit: int) -> list[tuple[int, int]]:
    """Group C and integer of the phases that are there."""
    return [(c, round(figure * per_unit)) for c, figure in zip(codes, figures, strict=True) if figure is not None]


def _clock(at: datetime) -> bytes:
    """Local normal time all year, deviation not specified."""
    return cosem_time.build(at + _LOCAL)


def _u32(value: int) -> bytes:
    return bytes((axdr.UINT32,)) + value.to_bytes(4, "big")


def _u16(value: int) -> bytes:
    return bytes((axdr.UINT16,)) + value.to_bytes(2, "big")


def _i16(value: int) -> bytes:
    return bytes((axdr.INT16,)) + value.to_bytes(2, "big", signed=True)


def _octets(value: bytes) -> bytes:
    return bytes((axdr.OCTETS, len(value))) + value


def _visible(text: str) -> bytes:
    return bytes((axdr.VISIBLE, len(text))) + text.encode("ascii")


def _structure(items: list[bytes]) -> bytes:
    return bytes((axdr.STRUCTURE, len(items))) + b"".join(items)


def _plain(code: tuple[int, ...], value: bytes) -> bytes:
    return _structure([_octets(bytes(code)), value])


def _pair(code: tuple[int, ...], value: bytes) -> tuple[bytes, bytes]:
    return _octets(bytes(code)), value


def _scaled(code: tuple[int, ...], value: bytes, scaler: int, unit: int) -> bytes:
    factor = _structure([bytes((axdr.INT8, scaler & 0xFF)), bytes((axdr.ENUM, unit))])
    return _structure([_octets(bytes(code)), value, factor])
