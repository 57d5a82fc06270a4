"""All sources by their names in the configuration."""

from pathlib import Path

from chargebridge.market.port import PriceSource, WeatherSource
from chargebridge.market.sources import FORMS, DayAhead, OpenMeteo, WeatherFile
from chargebridge.model.clock import Clock

PRICES = tuple(sorted(FORMS))
NEED_TOKEN = frozenset(name for name, form in FORMS.items() if form.token)


def open_prices(name: str, clock: Clock, *, url: str | None = None, zone: str | None = None, token: str = "") -> PriceSource:
    """name: one of ``PRICES``. url: another address than the public one. zone: the bidding zone by the name that this service has for it."""
    return DayAhead(name, clock, url=url, zone=zone, token=token)


def open_weather(clock: Clock, *, file: Path | None, place: tuple[float, float] | None, url: str | None = None) -> WeatherSource | None:
    """A file where there is one, else Open-Meteo's form for a place (latitude, longitude); None: neither is known."""
    if file is not None:
        return WeatherFile(file)
    return None if place is None else OpenMeteo(clock, *place, url=url)
