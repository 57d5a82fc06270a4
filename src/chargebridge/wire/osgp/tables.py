"""Tables of NES meters to registers (MEP Client Developer's Guide 078-0372, on ANSI C12.19 tables). Integers are least significant byte first.

BT: basic tables, ET: extended ones (0x0800 added). Older meters have fewer present values than newer ones; BT21 tells how many, and where they begin.
"""

import struct
from datetime import UTC, datetime

from msgspec import Struct

from chargebridge.wire.meter import number
from chargebridge.wire.meter.telegram import ClockOrigin, ContentError, Protocol, Register, Scale, Telegram

BT01, BT21, BT22, BT23, BT28, BT52 = 1, 21, 22, 23, 28, 52
ET03 = 0x0803
BT01_SIZE, BT21_SIZE, BT52_SIZE = 16, 10, 7
ET03_SERIAL = 30
"""The meter's number as it stands on its face begins ET03."""

_RESET_COUNTER, _TIME_REMAINING = 0x04, 0x40


class Identity(Struct, frozen=True):
    """BT01 (C12.19 table 01)."""

    maker: str
    model: str
    hardware: tuple[int, int]
    firmware: tuple[int, int]

    @property
    def name(self) -> str:
        return f"{self.maker} {self.model} {self.firmware[0]}.{self.firmware[1]}".strip()


class Dimensions(Struct, frozen=True):
    """BT21 (C12.19 table 21): how many values the register tables have, and what stands before them.

    reset_counter: a count of demand resets opens BT23. time_remaining: each present demand of BT28 has a time of three bytes.
    """

    reset_counter: bool
    time_remaining: bool
    summations: int
    demands: int
    present_demands: int
    present_values: int

    @property
    def energies(self) -> tuple[int, int]:
        """Offset and bytes of the summations in BT23 that are known."""
        return int(self.reset_counter), 4 * min(self.summations, len(ENERGIES))

    @property
    def present(self) -> tuple[int, int]:
        """Offset and bytes of the present values in BT28 that are known."""
        return self.present_demands * (4 + 3 * self.time_remaining), 4 * min(self.present_values, len(PRESENT))


Rule = tuple[str, str, int] | None
"""OBIS code, unit and power of ten; None: kept nowhere."""

_FORWARD = (
    ("1-0:1.8.0", "Wh", 0), ("1-0:2.8.0", "Wh", 0), ("1-0:3.8.0", "varh", 0), ("1-0:4.8.0", "varh", 0),
    ("0-0:96.7.15", "s", 0), ("0-0:96.7.21", "", 0), ("1-0:15.8.0", "Wh", 0), ("1-0:16.8.0", "Wh", 0),
)  # fmt: skip
_COUNTERS = (("1-1:82.8.0", "", 0), ("1-2:82.8.0", "", 0), ("0-0:97.97.0", "", 0))
ENERGIES: tuple[Rule, ...] = (*_FORWARD, *_COUNTERS, *((f"1-0:{c}.8.0", "varh", 0) for c in (5, 6, 7, 8)))
"""BT23: forward and reverse Wh, imported and exported varh, s without mains, outages, sum and difference of the Wh, pulses, errors, quadrants."""

_THREE = (20, 40, 60)
PRESENT: tuple[Rule, ...] = (
    ("1-0:1.7.0", "W", 0), ("1-0:2.7.0", "W", 0), ("1-0:3.7.0", "var", 0), ("1-0:4.7.0", "var", 0),
    *((f"1-0:{c + 11}.7.0", "A", -3) for c in _THREE),
    *((f"1-0:{c + 12}.7.0", "V", -3) for c in _THREE),
    ("1-0:33.7.0", "", -3), ("1-0:14.7.0", "Hz", -3), ("1-0:9.7.0", "VA", 0), ("1-0:53.7.0", "", -3), ("1-0:73.7.0", "", -3),
    None, None, None, None, None, None, None,
    *((f"1-0:{c}.7.0", "var", 0) for c in (5, 6, 7, 8)),
    *((f"1-0:{c + 1}.7.0", "W", 0) for c in _THREE),
    *((f"1-0:{c + 2}.7.0", "W", 0) for c in _THREE),
)  # fmt: skip
"""BT28: forward and reverse W, var; mA and mV of the phases; power factor of L1, mHz, VA, power factors of L2 and L3; sines of the angles and four
values behind current transformers (not kept); var by quadrant; forward, then reverse W of the phases."""

_SOURCES: dict[int, int] = {**{n: n for n in range(8)}, 26: 8, 27: 9, 28: 10}
"""Source of a summation (BT22) to its place in ``ENERGIES``."""


def identity(data: bytes) -> Identity:
    """BT01."""
    maker, model = data[:4], data[4:12]
    return Identity(_text(maker), _text(model), (data[12], data[13]), (data[14], data[15]))


def serial(data: bytes) -> str | None:
    """ET03: the meter's number."""
    return _text(data[:ET03_SERIAL]) or None


def dimensions(data: bytes) -> Dimensions:
    """BT21."""
    return Dimensions(
        reset_counter=bool(data[0] & _RESET_COUNTER),
        time_remaining=bool(data[0] & _TIME_REMAINING),
        summations=data[3],
        demands=data[4],
        present_demands=data[8],
        present_values=data[9],
    )


def sources(data: bytes) -> tuple[Rule, ...]:
    """BT22: what BT23's summations are. The guide's order where a meter uses other numbers than those that are known."""
    if all(source in _SOURCES for source in data[: len(_SOURCES)]) and len(set(data[: len(_SOURCES)])) == len(data[: len(_SOURCES)]):
        return (*(ENERGIES[_SOURCES[source]] for source in data[: len(_SOURCES)]), *ENERGIES[len(_SOURCES) :])
    return ENERGIES


def registers(data: bytes, rules: tuple[Rule, ...]) -> dict[str, Register]:
    """Whole integers of four bytes to registers. Their units are the guide's; the meter does not send them."""
    values = struct.unpack(f"<{len(data) // 4}i", data[: len(data) // 4 * 4])
    found: dict[str, Register] = {}
    for rule, raw in zip(rules, values, strict=False):
        if rule is not None:
            code, unit, scaler = rule
            found[code] = number.register(raw, scaler, unit, Scale.PROFILE) if unit or scaler else Register(raw, "", raw)
    return found


def clock(data: bytes) -> datetime:
    """BT52, UTC. Raises ``ContentError``."""
    year, month, day, hour, minute, second = data[:6]
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise ContentError(0, f"clock {data[:6].hex()} tells no time") from None


def telegram(found: dict[str, Register], *, who: Identity | None, meter_id: str | None, at: datetime | None, size: int) -> Telegram:
    """What was read in one turn."""
    return Telegram(
        protocol=Protocol.MEP,
        profile="mep",
        device=None if who is None else who.name,
        meter_id=meter_id,
        registers=found,
        clock=at,
        clock_origin=ClockOrigin.NONE if at is None else ClockOrigin.TELEGRAM,
        clock_text=None if at is None else at.isoformat(),
        authenticated=True,
        size=size,
    )


def _text(data: bytes) -> str:
    return data.decode("latin-1").strip(" \0") if data.isascii() else data.hex()
