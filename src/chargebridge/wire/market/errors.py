"""What is wrong in an answer, and what holds for all of them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import isfinite

from chargebridge.wire.market.values import PriceSlot

SIZE_MAX = 4_000_000
SLOTS_MAX = 40_000
"""More than a year of quarter hours."""
PRICE_MAX = 1e5
"""A MWh; the exchanges' own bounds lie at -500 and 5,000 EUR (harmonised maximum price of the single day-ahead coupling)."""
LENGTHS_S = (300.0, 86_400.0)
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class MarketFormatError(ValueError):
    """An answer, or a file, that is not what it should be: where, why, and what to do."""

    def __init__(self, where: str, reason: str, cure: str) -> None:
        super().__init__(f"{where}: {reason}; {cure}")
        self.where, self.reason, self.cure = where, reason, cure


def bounded(data: bytes, where: str) -> bytes:
    if len(data) > SIZE_MAX:
        raise MarketFormatError(where, f"{len(data)} bytes are too many", "ask for fewer days")
    return data


def moment(seconds: float, where: str) -> datetime:
    """A Unix time. Raises MarketFormatError where it is none of these years."""
    if not FIRST.timestamp() <= seconds <= LAST.timestamp():
        raise MarketFormatError(where, f"{seconds} is no Unix time of these years", "is it in milliseconds, or in seconds?")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def checked(slots: list[PriceSlot], where: str) -> tuple[PriceSlot, ...]:
    """In order, each for a while of its own. Raises MarketFormatError."""
    if len(slots) > SLOTS_MAX:
        raise MarketFormatError(where, f"{len(slots)} prices are too many", "ask for fewer days")
    listed = sorted(slots, key=lambda slot: slot.starts_at)
    for slot in listed:
        if not isfinite(slot.per_mwh) or abs(slot.per_mwh) > PRICE_MAX:
            raise MarketFormatError(where, f"{slot.per_mwh} a MWh at {slot.starts_at} is no price", "is it in another unit?")
        if not LENGTHS_S[0] <= (slot.ends_at - slot.starts_at).total_seconds() <= LENGTHS_S[1]:
            raise MarketFormatError(where, f"{slot.starts_at} to {slot.ends_at} is no stretch of a market", "5 minutes to a day")
    for one, other in pairwise(listed):
        if other.starts_at < one.ends_at:
            raise MarketFormatError(where, f"{other.starts_at} has two prices", "ask for one zone and one auction")
    return tuple(listed)
