"""The sources: day-ahead prices in the forms of three public services, the weather in Open-Meteo's, and files."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from chargebridge.market.http import get
from chargebridge.market.port import MarketError
from chargebridge.model.clock import Clock
from chargebridge.wire.market.entsoe import read_prices
from chargebridge.wire.market.errors import SIZE_MAX, MarketFormatError
from chargebridge.wire.market.json_prices import read_awattar, read_energy_charts
from chargebridge.wire.market.values import PriceSlot, WeatherPoint
from chargebridge.wire.market.weather import read_csv, read_open_meteo

Query = Callable[[str, str, datetime, datetime], dict[str, str]]


class Form(Struct, frozen=True):
    """How a price service is asked, and how its answer is read. url: its public address. zone: what a bidding zone is called there, in an example.

    query(zone, token, since, until).
    """

    url: str
    query: Query
    read: Callable[[bytes], tuple[PriceSlot, ...]]
    zone: str
    token: bool = False


def _entsoe(zone: str, token: str, since: datetime, until: datetime) -> dict[str, str]:
    period = {name: f"{_floor(at):%Y%m%d%H%M}" for name, at in (("periodStart", since), ("periodEnd", until))}
    return {"securityToken": token, "documentType": "A44", "in_Domain": zone, "out_Domain": zone, **period}


def _awattar(zone: str, token: str, since: datetime, until: datetime) -> dict[str, str]:
    return {"start": f"{since.timestamp() * 1000:.0f}", "end": f"{until.timestamp() * 1000:.0f}"}


def _energy_charts(zone: str, token: str, since: datetime, until: datetime) -> dict[str, str]:
    return {"bzn": zone, "start": f"{_floor(since):%Y-%m-%dT%H:%MZ}", "end": f"{_floor(until):%Y-%m-%dT%H:%MZ}"}


FORMS = {
    "entsoe": Form("https://web-api.tp.entsoe.eu/api", _entsoe, read_prices, zone="10Y1001A1001A82H", token=True),
    "awattar": Form("https://api.awattar.de/v1/marketdata", _awattar, read_awattar, zone=""),
    "energy-charts": Form("https://api.energy-charts.info/price", _energy_charts, read_energy_charts, zone="DE-LU"),
}


class DayAhead:
    """``PriceSource`` over HTTP."""

    def __init__(self, name: str, clock: Clock, *, url: str | None = None, zone: str | None = None, token: str = "") -> None:
        self.name, self._form, self._clock = name, FORMS[name], clock
        self._url, self._zone, self._token = url or self._form.url, zone or self._form.zone, token

    async def fetch(self, since: datetime, until: datetime) -> tuple[PriceSlot, ...]:
        body = await get(self._url, self._form.query(self._zone, self._token, since, until), self._clock, self.name)
        try:
            return self._form.read(body)
        except MarketFormatError as error:
            raise MarketError(error.where, error.reason, error.cure) from error


class OpenMeteo:
    """``WeatherSource`` over HTTP, in the form of Open-Meteo's forecast interface (open-meteo.com/en/docs)."""

    URL = "https://api.open-meteo.com/v1/forecast"
    VALUES = "temperature_2m,cloud_cover,shortwave_radiation"

    def __init__(self, clock: Clock, latitude: float, longitude: float, *, url: str | None = None) -> None:
        self.name, self._clock, self._url = "Open-Meteo", clock, url or self.URL
        self._place = {"latitude": f"{latitude:.4f}", "longitude": f"{longitude:.4f}"}

    async def fetch(self, since: datetime, until: datetime) -> tuple[WeatherPoint, ...]:
        days = {"start_date": f"{since.astimezone(UTC):%Y-%m-%d}", "end_date": f"{until.astimezone(UTC):%Y-%m-%d}"}
        query = {**self._place, **days, "hourly": self.VALUES, "timeformat": "unixtime", "timezone": "UTC"}
        body = await get(self._url, query, self._clock, self.name)
        try:
            return read_open_meteo(body)
        except MarketFormatError as error:
            raise MarketError(error.where, error.reason, error.cure) from error


class WeatherFile:
    """``WeatherSource`` of a CSV file that somebody else keeps up to date."""

    def __init__(self, path: Path) -> None:
        self.name, self._path = path.name, path

    async def fetch(self, since: datetime, until: datetime) -> tuple[WeatherPoint, ...]:
        try:
            points = read_csv(await asyncio.to_thread(self._text), str(self._path))
        except (OSError, UnicodeDecodeError) as error:
            raise MarketError(str(self._path), f"cannot be read ({error})", "is the file there, and may it be read?") from error
        except MarketFormatError as error:
            raise MarketError(error.where, error.reason, error.cure) from error
        return tuple(point for point in points if since <= point.at <= until)

    def _text(self) -> str:
        with self._path.open("rb") as file:
            return file.read(SIZE_MAX).decode("utf-8-sig")


def _floor(at: datetime) -> datetime:
    """Services want whole hours."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
