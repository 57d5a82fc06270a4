"""What a market and a weather service tell: prices for stretches of time, and the weather at moments."""

from datetime import datetime

from msgspec import Struct


class PriceSlot(Struct, frozen=True, kw_only=True):
    """A price of the exchange from starts_at to ends_at (aware UTC), without taxes and fees. per_mwh: in the market's currency, often negative."""

    starts_at: datetime
    ends_at: datetime
    per_mwh: float


class WeatherPoint(Struct, frozen=True, kw_only=True):
    """The weather about a moment, which is the middle of what a mean was taken over; None: not told.

    irradiance_w_m2: global, on the level ground. cloud: the covered share of the sky, 0..1.
    """

    at: datetime
    temperature_c: float | None = None
    irradiance_w_m2: float | None = None
    cloud: float | None = None
