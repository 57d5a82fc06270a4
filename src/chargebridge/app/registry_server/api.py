"""The registry's interface. Reading is open to everybody; handing in takes an operator's token.

GET  /v1/key          the registry's public key (PEM)      GET /v1/lookup        entries of a charging point or meter
GET  /v1/head         the newest signed tree head          GET /v1/receipt       the confirmation of an entry, with its proof
GET  /v1/heads        all of them                          GET /v1/authorise     whether one may charge there by calibration law
GET  /v1/entries      the logged bytes, for own copies     GET /v1/consistency   that a later log continues an earlier one
POST /v1/commission, decommission, exchange-hardware, replace-meter, update-firmware, offer, take-over
"""

import base64
import functools
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import AwareDatetime

from chargebridge.app.registry_server import schema
from chargebridge.app.registry_server.accounts import Accounts
from chargebridge.calibration.registry import rules
from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.calibration.registry.errors import RegistryError
from chargebridge.calibration.registry.events import AnyEvent
from chargebridge.calibration.registry.log import Registry
from chargebridge.calibration.registry.rules import Entries

ENTRIES_MAX = 1000
LOOKUP_MAX = 500


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def add_api(app: FastAPI, registry: Registry, accounts: Accounts) -> None:
    @app.exception_handler(RegistryError)
    async def refused(_: Request, error: RegistryError) -> JSONResponse:
        """409: the processes do not allow it as things stand."""
        return JSONResponse({"where": error.where, "reason": error.reason, "cure": error.cure}, 409)

    app.include_router(_open(registry))
    app.include_router(_handed_in(registry, accounts))


def _open(registry: Registry) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["look up and check"])

    @router.get("/key", response_class=PlainTextResponse)
    async def key() -> str:
        return registry.public_pem.decode()

    @router.get("/head", response_class=Json)
    async def head() -> Json:
        return Json(schema.shown_head(registry.head))

    @router.get("/heads", response_class=Json)
    async def heads(since: int = Query(0, ge=0)) -> Json:
        return Json([schema.shown_head(one) for one in registry.heads if one.size > since][:ENTRIES_MAX])

    @router.get("/entries", response_class=Json)
    async def entries(start: int = Query(0, ge=0), end: int = Query(ENTRIES_MAX, ge=0)) -> Json:
        """The logged bytes of public entries, base64; at most 1,000 at a time."""
        bodies = registry.bodies(start, min(end, start + ENTRIES_MAX, registry.head.size))
        return Json({"start": start, "entries": [base64.b64encode(body).decode() for body in bodies]})

    @router.get("/consistency", response_class=Json)
    async def consistency(old: int = Query(ge=0), new: int = Query(ge=0)) -> Json:
        return Json({"path": [step.hex() for step in registry.consistency(old, new)]})

    @router.get("/lookup", response_class=Json)
    async def lookup(evse: str = "", meter: str = "", at: AwareDatetime | None = None) -> Json:
        """By EVSE-ID or by a meter's serial; at: those only that count for a session that began then."""
        if not evse and not meter:
            raise HTTPException(422, "name an EVSE-ID or a meter")
        return Json([schema.shown(entry) for entry in registry.lookup(evse=evse, meter=meter, at=at)[:LOOKUP_MAX]])

    @router.get("/receipt", response_class=Json)
    async def receipt(entry: str) -> Json:
        return Json(schema.shown_receipt(registry.receipt(entry)))

    @router.get("/authorise", response_class=Json)
    async def authorise(evse: str) -> Json:
        """Before sessions are authorised there, and before POI data claim calibration: is the key public?"""
        refusal = registry.may_authorise(evse)
        return Json(
            {"evse": evse, "allowed": refusal is None, "reason": refusal.reason if refusal else "", "cure": refusal.cure if refusal else ""}
        )

    return router


def _handed_in(registry: Registry, accounts: Accounts) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["for operators"])
    cpo_of = Depends(accounts.who)

    async def run(process: Callable[[Entries, datetime], Sequence[AnyEvent]]) -> Json:
        """202: it is logged; keys in it count once the next tree head is signed."""
        made: tuple[KeyEntry, ...] = await registry.propose(process)
        return Json([schema.shown(entry) for entry in made], 202)

    @router.post("/commission", response_class=Json, status_code=202)
    async def commission(body: schema.KeyBody, cpo: str = cpo_of) -> Json:
        return await run(functools.partial(_commission, body.handed(cpo)))

    @router.post("/decommission", response_class=Json, status_code=202)
    async def decommission(body: schema.EndBody, cpo: str = cpo_of) -> Json:
        return await run(lambda entries, at: rules.decommission(entries, body.entry, cpo, at, body.ended_at))

    @router.post("/exchange-hardware", response_class=Json, status_code=202)
    async def exchange(body: schema.ExchangeBody, cpo: str = cpo_of) -> Json:
        told = body.model_dump(exclude={"entry"})
        return await run(lambda entries, at: rules.exchange_hardware(entries, body.entry, cpo, at, **told))

    @router.post("/replace-meter", response_class=Json, status_code=202)
    async def replace(body: schema.SuccessorBody, cpo: str = cpo_of) -> Json:
        return await run(lambda entries, at: rules.replace_meter(entries, body.entry, body.handed(cpo), _name(), at))

    @router.post("/update-firmware", response_class=Json, status_code=202)
    async def update(body: schema.SuccessorBody, cpo: str = cpo_of) -> Json:
        return await run(lambda entries, at: rules.update_firmware(entries, body.entry, body.handed(cpo), _name(), at))

    @router.post("/offer", response_class=Json, status_code=202)
    async def offer(body: schema.OfferBody, cpo: str = cpo_of) -> Json:
        return await run(lambda entries, at: rules.offer(entries, body.entry, cpo, body.to, at, body.until))

    @router.post("/take-over", response_class=Json, status_code=202)
    async def take_over(body: schema.TakeOverBody, cpo: str = cpo_of) -> Json:
        return await run(lambda entries, at: rules.take_over(entries, body.entry, body.evse, cpo, _name(), at))

    return router


def _commission(handed: rules.Handed, entries: Entries, at: datetime) -> Sequence[AnyEvent]:
    return rules.commission(entries, handed, _name(), at)


def _name() -> str:
    """An entry's id: nobody's to guess, and no other's."""
    return secrets.token_hex(8)
