"""Plans and prices by REST: what is planned, what was, what would be, and what energy costs."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from msgspec.structs import replace
from pydantic import AwareDatetime, Field

from chargebridge.app.web.api_schema import Body, Json, PreferenceBody, gives
from chargebridge.model.errors import UnknownNameError
from chargebridge.site.plan_view import CarPlan, PlanRow, PlanView, QuarterHour, Trial
from chargebridge.site.prices import PriceEntry
from chargebridge.site.view import SiteService


class PriceBody(Body):
    """What energy costs for a stretch of time, in the site's currency a kWh."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    per_kwh: float = Field(description="of the supply, without the network's fee")
    export_per_kwh: float | None = Field(None, description="null: as configured")
    co2_g_per_kwh: float | None = Field(None, description="null: as configured")


def add_plan(router: APIRouter, service: SiteService) -> None:
    @router.get("/plan", responses=gives(PlanView), tags=["plan"], summary="The plan that stands, or that stood at a moment")
    async def plan(at: AwareDatetime | None = None) -> Response:
        found = service.planning.view() if at is None else await service.planning.at(at)
        if found is None:
            raise UnknownNameError(
                "plan", service.planning.silence or "none is kept of that time", "GET /api/v1/plans lists those that are kept"
            )
        return Json(found)

    @router.get("/plans", responses=gives(PlanRow, many=True), tags=["plan"], summary="Plans that were made, the newest first")
    async def plans(limit: Annotated[int, Query(ge=1, le=5000)] = 100) -> Response:
        return Json(await service.planning.rows(limit))

    @router.get(
        "/plan/actual", responses=gives(QuarterHour, many=True), tags=["plan"], summary="What was, in quarter hours, by default of a day"
    )
    async def actual(since: AwareDatetime | None = None) -> Response:
        return Json(await service.planning.actual(since or service.view().at - timedelta(days=1)))

    @router.get("/prices", responses=gives(PriceEntry, many=True), tags=["plan"], summary="The price list")
    async def prices() -> Response:
        return Json(service.planning.prices())

    @router.put("/prices", status_code=204, tags=["plan"], summary="Take in prices; for their time they replace what was there")
    async def set_prices(body: list[PriceBody]) -> None:
        await service.planning.set_prices(tuple(PriceEntry(**entry.model_dump()) for entry in body), by="api")


def add_point_plan(router: APIRouter, service: SiteService, who: object) -> None:
    """What a driver may ask about his own car. who: the dependency that lets him in."""
    allowed = [Depends(who)]  # type: ignore[arg-type]

    @router.get("/points/{point}/plan", responses=gives(CarPlan), tags=["plan"], summary="The plan of one car", dependencies=allowed)
    async def of_point(point: str) -> Response:
        found = service.planning.view()
        car = None if found is None else next((car for car in found.cars if car.point == point), None)
        if car is None:
            raise UnknownNameError(f"points/{point}/plan", "no car is planned here", "plug in and start charging")
        return Json(car)

    @router.post(
        "/points/{point}/what-if",
        responses=gives(Trial),
        tags=["plan"],
        summary="The plan if the driver asked for this instead; nothing changes by it",
        dependencies=allowed,
    )
    async def what_if(point: str, body: PreferenceBody) -> Response:
        found = await service.planning.what_if(point, body.preference())
        return Json(replace(found, bent=()))
