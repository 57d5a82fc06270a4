"""The provider: reserves what drivers pay, settles once for each reference, tells VAT numbers. Its interface is that of docs/operating.md, Payments.

async with PaymentProvider(vat={"DE123456789": {...}}) as provider:
    provider.url, provider.vat_url
"""

import asyncio
import json
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

HEAD_MAX = 16_384


class PaymentProvider:
    """settlements: reference -> what was settled first; asked: how often settlements were asked for. broken: answers 503. refuses: answers 422.

    paid: the queries of drivers that were sent to pay. token: that back ends have to show; None: none.
    """

    def __init__(self, *, vat: dict[str, dict[str, str] | None] | None = None, token: str | None = None) -> None:
        self.vat = vat or {}
        self.token = token
        self.settlements: dict[str, dict[str, Any]] = {}
        self.asked = 0
        self.broken = self.refuses = False
        self.paid: list[dict[str, str]] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_MAX)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/psp"

    @property
    def vat_url(self) -> str:
        return self.url.removesuffix("/psp") + "/vat"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            status, answer = self._answer(method, target, fields, body)
            content = json.dumps(answer).encode()
            first = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            writer.write(first.encode() + content)
            await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

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
