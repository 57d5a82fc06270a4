"""The answering side of a MEP port: tables of a NES meter, digests, sequence numbers, alerts, and the ways in which it refuses."""

import struct
from collections.abc import Callable

from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.osgp import tables
from chargebridge.wire.osgp.digest import KEY_SIZE, digest
from chargebridge.wire.osgp.packet import PARTIAL_READ_SIZE, SEQUENCE_SIZE, Code, Packet, PacketFramer, signed

ALERT = b"\0\0"
_SUMMATIONS = bytes((*range(8), 26, 27, 28))


class MepDevice:
    """One meter. ``values`` is asked for each answer.

    generation: 1 has no power of single phases, and a count of demand resets before its registers; 3 has both phases and none. present_demands:
    records that stand before the present values, each with a time in generation 1. names_last: on a wrong sequence number the meter names the last
    one that it took, not the next one. hidden: tables that it does not permit to read. silent: so many requests are not answered; damaged: so
    many answers have a flipped bit.
    """

    def __init__(
        self,
        values: Callable[[], MeterValues],
        key: bytes,
        *,
        generation: int = 3,
        present_demands: int = 1,
        sequence: int = 0x1000,
        names_last: bool = False,
        hidden: frozenset[int] = frozenset(),
    ) -> None:
        self._values = values
        self._key = key[:KEY_SIZE]
        self._old = generation < 3
        self._present_demands = present_demands
        self.sequence = sequence
        self._names_last = names_last
        self._hidden = hidden
        self._framer = PacketFramer()
        self.silent = 0
        self.damaged = 0
        self.requests: list[int] = []

    def receive(self, data: bytes) -> bytes:
        """The answers to what came."""
        return b"".join(self._answer(found) for found in self._framer.feed(data) if isinstance(found, Packet))

    def _answer(self, packet: Packet) -> bytes:
        request, body = packet.body, packet.body[:-SEQUENCE_SIZE]
        if self.silent:
            self.silent -= 1
            return b""
        answer = signed(request, self._body(packet, body), self._key)
        if self.damaged:
            self.damaged -= 1
            answer = answer[:-1] + bytes((answer[-1] ^ 1,))
        return answer

    def _body(self, packet: Packet, body: bytes) -> bytes:
        if digest(packet.body, self._key) != packet.digest:
            return bytes((Code.AUTHENTICATION,))
        if int.from_bytes(packet.body[-SEQUENCE_SIZE:], "big") != self.sequence:
            named = (self.sequence - self._names_last) % 2**32
            return bytes((Code.SEQUENCE,)) + named.to_bytes(SEQUENCE_SIZE, "big")
        self.sequence = (self.sequence + 1) % 2**32
        if body[:1] != bytes((Code.PARTIAL_READ,)) or len(body) != PARTIAL_READ_SIZE:
            return bytes((Code.UNSUPPORTED,))
        table, offset, count = (int.from_bytes(body[a:b], "big") for a, b in ((1, 3), (3, 6), (6, 8)))
        self.requests.append(table)
        if table in self._hidden:
            return bytes((Code.NO_PERMISSION,))
        content = self._tables().get(table, b"")[offset:][:count]
        if len(content) != count:
            return bytes((Code.TABLE_NOT_POSSIBLE,))
        return bytes((Code.OK,)) + count.to_bytes(2, "big") + content

    def _tables(self) -> dict[int, bytes]:
        values = self._values()
        summations, present = self._summations(values), self._present(values)
        flags = 0x04 | 0x40 if self._old else 0
        demand = bytes(7 if self._old else 4)
        at = values.at
        return {
            tables.BT01: b"NES " + b"MTR-3000" + bytes((1, 0, 3, 12)),
            tables.ET03: values.meter_id.encode("ascii").ljust(tables.ET03_SERIAL) + bytes(109),
            tables.BT21: bytes((flags, 0, 0, len(summations), 0, 0, 0, 4, self._present_demands, len(present))),
            tables.BT22: _SUMMATIONS[: len(summations)],
            tables.BT23: bytes((7,) if self._old else ()) + struct.pack(f"<{len(summations)}i", *summations),
            tables.BT28: demand * self._present_demands + struct.pack(f"<{len(present)}i", *present),
            tables.BT52: bytes((at.year - 2000, at.month, at.day, at.hour, at.minute, at.second, 0x10)),
        }

    @staticmethod
    def _summations(values: MeterValues) -> tuple[int, ...]:
        drawn, fed = values.energy_import_wh, values.energy_export_wh
        reactive = values.reactive_energy_import_varh, values.reactive_energy_export_varh
        return (drawn, fed, *reactive, 8, 3, drawn + fed, drawn - fed, 0, 0, 6)

    def _present(self, values: MeterValues) -> list[int]:
        milli = [round(1000 * (figure or 0)) for figure in (*values.current_a, *values.voltage_v)]
        powers = [round(power or 0) for power in values.power_w_phases]
        apparent = sum((i or 0) * (u or 0) for i, u in zip(values.current_a, values.voltage_v, strict=True))
        present = [
            round(values.power_import_w),
            round(values.power_export_w),
            round(values.reactive_import_var),
            round(values.reactive_export_var),
            *milli,
            *(1000, 50_000, round(apparent), 1000, 1000),
            *(0, 0, 0),
        ]
        if self._old:
            return present
        return [*present, *(0, 0, 0, 0), *(0, 0, 0, 0), *(max(0, p) for p in powers), *(max(0, -p) for p in powers), *(0,) * 24]
