"""Prices and weather from outside: services over HTTP and files, behind two small ports."""

from chargebridge.market.port import MarketError, PriceSource, WeatherSource
from chargebridge.market.registry import open_prices, open_weather

__all__ = ["MarketError", "PriceSource", "WeatherSource", "open_prices", "open_weather"]
