"""Forecasts, weather and the state of sources in the store. Each function runs inside one store write or read."""

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.market.port import WeatherPoint
from chargebridge.planning.forecast.combine import Forecast
from chargebridge.planning.forecast.score import Score
from chargebridge.planning.problem import Band, Horizon
from chargebridge.site.forecasts.view import Record, ScoredForecast, SourceState
from chargebridge.store.forecast_tables import forecast, source_state, weather


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast as it was made."""

    kind: str
    made_at: datetime
    horizon: Horizon
    band: Band


def keep(c: Connection, kind: str, made: Forecast, ends_at: datetime) -> None:
    """Together with the time at which its last step is over."""
    payload = zlib.compress(msgspec.json.encode(Kept(kind=kind, made_at=made.made_at, horizon=made.horizon, band=made.band)))
    row = {"kind": kind, "made_at": made.made_at, "ends_at": ends_at, "method": made.method, "payload": payload}
    c.execute(upsert(forecast).values(row).on_conflict_do_nothing())


def due(c: Connection, now: datetime) -> list[Kept]:
    """Those that are over and not scored yet."""
    rows = c.execute(select(forecast.c.payload).where(forecast.c.scored_at.is_(None), forecast.c.ends_at <= now)).scalars()
    return [msgspec.json.decode(zlib.decompress(payload), type=Kept) for payload in rows]


def score(c: Connection, kept: Kept, found: Score | None, naive_mae: float | None, now: datetime) -> None:
    """found None: nothing was measured in its time."""
    told = {} if found is None else msgspec.structs.asdict(found)
    where = (forecast.c.kind == kept.kind) & (forecast.c.made_at == kept.made_at)
    c.execute(update(forecast).where(where).values(scored_at=now, naive_mae=naive_mae, **told))


def records(c: Connection, since: datetime) -> tuple[Record, ...]:
    means = [func.avg(forecast.c[name]).label(name) for name in ("mae", "pinball", "coverage", "width", "naive_mae")]
    where = (forecast.c.made_at >= since) & forecast.c.mae.is_not(None)
    query = (
        select(forecast.c.kind, func.count().label("forecasts"), *means).where(where).group_by(forecast.c.kind).order_by(forecast.c.kind)
    )
    return tuple(Record(since=since, **row) for row in c.execute(query).mappings())


def scored(c: Connection, kind: str | None, limit: int) -> tuple[ScoredForecast, ...]:
    columns = [forecast.c[name] for name in ScoredForecast.__struct_fields__]
    query = select(*columns).where(forecast.c.mae.is_not(None)).order_by(forecast.c.made_at.desc(), forecast.c.kind).limit(limit)
    if kind is not None:
        query = query.where(forecast.c.kind == kind)
    return tuple(ScoredForecast(**row) for row in c.execute(query).mappings())


def keep_weather(c: Connection, points: Sequence[WeatherPoint]) -> None:
    """What is told anew of a moment replaces what was."""
    rows = [msgspec.structs.asdict(point) for point in points]
    for row in rows:
        told = {name: value for name, value in row.items() if value is not None}
        c.execute(upsert(weather).values(told).on_conflict_do_update(index_elements=["at"], set_=told))


def weather_since(c: Connection, since: datetime) -> tuple[WeatherPoint, ...]:
    rows = c.execute(select(weather).where(weather.c.at >= since).order_by(weather.c.at)).mappings()
    return tuple(WeatherPoint(**row) for row in rows)


def keep_source(c: Connection, state: SourceState) -> None:
    row = {name: getattr(state, name) for name in ("source", "name", "fetched_at", "asked_at", "trouble")}
    c.execute(upsert(source_state).values(row).on_conflict_do_update(index_elements=["source"], set_=row))


def sources(c: Connection) -> Iterable[SourceState]:
    return [SourceState(**row) for row in c.execute(select(source_state)).mappings()]


def forget(c: Connection, forecasts_before: datetime, weather_before: datetime) -> None:
    c.execute(delete(forecast).where(forecast.c.made_at < forecasts_before))
    c.execute(delete(weather).where(weather.c.at < weather_before))
