"""The answers, written as the public services write them."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct


class Weather(Struct, frozen=True, kw_only=True):
    """Of the hour that ends at its stamp (irradiance), and at its stamp. cloud: in %."""

    temperature_c: float
    cloud: float
    irradiance_w_m2: float


def entsoe(prices: Mapping[datetime, float], step_s: float, zone: str) -> bytes:
    """Two auctions, the wrong one first; curve type A03, which leaves out what repeats the price before; a period for each stretch without a gap."""
    series = _series(2, {at: price - 3.5 for at, price in prices.items()}, step_s, zone) + _series(1, prices, step_s, zone)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">'
        f"<mRID>1</mRID><revisionNumber>1</revisionNumber><type>A44</type>{series}</Publication_MarketDocument>"
    ).encode()


def _series(sequence: int, prices: Mapping[datetime, float], step_s: float, zone: str) -> str:
    periods = "".join(_period(part, step_s) for part in _parts(prices, step_s))
    return (
        f"<TimeSeries><mRID>{sequence}</mRID><auction.type>A01</auction.type><businessType>A62</businessType>"
        f'<in_Domain.mRID codingScheme="A01">{zone}</in_Domain.mRID><out_Domain.mRID codingScheme="A01">{zone}</out_Domain.mRID>'
        "<contract_MarketAgreement.type>A01</contract_MarketAgreement.type>"
        "<currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>"
        f"<classificationSequence_AttributeInstanceComponent.position>{sequence}</classificationSequence_AttributeInstanceComponent.position>"
        f"<curveType>A03</curveType>{periods}</TimeSeries>"
    )


def _parts(prices: Mapping[datetime, float], step_s: float) -> Iterator[dict[datetime, float]]:
    part: dict[datetime, float] = {}
    for at, price in sorted(prices.items()):
        if part and at - max(part) > timedelta(seconds=step_s):
            yield part
            part = {}
        part[at] = price
    if part:
        yield part


def _period(prices: Mapping[datetime, float], step_s: float) -> str:
    listed = sorted(prices.items())
    ends = listed[-1][0] + timedelta(seconds=step_s)
    points = [(1, listed[0][1])] + [(n, price) for n, ((_, before), (_, price)) in enumerate(pairwise(listed), 2) if price != before]
    told = "".join(f"<Point><position>{n}</position><price.amount>{price}</price.amount></Point>" for n, price in points)
    return (
        f"<Period><timeInterval><start>{listed[0][0]:%Y-%m-%dT%H:%MZ}</start><end>{ends:%Y-%m-%dT%H:%MZ}</end></timeInterval>"
        f"<resolution>PT{step_s / 60:.0f}M</resolution>{told}</Period>"
    )


def no_data(code: str, text: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0">'
        f"<mRID>1</mRID><Reason><code>{code}</code><text>{text}</text></Reason></Acknowledgement_MarketDocument>"
    ).encode()


def awattar(prices: Mapping[datetime, float], step_s: float) -> bytes:
    """Whole hours, also where the exchange has quarter hours: their mean."""
    hours: dict[datetime, list[float]] = {}
    for at, price in prices.items():
        hours.setdefault(at.replace(minute=0), []).append(price)
    data = [
        {
            "start_timestamp": int(at.timestamp() * 1000),
            "end_timestamp": int(at.timestamp() * 1000) + 3_600_000,
            "marketprice": round(sum(each) / len(each), 2),
            "unit": "Eur/MWh",
        }
        for at, each in sorted(hours.items())
    ]
    return json.dumps({"object": "list", "data": data, "url": "/at/v1/marketdata"}).encode()


def energy_charts(prices: Mapping[datetime, float]) -> bytes:
    listed = sorted(prices.items())
    told = {"unix_seconds": [int(at.timestamp()) for at, _ in listed], "price": [price for _, price in listed], "unit": "EUR / MWh"}
    return json.dumps({"license_info": "CC BY 4.0", **told, "deprecated": False}).encode()


def open_meteo(weather: Mapping[datetime, Weather], query: Mapping[str, str]) -> bytes:
    if query["timeformat"] != "unixtime":
        raise ValueError("only unixtime is served here")
    values = {"temperature_2m": "temperature_c", "cloud_cover": "cloud", "shortwave_radiation": "irradiance_w_m2"}
    hourly: dict[str, list[float]] = {"time": [int(at.timestamp()) for at in weather]}
    for name in query["hourly"].split(","):
        hourly[name] = [getattr(each, values[name]) for each in weather.values()]
    place = {name: float(query[name]) for name in ("latitude", "longitude")}
    return json.dumps({**place, "utc_offset_seconds": 0, "timezone": "UTC", "hourly": hourly}).encode()
