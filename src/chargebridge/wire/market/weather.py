"""The weather as Open-Meteo answers in JSON, asked with timeformat=unixtime&timezone=UTC, and as a CSV file.

{"hourly": {"time": [s], "temperature_2m": [C], "cloud_cover": [%], "shortwave_radiation": [W/m2]}}; any list may be missing or hold nulls.
Irradiance is the mean of the time before its stamp; temperature and clouds are of the moment.
"""

import csv
from datetime import datetime, timedelta
from io import StringIO
from itertools import pairwise
from math import isfinite
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from chargebridge.wire.market.errors import SLOTS_MAX, MarketFormatError, bounded, moment
from chargebridge.wire.market.values import WeatherPoint

WHERE = "Open-Meteo"
LONGEST_S = 3600.0
RANGES = {"temperature_c": (-100.0, 70.0), "irradiance_w_m2": (-50.0, 1800.0), "cloud": (0.0, 1.0)}
"""Irradiance may exceed the solar constant at a cloud's edge."""
Values = Annotated[list[float | None], Meta(max_length=SLOTS_MAX)] | None


class _Hourly(Struct):
    time: Annotated[list[float], Meta(max_length=SLOTS_MAX)]
    temperature_2m: Values = None
    cloud_cover: Values = None
    shortwave_radiation: Values = None


class _Answer(Struct):
    hourly: _Hourly


def read_open_meteo(data: bytes) -> tuple[WeatherPoint, ...]:
    """In order of time. Raises MarketFormatError."""
    try:
        told = msgspec.json.decode(bounded(data, WHERE), type=_Answer).hourly
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MarketFormatError(WHERE, f"answers what is no weather ({error})"[:300], "is this the address of its forecast?") from error
    lengths = [other - one for one, other in pairwise(told.time)]
    if any(length <= 0 for length in lengths):
        raise MarketFormatError(WHERE, "times do not follow each other", "ask again")
    for name in ("temperature_2m", "cloud_cover", "shortwave_radiation"):
        values = getattr(told, name)
        if values is not None and len(values) != len(told.time):
            raise MarketFormatError(WHERE, f"{len(told.time)} times have {len(values)} values of {name}", "ask again")
    half = timedelta(seconds=min([LONGEST_S, *lengths]) / 2)
    found = []
    for place, stamp in enumerate(told.time):
        at = moment(stamp, WHERE)
        temperature, cloud = (_at(values, place) for values in (told.temperature_2m, told.cloud_cover))
        if temperature is not None or cloud is not None:
            found.append(_checked(WeatherPoint(at=at, temperature_c=temperature, cloud=None if cloud is None else cloud / 100), WHERE))
        irradiance = _at(told.shortwave_radiation, place)
        if irradiance is not None:
            found.append(_checked(WeatherPoint(at=at - half, irradiance_w_m2=irradiance), WHERE))
    return tuple(sorted(found, key=lambda point: point.at))


def read_csv(text: str, where: str) -> tuple[WeatherPoint, ...]:
    """A head ``at`` and some of temperature_c, irradiance_w_m2, cloud; each line tells the weather at a moment. Raises MarketFormatError."""
    found = []
    rows = csv.DictReader(StringIO(text))
    if "at" not in (rows.fieldnames or ()) or not set(RANGES) & set(rows.fieldnames or ()):
        cure = "write a head such as at,temperature_c,irradiance_w_m2,cloud"
        raise MarketFormatError(where, "says not what its columns are", cure)
    for number, row in enumerate(rows, 2):
        try:
            at = datetime.fromisoformat(row["at"])
            values = {name: float(row[name]) for name in RANGES if row.get(name)}
        except (ValueError, TypeError) as error:
            raise MarketFormatError(
                f"{where}:{number}", f"cannot be read ({error})", "write lines such as 2026-11-21T18:00+01:00,8.5"
            ) from error
        if at.tzinfo is None:
            raise MarketFormatError(f"{where}:{number}", "its time has no time zone", "write it like 2026-11-21T18:00+01:00")
        found.append(_checked(WeatherPoint(at=at, **values), f"{where}:{number}"))
    return tuple(sorted(found, key=lambda point: point.at))


def _at(values: list[float | None] | None, place: int) -> float | None:
    return None if values is None else values[place]


def _checked(point: WeatherPoint, where: str) -> WeatherPoint:
    for name, (low, high) in RANGES.items():
        value = getattr(point, name)
        if value is not None and not (isfinite(value) and low <= value <= high):
            raise MarketFormatError(where, f"{name} {value} at {point.at} cannot be", f"give {low:g} to {high:g}")
    return point
