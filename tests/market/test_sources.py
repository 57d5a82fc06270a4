"""Price and weather sources over real HTTP on loopback."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chargebridge.market import MarketError, open_prices, open_weather
from chargebridge.market.registry import PRICES
from chargebridge.sim.market import MarketService
from chargebridge.sim.market.forms import Weather

SINCE = datetime(2026, 10, 24, 22, tzinfo=UTC)
"""A day of 25 hours in Berlin."""
UNTIL = SINCE + timedelta(hours=25)
PRICES_OF_DAY = {SINCE + timedelta(minutes=15 * n): round(50 * (-1) ** n - n / 10, 2) for n in range(100)}
TOKEN = "t0ken"


class Clock:
    """Stands still; counts what is waited."""

    def __init__(self) -> None:
        self.waited_s = 0.0

    def now(self) -> datetime:
        return SINCE

    async def sleep(self, seconds: float) -> None:
        self.waited_s += seconds


@pytest.mark.parametrize("form", PRICES)
async def test_a_day_of_25_hours_with_negative_prices_comes_in_whole(form: str) -> None:
    async with MarketService(PRICES_OF_DAY, token=TOKEN) as service:
        source = open_prices(form, Clock(), url=service.url_of(form), zone="DE-LU", token=TOKEN)
        slots = await source.fetch(SINCE, UNTIL)
    assert slots[0].starts_at == SINCE
    assert slots[-1].ends_at == UNTIL
    assert sum((slot.ends_at - slot.starts_at).total_seconds() for slot in slots) == 25 * 3600
    assert min(slot.per_mwh for slot in slots) < 0
    if form != "awattar":
        assert {slot.starts_at: slot.per_mwh for slot in slots} == PRICES_OF_DAY


@pytest.mark.parametrize("form", PRICES)
async def test_tomorrow_is_not_there_before_it_is_published(form: str) -> None:
    async with MarketService(PRICES_OF_DAY, token=TOKEN) as service:
        source = open_prices(form, Clock(), url=service.url_of(form), token=TOKEN)
        assert await source.fetch(UNTIL, UNTIL + timedelta(days=1)) == ()


async def test_a_busy_service_is_asked_again_and_one_that_stays_busy_is_told() -> None:
    clock = Clock()
    async with MarketService(PRICES_OF_DAY) as service:
        source = open_prices("energy-charts", clock, url=service.url_of("energy-charts"))
        service.busy = 2
        assert len(await source.fetch(SINCE, UNTIL)) == 100
        assert clock.waited_s == 3.0
        service.busy = 3
        with pytest.raises(MarketError, match="503"):
            await source.fetch(SINCE, UNTIL)
    with pytest.raises(MarketError, match="cannot be reached"):
        await source.fetch(SINCE, UNTIL)


async def test_a_wrong_token_is_not_tried_again_and_not_told() -> None:
    async with MarketService(PRICES_OF_DAY, token=TOKEN) as service:
        source = open_prices("entsoe", Clock(), url=service.url_of("entsoe"), token="wr0ng")
        with pytest.raises(MarketError, match="refuses access") as caught:
            await source.fetch(SINCE, UNTIL)
        assert len(service.asked) == 1
        assert "wr0ng" not in str(caught.value)


async def test_a_page_instead_of_prices_is_told_as_such() -> None:
    async with MarketService(PRICES_OF_DAY) as service:
        service.garbage = True
        for form in PRICES:
            with pytest.raises(MarketError):
                await open_prices(form, Clock(), url=service.url_of(form)).fetch(SINCE, UNTIL)


async def test_the_weather_comes_from_a_service_or_a_file(tmp_path: Path) -> None:
    hours = {SINCE + timedelta(hours=n): Weather(temperature_c=10.0, cloud=25.0, irradiance_w_m2=100.0) for n in range(30)}
    async with MarketService(weather=hours) as service:
        source = open_weather(Clock(), file=None, place=(52.5, 13.4), url=service.url_of("open-meteo"))
        assert source is not None
        points = await source.fetch(SINCE, UNTIL)
    assert {point.cloud for point in points} == {0.25, None}
    assert max(point.at for point in points) >= UNTIL
    assert service.asked[0][1]["latitude"] == "52.5000"
    file = tmp_path / "weather.csv"
    file.write_text("at,temperature_c\n2026-10-25T00:00Z,7\n2027-10-25T00:00Z,8\n")
    source = open_weather(Clock(), file=file, place=None)
    assert source is not None
    assert [point.temperature_c for point in await source.fetch(SINCE, UNTIL)] == [7.0]
    file.write_text("at,temperature_c\nx,7\n")
    with pytest.raises(MarketError, match=r"weather.csv:2"):
        await source.fetch(SINCE, UNTIL)
    assert open_weather(Clock(), file=None, place=None) is None
