"""The page of all charging stations: who is there, firmware campaigns, who was not let in, import and export."""

from datetime import datetime
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

import msgspec
from nicegui import context, events, ui

from chargebridge.app.web import parts
from chargebridge.app.web.actions import told
from chargebridge.app.web.campaign_dialog import CampaignDialog
from chargebridge.app.web.feed import Moment
from chargebridge.app.web.owner import OWNER, panel
from chargebridge.app.web.shown import campaigns as shown_campaigns
from chargebridge.app.web.shown import stations as shown
from chargebridge.model.errors import ModelError
from chargebridge.site.operation import station_file
from chargebridge.site.operation.view import ImportResult
from chargebridge.site.view import SiteService

LOOK_EVERY_S = 1.5
FILE_MAX = 5_000_000


def here(head: dict[str, Any]) -> dict[str, Any]:
    return {**head, "here": "stations"}


class StationsPage:
    """One open page; a ``feed.Page``."""

    def __init__(self, service: SiteService, login: str, moment: Moment) -> None:
        self.client = context.client
        self.login: str | None = login
        self._service = service
        self._moment = moment
        self._campaign_dialog = CampaignDialog(service)
        self._build()
        ui.timer(LOOK_EVERY_S, self._look)

    @property
    def _now(self) -> tuple[datetime, ZoneInfo]:
        return self._moment.view.at, ZoneInfo(self._moment.view.timezone)

    def _rows(self) -> list[dict[str, Any]]:
        return shown.rows(self._service.stations.stations(), *self._now)

    def show(self, moment: Moment) -> None:
        self._moment = moment
        self._head.show(here(moment.parts["head"]))
        self._list.show(self._rows())

    def fault(self, text: str) -> None:
        self._head.show(here({**self._moment.parts["head"], "level": "over", "health": text}))

    def _build(self) -> None:
        self._head = parts.PageHead(here(self._moment.parts["head"]))
        with ui.element("div").classes("cb-main"):
            with ui.element("div").classes("cb-column"), panel("Charging stations", "stations") as head:
                with head, ui.row().classes("gap-1"):
                    ui.button("Import", icon="upload", on_click=self._open_import).props("flat dense no-caps")
                    with ui.dropdown_button("Export", icon="download").props("flat dense no-caps"):
                        ui.item("As CSV", on_click=lambda: self._export("csv"))
                        ui.item("As JSON", on_click=lambda: self._export("json"))
                self._list = parts.StationList(self._rows())
            with ui.element("div").classes("cb-column"):
                with panel("Firmware", "campaigns") as head:
                    with head:
                        ui.button("New campaign", icon="system_update_alt", on_click=self._open_campaign).props("flat dense no-caps")
                    self._campaigns = parts.CampaignList([])
                    self._campaigns.on("steer", lambda e: self._steer(str(e.args)))
                with panel("Not let in", "strangers"):
                    self._strangers = parts.StrangerList([])
                    self._strangers.on("judge", lambda e: self._judge(str(e.args)))

    async def _look(self) -> None:
        if not self.client.has_socket_connection:
            return
        async with told():
            office = self._service.stations
            self._campaigns.show(shown_campaigns.campaigns(await office.campaigns(), *self._now))
            self._strangers.show(shown_campaigns.strangers(await office.strangers(), *self._now))

    async def _steer(self, wish: str) -> None:
        to, _, number = wish.partition(" ")
        async with told():
            await self._service.stations.steer_campaign(int(number), cast(Literal["pause", "resume", "abort", "retry"], to), OWNER)
            await self._look()

    async def _judge(self, wish: str) -> None:
        word, _, identity = wish.partition(" ")
        async with told(f"{identity} is let in." if word == "approve" else f"{identity} is turned away."):
            password = await self._service.stations.judge_stranger(identity, approve=word == "approve", by=OWNER)
            if password is not None:
                _tell_password(identity, password)
            await self._look()

    def _open_campaign(self) -> None:
        self._campaign_dialog.open(self._service.stations.stations())

    async def _export(self, form: str) -> None:
        async with told():
            rows = await self._service.stations.export()
            text = station_file.as_csv(rows).encode() if form == "csv" else msgspec.json.format(msgspec.json.encode(rows), indent=2)
            ui.download.content(text, f"stations.{form}")

    def _open_import(self) -> None:
        with ui.dialog(value=True) as dialog, ui.card().classes("cb-dialog is-wide"):
            ui.html("<h2>Import stations</h2>", sanitize=False)
            ui.html(
                "<p>A CSV or JSON file as the export makes it. Without a password one is made for each station and shown here once. "
                "Stations may connect at once; their charging points begin with the next start of the site.</p>",
                sanitize=False,
            )
            result = ui.column().classes("w-full")
            upload = ui.upload(auto_upload=True, max_file_size=FILE_MAX, on_upload=lambda e: self._import(e, result)).classes("cb-field")
            upload.props('accept=".csv,.json" flat bordered label="Choose a file"')
            with ui.row().classes("cb-dialog-buttons"):
                ui.button("Close", on_click=dialog.close).props("flat no-caps")

    async def _import(self, event: events.UploadEventArguments, result: ui.column) -> None:
        async with told():
            text = (await event.file.read()).decode("utf-8", errors="replace")
            try:
                rows = (
                    station_file.from_csv(text)
                    if event.file.name.lower().endswith(".csv")
                    else msgspec.json.decode(text, type=list[dict[str, Any]])
                )
            except msgspec.MsgspecError as error:
                raise ModelError(
                    event.file.name, f"it is no JSON list of stations ({error})", "choose a file as the export makes it"
                ) from None
            found = await self._service.stations.take_in(rows, OWNER)
            result.clear()
            with result:
                parts.PlainTable(
                    {"head": ["Station", "Result", "Password"], "empty": "The file has no station.", "rows": [_told(r) for r in found]}
                )


def _tell_password(identity: str, password: str) -> None:
    """Told this once: it is kept only as a hash."""
    with ui.dialog(value=True).props("persistent") as dialog, ui.card().classes("cb-dialog"):
        ui.html("<h2>Its password</h2>", sanitize=False)
        ui.label(f"Enter it in {identity}, with its identity as the user. It is not shown again.")
        ui.input(value=password).props('outlined readonly aria-label="Password"').classes("cb-field")
        with ui.row().classes("cb-dialog-buttons"):
            ui.button("I have it", on_click=dialog.close).props("unelevated no-caps")


def _told(result: ImportResult) -> list[str]:
    return [result.station, f"{result.result}: {result.detail}".rstrip(": "), result.password or ""]
