"""What the store remembers of a station: boots, transactions, happenings, and the settings that were written. Each runs in one store read."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from chargebridge.site.operation.message_log import payload_of
from chargebridge.site.operation.view import CommandRecord, TransactionRow, Written
from chargebridge.stations.port import StationInfo
from chargebridge.store.operation_tables import station_message
from chargebridge.store.tables import happening
from chargebridge.store.tables import session as session_table
from chargebridge.store.tables import station as station_table
from chargebridge.wire.ocpp.frames import CALL

SHOWN = 50
WRITES_READ = 100


def infos(c: Connection) -> dict[str, tuple[StationInfo, datetime]]:
    return {
        row.identity: (
            StationInfo(
                station=row.identity, protocol=row.protocol, vendor=row.vendor, model=row.model, serial=row.serial, firmware=row.firmware
            ),
            row.booted_at,
        )
        for row in c.execute(select(station_table))
    }


def written_values(c: Connection, identity: str) -> dict[str, str]:
    """Setting -> the value that was sent last, as far as the message log goes back."""
    m = station_message
    mine = (m.c.station == identity) & m.c.action.in_(("ChangeConfiguration", "SetVariables")) & m.c.outgoing.is_(True) & (m.c.kind == CALL)
    values: dict[str, str] = {}
    for frame in c.execute(select(m.c.frame).where(mine).order_by(m.c.number.desc()).limit(WRITES_READ)).scalars():
        for name, value in pairs(payload_of(frame)):
            values.setdefault(name, value)
    return values


def pairs(payload: Any) -> list[tuple[str, str]]:
    """The settings that a ChangeConfiguration or SetVariables writes, and their values."""
    if not isinstance(payload, dict):
        return []
    if "key" in payload:
        return [(str(payload["key"]), str(payload.get("value", "")))]
    return [
        (f"{data['component']['name']}.{data['variable']['name']}", str(data.get("attributeValue", "")))
        for data in payload.get("setVariableData", [])
    ]


def written(record: CommandRecord) -> Written:
    """1.6 and 2.x spell the same thing differently."""
    name, value = pairs(record.payload)[0]
    return Written(name=name, value=value, outcome=record.outcome or "waiting", detail=record.detail, at=record.answered_at, by=record.by)


def past(c: Connection, identity: str, points: list[str]) -> tuple[tuple[TransactionRow, ...], tuple[tuple[datetime, str], ...]]:
    t = session_table
    sessions = c.execute(select(t).where(t.c.station == identity).order_by(t.c.number.desc()).limit(SHOWN))
    subjects = [identity, *points]
    told = (
        select(happening.c.at, happening.c.text).where(happening.c.subject.in_(subjects)).order_by(happening.c.number.desc()).limit(SHOWN)
    )
    transactions = tuple(
        TransactionRow(
            transaction=row.transaction,
            session=str(row.number),
            evse=row.evse,
            token=row.token,
            started_at=row.started_at,
            ended_at=row.ended_at,
            energy_wh=row.energy_wh,
            end_reason=row.end_reason,
        )
        for row in sessions
    )
    return transactions, tuple((at, text) for at, text in c.execute(told))
