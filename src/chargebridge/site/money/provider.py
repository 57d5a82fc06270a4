"""The payment service provider, and who checks VAT numbers, over HTTP. docs/operating.md tells what they are asked.

POST {provider_url}/settlements   {reference, amount, currency, station, transaction}, Idempotency-Key: reference  -> {receiptUrl?}
GET  {provider_url}/pay?reference=&amount=&currency=&back=   where drivers are sent to pay
GET  {vat_url}/{number}  -> {valid, company?: {name, address1, city, postalCode, country}}
"""

from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote, urlencode

import httpx
from msgspec import Struct

from chargebridge.site.money.view import PaymentRow
from chargebridge.stations.terms import VatCheck

TIMEOUT_S = 5.0
AGAIN = frozenset({408, 425, 429})
"""Refusals that pass by themselves (RFC 9110)."""


class Outcome(Struct, frozen=True, kw_only=True):
    """done: settled; failed: it never will be; later: nobody has answered, or not now."""

    what: Literal["done", "failed", "later"]
    detail: str = ""
    receipt_url: str | None = None


class Provider:
    """url None: there is none, and nothing can be settled."""

    def __init__(self, url: str | None, token: str | None, vat_url: str | None) -> None:
        self.url = None if url is None else url.rstrip("/")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._vat_url = None if vat_url is None else vat_url.rstrip("/")

    def pay_url(self, reference: str, amount: Decimal | None, currency: str, back: str) -> str | None:
        """Where a driver is sent to pay."""
        if self.url is None:
            return None
        query = {"reference": reference, "currency": currency, "back": back} | ({} if amount is None else {"amount": str(amount)})
        return f"{self.url}/pay?{urlencode(query)}"

    async def settle(self, payment: PaymentRow) -> Outcome:
        """Have it paid; the same payment any number of times."""
        if self.url is None:
            return Outcome(what="later", detail="no payment provider is configured")
        body = {
            "reference": payment.reference,
            "amount": str(payment.amount),
            "currency": payment.currency,
            "station": payment.station,
            "transaction": payment.transaction,
        }
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                headers = self._headers | {"Idempotency-Key": payment.reference}
                answer = await client.post(f"{self.url}/settlements", json=body, headers=headers)
        except httpx.HTTPError as error:
            return Outcome(what="later", detail=f"the provider cannot be reached ({type(error).__name__})")
        if answer.is_success:
            url = _object(answer).get("receiptUrl")
            return Outcome(what="done", receipt_url=url[:2000] if isinstance(url, str) else None)
        passing = answer.status_code >= 500 or answer.status_code in AGAIN
        return Outcome(what="later" if passing else "failed", detail=f"the provider answered {answer.status_code}: {answer.text[:200]}")

    async def check_vat(self, number: str) -> VatCheck:
        if self._vat_url is None:
            return VatCheck(valid=False, reason="VAT numbers are not checked here")
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                answer = await client.get(f"{self._vat_url}/{quote(number, safe='')}")
        except httpx.HTTPError as error:
            return VatCheck(valid=False, reason=f"the number cannot be checked now ({type(error).__name__})")
        told = _object(answer)
        if not answer.is_success or told.get("valid") is not True:
            return VatCheck(valid=False, reason="" if answer.is_success else f"the check answered {answer.status_code}")
        company = told.get("company")
        return VatCheck(valid=True, company=_address(company) if isinstance(company, dict) else None)


ADDRESS = {"name": 50, "address1": 100, "address2": 100, "city": 100, "postalCode": 20, "country": 50}
NEEDED = ("name", "address1", "city", "country")


def _address(told: dict[str, Any]) -> dict[str, str] | None:
    """AddressType of 2.1, cut to what fits; None: too little is known for one."""
    found = {name: str(told[name])[:size] for name, size in ADDRESS.items() if told.get(name)}
    return found if all(name in found for name in NEEDED) else None


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
