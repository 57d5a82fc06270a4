"""Prices and weather from outside: asked for when new ones may be there, and kept in the store over restarts and lost lines."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from msgspec.structs import replace

from chargebridge.market import MarketError, PriceSource, WeatherSource
from chargebridge.market.port import PriceSlot, WeatherPoint
from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError
from chargebridge.planning.forecast.weather import Weather, joined
from chargebridge.site.config import PriceTable
from chargebridge.site.forecasts import journal
from chargebridge.site.forecasts.view import SourceState
from chargebridge.site.prices import PriceEntry
from chargebridge.store import Database, StoreError

PRICES, WEATHER = "prices", "weather"
BACK, AHEAD = timedelta(days=1), timedelta(days=2)
SOON_S, LATER_S = 900.0, 3 * 3600.0
"""Prices of tomorrow come about noon (single day-ahead coupling: 12:57 CET); as long as less than half a day is known they are asked for every
quarter of an hour, else now and then, as they may be corrected."""
ENOUGH = timedelta(hours=14)
WEATHER_EVERY_S = 3600.0
WEATHER_BACK, WEATHER_AHEAD = timedelta(days=2), timedelta(days=4)
FIRST_BACK = timedelta(days=30)
"""Of the weather: what a PV plant's scale is learnt from at the first start."""
TRUSTED = timedelta(hours=24)
"""A weather forecast that is older is no longer used for what is to come."""

log = structlog.get_logger(__name__)


class MarketDesk:
    """take: what is done with new prices. tell: (kind, text, subject) for the owner."""

    def __init__(
        self,
        prices: PriceSource | None,
        weather: WeatherSource | None,
        table: PriceTable,
        database: Database,
        clock: Clock,
        *,
        take: Callable[[tuple[PriceEntry, ...], str], Awaitable[None]],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._prices, self._sky, self._table = prices, weather, table
        self._database, self._clock, self._take, self._tell = database, clock, take, tell
        self._points: tuple[WeatherPoint, ...] = ()
        self._states: dict[str, SourceState] = {}

    async def open(self) -> None:
        kept = {state.source: state for state in await self._database.read(journal.sources)}
        for source, found in ((PRICES, self._prices), (WEATHER, self._sky)):
            if found is not None:
                old = kept.get(source)
                same = old is not None and old.name == found.name
                never = SourceState(source=source, name=found.name, fetched_at=None, asked_at=self._clock.now(), trouble="")
                self._states[source] = old if same and old is not None else never
        if self._sky is not None:
            self._points = await self._database.read(lambda c: journal.weather_since(c, self._clock.now() - FIRST_BACK))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            if self._prices is not None:
                group.create_task(self._follow(PRICES, partial(self._fetch_prices, self._prices)))
            if self._sky is not None:
                group.create_task(self._follow(WEATHER, partial(self._fetch_weather, self._sky)))

    def states(self) -> tuple[SourceState, ...]:
        return tuple(self._states.values())

    def weather(self) -> Weather:
        """What was told of the past, and what is forecast, as long as that is not too old."""
        state, now = self._states.get(WEATHER), self._clock.now()
        fresh = state is not None and state.fetched_at is not None and now - state.fetched_at <= TRUSTED
        points = self._points if fresh else tuple(point for point in self._points if point.at <= now)

        def line(name: str) -> list[tuple[datetime, float]]:
            return [(point.at, value) for point in points if (value := getattr(point, name)) is not None]

        return Weather(
            temperature_c=joined(line("temperature_c")), irradiance_w_m2=joined(line("irradiance_w_m2")), cloud=joined(line("cloud"))
        )

    async def _follow(self, source: str, fetch: Callable[[], Awaitable[datetime | None]]) -> None:
        """Ask again and again; what goes wrong is told once, and costs nothing but this time."""
        while True:
            now = self._clock.now()
            state = replace(self._states[source], asked_at=now)
            try:
                until = await fetch()
                state = replace(state, fetched_at=now, trouble="", known_until=until or state.known_until)
            except (MarketError, ModelError, StoreError) as error:
                if not state.trouble:
                    self._tell("alert", f"{source} from {state.name}: {error.reason}; {error.cure}", source)
                state = replace(state, trouble=f"{error.reason}; {error.cure}")
            self._states[source] = state
            self._database.write_soon(partial(journal.keep_source, state=state))
            enough = source == WEATHER or (state.known_until is not None and state.known_until - now > ENOUGH)
            wait_s = SOON_S if state.trouble or not enough else WEATHER_EVERY_S if source == WEATHER else LATER_S
            await self._clock.sleep(wait_s)

    async def _fetch_prices(self, source: PriceSource) -> datetime | None:
        now = self._clock.now()
        slots = await source.fetch(now - BACK, now + AHEAD)
        if not slots:
            raise MarketError(source.name, "has no prices for these days", "see the zone")
        await self._take(tuple(entry(slot, self._table) for slot in slots), source.name)
        return slots[-1].ends_at

    async def _fetch_weather(self, source: WeatherSource) -> datetime | None:
        now = self._clock.now()
        back = WEATHER_BACK if self._points else FIRST_BACK
        found = await source.fetch(now - back, now + WEATHER_AHEAD)
        if not found:
            raise MarketError(source.name, "has no weather for these days", "see the place, or the file's times")
        merged = {point.at: point for point in self._points}
        merged |= {point.at: _over(merged.get(point.at), point) for point in found}
        self._points = tuple(merged[at] for at in sorted(merged) if at > now - FIRST_BACK)
        await self._database.write(lambda c: journal.keep_weather(c, found))
        return found[-1].at


def entry(slot: PriceSlot, table: PriceTable) -> PriceEntry:
    """What the supplier makes of the exchange's price: (price + markup) with tax; what is fed in earns the fixed price, or the exchange's."""
    spot = slot.per_mwh / 1000.0
    return PriceEntry(
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        per_kwh=(spot + table.markup_per_kwh) * (1.0 + table.tax),
        export_per_kwh=spot if table.export_at_market else None,
    )


def _over(old: WeatherPoint | None, new: WeatherPoint) -> WeatherPoint:
    """What is not told anew stays."""
    if old is None:
        return new
    names = ("temperature_c", "irradiance_w_m2", "cloud")
    return WeatherPoint(at=new.at, **{name: getattr(old, name) if getattr(new, name) is None else getattr(new, name) for name in names})
