"""Day-ahead prices as two free services answer in JSON.

aWATTar (exchange prices of DE-LU and AT): {"data": [{"start_timestamp": ms, "end_timestamp": ms, "marketprice": 98.1, "unit": "Eur/MWh"}]}.
Energy-Charts (all zones of the coupling): {"unix_seconds": [s], "price": [98.1], "unit": "EUR / MWh"}; a price may be null where none is published.
"""

from itertools import pairwise
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from chargebridge.wire.market.errors import SLOTS_MAX, MarketFormatError, bounded, checked, moment
from chargebridge.wire.market.values import PriceSlot

UNIT = "eur/mwh"
T = TypeVar("T")
LONGEST_S = 3600.0
"""A step further than this is a gap between two prices."""


class _Awattar(Struct):
    class Slot(Struct):
        start_timestamp: float
        end_timestamp: float
        marketprice: float
        unit: str = "Eur/MWh"

    data: Annotated[list[Slot], Meta(max_length=SLOTS_MAX)]


class _EnergyCharts(Struct):
    unix_seconds: Annotated[list[float], Meta(max_length=SLOTS_MAX)]
    price: Annotated[list[float | None], Meta(max_length=SLOTS_MAX)]
    unit: str = "EUR / MWh"


def read_awattar(data: bytes) -> tuple[PriceSlot, ...]:
    """Raises MarketFormatError."""
    where = "aWATTar"
    told = _decode(data, _Awattar, where)
    for slot in told.data:
        _euros(slot.unit, where)
    return checked(
        [
            PriceSlot(
                starts_at=moment(slot.start_timestamp / 1000, where),
                ends_at=moment(slot.end_timestamp / 1000, where),
                per_mwh=slot.marketprice,
            )
            for slot in told.data
        ],
        where,
    )


def read_energy_charts(data: bytes) -> tuple[PriceSlot, ...]:
    """Each price holds until the next; the last as long as the one before it. Raises MarketFormatError."""
    where = "Energy-Charts"
    told = _decode(data, _EnergyCharts, where)
    _euros(told.unit, where)
    if len(told.unix_seconds) != len(told.price):
        raise MarketFormatError(where, f"{len(told.unix_seconds)} times have {len(told.price)} prices", "ask again")
    lengths = [other - one for one, other in pairwise(told.unix_seconds)]
    if any(length <= 0 for length in lengths):
        raise MarketFormatError(where, "times do not follow each other", "ask again")
    usual = min(LONGEST_S, min(lengths, default=LONGEST_S))
    lengths = [length if length <= LONGEST_S else usual for length in lengths]
    lasts = [*lengths, *(lengths[-1:] or [usual])]
    return checked(
        [
            PriceSlot(starts_at=moment(start, where), ends_at=moment(start + length, where), per_mwh=price)
            for start, length, price in zip(told.unix_seconds, lasts, told.price, strict=False)
            if price is not None
        ],
        where,
    )


def _euros(unit: str, where: str) -> None:
    if unit.replace(" ", "").lower() != UNIT:
        raise MarketFormatError(where, f"prices are in {unit[:20]!r}, not in EUR/MWh", "is this the address of its prices?")


def _decode(data: bytes, kind: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(bounded(data, where), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MarketFormatError(where, f"answers what is no price list ({error})"[:300], "is this the address of its prices?") from error
