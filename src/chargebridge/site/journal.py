"""What the site writes down as it goes: readings, decisions, samples for the chart, happenings and the limit book.

Each function runs inside one store write or read. A decision is kept together with the state it was made from, so that it can be made again.
"""

import hashlib
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.model.circuit import Topology
from chargebridge.model.decision import Decision
from chargebridge.model.limit import Limit
from chargebridge.model.reading import Reading
from chargebridge.model.state import SiteState
from chargebridge.site.view import Happening, HistoryPoint
from chargebridge.store.tables import decision, happening, limit_entry, reading, sample, topology

NOWHERE = Topology(circuits=(), points=())
_COMPRESSION = 1
"""zlib's fastest: a state shrinks to about a tenth, and the writer thread must keep up with several a second."""

CHART_KEPT_S = 31 * 86_400.0
HAPPENINGS_KEPT_S = 366 * 86_400.0


def digest(site: Topology) -> str:
    """The name under which a topology is kept: the SHA-256 of its JSON."""
    return hashlib.sha256(msgspec.json.encode(site)).hexdigest()


def keep_topology(c: Connection, site: Topology, now: datetime) -> None:
    row = {"digest": digest(site), "first_used_at": now, "payload": msgspec.json.encode(site).decode()}
    c.execute(upsert(topology).values(row).on_conflict_do_nothing())


def keep_decision(c: Connection, site: str, state: SiteState, made: Decision) -> None:
    """File what was decided and from what; the topology only by its digest."""
    bare = msgspec.structs.replace(state, topology=NOWHERE)
    row = {
        "at": made.at,
        "topology": site,
        "state": zlib.compress(msgspec.json.encode(bare), _COMPRESSION),
        "decision": zlib.compress(msgspec.json.encode(made), _COMPRESSION),
    }
    c.execute(upsert(decision).values(row).on_conflict_do_nothing())


def decisions(c: Connection, since: datetime, until: datetime) -> Iterable[tuple[SiteState, bytes]]:
    """What was decided from ``since`` (included) to ``until``: the state, whole again, and the decision's JSON as it was written."""
    places: dict[str, Topology] = {}
    rows = c.execute(select(decision).where(decision.c.at >= since, decision.c.at < until).order_by(decision.c.at)).mappings()
    for row in rows.all():
        name = row["topology"]
        if name not in places:
            payload = c.execute(select(topology.c.payload).where(topology.c.digest == name)).scalar_one()
            places[name] = msgspec.json.decode(payload, type=Topology)
        bare = msgspec.json.decode(zlib.decompress(row["state"]), type=SiteState)
        yield msgspec.structs.replace(bare, topology=places[name]), zlib.decompress(row["decision"])


def decided_between(c: Connection) -> tuple[datetime, datetime] | None:
    """The first and the last moment of which a decision is kept."""
    first = c.execute(select(decision.c.at).order_by(decision.c.at).limit(1)).scalar()
    last = c.execute(select(decision.c.at).order_by(decision.c.at.desc()).limit(1)).scalar()
    return None if first is None or last is None else (first, last)


def keep_reading(c: Connection, value: Reading) -> None:
    row = {"meter": value.meter, "received_at": value.received_at, "payload": msgspec.json.encode(value).decode()}
    c.execute(upsert(reading).values(row).on_conflict_do_nothing())


def keep_sample(c: Connection, value: HistoryPoint) -> None:
    c.execute(upsert(sample).values(msgspec.structs.asdict(value)).on_conflict_do_nothing())


