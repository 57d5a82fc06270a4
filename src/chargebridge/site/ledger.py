"""The sessions: what stations report of their transactions, written so that nothing is lost and nothing counted twice.

Every function runs inside one store write. A transaction event is filed under (station, replay_key) first; one that is already there was
seen before and changes nothing, but is answered as it was. Events may come late and out of order (an offline queue being replayed): the
session's figures only ever move forward in the station's own time.

A session whose end was never reported, though its car is gone, is ended by presumption; the station's own word, whenever it comes, goes before it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.model.errors import ModelError
from chargebridge.model.session import CarNeeds, Preference, Session
from chargebridge.site import station_book
from chargebridge.stations.port import Authorisation, StartAnswer, StationInfo, TransactionEvent
from chargebridge.store.prepared import Prepared, PreparedRow
from chargebridge.store.tables import session, setting, station, transaction_event

PRESUMED = "NotReported"
"""The reason of an end that was presumed; no word of OCPP's."""


CLOCKS_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
"""A station that tells an earlier time has not been told the time yet."""
AHEAD = timedelta(days=1)

Row = RowMapping | Mapping[str, Any]
"""Of a session, by the names of its columns."""


def _moment(event: TransactionEvent, now: datetime) -> datetime:
    """When it happened, by the station's clock; where that cannot be, when we heard. A clock that is set back makes no session of negative length."""
    return event.occurred_at if CLOCKS_SINCE <= event.occurred_at <= now + AHEAD else now


_FILE = Prepared(upsert(transaction_event).on_conflict_do_nothing())
_FIND = PreparedRow(
    session, select(session).where((session.c.station == bindparam("of_station")) & (session.c.transaction == bindparam("of_transaction")))
)
_CHANGE = Prepared(update(session).where(session.c.number == bindparam("of_number")))


def _first_time(c: Connection, event: TransactionEvent, now: datetime, number: int | None = None) -> bool:
    """File the event, with its session's number where that is known. False: it is there already."""
    row = {
        "station": event.station,
        "replay_key": event.replay_key,
        "received_at": now,
        "session": number,
        "payload": msgspec.json.encode(event).decode(),
    }
    return bool(_FILE.run(c, row).rowcount == 1)


def _file_under(c: Connection, event: TransactionEvent, number: int) -> None:
    where = (transaction_event.c.station == event.station) & (transaction_event.c.replay_key == event.replay_key)
    c.execute(update(transaction_event).where(where).values(session=number))
    station_book.keep_signed(c, number, event.station, event.signed)


def _find(c: Connection, event: TransactionEvent) -> Row | None:
    return _row(c, event.station, event.transaction)


def _row(c: Connection, station_id: str, transaction: str) -> Row | None:
    return _FIND.first(c, {"of_station": station_id, "of_transaction": transaction})


def _open(c: Connection, event: TransactionEvent, point: str, answer: Authorisation, now: datetime) -> int:
    """A new row; a station that gives no id of its own gets our number, unique for ever."""
    values = {
        "point": point,
        "station": event.station,
        "evse": event.evse,
        "transaction": event.transaction or f"pending {event.replay_key}",
        "token": event.token or "",
        "authorised": answer is Authorisation.ACCEPTED,
        "started_at": _moment(event, now),
        "meter_start_wh": register_wh(event),
        "energy_wh": 0,
        "sequence": event.sequence,
        "updated_at": now,
        "preference": msgspec.json.encode(Preference()).decode(),
        "billed_by": event.billed_by,
    }
    key = c.execute(insert(session).values(values)).inserted_primary_key
    assert key is not None
    number = int(key[0])
    if not event.transaction:
        c.execute(update(session).where(session.c.number == number).values(transaction=_free_number(c, event.station, number)))
    return number


def _free_number(c: Connection, station_id: str, number: int) -> str:
    """The session's own number, or the next that this station does not use: it may know transactions of a store that was lost."""
    while c.execute(select(session.c.number).where((session.c.station == station_id) & (session.c.transaction == str(number)))).first():
        number += 1
    return str(number)


def register_wh(event: TransactionEvent) -> int | None:
    """The energy register that the event carries: its own figure, else its newest sample's, Wh."""
    if event.meter_wh is not None:
        return event.meter_wh
    told = [m for m in event.measurements if m.energy_wh is not None]
    return max(told, key=lambda m: m.measured_at).energy_wh if told else None


