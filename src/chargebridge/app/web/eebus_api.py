"""The REST API for EEBUS: our node, its peers and their pairing, what the grid asks for, the trace."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field

from chargebridge.app.web.api_schema import Body, Json, gives
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site.eebus_view import EebusCode, EebusService, EebusView, GridLimit, LimitWrite, PeerView, TracedMessage
from chargebridge.site.view import SiteService

BY = "api"
TRACE_MAX = 5000
Many = Annotated[int, Query(ge=1, le=TRACE_MAX)]


class NoEebusError(ChargebridgeError):
    """The site is not configured to speak EEBUS."""


class PairBody(Body):
    """Whom to trust. Without host and port it is dialled where mDNS says it is, or it comes to us."""

    ski: str = Field(min_length=40, max_length=80, description="40 hexadecimal digits; blanks, dashes and capitals mean nothing")
    name: str = Field("", max_length=64, description="for people")
    host: str | None = Field(None, min_length=1, max_length=253)
    port: int | None = Field(None, ge=1, le=65535)


class WindowBody(Body):
    duration_s: float = Field(180.0, gt=0, le=300, description="it closes by itself after that")


def speaking(service: SiteService) -> EebusService:
    """Raises NoEebusError."""
    if service.eebus is None:
        raise NoEebusError("eebus", "this site does not speak EEBUS", "add an [eebus] table to its configuration and start it again")
    return service.eebus


def trace_lines(service: SiteService, peer: str | None = None, limit: int = TRACE_MAX) -> str:
    """The last messages as JSON lines, the oldest first: what whoever is to help asks for."""
    if service.eebus is None:
        return ""
    return "".join(msgspec.json.encode(one).decode() + "\n" for one in service.eebus.trace(peer, limit=limit))


def add_eebus(router: APIRouter, service: SiteService) -> None:
    _reading(router, service)
    _pairing(router, service)


def _reading(router: APIRouter, service: SiteService) -> None:
    @router.get("/eebus", responses=gives(EebusView), tags=["eebus"], summary="Our node, its peers, what the grid asks for")
    async def everything() -> Response:
        return Json(speaking(service).view())

    @router.get(
        "/eebus/peers", responses=gives(PeerView, many=True), tags=["eebus"], summary="All peers: where we stand, what is wrong, what to do"
    )
    async def peers() -> Response:
        return Json(speaking(service).view().peers)

    @router.get("/eebus/limits", responses=gives(GridLimit, many=True), tags=["eebus"], summary="What the grid asks for: LPC and LPP")
    async def limits() -> Response:
        return Json(speaking(service).view().limits)

    @router.get(
        "/eebus/writes",
        responses=gives(LimitWrite, many=True),
        tags=["eebus"],
        summary="What Energy Guards have written and what became of it, the newest first",
    )
    async def writes(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        return Json(await speaking(service).writes(limit))

    @router.get(
        "/eebus/trace",
        responses=gives(TracedMessage, many=True),
        tags=["eebus"],
        summary="The last messages, the oldest first; the next ones with after=<the last number>",
    )
    async def trace(peer: str | None = None, after: int = 0, limit: Many = 200) -> Response:
        return Json(speaking(service).trace(peer, after, limit))


def _pairing(router: APIRouter, service: SiteService) -> None:
    @router.post("/eebus/peers", status_code=204, tags=["eebus"], summary="Trust a peer, also one that asks")
    async def pair(body: PairBody) -> None:
        await speaking(service).pair(body.ski, BY, name=body.name, host=body.host, port=body.port)

    @router.delete("/eebus/peers/{ski}", status_code=204, tags=["eebus"], summary="Trust it no longer, and tell it")
    async def unpair(ski: str) -> None:
        await speaking(service).unpair(ski, BY)

    @router.post("/eebus/peers/{ski}/refuse", status_code=204, tags=["eebus"], summary="Turn away one that asks")
    async def refuse(ski: str) -> None:
        await speaking(service).refuse(ski, BY)

    @router.put("/eebus/window", status_code=204, tags=["eebus"], summary="Open the pairing window, in which unknown peers may ask")
    async def open_window(body: WindowBody) -> None:
        speaking(service).open_window(body.duration_s, BY)

    @router.delete("/eebus/window", status_code=204, tags=["eebus"], summary="Close the pairing window")
    async def close_window() -> None:
        speaking(service).close_window(BY)

    @router.post(
        "/eebus/secret-code",
        responses=gives(EebusCode),
        tags=["eebus"],
        summary="The text of our QR code with the pairing service's secret: who has read it can pair",
    )
    async def secret_code() -> Response:
        return Json(EebusCode(code=speaking(service).secret_code()))
