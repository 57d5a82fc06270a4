"""What a price source and a weather source are."""

from datetime import datetime
from typing import Protocol

from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.market.values import PriceSlot, WeatherPoint

__all__ = ["MarketError", "PriceSlot", "PriceSource", "WeatherPoint", "WeatherSource"]


class MarketError(ChargebridgeError):
    """A source that cannot be reached, refuses, or answers what cannot be used. passing: it may work by itself another time."""

    def __init__(self, where: str, reason: str, cure: str, *, passing: bool = True) -> None:
        super().__init__(where, reason, cure)
        self.passing = passing


class PriceSource(Protocol):
    """Prices of an exchange, for energy alone. A new one is a form in ``registry.PRICES``."""

    name: str

    async def fetch(self, since: datetime, until: datetime) -> tuple[PriceSlot, ...]:
        """What is published of that time, in order; it may be less, or more. Raises MarketError."""
        ...


class WeatherSource(Protocol):
    """The weather of one place."""

    name: str

    async def fetch(self, since: datetime, until: datetime) -> tuple[WeatherPoint, ...]:
        """What is known of that time, measured and forecast, in order. Raises MarketError."""
        ...
