"""What a gateway has stored of a meter: registers as integers with their scaler, at the moments of reading."""

from datetime import datetime, timedelta

from msgspec import Struct

QUARTER = timedelta(minutes=15)


class Register(Struct, frozen=True):
    """code: six bytes of OBIS in hexadecimal digits. unit: DLMS code (30 Wh, 27 W, 35 V). stored: (moment, integer), oldest first."""

    code: str
    scaler: int
    unit: int
    stored: list[tuple[datetime, int]]

    def between(self, start: datetime, end: datetime) -> list[tuple[datetime, int]]:
        """What was stored from ``start`` to ``end``, both included."""
        return [(at, raw) for at, raw in self.stored if start <= at <= end]

    @property
    def obis(self) -> str:
        a, b, c, d, e, _ = bytes.fromhex(self.code)
        return f"{a}-{b}:{c}.{d}.{e}"


class GatewayMeter(Struct, frozen=True):
    """number: as it stands on the meter, such as 1EMH0012345678."""

    number: str
    registers: list[Register]

    @property
    def moments(self) -> list[datetime]:
        """All moments of which something is stored, newest first."""
        return sorted({at for register in self.registers for at, _ in register.stored}, reverse=True)

    def logical_name(self, register: Register) -> str:
        return f"{register.code}.{self.number.lower()}.sm"


def quarter_hours(number: str, start: datetime, count: int, *, late_s: int = 0, power_w: int = 2000, export: bool = True) -> GatewayMeter:
    """A meter read every quarter hour ``late_s`` seconds after it, ``count`` times; its load changes from quarter to quarter."""
    bought, sold = 12_345_678, 9_876_543
    imports, exports = [], []
    for i in range(count):
        at = start + i * QUARTER + timedelta(seconds=late_s)
        imports.append((at, bought))
        exports.append((at, sold))
        bought += (power_w + 40 * (i % 7)) * 10 // 4
        sold += 25 * (i % 3)
    registers = [Register("0100010800ff", -1, 30, imports)]
    if export:
        registers.append(Register("0100020800ff", -1, 30, exports))
    return GatewayMeter(number, registers)