def started(c: Connection, event: TransactionEvent, point: str, answer: Authorisation, now: datetime) -> StartAnswer:
    """File a start. A start seen before gets the transaction and the answer that it got then."""
    if not _first_time(c, event, now):
        where = (transaction_event.c.station == event.station) & (transaction_event.c.replay_key == event.replay_key)
        number = c.execute(select(transaction_event.c.session).where(where)).scalar_one()
        row = c.execute(select(session).where(session.c.number == number)).mappings().one()
        return StartAnswer(
            transaction=row["transaction"], authorisation=Authorisation.ACCEPTED if row["authorised"] else Authorisation.INVALID
        )
    known = _find(c, event) if event.transaction else None
    if known is None:
        number = _open(c, event, point, answer, now)
    else:
        number = int(known["number"])
        values = {"started_at": min(known["started_at"], _moment(event, now)), "authorised": _authorised(known, event, answer)}
        values["token"] = event.token or known["token"]
        values["billed_by"] = known["billed_by"] or event.billed_by
        begin = register_wh(event)
        if begin is not None:
            old = known["meter_start_wh"]
            values["meter_start_wh"] = begin
            values["energy_wh"] = known["energy_wh"] + (old - begin if old is not None else 0)
        c.execute(update(session).where(session.c.number == number).values(values))
    _file_under(c, event, number)
    name = c.execute(select(session.c.transaction).where(session.c.number == number)).scalar_one()
    return StartAnswer(transaction=name, authorisation=answer)


def _authorised(row: Row, event: TransactionEvent, answer: Authorisation) -> bool:
    """A card may come after the plug (2.0.1 part 2, C01 and E03): whoever is accepted opens the session; only its own card closes it again."""
    if event.token and event.token == row["token"]:
        return answer is Authorisation.ACCEPTED
    if row["token"] and not event.token:
        return bool(row["authorised"])
    return bool(row["authorised"]) or answer is Authorisation.ACCEPTED


def updated(c: Connection, event: TransactionEvent, point: str, answer: Authorisation, now: datetime) -> bool:
    """File an update; an unknown transaction is opened from it, so that what it says is kept. False: seen before."""
    row = _row_for(c, event, point, answer, now)
    if row is None:
        return False
    values = _forward(row, event, now) | {"authorised": _authorised(row, event, answer)}
    resumed = event.trigger == "TxResumed" or (not event.offline and _moment(event, now) > (row["ended_at"] or now))
    if row["end_reason"] == PRESUMED and resumed:
        values |= {"ended_at": None, "end_reason": None}  # it goes on after all
    _CHANGE.run(c, {**values, "of_number": row["number"]})
    return True


def ended(c: Connection, event: TransactionEvent, point: str, answer: Authorisation, now: datetime) -> bool:
    """File an end. False: seen before."""
    row = _row_for(c, event, point, answer, now)
    if row is None:
        return False
    values = _forward(row, event, now) | {"ended_at": max(row["started_at"], _moment(event, now)), "end_reason": event.reason or ""}
    _CHANGE.run(c, {**values, "of_number": row["number"]})
    return True


def _row_for(c: Connection, event: TransactionEvent, point: str, answer: Authorisation, now: datetime) -> Row | None:
    """File the event and return its session, opened if it is unknown. None: the event was seen before."""
    row = _find(c, event)
    if not _first_time(c, event, now, None if row is None else row["number"]):
        return None
    if row is not None:
        station_book.keep_signed(c, row["number"], event.station, event.signed)
        return row
    number = _open(c, event, point, answer, now)
    _file_under(c, event, number)
    return c.execute(select(session).where(session.c.number == number)).mappings().one()


def _forward(row: Row, event: TransactionEvent, now: datetime) -> dict[str, object]:
    values: dict[str, object] = {"updated_at": now}
    if event.token and not row["token"]:
        values["token"] = event.token
    if event.billed_by and not row["billed_by"]:
        values["billed_by"] = event.billed_by
    if event.sequence is not None:
        values["sequence"] = max(row["sequence"] or 0, event.sequence)
    register = register_wh(event)
    if register is not None:
        begin = row["meter_start_wh"]
        if begin is None:
            values["meter_start_wh"] = register
        else:
            values["energy_wh"] = max(row["energy_wh"], register - begin)
    return values


def presume_ended(c: Connection, number: str, now: datetime) -> bool:
    """End a session of which the station does not speak any more, at the moment of its last word. False: it has ended already."""
    where = (session.c.number == int(number)) & session.c.ended_at.is_(None)
    row = c.execute(select(session).where(where)).mappings().first()
    if row is None:
        return False
    values = {"ended_at": max(row["started_at"], row["updated_at"] or now), "end_reason": PRESUMED}
    c.execute(update(session).where(where).values(values))
    return True


def forget(c: Connection, now: datetime, keep_s: float) -> None:
    """Drop what running sessions told, once they have ended ``keep_s`` ago. Starts and ends stay: they must be known when they are sent again."""
    edge = now - timedelta(seconds=keep_s)
    over = select(session.c.number).where(session.c.ended_at < edge)
    key = transaction_event.c.replay_key
    running = or_(key.like("meter/%"), key.like("%/Updated/%"))
    c.execute(delete(transaction_event).where((transaction_event.c.received_at < edge) & running & transaction_event.c.session.in_(over)))


