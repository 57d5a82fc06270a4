"""Payments as their transactions begin and end (2.1 C18 to C25). Each function runs inside the store write that files the event.

offered -> authorised -> charging -> to_settle -> settled
                |                        |--> canceled (nothing was charged), failed (the provider would not)
                v                        ended -> settled, canceled, failed: the station settles itself and tells
             refused

charging -> unproven: signed values are due and do not hold. -> to_settle: they do by now; or with nothing, as nobody has proven them for a day.
"""

import secrets
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.site import station_book
from chargebridge.site.money import records
from chargebridge.site.money.records import TermsRow
from chargebridge.site.money.view import PaymentRow, PaymentState
from chargebridge.stations.events import Settled
from chargebridge.stations.port import TransactionEvent

TERMINAL = "terminal"
NOT_BILLABLE = "not billable"
"""How the detail of a payment begins whose session is not proven."""
TOLD: dict[str, PaymentState] = {"Settled": "settled", "Canceled": "canceled", "Rejected": "failed", "Failed": "failed"}


def new(reference: str, station: str, evse: int, origin: str, state: PaymentState, currency: str, now: datetime) -> PaymentRow:
    return PaymentRow(
        reference=reference,
        station=station,
        evse=evse,
        origin=origin,
        state=state,
        currency=currency,
        receipt=secrets.token_urlsafe(18),
        created_at=now,
        changed_at=now,
    )


def begun(c: Connection, row: TermsRow, event: TransactionEvent, now: datetime) -> None:
    """A transaction has begun with a payment; one that we have not heard of is of the station's own terminal."""
    known = records.payment_of(c, row.token) or new(row.token, row.station, event.evse, TERMINAL, "charging", row.currency, now)
    authorised = known.authorised
    if authorised is None and event.limits is not None:
        authorised = event.limits.cost  # C18.FR.06: what the terminal has reserved
    records.keep_payment(c, replace(known, state="charging", transaction=row.transaction, authorised=authorised, changed_at=now))


def ended(c: Connection, row: TermsRow, now: datetime) -> None:
    """Its cost is known. Who settles: we, unless the station's own terminal does (C21.FR.01, C21.FR.05)."""
    known = records.payment_of(c, row.token)
    if known is None or known.state not in ("charging", "unproven"):
        return
    state: PaymentState = "to_settle" if _ours(c, known) else "ended"
    records.keep_payment(c, replace(known, state=state, amount=row.cost, detail="", changed_at=now))


def _ours(c: Connection, known: PaymentRow) -> bool:
    return known.origin != TERMINAL or (station_book.value(c, known.station, "PaymentCtrlr.SettlementByCSMS") or "").lower() == "true"


def withheld(c: Connection, row: TermsRow, reason: str, now: datetime) -> None:
    """It has ended, and its energy is not proven: nothing is settled unless it will be."""
    known = records.payment_of(c, row.token)
    if known is not None and known.state == "charging":
        state: PaymentState = "unproven" if _ours(c, known) else "ended"
        records.keep_payment(c, replace(known, state=state, detail=f"{NOT_BILLABLE}: {reason}", changed_at=now))


def released(c: Connection, before: datetime, now: datetime) -> None:
    """What nobody has proven for so long is given back: settled with nothing, which cancels the reservation."""
    for known in records.payments(c, state="unproven"):
        if known.changed_at <= before:
            records.keep_payment(c, replace(known, state="to_settle", amount=Decimal("0.00"), changed_at=now))


def settled(c: Connection, station: str, event: Settled, currency: str, now: datetime) -> str:
    """The station tells what became of a payment at its terminal. Returns it in words."""
    known = records.payment_of(c, event.reference) or new(event.reference, station, 0, TERMINAL, "ended", currency, now)
    details = event.details
    state = TOLD.get(event.status, "failed")
    records.keep_payment(
        c,
        replace(
            known,
            state=state,
            amount=Decimal(str(event.amount)),
            transaction=event.transaction or known.transaction,
            receipt_url=details.get("receiptUrl") or known.receipt_url,
            detail=str(details.get("statusInfo", "")),
            changed_at=now,
        ),
    )
    return f"{station}: payment {event.reference} is {state}: {event.amount:.2f} {known.currency}"
