"""A new firmware campaign: which stations, which file, and how carefully."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from chargebridge.app.web.actions import told
from chargebridge.model.errors import ModelError
from chargebridge.site.operation.roll import EEBUS
from chargebridge.site.operation.view import CampaignPlan, StationRow
from chargebridge.site.view import SiteService


class CampaignDialog:
    def __init__(self, service: SiteService) -> None:
        self._service = service
        with ui.dialog() as self._dialog, ui.card().classes("cb-dialog is-wide"):
            ui.html("<h2>New firmware campaign</h2>", sanitize=False)
            with ui.element("div").classes("cb-fields"):
                self._name = _text("Name", "For you and for the event log")
                self._stations = (
                    ui.select([], label="Stations", multiple=True, with_input=True)
                    .props("outlined use-chips stack-label")
                    .classes("cb-field")
                )
                self._all = ui.checkbox("All stations", on_change=lambda e: self._stations.set_enabled(not e.value))
                self._url = _text("Address of the file", "http, https, ftp, ftps or sftp; each station fetches it itself")
                with ui.element("div").classes("cb-pairs"):
                    self._version = _text("Version in it", "Stations that say they have it are left out")
                    self._sha256 = _text("SHA-256", "Compared before any station is asked")
                    self._at_once = _number("Stations at a time", 1, 1)
                    self._tries = _number("Tries a station", 2, 1)
                    self._after = _text("Not before", "2026-11-21 22:00, local time")
                    self._until = _text("Not after", "2026-11-22 05:00, local time")
                with ui.expansion("Signed firmware").classes("w-full"), ui.element("div").classes("cb-fields"):
                    self._certificate = ui.textarea("Certificate (PEM)").props("outlined stack-label").classes("cb-field")
                    self._signature = _text("Signature (base64)", "")
                self._charging = ui.checkbox("Also stations that charge a car; it may be interrupted")
            with ui.row().classes("cb-dialog-buttons"):
                ui.button("Cancel", on_click=self._dialog.close).props("flat no-caps")
                ui.button("Begin", on_click=self._begin).props("unelevated no-caps")

    def open(self, stations: Sequence[StationRow]) -> None:
        self._stations.set_options([station.identity for station in stations if station.protocol != EEBUS], value=[])
        self._dialog.open()

    async def _begin(self) -> None:
        async with told("The campaign has begun."):
            office = self._service.stations
            zone = ZoneInfo(self._service.view().timezone)
            every = tuple(station.identity for station in office.stations() if station.protocol != EEBUS)
            plan = CampaignPlan(
                name=self._name.value.strip() or "firmware",
                stations=every if self._all.value else tuple(self._stations.value or ()),
                url=self._url.value.strip(),
                version=self._version.value.strip() or None,
                sha256=self._sha256.value.strip() or None,
                signing_certificate=self._certificate.value.strip() or None,
                signature=self._signature.value.strip() or None,
                not_before=local_time("not before", self._after.value, zone),
                not_after=local_time("not after", self._until.value, zone),
                at_once=int(self._at_once.value or 1),
                tries=int(self._tries.value or 1),
                while_charging=bool(self._charging.value),
            )
            await office.begin_campaign(plan, "owner")
            self._dialog.close()


def local_time(name: str, text: Any, zone: ZoneInfo) -> datetime | None:
    """A time as a person writes it, in the site's zone. Raises ModelError."""
    if not text or not str(text).strip():
        return None
    try:
        return datetime.fromisoformat(str(text).strip()).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise ModelError(name, f"{text!r} is no time", "write it like 2026-11-21 22:00") from None


def _text(label: str, hint: str) -> ui.input:
    return ui.input(label).props(f'outlined stack-label hint="{hint}"').classes("cb-field")


def _number(label: str, value: int, least: int) -> ui.number:
    return ui.number(label, value=value, min=least, precision=0).props("outlined stack-label").classes("cb-field")
