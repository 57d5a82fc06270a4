"""The REST API under /api/v1: the owner with his token, a driver with the key of his point and for this point only."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime

from chargebridge.app.web.access import Access, Gate, same_secret
from chargebridge.app.web.api_schema import DischargeBody, Json, LimitBody, PreferenceBody, PriorityBody, Problem, describe, gives
from chargebridge.app.web.doors import address
from chargebridge.app.web.eebus_api import add_eebus
from chargebridge.app.web.forecast_api import add_forecasts, add_point_guess
from chargebridge.app.web.limit_entry import LimitEntryBody
from chargebridge.app.web.money_api import add_money
from chargebridge.app.web.plan_api import add_plan, add_point_plan
from chargebridge.app.web.proving import add_proofs
from chargebridge.app.web.station_api import add_stations
from chargebridge.model.errors import ChargebridgeError, ModelError, UnknownNameError
from chargebridge.model.finding import DayFigures, Finding
from chargebridge.site.view import HistoryPoint, LimitView, MeterState, PointView, SessionRow, SiteService, SiteView
from chargebridge.stations.ocpp.forward.link import LinkState
from chargebridge.stations.port import Answer

Bearer = Annotated[
    HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False, description="The owner's token or a driver's key"))
]


class RefusedError(ChargebridgeError):
    def __init__(self, status: int, where: str, reason: str, cure: str) -> None:
        super().__init__(where, reason, cure)
        self.status = status


class Guard:
    """Who is asking, by his bearer token."""

    def __init__(self, service: SiteService, access: Access) -> None:
        self._service, self._access = service, access

    def owner(self, request: Request, bearer: Bearer) -> str:
        if self._is_owner(request, bearer):
            return "owner"
        raise self._refuse(request, "owner's API token")

    def either(self, point: str, request: Request, bearer: Bearer) -> str:
        """A driver learns no more of a foreign point than of one that does not exist."""
        if self._is_owner(request, bearer):
            self.point(point)
            return "owner"
        known = any(found.id == point for found in self._service.view().points)
        if known and bearer is not None and same_secret(bearer.credentials, self._service.driver_key(point)):
            return "driver"
        raise self._refuse(request, "owner's API token, or the driver's key of this charging point")

    def point(self, point: str) -> PointView:
        for found in self._service.view().points:
            if found.id == point:
                return found
        raise RefusedError(404, f"points/{point}", "there is no such charging point", "GET /api/v1/points lists them")

    def _is_owner(self, request: Request, bearer: Bearer) -> bool:
        _hold_off(self._access.keys, address(request))
        return bearer is not None and self._access.is_owner_token(bearer.credentials)

    def _refuse(self, request: Request, needed: str) -> RefusedError:
        self._access.keys.attempt(address(request))
        return RefusedError(401, "Authorization", "no valid bearer token", f"send the {needed} as 'Authorization: Bearer ...'")


def _hold_off(gate: Gate, who: str) -> None:
    if (wait_s := gate.wait_s(who)) > 0:
        raise RefusedError(429, "Authorization", "too many wrong tokens from your address", f"try again in {wait_s:.0f} s")


def add_api(app: FastAPI, service: SiteService, guard: Guard) -> None:
    """Put the API on ``app``, with its errors and its description."""
    problems: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (401, 404, 409, 422, 429)}
    router = APIRouter(prefix="/api/v1", responses=problems)
    owner = APIRouter(dependencies=[Depends(guard.owner)])
    _reading(owner, service)
    add_proofs(owner, service)
    _meters(owner, service)
    _steering(owner, service)
    add_stations(owner, service)
    add_money(owner, service)
    add_plan(owner, service)
    add_forecasts(owner, service)
    add_eebus(owner, service)
    _point(router, service, guard)
    add_point_plan(router, service, guard.either)
    add_point_guess(router, service, guard.either)
    router.include_router(owner)

    @router.api_route("/{rest:path}", methods=["GET", "PUT", "POST", "DELETE"], include_in_schema=False)
    async def nothing_here(rest: str) -> Response:
        raise RefusedError(404, f"/api/v1/{rest}", "there is nothing at this address", "/api/v1/openapi.json lists what there is")

    app.include_router(router)
    app.add_exception_handler(ChargebridgeError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    describe(app)


def _reading(router: APIRouter, service: SiteService) -> None:
    @router.get("/site", responses=gives(SiteView), tags=["site"], summary="Everything at this moment")
    async def site() -> Response:
        return Json(service.view())

    @router.get(
        "/points", responses=gives(PointView, many=True), tags=["points"], summary="All charging points, with the why-chain of each"
    )
    async def points() -> Response:
        return Json(service.view().points)

    @router.get(
        "/backends", responses=gives(LinkState, many=True), tags=["stations"], summary="Other back ends that stations are forwarded to"
    )
    async def backends() -> Response:
        return Json(service.view().backends)

    @router.get("/limits", responses=gives(LimitView, many=True), tags=["limits"], summary="The limit book")
    async def limits() -> Response:
        return Json(service.view().limits)

    @router.get("/sessions", responses=gives(SessionRow, many=True), tags=["sessions"], summary="Sessions, the newest first")
    async def sessions(point: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> Response:
        return Json(await service.sessions(point, limit))

    @router.get("/history", responses=gives(HistoryPoint, many=True), tags=["site"], summary="Powers over time, by default of 3 hours")
    async def history(since: AwareDatetime | None = None, points: Annotated[int, Query(ge=2, le=5000)] = 240) -> Response:
        return Json(await service.history(since or service.view().at - timedelta(hours=3), points))


def _meters(router: APIRouter, service: SiteService) -> None:
    @router.get(
        "/meters", responses=gives(MeterState, many=True), tags=["meters"], summary="How each meter is heard, and what is odd about it"
    )
    async def meters() -> Response:
        return Json(service.view().meters)

    @router.get(
        "/findings", responses=gives(Finding, many=True), tags=["meters"], summary="What was found odd, open and cleared, the newest first"
    )
    async def findings(meter: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        return Json(await service.findings(meter, limit))

    @router.get("/meters/days", responses=gives(DayFigures, many=True), tags=["meters"], summary="How meters were heard on past days")
    async def days(meter: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 31) -> Response:
        return Json(await service.meter_days(meter, limit))


def _steering(router: APIRouter, service: SiteService) -> None:
    @router.put("/circuits/{node}/limit", status_code=204, tags=["limits"], summary="Set the owner's own limit on a circuit")
    async def set_limit(node: str, body: LimitBody) -> None:
        await service.set_owner_limit(node, body.power_w, body.duration_s, by="api")

    @router.delete("/circuits/{node}/limit", status_code=204, tags=["limits"], summary="Withdraw the owner's own limit from a circuit")
    async def lift_limit(node: str) -> None:
        await service.set_owner_limit(node, None, None, by="api")

    @router.post("/limits", status_code=204, tags=["limits"], summary="Enter a limit; it replaces the one with the same id when it begins")
    async def enter(body: LimitEntryBody) -> None:
        await service.enter_limit(body.limit(service.view().at), by="api")

    @router.delete("/limits/{limit:path}", status_code=204, tags=["limits"], summary="Withdraw a limit by its id, or one of its entries")
    async def withdraw(limit: str, starts_at: AwareDatetime | None = None) -> None:
        await service.withdraw_limit(limit, "api", starts_at)

    @router.put(
        "/points/{point}/discharge", status_code=204, tags=["points"], summary="Have the car give energy back, where all agree to it"
    )
    async def discharge(point: str, body: DischargeBody) -> None:
        await service.discharge(point, body.power_w, body.duration_s, by="api")

    @router.put("/points/{point}/priority", status_code=204, tags=["points"], summary="Whom to serve first")
    async def priority(point: str, body: PriorityBody) -> None:
        await service.set_priority(point, body.priority, by="api")


def _point(router: APIRouter, service: SiteService, guard: Guard) -> None:
    who = Annotated[str, Depends(guard.either)]

    @router.get(
        "/points/{point}", responses=gives(PointView), tags=["points"], summary="One point; the numbers of the why-chain are the owner's"
    )
    async def one(point: str, by: who) -> Response:
        found = guard.point(point)
        if by == "driver" and found.why is not None:
            found = msgspec.structs.replace(found, why=msgspec.structs.replace(found.why, steps=()))
        return Json(found)

    @router.put("/points/{point}/preference", status_code=204, tags=["points"], summary="What the driver asks for")
    async def prefer(point: str, body: PreferenceBody, by: who) -> None:
        await service.prefer(point, body.preference(), by=by)

    @router.post("/points/{point}/start", responses=gives(Answer), tags=["points"], summary="Start a session; the station's own answer")
    async def start(point: str, by: who) -> Response:
        return Json(await service.start(point, by=by))

    @router.post("/points/{point}/stop", responses=gives(Answer), tags=["points"], summary="Stop the session; the station's own answer")
    async def stop(point: str, by: who) -> Response:
        return Json(await service.stop(point, by=by))


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ChargebridgeError)
    return Json({"where": error.where, "reason": error.reason, "cure": error.cure}, _status(error))


def _status(error: ChargebridgeError) -> int:
    match error:
        case RefusedError():
            return error.status
        case UnknownNameError():
            return 404
        case ModelError():
            return 422
        case _:
            return 409


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Json(
        {"where": where, "reason": first["msg"].removeprefix("Value error, "), "cure": "/api/v1/openapi.json describes what is taken"}, 422
    )
