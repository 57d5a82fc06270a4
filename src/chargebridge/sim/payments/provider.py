"""The provider: reserves what drivers pay, settles once for each reference, tells VAT numbers. Its interface is that of docs/operating.md, Payments.

async with PaymentProvider(vat={"DE123456789": {...}}) as provider:
    provider.url, provider.vat_url
"""

import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from chargebridge.sim.http_server import HttpServer, Response


class PaymentProvider(HttpServer):
    """settlements: reference -> what was settled first; asked: how often settlements were asked for. broken: answers 503. refuses: answers 422.

    paid: the queries of drivers that were sent to pay. token: that back ends have to show; None: none.
    """

    def __init__(self, *, vat: dict[str, dict[str, str] | None] | None = None, token: str | None = None) -> None:
        super().__init__()
        self.vat = vat or {}
        self.token = token
        self.settlements: dict[str, dict[str, Any]] = {}
        self.asked = 0
        self.broken = self.refuses = False
        self.paid: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"{super().url}/psp"

    @property
    def vat_url(self) -> str:
        return self.url.removesuffix("/psp") + "/vat"

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        status, told = self._answer(method, target, headers, body)
        return status, "application/json", json.dumps(told).encode()

    def _answer(self, method: str, target: str, fields: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(target)
        if method == "GET" and parts.path.startswith("/vat/"):
            number = unquote(parts.path.removeprefix("/vat/"))
            company = self.vat.get(number)
            return 200, {"valid": number in self.vat} | ({} if company is None else {"company": company})
        if method == "GET" and parts.path == "/psp/pay":
            self.paid.append({name: values[0] for name, values in parse_qs(parts.query).items()})
            return 200, {}
        if method == "POST" and parts.path == "/psp/settlements":
            return self._settle(fields, body)
        return 404, {}

    def _settle(self, fields: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        self.asked += 1
        if self.token is not None and fields.get("authorization") != f"Bearer {self.token}":
            return 401, {}
        if self.broken:
            return 503, {}
        if self.refuses:
            return 422, {"reason": "the reservation has expired"}
        told: dict[str, Any] = json.loads(body)
        first = self.settlements.setdefault(fields.get("idempotency-key", told["reference"]), told)
        return 200, {"receiptUrl": f"https://psp.example/receipt/{first['reference']}"}
