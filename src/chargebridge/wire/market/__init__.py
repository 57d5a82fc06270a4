"""What price and weather services answer, bytes -> values: ENTSO-E's XML, aWATTar's, Energy-Charts' and Open-Meteo's JSON, CSV files.

Every decoder bounds the size, and raises ``MarketFormatError`` with the place and the reason.
"""

from chargebridge.wire.market.errors import MarketFormatError
from chargebridge.wire.market.values import PriceSlot, WeatherPoint

__all__ = ["MarketFormatError", "PriceSlot", "WeatherPoint"]
