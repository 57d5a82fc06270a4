"""Findings about meters and the figures of their days, as the store keeps them. Each function runs inside one store write or read."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.model.finding import DayFigures, Finding
from chargebridge.store.tables import finding, meter_day

KEPT_S = 366 * 86_400.0


def keep(c: Connection, value: Finding) -> None:
    """Enter a finding that was opened, or mark it as cleared; one that stands open is not entered twice."""
    payload = msgspec.json.encode(value).decode()
    standing = (finding.c.meter == value.meter) & (finding.c.kind == value.kind.value) & finding.c.cleared_at.is_(None)
    if c.execute(update(finding).where(standing).values(payload=payload, cleared_at=value.cleared_at)).rowcount == 0:
        row = {"meter": value.meter, "kind": value.kind.value, "opened_at": value.at, "cleared_at": value.cleared_at, "payload": payload}
        c.execute(insert(finding).values(row))


def standing(c: Connection) -> list[Finding]:
    """What stood open when the site ended."""
    rows = c.execute(select(finding.c.payload).where(finding.c.cleared_at.is_(None)).order_by(finding.c.number)).scalars()
    return [msgspec.json.decode(payload, type=Finding) for payload in rows]


def newest(c: Connection, meter: str | None, limit: int) -> list[Finding]:
    """The newest findings, open and cleared, of one meter or of all."""
    query = select(finding.c.payload).order_by(finding.c.number.desc()).limit(limit)
    if meter is not None:
        query = query.where(finding.c.meter == meter)
    return [msgspec.json.decode(payload, type=Finding) for payload in c.execute(query).scalars()]


def keep_day(c: Connection, value: DayFigures) -> None:
    """A site that was restarted has a day in parts: the part that heard more counts."""
    where = (meter_day.c.meter == value.meter) & (meter_day.c.day == value.day.isoformat())
    known = c.execute(select(meter_day.c.payload).where(where)).scalar()
    if known is not None and msgspec.json.decode(known, type=DayFigures).telegrams > value.telegrams:
        return
    row = {"meter": value.meter, "day": value.day.isoformat(), "payload": msgspec.json.encode(value).decode()}
    c.execute(upsert(meter_day).values(row).on_conflict_do_update(index_elements=["meter", "day"], set_={"payload": row["payload"]}))


def days(c: Connection, meter: str | None, limit: int) -> list[DayFigures]:
    """The figures of the last days, the newest first."""
    query = select(meter_day.c.payload).order_by(meter_day.c.day.desc(), meter_day.c.meter).limit(limit)
    if meter is not None:
        query = query.where(meter_day.c.meter == meter)
    return [msgspec.json.decode(payload, type=DayFigures) for payload in c.execute(query).scalars()]


def forget(c: Connection, now: datetime) -> None:
    """Drop what was cleared, and days that ended, more than a year ago."""
    edge = now - timedelta(seconds=KEPT_S)
    c.execute(delete(finding).where(finding.c.cleared_at < edge))
    c.execute(delete(meter_day).where(meter_day.c.day < edge.date().isoformat()))
