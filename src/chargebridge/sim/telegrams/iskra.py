"""Lists of Iskraemeco meters in HDLC frames: Slovenia (AM550) and Croatia (IE.5). Bare values in the grid operator's order; W, Wh, 0.1 V, 0.01 A."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from chargebridge.sim.telegrams.values import MeterValues, PhaseFigures, in_summer
from chargebridge.wire.meter import axdr_encode, cosem_time, hdlc
from chargebridge.wire.meter.apdu import DATA_NOTIFICATION, LLC
from chargebridge.wire.meter.axdr_encode import boolean, enum, octets, uint16, uint32

_SEGMENT = 150


def slovenian_power(values: MeterValues, *, invoke_id: int = 1) -> bytes:
    """Every 1 to 5 s; a three-phase and a one-phase meter send different lists."""
    powers = (values.power_import_w, values.power_export_w, values.reactive_import_var, values.reactive_export_var)
    items = [
        octets(_device(values)),
        octets(b"16820005"),
        *_u32(powers),
        *_u16(values.voltage_v, 10),
        *_u16(values.current_a, 100),
        *_u32(max(power, 0) for power in values.power_w_phases if power is not None),
        *_u32(max(-power, 0) for power in values.power_w_phases if power is not None),
    ]
    return _frames(_apdu(values.at, items, invoke_id))


def slovenian_energy(values: MeterValues, *, invoke_id: int = 1) -> bytes:
    """Every 15 min, a three-phase meter; all in the first tariff."""
    items = [
        octets(_device(values)),
        octets(b"16820006"),
        enum(1),
        octets(b"\0\1"),
        *_u32((values.energy_import_wh, values.energy_import_wh, 0, values.energy_export_wh, values.energy_export_wh, 0)),
        *_u32((values.reactive_energy_import_varh, values.reactive_energy_export_varh)),
    ]
    return _frames(_apdu(values.at, items, invoke_id))


def croatian(values: MeterValues, *, limit_w: int = 17_250, connected: bool = True, invoke_id: int = 1) -> bytes:
    """Every 10 s, a three-phase meter, in two HDLC segments. limit_w: the power that the connection is granted."""
    local, _ = _local(values.at)
    items = [
        octets(values.meter_id.encode("ascii")),
        octets(bytes((local.hour, local.minute, local.second, 0))),
        octets(local.year.to_bytes(2, "big") + bytes((local.month, local.day, local.isoweekday()))),
        *_u32((values.energy_import_wh, values.energy_import_wh, 0, values.energy_export_wh, values.energy_export_wh, 0)),
        *_u32((values.reactive_energy_import_varh, 0, 0, values.reactive_energy_export_varh)),
        *_u32((values.power_import_w, values.power_export_w)),
        uint16(1000),
        *_u32(max(power or 0, 0) for power in values.power_w_phases),
        *_u32(max(-(power or 0), 0) for power in values.power_w_phases),
        *_u16(values.voltage_v, 10),
        *_u16(values.current_a, 100),
        uint32(limit_w),
        *[axdr_encode.array([uint16(9400)])] * 3,
        boolean(connected),
    ]
    return _frames(_apdu(values.at, items, invoke_id))


def _device(values: MeterValues) -> bytes:
    kind = "1020" if values.single_phase else "1030"
    return f"ISK{kind}7{values.meter_id:>08}".encode("ascii")


def _local(at: datetime) -> tuple[datetime, bool]:
    """Central European time, and whether it is summer time."""
    summer = in_summer(at)
    return at + timedelta(hours=1 + summer), summer


def _apdu(at: datetime, items: list[bytes], invoke_id: int) -> bytes:
    local, summer = _local(at)
    time = cosem_time.build(local, deviation_min=-120 if summer else -60, summer=summer)
    head = LLC + bytes((DATA_NOTIFICATION,)) + invoke_id.to_bytes(4, "big") + bytes((cosem_time.SIZE,))
    return head + time + axdr_encode.structure(*items)


def _frames(apdu: bytes) -> bytes:
    pieces = [apdu[at : at + _SEGMENT] for at in range(0, len(apdu), _SEGMENT)]
    return b"".join(
        hdlc.frame(piece, destination=b"\xcf", source=b"\x02\x23", control=0x13, segmented=number < len(pieces))
        for number, piece in enumerate(pieces, 1)
    )


def _u32(values: Iterable[float]) -> list[bytes]:
    return [uint32(round(value)) for value in values]


def _u16(figures: PhaseFigures, per_unit: int) -> list[bytes]:
    return [uint16(round(figure * per_unit)) for figure in figures if figure is not None]
