"""The meter is about to switch the supply off because more is drawn than the contract allows (CF22; Sinapsi Alfa's registers 780 to 782)."""

from datetime import UTC, datetime

from msgspec import Struct

from chargebridge.wire.chain2.fields import AVAILABLE, COUNTDOWN, EVENT_TIME
from chargebridge.wire.meter.telegram import Protocol, Register, Telegram


class CutOff(Struct, frozen=True, kw_only=True):
    """seconds: until the supply is off, unless the power falls below available_w before. at: when the meter said so. None where it does not tell."""

    seconds: int
    at: datetime | None = None
    power_w: float | None = None
    available_w: float | None = None


def cut_off_of(telegram: Telegram) -> CutOff | None:
    """The warning in ``telegram``; None if there is none."""
    seconds = _number(telegram.registers.get(COUNTDOWN))
    if seconds is None:
        return None
    at = telegram.clock if telegram.protocol is Protocol.CHAIN2 else None
    began = _number(telegram.registers.get(EVENT_TIME))
    if began is not None:
        at = datetime.fromtimestamp(began, UTC)
    power_w, available_w = (_number(telegram.registers.get(code)) for code in ("1-0:1.7.0", AVAILABLE))
    return CutOff(seconds=int(seconds), at=at, power_w=power_w, available_w=available_w)


def _number(register: Register | None) -> float | None:
    return float(register.value) if register is not None and isinstance(register.value, int | float) else None
