"""SML files as a German three-phase meter with its PIN entered pushes them: OpenResponse, GetListResponse, CloseResponse."""

from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.meter.crc import x25
from chargebridge.wire.meter.sml_messages import GET_LIST_RESPONSE
from chargebridge.wire.meter.sml_transport import wrap
from chargebridge.wire.meter.sml_tree import END_OF_MESSAGE, integer, octets, sequence

_OPEN_RESPONSE, _CLOSE_RESPONSE = 0x0101, 0x0201
_ABSENT = octets(None)
_WH, _W, _A, _V = 30, 27, 33, 35
_STATUS_EXPORT = 0x1C0904
_STATUS_IMPORT = 0x1C0104
_LIST_NAME = bytes((1, 0, 98, 10, 255, 255))
_PHASES = ((36, 31, 32), (56, 51, 52), (76, 71, 72))
"""OBIS group C of power, current and voltage of L1, L2, L3."""


def encode(values: MeterValues, *, maker: str = "CBR", seconds_index: int = 1, transaction: int = 1) -> bytes:
    """One file. Energies in 0.1 Wh, power in W, currents in 0.01 A, voltages in 0.1 V.

    The server identifier is built by DIN 43863-5 from the digits of the meter's number. seconds_index: the meter's operating time, s.
    """
    server = bytes((0x0A, 1)) + maker.encode("ascii") + b"\0" + int(values.meter_id).to_bytes(4, "big")
    file_id = transaction.to_bytes(4, "big")
    opened = sequence(_ABSENT, _ABSENT, octets(file_id), octets(server), _ABSENT, _ABSENT)
    time = sequence(integer(1, signed=False), integer(seconds_index, signed=False, width=4))
    listed = sequence(_ABSENT, octets(server), octets(_LIST_NAME), time, sequence(*_entries(values, maker, server)), _ABSENT, _ABSENT)
    closed = sequence(_ABSENT)
    bodies = ((_OPEN_RESPONSE, opened), (GET_LIST_RESPONSE, listed), (_CLOSE_RESPONSE, closed))
    return wrap(b"".join(_message(transaction + i, tag, body) for i, (tag, body) in enumerate(bodies)))


def _entries(values: MeterValues, maker: str, server: bytes) -> list[bytes]:
    net_w = values.power_import_w - values.power_export_w
    status = integer(_STATUS_EXPORT if net_w < 0 else _STATUS_IMPORT, signed=False, width=4)
    entries = [
        _entry((96, 50, 1, 1), octets(maker.encode("ascii"))),
        _entry((96, 1, 0, 255), octets(server)),
        _entry((1, 8, 0, 255), integer(values.energy_import_wh * 10, signed=False, width=8), _WH, -1, status),
        _entry((2, 8, 0, 255), integer(values.energy_export_wh * 10, signed=False, width=8), _WH, -1),
        _entry((16, 7, 0, 255), integer(round(net_w), signed=True, width=4), _W, 0),
    ]
    for (power_c, current_c, voltage_c), power, current, voltage in zip(
        _PHASES, values.power_w_phases, values.current_a, values.voltage_v, strict=True
    ):
        if power is not None:
            entries.append(_entry((power_c, 7, 0, 255), integer(round(power), signed=True, width=4), _W, 0))
        if current is not None:
            entries.append(_entry((current_c, 7, 0, 255), integer(round(current * 100), signed=False, width=4), _A, -2))
        if voltage is not None:
            entries.append(_entry((voltage_c, 7, 0, 255), integer(round(voltage * 10), signed=False, width=2), _V, -1))
    return entries


def _entry(
    code: tuple[int, int, int, int], value: bytes, unit: int | None = None, scaler: int | None = None, status: bytes = _ABSENT
) -> bytes:
    return sequence(
        octets(bytes((1, 0, *code))),
        status,
        _ABSENT,
        _ABSENT if unit is None else integer(unit, signed=False, width=1),
        _ABSENT if scaler is None else integer(scaler, signed=True, width=1),
        value,
        _ABSENT,
    )


def _message(transaction: int, tag: int, body: bytes) -> bytes:
    head = sequence(
        octets(transaction.to_bytes(4, "big")),
        integer(0, signed=False, width=1),
        integer(0, signed=False, width=1),
        sequence(integer(tag, signed=False, width=2), body),
        b"",
        b"",
    )
    return head + integer(int.from_bytes(x25(head).to_bytes(2, "little"), "big"), signed=False, width=2) + bytes([END_OF_MESSAGE])
