"""What waits for a back end, and what must be remembered of it: plain functions, each inside one store write or read.

A row of the outbox is one message of a station for one back end. It is written before the station is answered, under a key that is equal for the
same message sent twice, and stays for a while after it was delivered, so that a message the station repeats after a crash is not sent twice.
`held` rows belong to a transaction of which nobody knows yet who bills it.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from chargebridge.store.forward_tables import forward_outbox, forward_profile, forward_state, forward_transaction, forward_vouch

KEPT = timedelta(days=7)
"""Delivered rows are kept this long: no station repeats a message later than that."""
MAX_WAITING = 20_000
"""Rows of one station that may wait for one back end. Beyond, the oldest that belong to no transaction go; what is billed always stays."""


class Message(Struct, frozen=True, kw_only=True):
    """A message to be delivered. protocol: in whose types the payload is. transaction: as we know it."""

    backend: str
    station: str
    key: str
    protocol: str
    action: str
    payload: str
    transaction: str | None = None
    held: bool = False


class Row(Struct, frozen=True, kw_only=True):
    number: int
    backend: str
    station: str
    message_id: str
    protocol: str
    action: str
    payload: str
    transaction: str | None


class Shared(Struct, frozen=True, kw_only=True):
    """A transaction that a back end knows. theirs: its own number for it (1.6). owned: it bills it."""

    transaction: str
    theirs: str | None
    owned: bool
    evse: int
    started_at: datetime


def key_of(protocol: str, action: str, payload: bytes, *, dated: bool) -> str:
    """dated: the message carries its own time, so that equal ones are one."""
    return hashlib.blake2b(protocol.encode() + action.encode() + payload, digest_size=16).hexdigest() if dated else str(uuid4())


def put(c: Connection, messages: Iterable[Message], now: datetime) -> int:
    """Queue messages; those that are there already stay as they are. Returns how many are new."""
    new = 0
    for message in messages:
        values = {
            "backend": message.backend,
            "station": message.station,
            "key": message.key,
            "message_id": str(uuid4()),
            "protocol": message.protocol,
            "action": message.action,
            "payload": message.payload,
            "transaction": message.transaction,
            "held": message.held,
            "created_at": now,
        }
        new += c.execute(insert(forward_outbox).values(values).on_conflict_do_nothing()).rowcount
    return new


def _of(backend: str, station: str):  # type: ignore[no-untyped-def]
    return (forward_outbox.c.backend == backend) & (forward_outbox.c.station == station)


def next_row(c: Connection, backend: str, station: str) -> Row | None:
    """The oldest message that waits and is not held."""
    query = (
        select(forward_outbox)
        .where(_of(backend, station) & forward_outbox.c.done_at.is_(None) & forward_outbox.c.held.is_(False))
        .order_by(forward_outbox.c.number)
        .limit(1)
    )
    row = c.execute(query).mappings().first()
    return None if row is None else Row(**{name: row[name] for name in Row.__struct_fields__})


def waiting(c: Connection, backend: str, station: str) -> int:
    query = select(func.count()).select_from(forward_outbox).where(_of(backend, station) & forward_outbox.c.done_at.is_(None))
    return int(c.execute(query).scalar_one())


def has_waiting(c: Connection, backend: str, station: str, action: str) -> bool:
    query = select(forward_outbox.c.number).where(
        _of(backend, station) & forward_outbox.c.done_at.is_(None) & (forward_outbox.c.action == action)
    )
    return c.execute(query.limit(1)).first() is not None


def done(c: Connection, number: int, now: datetime, outcome: str) -> None:
    """outcome: "delivered", or why it was not."""
    c.execute(update(forward_outbox).where(forward_outbox.c.number == number).values(done_at=now, outcome=outcome[:200]))


def release(c: Connection, station: str, transaction: str, owner: str | None) -> None:
    """It is known who bills a transaction: what is held for that back end goes out, what is held for others goes away."""
    held = (forward_outbox.c.station == station) & (forward_outbox.c.transaction == transaction) & forward_outbox.c.held.is_(True)
    if owner is not None:
        c.execute(update(forward_outbox).where(held & (forward_outbox.c.backend == owner)).values(held=False))
    c.execute(delete(forward_outbox).where(held & (forward_outbox.c.backend != (owner or ""))))


def tidy(c: Connection, backend: str, station: str, now: datetime) -> int:
    """Forget what was delivered long ago, and the oldest of too much. Returns how many messages that waited are gone."""
    c.execute(delete(forward_outbox).where(_of(backend, station) & (forward_outbox.c.done_at < now - KEPT)))
    course = forward_state.c.subject.startswith(f"course {backend} ", autoescape=True) & (forward_state.c.at < now - KEPT)
    c.execute(delete(forward_state).where((forward_state.c.station == station) & course))
    over = waiting(c, backend, station) - MAX_WAITING
    if over <= 0:
        return 0
    loose = _of(backend, station) & forward_outbox.c.done_at.is_(None) & forward_outbox.c.transaction.is_(None)
    oldest = select(forward_outbox.c.number).where(loose).order_by(forward_outbox.c.number).limit(over)
    return c.execute(delete(forward_outbox).where(forward_outbox.c.number.in_(oldest))).rowcount


# Transactions


def share(c: Connection, backend: str, station: str, transaction: str, evse: int, at: datetime, *, owned: bool) -> None:
    """A back end is told of a transaction, or becomes the one that bills it."""
    values = {
        "backend": backend, "station": station, "transaction": transaction, "owned": owned, "evse": evse, "started_at": at, "theirs": None,
    }  # fmt: skip
    statement = insert(forward_transaction).values(values)
    better = {"owned": forward_transaction.c.owned | statement.excluded.owned}
    c.execute(statement.on_conflict_do_update(index_elements=["backend", "station", "transaction"], set_=better))


def name_theirs(c: Connection, backend: str, station: str, transaction: str, theirs: str) -> None:
    where = _transactions(backend, station) & (forward_transaction.c.transaction == transaction)
    c.execute(update(forward_transaction).where(where).values(theirs=theirs))


def _transactions(backend: str, station: str):  # type: ignore[no-untyped-def]
    return (forward_transaction.c.backend == backend) & (forward_transaction.c.station == station)


def shared(c: Connection, backend: str, station: str, *, ours: str | None = None, theirs: str | None = None) -> Shared | None:
    """The transaction by our id, or by theirs."""
    where = _transactions(backend, station)
    where &= forward_transaction.c.transaction == ours if ours is not None else forward_transaction.c.theirs == theirs
    row = c.execute(select(forward_transaction).where(where).order_by(forward_transaction.c.started_at.desc())).mappings().first()
    return None if row is None else Shared(**{name: row[name] for name in Shared.__struct_fields__})


def owner_of(c: Connection, station: str, transaction: str) -> str | None:
    """The back end that bills a transaction."""
    where = (forward_transaction.c.station == station) & (forward_transaction.c.transaction == transaction)
    return c.execute(select(forward_transaction.c.backend).where(where & forward_transaction.c.owned.is_(True))).scalar()


# Who vouches for a card


def vouch(c: Connection, station: str, token: str, backend: str, now: datetime) -> None:
    statement = insert(forward_vouch).values(station=station, token=token.casefold(), backend=backend, at=now)
    c.execute(statement.on_conflict_do_update(index_elements=["station", "token"], set_={"backend": backend, "at": now}))


def unvouch(c: Connection, station: str, token: str) -> None:
    c.execute(delete(forward_vouch).where((forward_vouch.c.station == station) & (forward_vouch.c.token == token.casefold())))


def voucher(c: Connection, station: str, token: str, since: datetime) -> str | None:
    """The back end that accepted a card last, not longer ago than that."""
    where = (forward_vouch.c.station == station) & (forward_vouch.c.token == token.casefold()) & (forward_vouch.c.at >= since)
    return c.execute(select(forward_vouch.c.backend).where(where)).scalar()


# What a station last said, and what a back end last answered


def keep(c: Connection, station: str, subject: str, payload: str, now: datetime) -> None:
    statement = insert(forward_state).values(station=station, subject=subject, payload=payload, at=now)
    c.execute(statement.on_conflict_do_update(index_elements=["station", "subject"], set_={"payload": payload, "at": now}))


def kept(c: Connection, station: str, subject: str) -> str | None:
    return c.execute(
        select(forward_state.c.payload).where((forward_state.c.station == station) & (forward_state.c.subject == subject))
    ).scalar()


def kept_like(c: Connection, station: str, beginning: str) -> list[str]:
    where = (forward_state.c.station == station) & forward_state.c.subject.startswith(beginning, autoescape=True)
    return list(c.execute(select(forward_state.c.payload).where(where).order_by(forward_state.c.subject)).scalars())


def forget(c: Connection, station: str, beginning: str) -> None:
    where = (forward_state.c.station == station) & forward_state.c.subject.startswith(beginning, autoescape=True)
    c.execute(delete(forward_state).where(where))


# Charging profiles


def keep_profile(c: Connection, backend: str, station: str, evse: int, purpose: str, level: int, number: int, payload: str) -> None:
    """A profile takes the place of the one with its id, and of the one with its purpose and level at the EVSE (1.6 3.13.2, 2.x K01.FR.05)."""
    same = _profiles(backend, station) & (forward_profile.c.id == number)
    c.execute(delete(forward_profile).where(same))
    at = (forward_profile.c.evse == evse) & (forward_profile.c.purpose == purpose) & (forward_profile.c.level == level)
    c.execute(delete(forward_profile).where(_profiles(backend, station) & at))
    values = {"backend": backend, "station": station, "evse": evse, "purpose": purpose, "level": level, "id": number, "payload": payload}
    c.execute(insert(forward_profile).values(values))


def _profiles(backend: str, station: str):  # type: ignore[no-untyped-def]
    return (forward_profile.c.backend == backend) & (forward_profile.c.station == station)


def profiles(c: Connection, backend: str, station: str) -> list[tuple[int, int, str]]:
    """(id, EVSE, profile as JSON)"""
    query = select(forward_profile.c.id, forward_profile.c.evse, forward_profile.c.payload).where(_profiles(backend, station))
    return [(row[0], row[1], row[2]) for row in c.execute(query)]


def drop_profiles(c: Connection, backend: str, station: str, numbers: Iterable[int]) -> int:
    where = _profiles(backend, station) & forward_profile.c.id.in_(list(numbers))
    return c.execute(delete(forward_profile).where(where)).rowcount
