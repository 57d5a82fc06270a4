"""A battery inverter's SunSpec register map: what it measures, what it stores, and the set point of its power.

After "SunS" at 40000 come the models, each with its number and length: 1 (who it is), 103 (three-phase inverter: currents, voltages, W),
713 (storage: energy rating and available, state of charge) and 704 (AC controls, of which the set point WSet works), then 0xFFFF. Layout by
the SunSpec Alliance's model definitions (github.com/sunspec/models, json/model_*.json); offsets below count from the model's number. What is
not there holds SunSpec's "not implemented" value.

Setting a power: WSet in W (+ discharges, - charges: a generator's sign), WSetMod 1 (W), WSetEna 1. With WSetEnaRvrt 1 it goes back to 0 W when it
has not been written for WSetRvrtTms seconds.
"""

from struct import pack

from msgspec import Struct

from chargebridge.sim.world.storage import Storage

BASE = 40_000
NOT_IMPLEMENTED = 0xFFFF
NOT_IMPLEMENTED_INT = 0x8000
_WATTS = 1
_MPPT, _SLEEPING = 4, 2


class Controls(Struct):
    """The registers of model 704 that work, as last written. set_w: SunSpec's sign."""

    enabled: bool = False
    set_w: int = 0
    revert: bool = False
    revert_s: int = 0


_ENA, _MOD, _SET, _ENA_RVRT, _RVRT_TMS, _RVRT_REM = 22, 23, 24, 30, 31, 33
_LENGTHS = {1: 66, 103: 50, 713: 7, 704: 65}


class SunSpecBattery:
    """The map of one battery. ``read`` and ``write`` raise LookupError for addresses and ValueError for values that are not for that."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._controls = Controls()
        self._written_at_s = 0.0
        self._starts: dict[int, int] = {}
        address = BASE + 2
        for model, length in _LENGTHS.items():
            self._starts[model] = address
            address += 2 + length
        self._end = address + 2

    def address(self, model: int, offset: int) -> int:
        """Where a point of a model lies; ``offset`` from the model's number."""
        return self._starts[model] + offset

    def read(self, address: int, count: int, t_s: float) -> list[int]:
        if address < BASE or address + count > self._end:
            raise LookupError(address)
        return self._all(t_s)[address - BASE : address - BASE + count]

    def write(self, address: int, values: list[int], t_s: float) -> None:
        """Take over what of model 704 works; a refused value changes nothing."""
        start = self._starts[704]
        wanted = self._control_words()
        for at, value in enumerate(values, address - start):
            if at not in wanted:
                raise LookupError(address)
            wanted[at] = value
        if wanted[_ENA] not in (0, 1) or wanted[_ENA_RVRT] not in (0, 1) or wanted[_MOD] != _WATTS:
            raise ValueError("only 0 or 1 to enable, and the mode is W")
        set_w = _signed32(wanted[_SET], wanted[_SET + 1])
        revert_s = (wanted[_RVRT_TMS] << 16) | wanted[_RVRT_TMS + 1]
        self._controls = Controls(enabled=bool(wanted[_ENA]), set_w=set_w, revert=bool(wanted[_ENA_RVRT]), revert_s=revert_s)
        self._written_at_s = t_s
        power_w = -float(set_w) if self._controls.enabled else 0.0
        self._storage.set_power(power_w, t_s, float(revert_s) if self._controls.revert else float("inf"))

    def _control_words(self) -> dict[int, int]:
        """The registers of model 704 that may be written, as they are."""
        c = self._controls
        high, low = _words(c.set_w & 0xFFFFFFFF)
        revert_high, revert_low = _words(c.revert_s)
        return {
            _ENA: int(c.enabled),
            _MOD: _WATTS,
            _SET: high,
            _SET + 1: low,
            _ENA_RVRT: int(c.revert),
            _RVRT_TMS: revert_high,
            _RVRT_TMS + 1: revert_low,
        }

    def _all(self, t_s: float) -> list[int]:
        registers = [0x5375, 0x6E53]
        for model, fill in ((1, self._common()), (103, self._inverter()), (713, self._capacity()), (704, self._control(t_s))):
            body = [NOT_IMPLEMENTED] * _LENGTHS[model]
            for offset, value in fill.items():
                body[offset - 2] = value
            registers += [model, _LENGTHS[model], *body]
        return [*registers, 0xFFFF, 0]

    def _common(self) -> dict[int, int]:
        fill: dict[int, int] = dict.fromkeys(range(2, 66), 0)
        for start, text in ((2, "chargebridge"), (18, "virtual battery"), (42, "1"), (50, self._storage.id)):
            padded = text.encode("ascii")[:32].ljust(32, b"\0")
            words = 8 if start == 42 else 16
            fill |= {start + k: int.from_bytes(padded[2 * k : 2 * k + 2], "big") for k in range(words)}
        return fill | {66: 1, 67: 0x8000}

    def _inverter(self) -> dict[int, int]:
        """Currents in 0.01 A, voltages in 0.1 V, power in W with a generator's sign."""
        flow = self._storage.flow
        a1, a2, a3 = (round(abs(a) * 100) for a in flow.current_a)
        v1, v2, v3 = (round(v * 10) for v in flow.voltage_v)
        power = _words16(-round(flow.power_w))
        state = _MPPT if flow.power_w else _SLEEPING
        fill = {
            2: a1 + a2 + a3,
            3: a1,
            4: a2,
            5: a3,
            6: _words16(-2),
            10: v1,
            11: v2,
            12: v3,
            13: _words16(-1),
            14: power,
            15: 0,
            38: state,
        }
        signed = (18, 20, 22, 31, 33, 34, 35, 36, 17, 19, 21, 23, 26, 28, 30, 32, 37)
        return dict.fromkeys(signed, NOT_IMPLEMENTED_INT) | {24: 0, 25: 0} | dict.fromkeys(range(40, 52), 0) | fill

    def _capacity(self) -> dict[int, int]:
        """Energies in 10 Wh, shares in 0.1 %."""
        storage = self._storage
        rating, left = round(storage.battery.capacity_wh / 10), round(storage.stored_wh / 10)
        return {2: rating, 3: left, 4: round(storage.soc * 1000), 5: 1000, 6: 1, 7: 1, 8: _words16(-1)}

    def _control(self, t_s: float) -> dict[int, int]:
        c = self._controls
        left_s = max(0, round(self._written_at_s + c.revert_s - t_s)) if c.revert else 0
        high, low = _words(left_s)
        return self._control_words() | {_RVRT_REM: high, _RVRT_REM + 1: low, 26: 0, 27: 0, 55: 0}


def _words(value: int) -> tuple[int, int]:
    return value >> 16, value & 0xFFFF


def _words16(value: int) -> int:
    return int.from_bytes(pack(">h", value), "big")


def _signed32(high: int, low: int) -> int:
    return int.from_bytes(pack(">HH", high, low), "big", signed=True)
