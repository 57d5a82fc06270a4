"""A site that learns from its past: forecasts are made, kept, scored; prices and weather come over real HTTP and outlive a restart."""

import asyncio
from datetime import UTC, datetime, timedelta
from math import pi, sin
from pathlib import Path

import pytest

from chargebridge.market import open_prices, open_weather
from chargebridge.model.errors import UnknownNameError
from chargebridge.planning.forecast.drivers import Habits, Visit
from chargebridge.planning.forecast.grid import Calendar
from chargebridge.planning.problem import Horizon
from chargebridge.sim.market import MarketService
from chargebridge.sim.market.forms import Weather
from chargebridge.sim.world.clock import ManualClock
from chargebridge.site import config_file, journal
from chargebridge.site.config import PriceTable, SiteConfig
from chargebridge.site.config_file import ConfigInvalidError
from chargebridge.site.forecasts.market import PRICES, WEATHER, MarketDesk
from chargebridge.site.forecasts.office import ForecastOffice, driver_record
from chargebridge.site.forecasts.standing import CARS, LOAD, PV
from chargebridge.site.live import Live
from chargebridge.site.prices import PriceEntry
from chargebridge.site.view import HistoryPoint
from chargebridge.store import Database
from tests.site.kit import bench, until

BEGAN = datetime(2026, 5, 1, tzinfo=UTC)
TEXT = """
[site]
name = "House"
timezone = "Europe/Berlin"
holidays = [2026-05-14]

[weather]
latitude = 52.5
longitude = 13.4

[[meter]]
id = "m"
url = "tcp://127.0.0.1:1"

[[circuit]]
id = "main"
name = "Main"
fuse_a = 63
meter = "m"

[[generator]]
id = "roof"
name = "Roof"
circuit = "main"
peak_w = 6000
"""


def config(more: str = "", head: str = TEXT) -> SiteConfig:
    return config_file.parse(head + more)


def sample(at: datetime) -> HistoryPoint:
    """Of a house with a supper each day, and a sun without clouds."""
    hour = at.hour + at.minute / 60
    house = 400.0 + (1500.0 if 17 <= hour < 19 else 0.0) + (at.day % 3) * 20
    pv = max(0.0, 4000 * sin(pi * (hour - 4) / 14)) if 4 < hour < 18 else 0.0
    return HistoryPoint(at=at, grid_w=house - pv, pv_w=pv, battery_w=None, house_w=house, cars_w=0.0, limit_w=None)


class Place:
    """A site's parts around its forecasts, with a clock that is set."""

    def __init__(self, folder: Path, *, prices: object = None, weather: object = None, table: PriceTable | None = None) -> None:
        self.config, self.clock = config(), ManualClock(BEGAN)
        self.database = Database.open(folder / "site.db")
        self.taken: list[PriceEntry] = []
        self.told: list[str] = []
        self.market = MarketDesk(
            prices,  # type: ignore[arg-type]
            weather,  # type: ignore[arg-type]
            table or PriceTable(),
            self.database,
            self.clock,
            take=self._take,
            tell=lambda kind, text, subject: self.told.append(text),
        )
        self.live = Live(self.config.topology())
        self.office = ForecastOffice(self.config, self.live, self.database, self.clock, self.market)

    async def _take(self, entries: tuple[PriceEntry, ...], by: str) -> None:
        self.taken += entries

    async def past(self, days: float) -> None:
        """A sample of each quarter hour from the clock's time on, which goes on with them."""
        first = self.clock.now()
        moments = [first + timedelta(minutes=15 * n) for n in range(int(days * 96))]
        await self.database.write(lambda c: [journal.keep_sample(c, sample(at)) for at in moments])
        await self.clock.advance(days * 86_400)


async def test_forecasts_are_made_kept_and_held_against_what_came(tmp_path: Path) -> None:
    place = Place(tmp_path)
    try:
        await place.office.open()
        first = place.office.forecasts()
        assert {view.kind for view in first} == {LOAD, PV, CARS}
        assert "guess" in first[0].why
        await place.past(10)
        await place.office.turn()
        load, pv, cars = place.office.forecasts()
        assert max(cars.high_w) == 0.0  # there is no charging point
        assert load.scores[0].method == load.method
        supper = [watts for n, watts in enumerate(load.likely_w[:96]) if 17 <= n / 4 < 19]
        assert min(supper) > 1500
        assert max(pv.likely_w[:12]) == 0.0
        assert max(pv.likely_w[:96]) == pytest.approx(4000, rel=0.1)
        assert await place.office.records() == ()

        await place.past(1.01)
        await place.office.turn()
        records = {record.kind: record for record in await place.office.records()}
        assert records[LOAD].mae < 60
        assert records[PV].mae < 150
        assert records[LOAD].naive_mae is not None
        assert records[LOAD].coverage > 0.7
        scored = await place.office.scored(LOAD)
        assert [(row.kind, row.steps) for row in scored] == [(LOAD, 96)]
        assert await place.office.scored("nothing") == ()
    finally:
        place.database.close()


async def test_what_stands_is_laid_on_any_steps_and_drawn_towards_the_present(tmp_path: Path) -> None:
    place = Place(tmp_path)
    try:
        await place.past(6)
        await place.office.turn()
        now = place.clock.now()
        horizon = Horizon(starts_at=now, steps_s=(300.0,) * 6 + (3600.0,) * 100)
        load, pv = place.office.standing.on(horizon, now, 3000.0, 0.0)
        calm, _ = place.office.standing.on(horizon, now, None, None)
        assert pv is not None
        assert len(load.likely) == len(pv.likely) == 106
        assert load.likely[0] == pytest.approx(3000, rel=0.2)
        assert load.likely[20] == pytest.approx(calm.likely[20], rel=0.01)
        assert all(low <= likely <= high for low, likely, high in zip(load.low, load.likely, load.high, strict=True))
    finally:
        place.database.close()


