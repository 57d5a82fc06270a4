"""Theben CONEXA 3.0: JSON over ``POST /smgw/m2m/<user id>/json`` (interface description IF_GW_CON, document version 1.4, JSON version 1.2.0).

``GET /smgw/m2m`` answers 307 with the path that carries the user's id. The body must come with its length, not in chunks, and its type must be
bare ``application/json``. Numbers and truth values are texts in the answers, and ``last-reading`` is taken as a text. The values of ``readings``
have neither unit nor scaler: those stand in ``usage-point-info``.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec import Struct

from chargebridge.wire.meter import obis
from chargebridge.wire.smgw.theben_json import ReadChannel, Reading, answer
from chargebridge.wire.smgw.value import (
    Fault,
    LogEntry,
    SmgwError,
    UsagePoint,
    Value,
    choose_meter,
    content_error,
    logical_name,
    meter_number,
    moment,
    number_of,
    scaled,
)

ENTRY = "/smgw/m2m"
CONTENT_TYPE = "application/json"
LONGEST = timedelta(days=31)
"""The longest span of one request for readings."""
TICK = timedelta(seconds=1)
"""What lies between two moments that can be written."""
LOG_MOST = 1500
_DATABASE = "origin"
_RUNNING = "running"
LIVE_TAFS = (14, 7, 10, 9, 1, 2, 6)
"""Which usage point tells most of the present: every minute, every quarter hour ... An unlisted one comes last."""
SERIES_TAFS = (7, 14)

Scales = Mapping[str, tuple[int, str]]
"""OBIS code -> scaler and unit."""


class SmgwInfo(Struct, frozen=True):
    """id: of the gateway, such as ethe0300004261. time: as it writes its own, without a zone. firmware: its version."""

    id: str
    time: str
    state: str
    firmware: str


def request(method: str, **fields: object) -> bytes:
    """A request's body: ``smgw-info``, ``user-info`` and ``self-test`` have no fields."""
    return msgspec.json.encode({"method": method, **{name.replace("_", "-"): value for name, value in fields.items()}})


def usage_point_request(point: str) -> bytes:
    """Units and scalers of a usage point's registers."""
    return request("usage-point-info", usage_point_id=point, database=_DATABASE)


def last_reading_request(point: str) -> bytes:
    """Without ``channels``: with them some gateways answer empty lists."""
    return request("readings", usage_point_id=point, database=_DATABASE, last_reading="true")


def readings_request(point: str, start: datetime, end: datetime) -> bytes:
    """All values with start < target time <= end; not more than ``LONGEST``."""
    if not timedelta(0) < end - start <= LONGEST:
        raise ValueError(f"{start} to {end} is no span of up to {LONGEST.days} days")
    return request("readings", usage_point_id=point, database=_DATABASE, fromtime=_stamp(start), totime=_stamp(end))


def log_request(start: datetime, end: datetime, count: int = LOG_MOST) -> bytes:
    """The consumer's log with start <= time < end."""
    return request("log", fromtime=_stamp(start), totime=_stamp(end), count=min(count, LOG_MOST))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def method(data: bytes) -> str:
    """What an answer answers."""
    return answer(data).method


def smgw_info(data: bytes) -> SmgwInfo:
    """The answer to ``smgw-info``. Raises ``SmgwError``, as all of these do."""
    found = answer(data).smgw_info
    if found is None:
        raise content_error("the answer has no smgw-info")
    return SmgwInfo(found.smgw_id, found.smgw_time, found.smgw_state, found.firmware_info.version)


def usage_points(data: bytes) -> list[UsagePoint]:
    """The answer to ``user-info``."""
    found = answer(data).user_info
    if found is None:
        raise content_error("the answer has no user-info")
    return [
        UsagePoint(
            id=point.usage_point_id,
            name=point.usage_point_name,
            taf=point.taf_number,
            running=point.taf_state == _RUNNING,
            meters=tuple(meter_number(meter.meter_id) for meter in point.meter),
        )
        for point in found.usage_points
    ]


def choose(points: Iterable[UsagePoint], meter: str | None = None, tafs: tuple[int, ...] = LIVE_TAFS) -> list[UsagePoint]:
    """The running usage points of the first of ``tafs`` that there is, of one meter: mostly one, or two where import and export are apart.

    Raises ``SmgwError`` if there is none, or if there are several meters and none was named.
    """
    running = [point for point in points if point.running]
    if not running:
        raise SmgwError(Fault.ABSENT, "no usage point is running", "ask the meter operator to set up TAF 7 or TAF 14 for this user")
    ranks = {taf: rank for rank, taf in enumerate(tafs)}
    own = running
    if meter is not None or any(point.meters for point in running):
        number = choose_meter((name for point in running for name in point.meters), meter)
        own = [point for point in running if number in point.meters]
    best = min(ranks.get(point.taf, len(tafs)) for point in own)
    return [point for point in own if ranks.get(point.taf, len(tafs)) == best]


def scales(data: bytes) -> dict[str, tuple[int, str]]:
    """Scaler and unit of each register, from the answer to ``usage-point-info``."""
    found = answer(data).usage_point_info
    if found is None:
        raise content_error("the answer has no usage-point-info")
    known: dict[str, tuple[int, str]] = {}
    for database in found.databases:
        for channel in database.channels:
            name = logical_name(channel.obis)
            if name is not None and database.database == _DATABASE and channel.scaler is not None and channel.unit is not None:
                known[name[0]] = channel.scaler, obis.UNITS.get(channel.unit, f"unit {channel.unit}")
    return known


def values(data: bytes, known: Scales | None = None) -> list[Value]:
    """All values in the answer to ``readings``. A code that stands neither in ``known`` nor with a unit of its own has no scale."""
    found = answer(data).readings
    if found is None:
        raise content_error("the answer has no readings")
    return [value for channel in found.channels for value in _channel(channel, known or {})]


def _channel(channel: ReadChannel, known: Scales) -> list[Value]:
    name = logical_name(channel.obis)
    if name is None:
        return []
    code, meter = name
    return [_value(code, meter, reading, known.get(code)) for reading in channel.readings]


def _value(code: str, meter: str | None, reading: Reading, known: tuple[int, str] | None) -> Value:
    if reading.scaler is not None and reading.unit is not None:
        known = reading.scaler, obis.UNITS.get(reading.unit, f"unit {reading.unit}")
    scaler, unit = known or (None, "")
    number: Decimal | None = None if reading.value in (None, "") else scaled(reading.value or 0, scaler or 0)
    return Value(
        code=code,
        value=number,
        unit=unit,
        raw="" if reading.value is None else str(reading.value),
        scaler=scaler,
        captured=moment(reading.capture_time),
        target=moment(reading.target_time),
        meter=meter,
        status=number_of(reading.cosem_status),
        signature=reading.signature,
    )


def unread(data: bytes) -> tuple[str, ...]:
    """Channels whose name is no OBIS code."""
    found = answer(data).readings
    return () if found is None else tuple(channel.obis for channel in found.channels if logical_name(channel.obis) is None)


def log(data: bytes) -> list[LogEntry]:
    """The answer to ``log``."""
    found = answer(data).log
    if found is None:
        raise content_error("the answer has no log")
    entries = []
    for entry in found.entries:
        at = moment(entry.time)
        if at is None:
            raise content_error("a log entry has no time")
        entries.append(
            LogEntry(
                index=entry.index,
                at=at,
                level=entry.level,
                event=entry.event_id,
                outcome=entry.outcome,
                text=entry.message,
                subject=entry.subject_identity,
            )
        )
    return entries
