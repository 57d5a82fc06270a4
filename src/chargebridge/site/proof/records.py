"""Proofs as they are kept. Each function runs inside one store write or read."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.site.proof.judging import Charged, Judged, Stored
from chargebridge.site.proof.view import ProofState
from chargebridge.stations.port import SignedValue
from chargebridge.store.proof_tables import session_proof
from chargebridge.store.station_tables import signed_value
from chargebridge.store.tables import session

PRESUMED = "NotReported"


class ProofRow(Struct, frozen=True, kw_only=True):
    """state: "running" until the session has ended. counted: rows of ``signed_value`` that the verdict stands on, digest: of what they sign.

    entry, key: of the register: its id, and the key's fingerprint. pages: of that key's meter, that the session has used up.
    """

    session: int
    id: str
    evse: str
    state: ProofState = "running"
    code: str = ""
    reason: str = ""
    judged_at: datetime | None = None
    counted: tuple[int, ...] = ()
    digest: str | None = None
    entry: str | None = None
    key: str | None = None
    first_page: int | None = None
    last_page: int | None = None


class SessionFacts(Struct, frozen=True, kw_only=True):
    """Of the ledger's row what a proof needs. ended_at: None while it runs."""

    number: int
    point: str
    station: str
    transaction: str
    charged: Charged
    ended: bool


def new(number: int, evse: str) -> ProofRow:
    return ProofRow(session=number, id=secrets.token_urlsafe(18), evse=evse)


def keep(c: Connection, row: ProofRow) -> None:
    values: dict[str, Any] = msgspec.structs.asdict(row) | {"counted": msgspec.json.encode(row.counted).decode()}
    statement = upsert(session_proof).values(values)
    rest = {name: value for name, value in values.items() if name not in ("session", "id")}
    c.execute(statement.on_conflict_do_update(index_elements=["session"], set_=rest))


def find(c: Connection, number: int) -> ProofRow | None:
    return _first(c, session_proof.c.session == number)


def by_id(c: Connection, proof: str) -> ProofRow | None:
    return _first(c, session_proof.c.id == proof)


def newest_at(c: Connection, point: str) -> ProofRow | None:
    """Of the point's last session; None where that one needs none."""
    number = c.execute(select(session.c.number).where(session.c.point == point).order_by(session.c.number.desc()).limit(1)).scalar()
    return None if number is None else find(c, number)


def of_sessions(c: Connection, numbers: Sequence[int]) -> dict[int, ProofRow]:
    found = c.execute(select(session_proof).where(session_proof.c.session.in_(numbers))).mappings()
    return {row["session"]: _row(row) for row in found}


def open_ones(c: Connection, *, unbillable: bool) -> list[int]:
    """Sessions that have ended and are still to be judged. unbillable: also those that were found wanting."""
    states = ("running", "unbillable") if unbillable else ("running",)
    joined = session_proof.join(session, session.c.number == session_proof.c.session)
    query = select(session_proof.c.session).select_from(joined)
    return list(c.execute(query.where(session_proof.c.state.in_(states), session.c.ended_at.is_not(None))).scalars())


def facts(c: Connection, number: int, evse: str) -> SessionFacts | None:
    row = c.execute(select(session).where(session.c.number == number)).mappings().first()
    if row is None:
        return None
    return SessionFacts(
        number=number,
        point=row["point"],
        station=row["station"],
        transaction=row["transaction"],
        ended=row["ended_at"] is not None,
        charged=Charged(
            evse=evse,
            started_at=row["started_at"],
            ended_at=row["ended_at"] or row["started_at"],
            energy_wh=row["energy_wh"],
            presumed=row["end_reason"] == PRESUMED,
        ),
    )


def stored(c: Connection, number: int) -> list[Stored]:
    """The session's signed values, in the order of their time."""
    names = SignedValue.__struct_fields__
    query = select(signed_value.c.number, *(signed_value.c[name] for name in names)).where(signed_value.c.session == number)
    rows = c.execute(query.order_by(signed_value.c.at, signed_value.c.number)).mappings()
    return [Stored(row["number"], SignedValue(**{name: row[name] for name in names})) for row in rows]


def used_by(c: Connection, number: int, judged: Judged) -> int | None:
    """Another billable session that these records, or the meter's pages in them, prove already."""
    if judged.digest is None:
        return None
    same = session_proof.c.digest == judged.digest
    if judged.pages is not None and judged.entry is not None:
        first, last = judged.pages
        same |= (
            (session_proof.c.key == judged.entry.key.fingerprint())
            & (session_proof.c.first_page <= last)
            & (session_proof.c.last_page >= first)
        )
    other = (session_proof.c.session != number) & (session_proof.c.state == "billable")
    found: int | None = c.execute(select(session_proof.c.session).where(same & other)).scalar()
    return found


def _first(c: Connection, where: Any) -> ProofRow | None:
    row = c.execute(select(session_proof).where(where)).mappings().first()
    return None if row is None else _row(row)


def _row(row: RowMapping) -> ProofRow:
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    return ProofRow(**values | {"counted": tuple(msgspec.json.decode(row["counted"], type=list[int]))})
