"""The REST API for the charging stations: what there is, their messages, commands, firmware campaigns, and stations as files."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from chargebridge.app.web.api_schema import Json, gives
from chargebridge.app.web.security_api import add_security
from chargebridge.app.web.station_schema import CampaignBody, CommandBody, JudgeBody, StationFileBody, SteerBody
from chargebridge.model.errors import ModelError
from chargebridge.site.operation import station_file
from chargebridge.site.operation.message_log import as_lines
from chargebridge.site.operation.security_view import Judged
from chargebridge.site.operation.view import (
    Campaign,
    CommandForm,
    CommandRecord,
    Direction,
    ImportResult,
    LoggedMessage,
    MessageFilter,
    StationDetail,
    StationRow,
    StrangerRow,
)
from chargebridge.site.view import SiteService
from chargebridge.stations.ocpp.commanding import Comparison

Action = Annotated[str | None, Query(max_length=50, description="how the action's name begins")]
Limit = Annotated[int, Query(ge=1, le=1000)]
BY = "api"


def add_stations(router: APIRouter, service: SiteService) -> None:
    add_security(router, service)
    _stations(router, service)
    _messages(router, service)
    _commands(router, service)
    _campaigns(router, service)
    _files(router, service)


def _stations(router: APIRouter, service: SiteService) -> None:
    @router.get("/stations", responses=gives(StationRow, many=True), tags=["stations"], summary="All charging stations at this moment")
    async def stations() -> Response:
        return Json(service.stations.stations())

    @router.get(
        "/stations/{station}", responses=gives(StationDetail), tags=["stations"], summary="One station: settings, transactions, events"
    )
    async def station(station: str) -> Response:
        return Json(await service.stations.station(station))

    @router.get("/strangers", responses=gives(StrangerRow, many=True), tags=["stations"], summary="Who knocked and was not let in")
    async def strangers() -> Response:
        return Json(await service.stations.strangers())

    @router.post("/strangers/{identity}", responses=gives(Judged), tags=["stations"], summary="Approve an unknown station, or turn it away")
    async def judge(identity: str, body: JudgeBody) -> Response:
        made = await service.stations.judge_stranger(
            identity, approve=body.approve, by=BY, profile=body.security_profile, password=body.password
        )
        return Json(Judged(password=made))


def _messages(router: APIRouter, service: SiteService) -> None:
    @router.get(
        "/stations/{station}/messages",
        responses=gives(LoggedMessage, many=True),
        tags=["stations"],
        summary="A station's messages, the newest first, each with what changed",
    )
    async def of_station(
        station: str,
        before: int | None = None,
        after: int | None = None,
        action: Action = None,
        direction: Direction | None = None,
        faulty: bool = False,
        limit: Limit = 100,
    ) -> Response:
        wanted = MessageFilter(station=station, before=before, after=after, action=action, direction=direction, faulty=faulty)
        return Json(await service.stations.messages(wanted, limit))

    @router.get(
        "/station-log",
        response_class=Response,
        responses={200: {"description": "JSON lines, the oldest first", "content": {"application/x-ndjson": {}}}},
        tags=["stations"],
        summary="Messages of all stations, or one, as JSON lines; the next ones with after=<the last number>",
    )
    async def log(
        station: str | None = None, after: int = 0, action: Action = None, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
    ) -> Response:
        found = await service.stations.messages(MessageFilter(station=station, after=after, action=action), limit)
        return Response(as_lines(reversed(found)), media_type="application/x-ndjson")


def _commands(router: APIRouter, service: SiteService) -> None:
    @router.get(
        "/stations/{station}/schedule",
        responses=gives(Comparison),
        tags=["stations"],
        summary="The schedule of an EVSE as the site reckons it and as the station does, and where they differ",
    )
    async def schedule(
        station: str, evse: Annotated[int, Query(ge=0)] = 1, duration_s: Annotated[int, Query(ge=1, le=86_400)] = 3600
    ) -> Response:
        return Json(await service.stations.schedule(station, evse, duration_s))

    @router.get(
        "/stations/{station}/commands", responses=gives(CommandRecord, many=True), tags=["stations"], summary="Commands with their outcome"
    )
    async def commands(station: str, limit: Limit = 50) -> Response:
        return Json(await service.stations.commands(station, limit))

    @router.get(
        "/stations/{station}/commands/forms",
        responses=gives(CommandForm, many=True),
        tags=["stations"],
        summary="The commands that can be given by name, with their arguments",
    )
    async def forms(station: str) -> Response:
        return Json(service.stations.forms(station))

    @router.get("/stations/{station}/commands/actions", tags=["stations"], summary="The actions of the station's OCPP version")
    async def actions(station: str) -> list[str]:
        return list(service.stations.actions(station))

    @router.post(
        "/stations/{station}/commands",
        responses=gives(CommandRecord),
        tags=["stations"],
        summary="Give a command; answers with the station's own answer, or why there is none",
    )
    async def give(station: str, body: CommandBody) -> Response:
        if (body.name is None) == (body.action is None):
            raise ModelError("body", "it names no command, or two", "give name with arguments, or action with payload")
        if body.action is not None:
            return Json(await service.stations.call(station, body.action, body.payload, BY))
        return Json(await service.stations.command(station, body.name or "", body.arguments, BY))


def _campaigns(router: APIRouter, service: SiteService) -> None:
    @router.get("/campaigns", responses=gives(Campaign, many=True), tags=["campaigns"], summary="Firmware campaigns, the newest first")
    async def campaigns() -> Response:
        return Json(await service.stations.campaigns())

    @router.get("/campaigns/{number}", responses=gives(Campaign), tags=["campaigns"], summary="One campaign, station by station")
    async def campaign(number: int) -> Response:
        return Json(await service.stations.campaign(number))

    @router.post("/campaigns", responses=gives(Campaign), tags=["campaigns"], summary="Begin a firmware campaign")
    async def begin(body: CampaignBody) -> Response:
        return Json(await service.stations.begin_campaign(body.plan(), BY))

    @router.post("/campaigns/{number}", responses=gives(Campaign), tags=["campaigns"], summary="Pause, resume, abort or retry a campaign")
    async def steer(number: int, body: SteerBody) -> Response:
        return Json(await service.stations.steer_campaign(number, body.to, BY))


def _files(router: APIRouter, service: SiteService) -> None:
    @router.get("/station-file", tags=["stations"], summary="All stations with their points, without passwords; as JSON or CSV")
    async def export(form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json") -> Response:
        rows = await service.stations.export()
        return Response(station_file.as_csv(rows), media_type="text/csv") if form == "csv" else Json(rows)

    @router.post(
        "/station-file",
        responses=gives(ImportResult, many=True),
        tags=["stations"],
        summary="Take stations in; made passwords are told once",
    )
    async def take_in(body: StationFileBody) -> Response:
        if (body.csv is None) == (body.stations is None):
            raise ModelError("body", "it holds no stations, or two lists", "give stations, or csv")
        rows = station_file.from_csv(body.csv) if body.csv is not None else body.stations or []
        return Json(await service.stations.take_in(rows, BY))

    @router.delete("/station-file/{station}", status_code=204, tags=["stations"], summary="Forget a station that was taken in")
    async def forget(station: str) -> None:
        await service.stations.forget(station, BY)