async def test_prices_and_weather_come_in_are_kept_and_their_loss_is_told_once(tmp_path: Path) -> None:
    table = PriceTable(source="energy-charts", markup_per_kwh=0.15, tax=0.19, export_at_market=True)
    prices = {BEGAN + timedelta(minutes=15 * n): -20.0 + n for n in range(96)}
    hours = {BEGAN + timedelta(hours=n): Weather(temperature_c=12.0, cloud=0.0, irradiance_w_m2=300.0) for n in range(-48, 72)}
    async with MarketService(prices, hours) as service:
        clock = ManualClock(BEGAN)
        source = open_prices("energy-charts", clock, url=service.url_of("energy-charts"))
        sky = open_weather(clock, file=None, place=(52.5, 13.4), url=service.url_of("open-meteo"))
        place = Place(tmp_path, prices=source, weather=sky, table=table)
        await place.market.open()
        task = asyncio.create_task(place.market.run())
        await until(lambda: len(place.taken) >= 96 and all(state.fetched_at is not None for state in place.market.states()))
        assert place.taken[0].per_kwh == pytest.approx((-0.02 + 0.15) * 1.19)
        assert place.taken[0].export_per_kwh == pytest.approx(-0.02)
        state = {state.source: state for state in place.market.states()}
        assert state[PRICES].known_until == BEGAN + timedelta(days=1)
        assert state[WEATHER].trouble == ""
        assert place.market.weather().temperature_c.values.tolist()[0] == pytest.approx(12.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await place.database.write(lambda c: None)  # all that is queued before it is written
    again = MarketDesk(source, sky, table, place.database, place.clock, take=place._take, tell=lambda *what: place.told.append(what[1]))
    await again.open()
    assert {state.source for state in again.states() if state.fetched_at is not None} == {PRICES, WEATHER}
    assert len(again.weather().temperature_c.values) > 96
    task = asyncio.create_task(again.run())
    async with asyncio.timeout(10):
        while len(place.told) < 2:
            await asyncio.sleep(0.01)
            await clock.advance(60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert all("cannot be reached" in text for text in place.told)
    await place.clock.advance(30 * 3600)
    assert place.clock.now() - BEGAN > timedelta(hours=24)
    known = again.weather().temperature_c
    assert known.first * 900 + len(known.values) * 900 <= place.clock.now().timestamp() + 900  # nothing old is trusted of what is to come
    place.database.close()


def test_drivers_are_scored_as_they_would_have_been_told_at_their_arrival() -> None:
    visits = [
        Visit(driver="ann", arrived_at=at, left_at=at + timedelta(hours=8), energy_wh=10_000)
        for at in (BEGAN + timedelta(days=n) for n in range(9))
    ]
    said = {("ann", visits[5].arrived_at): visits[5].left_at + timedelta(hours=2)}
    record = driver_record(Habits(visits, Calendar()), said)
    assert record is not None
    assert (record.sessions, record.said, record.said_departure_h) == (8, 1, 2.0)  # of the first nobody knew anything
    assert record.departure_h == pytest.approx(0.0, abs=1e-6)
    assert driver_record(Habits(visits[:1], Calendar()), {}) is None


async def test_the_car_that_is_here_is_guessed_by_its_drivers_visits(tmp_path: Path) -> None:
    """A whole site: Ann has come three times, and is here again."""
    async with bench(tmp_path) as site:
        office = site.site.forecasts
        now = site.site.service.view().at
        client = await site.station()
        for day in (3, 2, 1):
            at = now - timedelta(days=day)
            number = await site.start(client, at=at.isoformat())
            end = {"transactionId": number, "meterStop": 9000, "timestamp": (at + timedelta(hours=4)).isoformat()}
            await client.call("StopTransaction", end)
        with pytest.raises(UnknownNameError, match="not on this site"):
            office.guess("nowhere")
        assert office.guess("a") is None
        await site.start(client, at=now.isoformat())
        await office.turn()
        guess = office.guess("a")
        assert guess is not None
        assert guess.own_visits == 3
        assert office.takes_wh() == {"a": 9000.0}
        cars = office.standing.cars.band
        assert max(cars.high[16:90]) == 0.0  # she is here already, and nobody else ever came
        tomorrow = [watts for n, watts in enumerate(cars.high) if n >= 96]
        assert max(tomorrow) > 0
        assert guess.leaves_at[1] - now == pytest.approx(timedelta(hours=4), abs=timedelta(minutes=20))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[price]\nsource = "entsoe"\n', "wants a token and a zone"),
        ('[price]\nsource = "awattar"\nfile = "p.csv"\n', "a source and a file"),
        ('[price]\nzone = "AT"\n', "zone without source"),
        ('[price]\nsource = "epex"\n', "price.source"),
    ],
)
def test_what_contradicts_itself_is_told_with_its_cure(more: str, says: str) -> None:
    with pytest.raises(ConfigInvalidError, match=says):
        config(more)


@pytest.mark.parametrize(
    ("weather", "says"),
    [
        ("latitude = 52.5", "half of a place"),
        ('source = "open-meteo"', "a place that nobody told"),
        ("latitude = 152\nlongitude = 0", "latitude"),
    ],
)
def test_a_weather_that_nobody_can_tell_is_refused(weather: str, says: str) -> None:
    with pytest.raises(ConfigInvalidError, match=says):
        config(head=TEXT.replace("latitude = 52.5\nlongitude = 13.4", weather))
