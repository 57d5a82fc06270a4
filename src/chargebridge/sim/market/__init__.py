"""Price and weather services on loopback, which answer in the forms that the public ones have.

async with MarketService(prices, weather) as service:
    service.url("entsoe"), service.url("awattar"), service.url("energy-charts"), service.url("open-meteo")
"""

from chargebridge.sim.market.service import MarketService

__all__ = ["MarketService"]
