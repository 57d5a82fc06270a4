"""What pages, API and commands see of money."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from chargebridge.stations.terms import Limits

PaymentState = Literal["offered", "authorised", "refused", "charging", "unproven", "ended", "to_settle", "settled", "canceled", "failed"]


class PaymentRow(Struct, frozen=True, kw_only=True):
    """A payment without a contract (2.1 C18 to C25). reference: the payment service provider's, the token of its transaction.

    origin: "kiosk" (also a web page of the provider's), "qr" or "terminal" (the station's own). state: "offered" (the driver was sent to pay),
    "authorised" (its start was asked for), "refused" (the station would not start), "charging", "unproven" (signed values are due and do not hold,
    so far), "ended" (the station is to settle), "to_settle", "settled", "canceled", "failed". authorised: the most that may be spent. amount: what it
    cost, with tax. receipt: the secret of its page.
    """

    reference: str
    station: str
    evse: int
    origin: str
    state: PaymentState
    currency: str
    receipt: str
    created_at: datetime
    changed_at: datetime
    authorised: Decimal | None = None
    amount: Decimal | None = None
    transaction: str | None = None
    receipt_url: str | None = None
    detail: str = ""


class TermsView(Struct, frozen=True, kw_only=True):
    """What holds for a transaction. wanted: our limits; held: those that its station names. cost: by us, with tax; their_cost: by the station.

    billable: False where signed values are due and do not hold: nobody is asked for the cost.
    """

    station: str
    transaction: str
    token: str
    tariff: str | None
    currency: str
    cost: Decimal | None
    their_cost: Decimal | None
    wanted: Limits
    held: Limits
    charging_s: float
    idle_s: float
    ended: bool
    billable: bool = True


class AccountRow(Struct, frozen=True, kw_only=True):
    token: str
    name: str
    balance: Decimal


class QrCode(Struct, frozen=True, kw_only=True):
    """What was set in a station for its dynamic QR code: where it leads, and the station's answer."""

    url_template: str
    validity_s: int
    length: int
    outcome: str
    detail: str