def open_sessions(c: Connection) -> list[Session]:
    """Those that have not ended, oldest first."""
    return [
        _session(row)
        for row in c.execute(
            select(session).where(session.c.ended_at.is_(None)).order_by(session.c.started_at, session.c.number)
        ).mappings()
    ]


def sessions(c: Connection, point: str | None, limit: int) -> list[Session]:
    """The newest ``limit`` sessions, of one point or of all."""
    query = select(session).order_by(session.c.number.desc()).limit(limit)
    if point is not None:
        query = query.where(session.c.point == point)
    return [_session(row) for row in c.execute(query).mappings()]


def sessions_between(c: Connection, since: datetime, until: datetime) -> list[Session]:
    """Those that began in [since, until), oldest first."""
    query = (
        select(session).where(session.c.started_at >= since, session.c.started_at < until).order_by(session.c.started_at, session.c.number)
    )
    return [_session(row) for row in c.execute(query).mappings()]


def one(c: Connection, station_id: str, transaction: str) -> Session | None:
    row = _row(c, station_id, transaction)
    return None if row is None else _session(row)


def _session(row: Row) -> Session:
    asked = _asked(row["preference"])
    return Session(
        id=str(row["number"]),
        point=row["point"],
        transaction=row["transaction"],
        token=row["token"],
        authorised=row["authorised"],
        started_at=row["started_at"],
        meter_start_wh=row["meter_start_wh"] or 0,
        energy_wh=row["energy_wh"],
        updated_at=row["updated_at"],
        ended_at=row["ended_at"],
        end_reason=row["end_reason"],
        preference=asked.preference(),
        needs=asked.needs,
        billed_by=row["billed_by"],
    )


class _Asked(Preference, frozen=True, kw_only=True):
    """What is kept in one column: what the driver asks for, and what the car does."""

    needs: CarNeeds | None = None

    def preference(self) -> Preference:
        return Preference(**{name: getattr(self, name) for name in Preference.__struct_fields__})


def _asked(text: str) -> _Asked:
    return msgspec.json.decode(text, type=_Asked)


def prefer(c: Connection, number: str, preference: Preference) -> None:
    """Keep what the driver asks for. Raises ModelError when that session is not there."""
    _keep_asked(c, number, **msgspec.structs.asdict(preference))


def keep_needs(c: Connection, number: str, needs: CarNeeds) -> None:
    """Keep what the car asks for. Raises ModelError when that session is not there."""
    _keep_asked(c, number, needs=needs)


def _keep_asked(c: Connection, number: str, **changed: Any) -> None:
    where = session.c.number == int(number)
    text = c.execute(select(session.c.preference).where(where)).scalar()
    if text is None:
        raise ModelError(f"session {number}", "is not known", "start charging first")
    asked = msgspec.structs.replace(_asked(text), **changed)
    c.execute(update(session).where(where).values(preference=msgspec.json.encode(asked).decode()))


def booted(c: Connection, info: StationInfo, now: datetime) -> None:
    values = {
        "protocol": info.protocol,
        "vendor": info.vendor,
        "model": info.model,
        "serial": info.serial,
        "firmware": info.firmware,
        "booted_at": now,
    }
    row = upsert(station).values(identity=info.station, **values)
    c.execute(row.on_conflict_do_update(index_elements=["identity"], set_=values))


def keep_setting(c: Connection, name: str, value: str) -> str:
    """Store ``value`` under ``name`` unless there is one already; returns the one that holds."""
    c.execute(upsert(setting).values(name=name, value=value).on_conflict_do_nothing())
    return str(c.execute(select(setting.c.value).where(setting.c.name == name)).scalar_one())


def set_setting(c: Connection, name: str, value: str) -> None:
    """Store ``value`` under ``name`` in place of what was there."""
    row = upsert(setting).values(name=name, value=value)
    c.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def settings_under(c: Connection, prefix: str) -> dict[str, str]:
    """All whose names begin with ``prefix``, by the rest of the name."""
    rows = c.execute(select(setting.c.name, setting.c.value).where(setting.c.name.startswith(prefix, autoescape=True)))
    return {name.removeprefix(prefix): value for name, value in rows}


def setting_of(c: Connection, name: str) -> str | None:
    found: str | None = c.execute(select(setting.c.value).where(setting.c.name == name)).scalar()
    return found


PRIORITY = "priority "


def keep_priority(c: Connection, point: str, priority: int) -> None:
    """Keep a priority that the owner has given by hand; it goes before the configured one."""
    set_setting(c, PRIORITY + point, str(priority))


def priorities(c: Connection) -> dict[str, int]:
    rows = c.execute(select(setting).where(setting.c.name.startswith(PRIORITY))).mappings()
    return {row["name"].removeprefix(PRIORITY): int(row["value"]) for row in rows}
