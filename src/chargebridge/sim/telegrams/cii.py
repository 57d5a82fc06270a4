"""The push of a Landis+Gyr E450 at its customer interface in Switzerland: capture objects and values, in blocks, each in an HDLC frame."""

from datetime import timedelta

from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.meter import axdr_encode, cosem_time, hdlc
from chargebridge.wire.meter.apdu import DATA_NOTIFICATION
from chargebridge.wire.meter.gbt import blocks

_PUSH_SETUP, _DATA, _REGISTER = 40, 1, 3
_LIST = (0, 8, 25, 9, 0, 255)
_BLOCK = 112
_PHASES = ((31, 32, 21, 22), (51, 52, 41, 42), (71, 72, 61, 62))
"""OBIS group C of current, voltage, import and export of L1, L2, L3."""


def encode(values: MeterValues, *, volt_steps: int = 1, invoke_id: int = 1) -> bytes:
    """One push; W, Wh, 0.01 A and 1 V, or 0.1 V with ``volt_steps`` 10 (it depends on the grid operator)."""
    pairs: list[tuple[int, tuple[int, ...], int, bytes]] = [
        (_PUSH_SETUP, _LIST, 1, axdr_encode.octets(bytes(_LIST))),
        (_DATA, (0, 0, 96, 1, 0, 255), 2, axdr_encode.octets(values.meter_id.encode("ascii"))),
        _register(1, 7, values.power_import_w),
        _register(2, 7, values.power_export_w),
        _register(1, 8, values.energy_import_wh, channel=1),
        _register(2, 8, values.energy_export_wh, channel=1),
    ]
    figures = zip(_PHASES, values.current_a, values.voltage_v, values.power_w_phases, strict=True)
    for (current_c, voltage_c, import_c, export_c), current, voltage, power in figures:
        if current is not None:
            pairs.append((_REGISTER, (1, 0, current_c, 7, 0, 255), 2, axdr_encode.uint16(round(current * 100))))
        if voltage is not None:
            pairs.append((_REGISTER, (1, 0, voltage_c, 7, 0, 255), 2, axdr_encode.uint16(round(voltage * volt_steps))))
        if power is not None:
            pairs += [_register(import_c, 7, max(power, 0)), _register(export_c, 7, max(-power, 0))]
    objects = axdr_encode.array([_object(_PUSH_SETUP, _LIST, 2), *(_object(kind, code, attribute) for kind, code, attribute, _ in pairs)])
    body = axdr_encode.structure(objects, *(value for *_, value in pairs))
    time = cosem_time.build(values.at + timedelta(hours=1))
    apdu = bytes((DATA_NOTIFICATION,)) + invoke_id.to_bytes(4, "big") + bytes((cosem_time.SIZE,)) + time + body
    return b"".join(hdlc.frame(block, destination=b"\xce\xff", source=b"\x03", control=0x13) for block in blocks(apdu, _BLOCK))


def _object(kind: int, code: tuple[int, ...], attribute: int) -> bytes:
    return axdr_encode.structure(
        axdr_encode.uint16(kind), axdr_encode.octets(bytes(code)), axdr_encode.int8(attribute), axdr_encode.uint16(0)
    )


def _register(c: int, d: int, value: float, *, channel: int = 0) -> tuple[int, tuple[int, ...], int, bytes]:
    return _REGISTER, (1, channel, c, d, 0, 255), 2, axdr_encode.uint32(round(value))
