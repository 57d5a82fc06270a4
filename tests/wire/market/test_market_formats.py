"""Answers of price and weather services: what is read of them, and that nothing else gets in."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.sim.market import forms
from chargebridge.wire.market import MarketFormatError
from chargebridge.wire.market.entsoe import read_prices
from chargebridge.wire.market.errors import SIZE_MAX
from chargebridge.wire.market.json_prices import read_awattar, read_energy_charts
from chargebridge.wire.market.values import PriceSlot
from chargebridge.wire.market.weather import read_csv, read_open_meteo

MIDNIGHT = datetime(2026, 3, 27, 23, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
QUARTERS = {MIDNIGHT + n * QUARTER: round(-40 + n * 1.25, 2) for n in range(96)}
READERS = (read_prices, read_awattar, read_energy_charts, read_open_meteo)


def document(*series: str) -> bytes:
    return f'<Publication_MarketDocument xmlns="urn:x:7:3">{"".join(series)}</Publication_MarketDocument>'.encode()


def series(
    points: str, resolution: str = "PT60M", sequence: str = "", *, end: str = "2026-01-01T03:00Z", curve: str = "A03", more: str = ""
) -> str:
    place = f"<classificationSequence_AttributeInstanceComponent.position>{sequence}</classificationSequence_AttributeInstanceComponent.position>"
    return (
        f"<TimeSeries>{place if sequence else ''}{more}<curveType>{curve}</curveType><Period><timeInterval>"
        f"<start>2026-01-01T00:00Z</start><end>{end}</end></timeInterval><resolution>{resolution}</resolution>{points}</Period></TimeSeries>"
    )


def point(position: int, amount: object) -> str:
    return f"<Point><position>{position}</position><price.amount>{amount}</price.amount></Point>"


def amounts(slots: tuple[PriceSlot, ...]) -> list[float]:
    return [slot.per_mwh for slot in slots]


def test_the_three_forms_tell_the_same_prices() -> None:
    told = {at: (price, at + QUARTER) for at, price in QUARTERS.items()}
    for slots in (read_prices(forms.entsoe(QUARTERS, 900, "10YX")), read_energy_charts(forms.energy_charts(QUARTERS))):
        assert {slot.starts_at: (slot.per_mwh, slot.ends_at) for slot in slots} == told
    hours = read_awattar(forms.awattar(QUARTERS, 900))
    assert len(hours) == 24
    assert hours[0].per_mwh == pytest.approx(sum(list(QUARTERS.values())[:4]) / 4, abs=0.01)


@pytest.mark.parametrize(("day", "count"), [(datetime(2026, 3, 28, 23, tzinfo=UTC), 92), (datetime(2026, 10, 24, 22, tzinfo=UTC), 100)])
def test_days_on_which_the_clocks_change_have_all_their_quarter_hours(day: datetime, count: int) -> None:
    """Midnight to midnight in Berlin; the period's ends say how long the day is."""
    prices = {day + n * QUARTER: float(n) for n in range(count)}
    slots = read_prices(forms.entsoe(prices, 900, "10YX"))
    assert amounts(slots) == list(prices.values())
    assert slots[-1].ends_at == day + count * QUARTER


def test_what_is_left_out_repeats_what_was_before_only_where_the_curve_says_so() -> None:
    points = point(1, 5) + point(3, -7.5)
    assert amounts(read_prices(document(series(points)))) == [5, 5, -7.5]
    assert amounts(read_prices(document(series(points, curve="A01")))) == [5, -7.5]
    assert amounts(read_prices(document(series(point(2, 1))))) == [1, 1]


def test_the_coupling_is_taken_not_another_auction_and_the_finer_of_two_resolutions() -> None:
    one, other = series(point(1, 1), sequence="1"), series(point(1, 2), sequence="2")
    for order in ((one, other), (other, one)):
        assert amounts(read_prices(document(*order))) == [1, 1, 1]
    intraday = series(point(1, 9), more="<contract_MarketAgreement.type>A07</contract_MarketAgreement.type>")
    assert amounts(read_prices(document(intraday, series(point(1, 1))))) == [1, 1, 1]
    fine = series(point(1, 3), "PT15M", end="2026-01-01T01:00Z")
    assert amounts(read_prices(document(series(point(1, 4)), fine))) == [3, 3, 3, 3, 4, 4]


