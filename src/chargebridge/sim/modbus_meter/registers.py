"""The registers of a meter: by a map, or by the models of SunSpec."""

import struct
from collections.abc import Mapping
from typing import Protocol

from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.modbus import RegisterMap, batches, encode
from chargebridge.wire.sunspec import BASES, COMMON, Model, Value, image

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
"""Modbus Application Protocol V1.1b3, chapter 7."""


class RefusedRequestError(Exception):
    """The device says no, with a Modbus exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Modbus exception {code}")
        self.code = code


class Device(Protocol):
    """What a server asks: the bytes of ``count`` registers. Raises ``RefusedRequestError``."""

    def read(self, function: int, address: int, count: int) -> bytes: ...


class MapDevice:
    """A meter with the registers of ``chosen`` and no others, each standing at 0 until ``raw`` tells it.

    raw: by OBIS code, as it goes over the line. dense: registers between two values exist and are 0; otherwise asking for them is refused.
    """

    def __init__(self, chosen: RegisterMap, raw: Mapping[str, int | float], *, dense: bool = True) -> None:
        self.raw = dict(raw)
        self._map = chosen
        self._dense = dense

    def read(self, function: int, address: int, count: int) -> bytes:
        """See ``Device``."""
        if function != (4 if self._map.function == "input" else 3):
            raise RefusedRequestError(ILLEGAL_FUNCTION)
        if not 1 <= count <= self._map.most:
            raise RefusedRequestError(ILLEGAL_VALUE)
        held = self._held()
        if self._dense and not self._map.objects:
            first, last = min(held), max(held)
            held = {at: held.get(at, b"\0\0") for at in range(first, last + 1)}
        try:
            return b"".join(held[at] for at in range(address, address + count))
        except KeyError:
            raise RefusedRequestError(ILLEGAL_ADDRESS) from None

    def _held(self) -> dict[int, bytes]:
        """The bytes at each address: one register, or one whole value where addresses count values."""
        held: dict[int, bytes] = {}
        for batch in batches(self._map):
            data = struct.pack(f">{batch.words}H", *encode(self._map, batch, self.raw))
            place = 0
            for entry in batch.entries:
                size = 2 * entry.type.size
                if self._map.objects:
                    held[entry.at] = data[place : place + size]
                    place += size
                    continue
                first = 2 * (entry.at - batch.at)
                held |= {entry.at + n: data[first + 2 * n : first + 2 * n + 2] for n in range(entry.type.size)}
        return held


class SunSpecDevice:
    """A device with model 1, ``model`` with ``values``, and the end of the chain."""

    def __init__(
        self, model: Model, values: Mapping[str, Value], *, number: str = "12345678", maker: str = "chargebridge", base: int = BASES[0]
    ) -> None:
        self.values = dict(values)
        self._model = model
        self._number = number
        self._maker = maker
        self._base = base

    def read(self, function: int, address: int, count: int) -> bytes:
        """See ``Device``."""
        if function != 3:
            raise RefusedRequestError(ILLEGAL_FUNCTION)
        common = {"Mn": self._maker, "Md": "simulated meter", "SN": self._number}
        registers = image([(COMMON, common), (self._model, self.values)])
        if not self._base <= address <= address + count <= self._base + len(registers) or not 1 <= count <= 125:
            raise RefusedRequestError(ILLEGAL_ADDRESS)
        return struct.pack(f">{count}H", *registers[address - self._base : address - self._base + count])


def raw_values(chosen: RegisterMap, values: MeterValues) -> dict[str, int | float]:
    """What a meter with this map sends for ``values``: rounded to its steps."""
    net_w = values.power_import_w - values.power_export_w
    told: dict[str, float | None] = {
        "1-0:16.7.0": net_w,
        "1-0:1.7.0": values.power_import_w,
        "1-0:2.7.0": values.power_export_w,
        "1-0:1.8.0": values.energy_import_wh,
        "1-0:2.8.0": values.energy_export_wh,
        "1-0:14.7.0": 50.0,
        "0-0:96.14.0": 1,
    }
    for phase, (power, current, voltage) in enumerate(zip(values.power_w_phases, values.current_a, values.voltage_v, strict=True)):
        told |= {
            f"1-0:{31 + 20 * phase}.7.0": current,
            f"1-0:{32 + 20 * phase}.7.0": voltage,
            f"1-0:{36 + 20 * phase}.7.0": power,
            f"1-0:{21 + 20 * phase}.7.0": None if power is None else max(0.0, power),
            f"1-0:{22 + 20 * phase}.7.0": None if power is None else max(0.0, -power),
        }
    raw: dict[str, int | float] = {}
    for entry in chosen.registers:
        value = told.get(entry.code)
        if value is not None:
            count = value / entry.scale
            raw[entry.code] = count if entry.type.value.startswith("float") else round(count)
    return raw