def samples(c: Connection, since: datetime, points: int) -> tuple[HistoryPoint, ...]:
    """From ``since`` on, every n-th so that about ``points`` remain; the newest is always among them."""
    count = c.execute(select(func.count()).select_from(sample).where(sample.c.at >= since)).scalar_one()
    from_newest = func.row_number().over(order_by=sample.c.at.desc()).label("from_newest")
    told = select(sample, from_newest).where(sample.c.at >= since).subquery()
    columns = [told.c[column.name] for column in sample.c]
    rows = c.execute(select(*columns).where((told.c.from_newest - 1) % max(1, count // points) == 0).order_by(told.c.at)).mappings()
    return tuple(HistoryPoint(**row) for row in rows)


def keep_happening(c: Connection, value: Happening) -> None:
    c.execute(insert(happening).values(msgspec.structs.asdict(value)))


def happenings(c: Connection, limit: int) -> list[Happening]:
    """The newest ``limit``, oldest first."""
    columns = (happening.c.at, happening.c.kind, happening.c.text, happening.c.subject)
    rows = c.execute(select(*columns).order_by(happening.c.number.desc()).limit(limit)).mappings().all()
    return [Happening(**row) for row in reversed(rows)]


def keep_limit(c: Connection, value: Limit, by: str) -> None:
    """Enter a limit and end those that it replaces; the table keeps every entry. The same again (a heartbeat) is no new entry."""
    replaced = [(number, other) for number, other in _standing(c, value.id) if value.replaces(other)]
    payload = msgspec.json.encode(value).decode()
    if len(replaced) == 1 and _says(replaced[0][1]) == _says(value):
        c.execute(update(limit_entry).where(limit_entry.c.number == replaced[0][0]).values(payload=payload))
        return
    _end(c, [number for number, _ in replaced], value.received_at)
    c.execute(insert(limit_entry).values(id=value.id, received_at=value.received_at, by=by, payload=payload))


def _says(limit: Limit) -> Limit:
    """Without when it was said."""
    never = datetime.min.replace(tzinfo=UTC)
    return msgspec.structs.replace(limit, received_at=never, heard_at=None, starts_at=never)


def _standing(c: Connection, name: str) -> list[tuple[int, Limit]]:
    """(number, entry) of what was entered with an id and is neither replaced nor withdrawn."""
    where = (limit_entry.c.id == name) & limit_entry.c.withdrawn_at.is_(None)
    rows = c.execute(select(limit_entry.c.number, limit_entry.c.payload).where(where).order_by(limit_entry.c.number))
    return [(number, msgspec.json.decode(payload, type=Limit)) for number, payload in rows]


def _end(c: Connection, numbers: list[int], now: datetime) -> None:
    c.execute(update(limit_entry).where(limit_entry.c.number.in_(numbers)).values(withdrawn_at=now))


def withdraw_limit(c: Connection, name: str, now: datetime, starts_at: datetime | None = None) -> None:
    """All entries of an id, or the one that begins then."""
    _end(c, [number for number, limit in _standing(c, name) if starts_at is None or limit.starts_at == starts_at], now)


def forget_withdrawn(c: Connection, name: str) -> None:
    """Drop what was entered with an id and is replaced or withdrawn: for what a machine says anew every few seconds."""
    c.execute(delete(limit_entry).where((limit_entry.c.id == name) & limit_entry.c.withdrawn_at.is_not(None)))


def limits(c: Connection) -> list[Limit]:
    """The entries that are neither replaced nor withdrawn, in the order in which they came."""
    rows = c.execute(select(limit_entry.c.payload).where(limit_entry.c.withdrawn_at.is_(None)).order_by(limit_entry.c.number)).scalars()
    return [msgspec.json.decode(payload, type=Limit) for payload in rows]


def readings(c: Connection, meter: str, since: datetime) -> list[Reading]:
    """What a meter told from ``since`` on, oldest first."""
    where = (reading.c.meter == meter) & (reading.c.received_at >= since)
    rows = c.execute(select(reading.c.payload).where(where).order_by(reading.c.received_at)).scalars()
    return [msgspec.json.decode(payload, type=Reading) for payload in rows]


def forget(c: Connection, now: datetime, keep_s: float) -> None:
    """Drop readings and decisions older than ``keep_s``, and what the chart and the event log tell of longer ago; sessions and limits stay."""
    edge = now - timedelta(seconds=keep_s)
    c.execute(delete(reading).where(reading.c.received_at < edge))
    c.execute(delete(decision).where(decision.c.at < edge))
    c.execute(delete(sample).where(sample.c.at < now - timedelta(seconds=max(keep_s, CHART_KEPT_S))))
    c.execute(delete(happening).where(happening.c.at < now - timedelta(seconds=max(keep_s, HAPPENINGS_KEPT_S))))
