"""Forecasts by REST: what is expected, how it did, who told prices and weather, and what is guessed of a car."""

from enum import Enum
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from chargebridge.app.web.api_schema import Json, gives
from chargebridge.model.errors import UnknownNameError
from chargebridge.planning.forecast.drivers import Guess
from chargebridge.site.forecasts.view import DriverRecord, ForecastView, Record, ScoredForecast, SourceState
from chargebridge.site.view import SiteService

TAGS: list[str | Enum] = ["forecasts"]


def add_forecasts(router: APIRouter, service: SiteService) -> None:
    @router.get("/forecasts", responses=gives(ForecastView, many=True), tags=TAGS, summary="What is expected of load and PV, with bands")
    async def forecasts() -> Response:
        return Json(service.forecasts.forecasts())

    @router.get("/forecasts/records", responses=gives(Record, many=True), tags=TAGS, summary="How the forecasts of the last days did")
    async def records(days: Annotated[float, Query(gt=0, le=400)] = 7.0) -> Response:
        return Json(await service.forecasts.records(days))

    @router.get(
        "/forecasts/scores", responses=gives(ScoredForecast, many=True), tags=TAGS, summary="Forecasts that are over, the newest first"
    )
    async def scores(kind: Literal["load", "pv"] | None = None, limit: Annotated[int, Query(ge=1, le=5000)] = 100) -> Response:
        return Json(await service.forecasts.scored(kind, limit))

    @router.get(
        "/forecasts/drivers", responses=gives(DriverRecord), tags=TAGS, summary="How well departures and energies would have been guessed"
    )
    async def drivers() -> Response:
        found = service.forecasts.drivers()
        if found is None:
            raise UnknownNameError(
                "forecasts/drivers", "no visit is known that others could be guessed by", "wait for some sessions to end"
            )
        return Json(found)

    @router.get(
        "/sources", responses=gives(SourceState, many=True), tags=TAGS, summary="Who tells prices and weather, and when they last did"
    )
    async def sources() -> Response:
        return Json(service.forecasts.sources())


def add_point_guess(router: APIRouter, service: SiteService, who: object) -> None:
    """who: the dependency that lets a driver in."""
    allowed = [Depends(who)]  # type: ignore[arg-type]

    @router.get(
        "/points/{point}/guess",
        responses=gives(Guess),
        tags=TAGS,
        summary="When the car that is here may leave, and what it may take, by its driver's earlier visits",
        dependencies=allowed,
    )
    async def guess(point: str) -> Response:
        found = service.forecasts.guess(point)
        if found is None:
            raise UnknownNameError(
                f"points/{point}/guess", "no car is here, or no visit is known", "plug in, or wait for some sessions to end"
            )
        return Json(found)
