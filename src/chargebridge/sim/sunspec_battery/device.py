"""The registers of a battery inverter and what writing them does (SunSpec DER Information Model Specification, model 704).

WSetEna switches the active power function, WSet is its set point in watts, positive to deliver. The reversion timer runs while the function is
enabled and WSetRvrtTms is not 0; each write to one of its points starts it anew. When it has run out, WSet becomes WSetRvrt and WSetEna becomes
WSetEnaRvrt. Strict where devices differ: a write with anything out of range or not writable in it is refused as a whole.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from chargebridge.model.circuit import Battery
from chargebridge.model.clock import Clock
from chargebridge.wire.sunspec import (
    AC_CONTROLS,
    AC_MEASUREMENT,
    BASES,
    CAPACITY,
    COMMON,
    STORAGE,
    Block,
    Kind,
    Model,
    Span,
    Value,
    factor_for,
    image,
    points_in,
)

BASE = BASES[0]
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE, NO_SUCH_UNIT = 1, 2, 3, 4, 11
"""Modbus Application Protocol V1.1b3, chapter 7."""
_OFF, _ON, _WATTS = 0, 1, 1
_THREE_PHASE, _SINGLE_PHASE = 2, 0
_RUNNING, _CONNECTED = 3, 1
_FIXED_W = 1 << 1
"""The bit of 702 CtrlModes for what 704 WSet does."""
_FINEST = -1
_HEADROOM = 1.5
"""Measured power may exceed the rating by so much."""


class BatterySide(Protocol):
    """The battery behind the registers. Powers in W at its terminals, charging positive."""

    @property
    def battery(self) -> Battery: ...

    @property
    def power_w(self) -> float: ...

    @property
    def stored_wh(self) -> float: ...

    def set_power(self, power_w: float, revert_s: float) -> None:
        """From now on ``power_w``, and 0 W again after ``revert_s`` (infinite: until told otherwise)."""
        ...


class RefusalError(Exception):
    """The device says no, with a Modbus exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Modbus exception {code}")
        self.code = code


class SunSpecDevice:
    """``read`` and ``write`` act on holding registers. ``due_s`` and ``tick`` are for who keeps the time."""

    def __init__(self, side: BatterySide, clock: Clock) -> None:
        self._side = side
        self._clock = clock
        self._ends_at: datetime | None = None
        battery = side.battery
        largest_w = max(battery.charge_max_w, battery.discharge_max_w)
        self._w_factor = max(_FINEST, factor_for(_HEADROOM * largest_w, Kind.INT16))
        self._wh_factor = max(_FINEST, factor_for(battery.capacity_wh, Kind.UINT16))
        self._set: dict[str, Value] = {
            "WSetEna": _OFF,
            "WSetMod": _WATTS,
            "WSet": 0.0,
            "WSetRvrt": 0.0,
            "WSetEnaRvrt": _OFF,
            "WSetRvrtTms": 0,
        }
        self._controls = Block(AC_CONTROLS, BASE + len(image(self._measured())) - 2, AC_CONTROLS.length)

    @property
    def due_s(self) -> float | None:
        """Seconds until the reversion timer ends, None while it does not run."""
        return None if self._ends_at is None else max(0.0, (self._ends_at - self._clock.now()).total_seconds())

    def tick(self) -> None:
        """Revert if it is time."""
        if self.due_s == 0.0:
            self._set |= {"WSet": self._set["WSetRvrt"], "WSetEna": self._set["WSetEnaRvrt"]}
            self._act(math.inf)

    def read(self, address: int, count: int) -> list[int]:
        """Raises ``RefusalError`` for registers that there are not."""
        self.tick()
        controls = self._set | self._factors | {"WSetRvrtRem": math.ceil(self.due_s or 0.0)}
        registers = image([*self._measured(), (AC_CONTROLS, controls)])
        if not BASE <= address <= address + count <= BASE + len(registers):
            raise RefusalError(ILLEGAL_ADDRESS)
        return registers[address - BASE : address - BASE + count]

    def write(self, address: int, registers: Sequence[int]) -> None:
        """Raises ``RefusalError``, and then nothing has changed."""
        self.tick()
        span = Span(address, len(registers))
        first = address - self._controls.address
        touched = list(points_in(AC_CONTROLS, first, first + span.count))
        values = self._controls.values(span, registers, factors=self._factors)
        whole = sum(p.size for p in touched if p.name in values) == span.count
        if not whole or not values.keys() <= self._set.keys():
            raise RefusalError(ILLEGAL_ADDRESS)
        if not all(self._allows(name, value) for name, value in values.items()):
            raise RefusalError(ILLEGAL_VALUE)
        self._set |= values
        timer_s = self._set["WSetRvrtTms"]
        self._act(float(timer_s) if timer_s else math.inf)

    def _allows(self, name: str, value: Value) -> bool:
        battery = self._side.battery
        if isinstance(value, float):
            return -battery.charge_max_w <= value <= battery.discharge_max_w
        return value == _WATTS if name == "WSetMod" else value in (_OFF, _ON) if name != "WSetRvrtTms" else value is not None

    def _act(self, timer_s: float) -> None:
        delivered_w = self._set["WSet"]
        on = self._set["WSetEna"] == _ON
        self._ends_at = self._clock.now() + timedelta(seconds=timer_s) if on and timer_s < math.inf else None
        power_w = 0.0 - delivered_w if on and isinstance(delivered_w, float) else 0.0
        self._side.set_power(power_w, timer_s if on else math.inf)

    @property
    def _factors(self) -> dict[str, Value]:
        return {"WSet_SF": self._w_factor}

    def _measured(self) -> list[tuple[Model, Mapping[str, Value]]]:
        battery, stored_wh = self._side.battery, self._side.stored_wh
        return [
            (COMMON, {"Mn": "chargebridge", "Md": "simulated battery", "SN": battery.id}),
            (
                AC_MEASUREMENT,
                {
                    "ACType": _THREE_PHASE if len(battery.phases) == 3 else _SINGLE_PHASE,
                    "St": _ON,
                    "InvSt": _RUNNING,
                    "ConnSt": _CONNECTED,
                    "W": -self._side.power_w,
                    "W_SF": self._w_factor,
                },
            ),
            (
                CAPACITY,
                {
                    "WMaxRtg": battery.discharge_max_w,
                    "WChaRteMaxRtg": battery.charge_max_w,
                    "WDisChaRteMaxRtg": battery.discharge_max_w,
                    "CtrlModes": _FIXED_W,
                    "WMax": battery.discharge_max_w,
                    "WChaRteMax": battery.charge_max_w,
                    "WDisChaRteMax": battery.discharge_max_w,
                    "W_SF": self._w_factor,
                },
            ),
            (
                STORAGE,
                {
                    "WHRtg": battery.capacity_wh,
                    "WHAvail": stored_wh,
                    "SoC": 100 * stored_wh / battery.capacity_wh,
                    "SoH": 100.0,
                    "Sta": 0,
                    "WH_SF": self._wh_factor,
                    "Pct_SF": _FINEST,
                },
            ),
        ]
