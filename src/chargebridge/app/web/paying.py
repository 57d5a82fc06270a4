"""What drivers without a contract open: the link behind a station's QR code, which leads to the payment provider, and the receipt."""

import html
from decimal import Decimal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from chargebridge.app.web.access import Access
from chargebridge.app.web.doors import address, plain, refused_driver
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site.money.payments import NOT_BILLABLE
from chargebridge.site.view import SiteService
from chargebridge.stations.terms import Limits

STATE = {
    "offered": "not paid yet",
    "authorised": "paid in advance; charging is about to begin",
    "refused": "the station did not start; nothing is taken",
    "charging": "charging",
    "unproven": "charging has ended, and what the meter signed does not prove it so far: nothing is taken unless it does",
    "ended": "charging has ended; the station settles the payment",
    "to_settle": "charging has ended; the payment is being settled",
    "settled": "paid",
    "canceled": "nothing was charged, nothing is taken",
    "failed": "the payment could not be settled",
}
MOST = 1e9


def paying(service: SiteService, access: Access) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/pay/{station}/{evse}/{code}/{version}")
    async def pay(request: Request, station: str, evse: int, code: str, version: str) -> Response:
        """C25.FR.07 to C25.FR.20. Who guesses codes has to wait, as who guesses drivers' links."""
        who = address(request)
        if (wait_s := access.keys.wait_s(who)) > 0:
            return refused_driver(wait_s)
        try:
            url = await service.money.scanned(station, evse, code, version, _limits(request))
        except ChargebridgeError as error:
            access.keys.attempt(who)
            return plain(
                "No payment", f"<p>This {html.escape(error.where)} {html.escape(error.reason)}: {html.escape(error.cure)}.</p>", 403
            )
        return RedirectResponse(url, 303)

    @router.get("/receipt/{secret}")
    async def receipt(request: Request, secret: str) -> Response:
        who = address(request)
        if (wait_s := access.keys.wait_s(who)) > 0:
            return refused_driver(wait_s)
        payment = await service.money.by_receipt(secret[:64])
        if payment is None:
            access.keys.attempt(who)
            return plain("No such receipt", "<p>The link may have been copied only in part.</p>", 404)
        amount = "" if payment.amount is None else f"<p><strong>{payment.amount:.2f} {html.escape(payment.currency)}</strong></p>"
        why = f"<p>{html.escape(payment.detail)}</p>" if payment.detail.startswith(NOT_BILLABLE) else ""
        where = f"<p>Charging station {html.escape(payment.station)}, {payment.created_at:%Y-%m-%d %H:%M} UTC.</p>"
        return plain("Receipt", f"{amount}<p>{STATE[payment.state]}.</p>{why}{where}<p>Reference {html.escape(payment.reference)}</p>")

    return router


def _limits(request: Request) -> Limits:
    """maxenergy, maxtime and maxcost of the link (C25.FR.59); what is no sensible number is left out (C25.FR.60)."""
    found: dict[str, float] = {}
    for name in ("maxenergy", "maxtime", "maxcost"):
        try:
            value = float(request.query_params.get(name, ""))
        except ValueError:
            continue
        if 0 < value < MOST:
            found[name] = value
    energy, time, cost = (found.get(name) for name in ("maxenergy", "maxtime", "maxcost"))
    return Limits(
        energy_wh=None if energy is None else round(energy),
        time_s=None if time is None else round(time),
        cost=None if cost is None else Decimal(str(round(cost, 2))),
    )
