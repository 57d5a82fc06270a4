"""Money as it is kept. Each function runs inside one store write or read; amounts are decimal text."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.model.tariff import Tariff
from chargebridge.site.money.view import PaymentRow
from chargebridge.stations.terms import NO_LIMITS, Limits
from chargebridge.store.money_tables import account_entry, payment, start_limit, transaction_terms

Key = tuple[str, str]  # station, transaction


class TermsRow(Struct, frozen=True, kw_only=True):
    """What holds for one transaction.

    wanted: the limits that we set; sent: those that its station was told; told: those that it has said it holds. charging_s, idle_s: until ``at``,
    the time of its newest event, in which it charged or not (``charging``). cost: with tax; None: nobody knows. their_cost: as the station reckons.
    billable: False where signed values are due and do not hold: then nobody is asked for the cost.
    """

    station: str
    transaction: str
    at: datetime
    tariff: Tariff | None = None
    wanted: Limits = NO_LIMITS
    sent: Limits = NO_LIMITS
    told: Limits = NO_LIMITS
    charging_s: float = 0.0
    idle_s: float = 0.0
    charging: bool = True
    cost: Decimal | None = None
    their_cost: Decimal | None = None
    currency: str = ""
    message: str | None = None
    token: str = ""
    kind: str = ""
    ended_at: datetime | None = None
    billable: bool = True

    @property
    def key(self) -> Key:
        return self.station, self.transaction

    def lasted_s(self, now: datetime) -> float:
        """Since it began."""
        return self.charging_s + self.idle_s + max(0.0, (now - self.at).total_seconds())


JSON = ("wanted", "sent", "told")
MONEY = ("cost", "their_cost")


def keep(c: Connection, row: TermsRow) -> None:
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    for name in JSON:
        values[name] = msgspec.json.encode(values[name]).decode()
    for name in MONEY:
        values[name] = None if values[name] is None else str(values[name])
    values["tariff"] = None if row.tariff is None else msgspec.json.encode(row.tariff).decode()
    statement = upsert(transaction_terms).values(values)
    rest = {name: value for name, value in values.items() if name not in ("station", "transaction")}
    c.execute(statement.on_conflict_do_update(index_elements=["station", "transaction"], set_=rest))


def _terms(row: RowMapping) -> TermsRow:
    values = dict(row)
    for name in JSON:
        values[name] = msgspec.json.decode(values[name], type=Limits)
    for name in MONEY:
        values[name] = None if values[name] is None else Decimal(values[name])
    values["tariff"] = None if values["tariff"] is None else msgspec.json.decode(values["tariff"], type=Tariff)
    return TermsRow(**values | {"charging": bool(values["charging"])})


def find(c: Connection, station: str, transaction: str) -> TermsRow | None:
    where = (transaction_terms.c.station == station) & (transaction_terms.c.transaction == transaction)
    row = c.execute(select(transaction_terms).where(where)).mappings().first()
    return None if row is None else _terms(row)


def any_there(c: Connection) -> bool:
    return c.execute(select(transaction_terms.c.station).limit(1)).first() is not None


def running(c: Connection) -> list[TermsRow]:
    return [_terms(row) for row in c.execute(select(transaction_terms).where(transaction_terms.c.ended_at.is_(None))).mappings()]


def of_station(c: Connection, station: str, limit: int) -> list[TermsRow]:
    """The newest first."""
    query = select(transaction_terms).where(transaction_terms.c.station == station).order_by(transaction_terms.c.at.desc()).limit(limit)
    return [_terms(row) for row in c.execute(query).mappings()]


# Limits for transactions to come


def expect(c: Connection, station: str, token: str, wanted: Limits, now: datetime) -> int:
    """A transaction of that token is to be limited; returns a number that a remote start may carry."""
    row = {"station": station, "token": token, "wanted": msgspec.json.encode(wanted).decode(), "created_at": now}
    key = c.execute(insert(start_limit).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def expected(c: Connection, station: str, token: str, number: int | None, transaction: str) -> Limits | None:
    """What was to hold for a transaction that begins; taken once. number: of the remote start that it names."""
    unused = (start_limit.c.station == station) & start_limit.c.transaction.is_(None)
    mine = start_limit.c.token == token if number is None else or_(start_limit.c.token == token, start_limit.c.number == number)
    row = c.execute(select(start_limit).where(unused & mine).order_by(start_limit.c.number.desc())).mappings().first()
    if row is None:
        return None
    c.execute(update(start_limit).where(start_limit.c.number == row["number"]).values(transaction=transaction))
    return msgspec.json.decode(row["wanted"], type=Limits)


def is_expected(c: Connection) -> set[tuple[str, str]]:
    """(station, token) of those that wait."""
    query = select(start_limit.c.station, start_limit.c.token).where(start_limit.c.transaction.is_(None))
    return {(station, token) for station, token in c.execute(query)}


# Prepaid accounts


def book(c: Connection, token: str, amount: Decimal, key: str, note: str, now: datetime) -> bool:
    """An entry of an account, once for each key. False: it is there already."""
    row = {"token": token, "amount": str(amount), "key": key, "note": note, "at": now}
    return c.execute(upsert(account_entry).values(row).on_conflict_do_nothing()).rowcount == 1


def balances(c: Connection) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for token, amount in c.execute(select(account_entry.c.token, account_entry.c.amount)):
        found[token] = found.get(token, Decimal(0)) + Decimal(amount)
    return found


# Payments


def payment_of(c: Connection, reference: str) -> PaymentRow | None:
    row = c.execute(select(payment).where(payment.c.reference == reference)).mappings().first()
    return None if row is None else _payment(row)


def payments(c: Connection, *, station: str | None = None, state: str | None = None, limit: int = 100) -> list[PaymentRow]:
    """The newest first."""
    query = select(payment).order_by(payment.c.created_at.desc()).limit(limit)
    if station is not None:
        query = query.where(payment.c.station == station)
    if state is not None:
        query = query.where(payment.c.state == state)
    return [_payment(row) for row in c.execute(query).mappings()]


def by_receipt(c: Connection, receipt: str) -> PaymentRow | None:
    row = c.execute(select(payment).where(payment.c.receipt == receipt)).mappings().first()
    return None if row is None else _payment(row)


def keep_payment(c: Connection, row: PaymentRow) -> None:
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    for name in ("authorised", "amount"):
        values[name] = None if values[name] is None else str(values[name])
    statement = upsert(payment).values(values)
    rest = {name: value for name, value in values.items() if name != "reference"}
    c.execute(statement.on_conflict_do_update(index_elements=["reference"], set_=rest))


def drop_payment(c: Connection, reference: str) -> None:
    c.execute(delete(payment).where(payment.c.reference == reference))


def _payment(row: RowMapping) -> PaymentRow:
    values = dict(row)
    for name in ("authorised", "amount"):
        values[name] = None if values[name] is None else Decimal(values[name])
    return PaymentRow(**values)
