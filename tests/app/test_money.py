"""Money by REST, by the links that drivers open, and by the command, over real HTTP: a running site with a raw 2.1 station."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import httpx
import uvicorn
from fastapi import FastAPI
from tests.site.test_money import LIMITS, Till, event, till
from tests.site.test_money import paying as configured
from typer.testing import CliRunner

from chargebridge.app.commands import money as command
from chargebridge.app.web.access import Access
from chargebridge.app.web.api import Guard, add_api
from chargebridge.app.web.paying import STATE, paying
from chargebridge.app.web.shown.money import money as rows_of
from chargebridge.sim.payments import PaymentProvider
from chargebridge.site.money.office import QR_LENGTH, QR_VALIDITY_S
from chargebridge.site.money.view import PaymentState
from chargebridge.wire.ocpp import totp

TOKEN = "a token for the tests of money"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@contextlib.asynccontextmanager
async def faced(folder: Path, provider: PaymentProvider, speed: float = 1.0) -> AsyncIterator[tuple[Till, httpx.AsyncClient]]:
    async with till(folder, configured(provider), speed) as made:
        service, access = made.site.site.service, Access(password_hash="none", api_token=TOKEN)
        app = FastAPI()
        add_api(app, service, Guard(service, access))
        app.include_router(paying(service, access))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        running = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url) as client:
            try:
                yield made, client
            finally:
                server.should_exit = True
                await running


async def run(client: httpx.AsyncClient, *words: str) -> Any:
    """The command, in a thread as it waits for its answers."""
    arguments = [*words, "--url", str(client.base_url), "--token", TOKEN, "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, command.app, arguments)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]


async def test_a_driver_scans_pays_charges_and_gets_a_receipt(tmp_path: Path) -> None:
    async with PaymentProvider() as provider, faced(tmp_path, provider, speed=20.0) as (made, web):
        client = await made.station("ocpp2.1", **{"TxCtrlr.SupportedLimits": LIMITS})
        assert (await web.post("/api/v1/stations/CP-1/qr")).status_code == 401, "only with the token"
        assert (await web.post("/api/v1/stations/CP-1/qr", headers=HEADERS)).status_code == 200
        values = {
            e["variable"]["name"]: e["attributeValue"] for f in client.asked if f[2] == "SetVariables" for e in f[3]["setVariableData"]
        }
        code = totp.password(values["SharedSecret"], made.site.site._clock.now(), validity_s=QR_VALIDITY_S, length=QR_LENGTH)
        refused = await web.get("/pay/CP-1/1/WRONGONE/v1")
        assert (refused.status_code, provider.paid) == (403, [])
        sent = await web.get(f"/pay/CP-1/1/{code}/v1?maxenergy=7000&maxcost=12.5&maxtime=nonsense")
        assert sent.status_code == 303
        await web.get(sent.headers["location"])
        (paid,) = provider.paid
        assert (paid["amount"], paid["currency"]) == ("12.5", "EUR")
        body = {"reference": "PSP-1", "station": "CP-1", "evse": 1, "amount": "12.50", "offer": paid["reference"]}
        told = await web.post("/api/v1/payments", headers=HEADERS, json=body)
        assert told.json()["state"] == "authorised", told.text
        started = await event(client, "Started", 0, 0, token="PSP-1", by="DirectPayment")
        assert started["transactionLimit"] == {"maxCost": 12.5, "maxEnergy": 7000.0}
        await event(client, "Ended", 1, 1, 1000)
        for _ in range(200):
            (row,) = (await web.get("/api/v1/payments", headers=HEADERS)).json()
            if row["state"] == "settled":
                break
            await asyncio.sleep(0.02)
        receipt = await web.get(f"/receipt/{row['receipt']}")
        assert (receipt.status_code, "0.61 EUR" in receipt.text) == (200, True)
        assert (await web.get("/receipt/nothing")).status_code == 404
        page = rows_of(await made.money.terms("CP-1"), await made.money.payments("CP-1"))
        assert page == [["t1", "PSP-1", "0.61 EUR", "set: 12.50, 7.0 kWh", "qr, settled 0.61 EUR"]]


async def test_limits_and_accounts_by_rest_and_command(tmp_path: Path) -> None:
    async with PaymentProvider() as provider, faced(tmp_path, provider) as (made, web):
        client = await made.station("ocpp2.1", **{"TxCtrlr.SupportedLimits": LIMITS})
        await event(client, "Started", 0, 0, token="TAG")
        (limited,) = await run(web, "limit", "CP-1", "t1", "--energy-wh", "5000", "--cost", "3.5")
        assert limited["wanted"] == {"cost": "3.5", "energy_wh": 5000}
        assert (await event(client, "Updated", 1, 1))["transactionLimit"] == {"maxCost": 3.5, "maxEnergy": 5000.0}
        of = "/api/v1/stations/CP-1/transactions/t1"
        assert (await web.post(f"{of}/tariff", headers=HEADERS, json={"name": "own"})).json()["tariff"].startswith("own-")
        assert (await web.delete(f"{of}/limits", headers=HEADERS)).json()["wanted"]["energy_wh"] > 1e6
        (terms,) = await run(web, "terms", "CP-1")
        assert terms["transaction"] == "t1"
        missing = await web.post("/api/v1/stations/CP-1/transactions/nothing/limits", headers=HEADERS, json={"soc": 80})
        assert missing.status_code == 404
        assert (await run(web, "pay-in", "PREPAID", "20"))[0]["balance"] == "20"
        assert [Decimal(row["balance"]) for row in await run(web, "accounts")] == [20]
        (record,) = await run(web, "start", "CP-1", "TAG", "--evse", "2", "--soc", "80")
        assert record["action"] == "RequestStartTransaction"
        assert await run(web, "payments") == []


def test_a_receipt_has_words_for_each_state() -> None:
    assert set(STATE) == set(get_args(PaymentState))
