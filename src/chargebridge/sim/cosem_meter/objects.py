"""What the virtual meter holds: clock, number, registers with their scalers, and a load profile (Blue Book, classes 1, 3, 7 and 8)."""

from datetime import datetime, timedelta

from msgspec import Struct

from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.cosem.selective import CLOCK_CODE
from chargebridge.wire.cosem.services import AccessResult, Attribute
from chargebridge.wire.meter import axdr, cosem_time
from chargebridge.wire.meter import axdr_encode as encode
from chargebridge.wire.meter.telegram import ContentError

DATA, REGISTER, PROFILE, CLOCK = 1, 3, 7, 8
NUMBER_CODE = bytes((0, 0, 96, 1, 0, 255))
PROFILE_CODE = bytes((1, 0, 99, 1, 0, 255))
STATUS_CODE = bytes((0, 0, 96, 10, 7, 255))
_W, _WH, _A, _V = 27, 30, 33, 35
_UTC = 0


def code(c: int, d: int) -> bytes:
    """``1-0:C.D.0.255``."""
    return bytes((1, 0, c, d, 0, 255))


class ProfileRow(Struct, frozen=True):
    """at: the end of the interval, aware UTC. energy_wh: what was drawn in it."""

    at: datetime
    energy_wh: int
    status: int = 0


class CosemMeter:
    """Holds ``values`` (exchange them at will) and a load profile of energies (1-0:1.29.0, Wh of each period).

    without: OBIS codes of objects that this meter does not have. compressed: times of rows that follow the one before, and values that did not
    change, stand as null.
    """

    def __init__(
        self,
        values: MeterValues,
        profile: tuple[ProfileRow, ...] = (),
        *,
        period: timedelta = timedelta(hours=1),
        without: frozenset[bytes] = frozenset(),
        compressed: bool = False,
    ) -> None:
        self.values = values
        self.profile = profile
        self.period = period
        self.without = without
        self.compressed = compressed
        self.reads = 0

    def read(self, asked: Attribute) -> bytes | AccessResult:
        """The attribute, A-XDR with its tag, or why not."""
        self.reads += 1
        if asked.code in self.without:
            return AccessResult.OBJECT_UNDEFINED
        if asked.code == PROFILE_CODE:
            return self._profile(asked) if asked.interface == PROFILE else AccessResult.OBJECT_CLASS_INCONSISTENT
        if asked.code == CLOCK_CODE:
            found = {2: encode.octets(cosem_time.build(self.values.at, deviation_min=_UTC))}
            interface = CLOCK
        elif asked.code == NUMBER_CODE:
            found, interface = {2: encode.octets(self.values.meter_id.encode("ascii"))}, DATA
        else:
            register = self._registers().get(asked.code)
            if register is None:
                return AccessResult.OBJECT_UNDEFINED
            value, scaler, unit = register
            found, interface = {2: value, 3: encode.structure(encode.int8(scaler), encode.enum(unit))}, REGISTER
        if asked.interface != interface:
            return AccessResult.OBJECT_CLASS_INCONSISTENT
        found[1] = encode.octets(asked.code)
        return found.get(asked.number, AccessResult.READ_WRITE_DENIED)

    def _registers(self) -> dict[bytes, tuple[bytes, int, int]]:
        """Value, scaler and unit by code: W, 0.01 A, 0.1 V, Wh."""
        values = self.values
        found: dict[bytes, tuple[bytes, int, int]] = {
            code(1, 7): (encode.uint32(round(values.power_import_w)), 0, _W),
            code(2, 7): (encode.uint32(round(values.power_export_w)), 0, _W),
            code(1, 8): (encode.uint32(values.energy_import_wh), 0, _WH),
            code(2, 8): (encode.uint32(values.energy_export_wh), 0, _WH),
            code(1, 29): (encode.uint32(0), 0, _WH),
        }
        for first, power, current, voltage in zip((20, 40, 60), values.power_w_phases, values.current_a, values.voltage_v, strict=True):
            if power is not None:
                found[code(first + 1, 7)] = (encode.uint32(max(0, round(power))), 0, _W)
                found[code(first + 2, 7)] = (encode.uint32(max(0, -round(power))), 0, _W)
            if current is not None:
                found[code(first + 11, 7)] = (encode.uint16(round(current * 100)), -2, _A)
            if voltage is not None:
                found[code(first + 12, 7)] = (encode.uint16(round(voltage * 10)), -1, _V)
        return found

    def _profile(self, asked: Attribute) -> bytes | AccessResult:
        match asked.number:
            case 1:
                return encode.octets(PROFILE_CODE)
            case 2:
                return self._buffer(asked.selection)
            case 3:
                return encode.array(
                    encode.structure(encode.uint16(interface), encode.octets(of), encode.int8(2), encode.uint16(0))
                    for interface, of in ((CLOCK, CLOCK_CODE), (DATA, STATUS_CODE), (REGISTER, code(1, 29)))
                )
            case 4:
                return encode.uint32(int(self.period.total_seconds()))
            case 7:
                return encode.uint32(len(self.profile))
        return AccessResult.READ_WRITE_DENIED

    def _buffer(self, selection: bytes) -> bytes | AccessResult:
        try:
            rows = self.profile if not selection else self._selected(selection[0], axdr.parse(selection, 1)[0])
        except ContentError:
            rows = None
        if rows is None:
            return AccessResult.TYPE_UNMATCHED
        return encode.array(self._row(row, rows[number - 1] if number else None) for number, row in enumerate(rows))

    def _selected(self, selector: int, parameters: axdr.Data) -> tuple[ProfileRow, ...] | None:
        match selector, parameters:
            case (1, ((8, bytes(), 2, 0), bytes() as start, bytes() as end, [])):
                first, last = (cosem_time.parse(at, timedelta()).utc for at in (start, end))
                return tuple(row for row in self.profile if first <= row.at <= last)
            case (2, (int() as first, int() as last, 1, 0)) if first >= 1:
                return self.profile[first - 1 : last or None]
        return None

    def _row(self, row: ProfileRow, before: ProfileRow | None) -> bytes:
        time, status, energy = (
            encode.octets(cosem_time.build(row.at, deviation_min=_UTC)),
            encode.uint8(row.status),
            encode.uint32(row.energy_wh),
        )
        if self.compressed and before is not None:
            time = encode.NULL if row.at - before.at == self.period else time
            status = encode.NULL if row.status == before.status else status
            energy = encode.NULL if row.energy_wh == before.energy_wh else energy
        return encode.structure(time, status, energy)