def test_no_data_yet_is_no_error_and_a_refusal_is_told() -> None:
    assert read_prices(forms.no_data("999", "No matching data found")) == ()
    with pytest.raises(MarketFormatError, match="bad zone"):
        read_prices(forms.no_data("401", "bad zone"))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html/>", "no Publication_MarketDocument"),
        (b"<a", "not XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entities"),
        (b"\xff\xfe<", "no UTF-8"),
        (b" " * (SIZE_MAX + 1), "too many"),
        (document(series(point(9, 1))), "outside of the period"),
        (document(series(point(1, "nan"))), "is no price"),
        (document(series(point(1, "x"))), "no number"),
        (document(series(point(1, 1), "P1Y")), "not known"),
        (document(series(point(1, 1), end="2025-01-01T00:00Z")), "no period"),
        (document(series(point(1, 1), more="<currency_Unit.name>PLN</currency_Unit.name>")), "PLN"),
        (document(series(point(1, 1), end="soon")), "no time"),
        (document(series(point(1, 1)), series(point(1, 2))), "two prices"),
    ],
)
def test_what_is_no_price_document_is_refused_with_the_reason(body: bytes, says: str) -> None:
    with pytest.raises(MarketFormatError, match=says):
        read_prices(body)


def test_energy_charts_gaps_and_unpublished_prices() -> None:
    start = int(MIDNIGHT.timestamp())
    told = {"unix_seconds": [start, start + 900, start + 1800, start + 90_000], "price": [1, None, 3, 4], "unit": "EUR / MWh"}
    slots = read_energy_charts(json.dumps(told).encode())
    assert amounts(slots) == [1, 3, 4]
    assert {(slot.ends_at - slot.starts_at).total_seconds() for slot in slots} == {900}
    for wrong in ({"unit": "EUR/kWh"}, {"price": [1]}, {"unix_seconds": [start] * 4}, {"unix_seconds": [1, 2, 3, 4]}, {"price": "x"}):
        with pytest.raises(MarketFormatError):
            read_energy_charts(json.dumps(told | wrong).encode())


def test_irradiance_is_of_the_hour_before_its_stamp() -> None:
    hours = {MIDNIGHT + timedelta(hours=n): forms.Weather(temperature_c=n, cloud=50.0, irradiance_w_m2=100.0 * n) for n in range(3)}
    query = {"timeformat": "unixtime", "hourly": "temperature_2m,cloud_cover,shortwave_radiation", "latitude": "1", "longitude": "2"}
    points = read_open_meteo(forms.open_meteo(hours, query))
    assert [(p.at - MIDNIGHT, p.irradiance_w_m2) for p in points if p.irradiance_w_m2 is not None][1] == (timedelta(minutes=30), 100.0)
    assert [(p.at - MIDNIGHT, p.temperature_c, p.cloud) for p in points if p.cloud is not None][2] == (timedelta(hours=2), 2.0, 0.5)
    body = json.loads(forms.open_meteo(hours, query))
    for wrong in ({"cloud_cover": [500.0] * 3}, {"temperature_2m": [1.0]}, {"time": [1, 2, 3]}):
        with pytest.raises(MarketFormatError):
            read_open_meteo(json.dumps({"hourly": body["hourly"] | wrong}).encode())


def test_a_weather_file_is_read_and_what_is_wrong_named_by_its_line() -> None:
    points = read_csv("at,cloud\n2026-11-21T18:00+01:00,0.5\n2026-11-21T19:00+01:00,\n", "w.csv")
    assert (points[0].at, points[0].cloud, points[1].cloud) == (datetime(2026, 11, 21, 17, tzinfo=UTC), 0.5, None)
    for text, says in (
        ("a,b\n", "columns"),
        ("at,cloud\n2026-11-21T18:00,0.5\n", "w.csv:2: its time has no time zone"),
        ("at,cloud\n2026-11-21T18:00Z,x\n", "w.csv:2"),
        ("at,cloud\n2026-11-21T18:00Z,50\n", "cloud 50"),
    ):
        with pytest.raises(MarketFormatError, match=says):
            read_csv(text, "w.csv")


@given(data=st.binary(max_size=200), place=st.integers(0, 3000), reader=st.sampled_from(READERS), base=st.integers(0, 3))
def test_no_bytes_do_more_than_raise_the_typed_error(data: bytes, place: int, reader: object, base: int) -> None:
    hours = {MIDNIGHT: forms.Weather(temperature_c=1, cloud=2, irradiance_w_m2=3)}
    query = {"timeformat": "unixtime", "hourly": "temperature_2m", "latitude": "1", "longitude": "2"}
    valid = (forms.entsoe(QUARTERS, 900, "z"), forms.awattar(QUARTERS, 900), forms.energy_charts(QUARTERS), forms.open_meteo(hours, query))[
        base
    ]
    for body in (data, valid[:place] + data + valid[place + len(data) :]):
        with suppress(MarketFormatError):
            assert isinstance(reader(body), tuple)  # type: ignore[operator]
