"""What charging costs and how it is paid, as a station's page draws it."""

from collections.abc import Sequence
from decimal import Decimal

from chargebridge.app.web import words
from chargebridge.site.money.view import PaymentRow, TermsView
from chargebridge.stations.terms import Limits

SHOWN = 8
"""Characters of a transaction's name; stations like to make 36 of them."""


def money(terms: Sequence[TermsView], payments: Sequence[PaymentRow]) -> list[list[str]]:
    """Rows: transaction, card, cost, limits, payment. Payments whose transaction is not there yet come first."""
    by = {payment.transaction: payment for payment in payments if payment.transaction is not None}
    waiting = [["", payment.reference, "", "", _paid(payment)] for payment in payments if payment.transaction is None]
    return waiting + [
        [
            one.transaction if len(one.transaction) <= SHOWN else f"{one.transaction[:SHOWN]}…",
            one.token,
            _cost(one),
            "; ".join(part for part in (_limits("set", one.wanted), _limits("held by the station", one.held)) if part),
            _paid(by[one.transaction]) if one.transaction in by else "",
        ]
        for one in terms
    ]


def _cost(one: TermsView) -> str:
    ours = "" if one.cost is None else f"{one.cost:.2f} {one.currency}"
    theirs = "" if one.their_cost is None else f"the station says {one.their_cost:.2f} {one.currency}"
    return ", ".join(part for part in (ours, theirs) if part)


def _limits(kind: str, limits: Limits) -> str:
    parts = [
        None if limits.cost is None else f"{limits.cost:.2f}",
        None if limits.energy_wh is None else words.energy(limits.energy_wh),
        None if limits.time_s is None else words.duration(limits.time_s),
        None if limits.soc is None else f"{limits.soc} %",
    ]
    given = [part for part in parts if part is not None]
    return f"{kind}: {', '.join(given)}" if given else ""


def _paid(payment: PaymentRow) -> str:
    amount: Decimal | None = payment.amount if payment.amount is not None else payment.authorised
    figure = "" if amount is None else f" {amount:.2f} {payment.currency}"
    return f"{payment.origin}, {payment.state.replace('_', ' ')}{figure} {payment.detail if payment.origin != 'qr' else ''}".rstrip()
