"""Price and weather services on loopback, which answer in the forms that the public ones have.

async with MarketService(prices, weather) as service:
    service.url_of("entsoe"), service.url_of("awattar"), service.url_of("energy-charts"), service.url_of("open-meteo")
"""

from chargebridge.sim.market.service import MarketService

__all__ = ["MarketService"]
