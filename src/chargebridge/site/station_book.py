"""What stations tell beyond their transactions, as it is kept: the newest of each variable and monitor, and a journal of all the rest.

Each function runs inside one store write or read.
"""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.stations.events import (
    AnyEvent,
    DeviceReport,
    Monitor,
    MonitoringReport,
    MonitorsCleared,
    MonitorsSet,
    StationEvent,
    Streamed,
    StreamOpened,
    Variable,
)
from chargebridge.stations.port import SignedValue
from chargebridge.store.station_tables import device_monitor, device_variable, signed_value, station_event

EVENTS_KEPT_S = 366 * 86_400.0
MANY_KEPT = 50_000
"""Of one station's events, at most: one that tells something every second must not drown the others, nor fill the disk."""
CHATTER = ("MeterValuesTold", "Streamed")
"""What comes every few seconds; kept as long as readings are."""


class ToldEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the journal has it."""

    number: int
    station: str
    received_at: datetime
    event: AnyEvent


def keep(c: Connection, station: str, event: StationEvent, now: datetime) -> None:
    """File an event. A page of the device model or of its monitors goes into their tables, everything else into the journal."""
    match event:
        case DeviceReport():
            for variable in event.variables:
                _keep_variable(c, station, variable, now)
        case MonitoringReport() | MonitorsSet():
            for monitor in event.monitors:
                _keep_monitor(c, station, monitor, now)
        case MonitorsCleared():
            c.execute(delete(device_monitor).where((device_monitor.c.station == station) & device_monitor.c.id.in_(event.ids)))
        case Streamed():
            _journal(c, station, msgspec.structs.replace(event, monitor=_streamed(c, station, event.stream)), now)
        case _:
            _journal(c, station, event, now)


def _journal(c: Connection, station: str, event: StationEvent, now: datetime) -> None:
    payload = msgspec.json.encode(event).decode()
    c.execute(insert(station_event).values(station=station, received_at=now, kind=type(event).__name__, payload=payload))


def _streamed(c: Connection, station: str, stream: int) -> Monitor | None:
    """What a stream's values are of: its monitor names the variable, its severity and who set it (2.1 N11.FR.08, N15.FR.03)."""
    opened = (station_event.c.station == station) & (station_event.c.kind == StreamOpened.__name__)
    for payload in c.execute(select(station_event.c.payload).where(opened).order_by(station_event.c.number.desc())).scalars():
        told = msgspec.json.decode(payload, type=StreamOpened)
        if told.stream == stream:
            return monitor(c, station, told.monitor)
    return None


def monitor(c: Connection, station: str, number: int) -> Monitor | None:
    """One monitor of a station, as it or we have told it."""
    query = select(device_monitor.c.payload).where((device_monitor.c.station == station) & (device_monitor.c.id == number))
    payload = c.execute(query).scalar()
    return None if payload is None else msgspec.json.decode(payload, type=Monitor)


def value(c: Connection, station: str, *names: str) -> str | None:
    """What the first of these variables that is known says; the specification spells some components in two ways."""
    query = select(device_variable.c.name, device_variable.c.value).where(
        (device_variable.c.station == station) & (device_variable.c.attribute == "Actual") & device_variable.c.name.in_(names)
    )
    found = {row.name: row.value for row in c.execute(query)}
    return next((found[name] for name in names if name in found), None)


def _keep_variable(c: Connection, station: str, variable: Variable, now: datetime) -> None:
    """What a single reading leaves out (unit, limits) stays as a report has told it."""
    row = {"station": station, "name": variable.name, "attribute": variable.attribute}
    told: dict[str, object] = {"value": variable.value, "told_at": now}
    if variable.readonly is not None:
        told["readonly"] = variable.readonly
    about = {name: value for name in ("unit", "type", "minimum", "maximum", "values") if (value := getattr(variable, name)) is not None}
    if about:
        told["about"] = msgspec.json.encode(about).decode()
    statement = upsert(device_variable).values({"about": "{}"} | row | told)
    c.execute(statement.on_conflict_do_update(index_elements=["station", "name", "attribute"], set_=told))


def _keep_monitor(c: Connection, station: str, monitor: Monitor, now: datetime) -> None:
    told = {"name": monitor.name, "payload": msgspec.json.encode(monitor).decode(), "told_at": now}
    statement = upsert(device_monitor).values(station=station, id=monitor.id, **told)
    c.execute(statement.on_conflict_do_update(index_elements=["station", "id"], set_=told))


def keep_signed(c: Connection, session: int, station: str, values: tuple[SignedValue, ...]) -> None:
    """File signed meter values with their session; the caller sees to it that an event is filed once."""
    for value in values:
        c.execute(insert(signed_value).values(session=session, station=station, **msgspec.structs.asdict(value)))


def signed(c: Connection, session: str) -> list[SignedValue]:
    """The signed meter values of a session, in the order of their time."""
    columns = [signed_value.c[name] for name in SignedValue.__struct_fields__]
    query = select(*columns).where(signed_value.c.session == int(session)).order_by(signed_value.c.at, signed_value.c.number)
    return [SignedValue(**row) for row in c.execute(query).mappings()]


def variables(c: Connection, station: str) -> list[Variable]:
    """The device model of a station (1.6: its configuration), by name."""
    query = (
        select(device_variable).where(device_variable.c.station == station).order_by(device_variable.c.name, device_variable.c.attribute)
    )
    return [
        Variable(
            name=row["name"], attribute=row["attribute"], value=row["value"], readonly=row["readonly"], **msgspec.json.decode(row["about"])
        )
        for row in c.execute(query).mappings()
    ]


def monitors(c: Connection, station: str) -> list[Monitor]:
    query = select(device_monitor.c.payload).where(device_monitor.c.station == station).order_by(device_monitor.c.id)
    return [msgspec.json.decode(payload, type=Monitor) for payload in c.execute(query).scalars()]


def events(c: Connection, station: str | None, kind: str | None = None, limit: int = 100) -> list[ToldEvent]:
    """The newest ``limit``, newest first."""
    query = select(station_event).order_by(station_event.c.number.desc()).limit(limit)
    if station is not None:
        query = query.where(station_event.c.station == station)
    if kind is not None:
        query = query.where(station_event.c.kind == kind)
    return [
        ToldEvent(
            number=row["number"],
            station=row["station"],
            received_at=row["received_at"],
            event=msgspec.json.decode(row["payload"], type=AnyEvent),
        )
        for row in c.execute(query).mappings()
    ]


def forget(c: Connection, now: datetime, keep_s: float) -> None:
    """Drop events older than a year, chatter older than ``keep_s``, and what is too much of one station; the device models stay."""
    age, chatter = station_event.c.received_at, station_event.c.kind.in_(CHATTER)
    c.execute(delete(station_event).where(age < now - timedelta(seconds=max(keep_s, EVENTS_KEPT_S))))
    c.execute(delete(station_event).where(chatter & (age < now - timedelta(seconds=keep_s))))
    many = select(station_event.c.station).group_by(station_event.c.station).having(func.count() > MANY_KEPT)
    for station in c.execute(many).scalars().all():
        of = station_event.c.station == station
        edge = select(station_event.c.number).where(of).order_by(station_event.c.number.desc()).offset(MANY_KEPT).limit(1).scalar_subquery()
        c.execute(delete(station_event).where(of & (station_event.c.number <= edge)))
