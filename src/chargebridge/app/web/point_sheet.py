"""The sheet of one charging point: the why-chain, start and stop, priority, and the driver's link."""

from urllib.parse import quote
from zoneinfo import ZoneInfo

from nicegui import ui

from chargebridge.app.web import actions, parts, qr
from chargebridge.app.web.actions import told
from chargebridge.app.web.feed import Moment
from chargebridge.app.web.shown.points import detail
from chargebridge.site.view import PointView, SiteService

_COPY = """() => {
  const field = document.querySelector('.cb-link input'); field.select();
  if (navigator.clipboard) navigator.clipboard.writeText(field.value); else document.execCommand('copy');
}"""
"""The clipboard proper is open to https and localhost only; in a house the page is often plain http."""


class PointSheet:
    """One per page; shows the point that was tapped last."""

    def __init__(self, service: SiteService, base_url: str) -> None:
        self._service = service
        self._base_url = base_url
        self._point: PointView | None = None
        with ui.dialog().props("position=right full-height") as self._dialog, ui.card().classes("cb-sheet"):
            with ui.element("header"):
                self._title = ui.label().classes("cb-sheet-title").props("role=heading aria-level=2")
                self._status = ui.label().classes("cb-chip")
                ui.button(icon="close", on_click=self._dialog.close).props('flat round dense aria-label="Close"')
            self._chain = parts.WhyChain({"chain": [], "facts": []})
            with self._chain, ui.row().classes("cb-sheet-actions"):
                self._start = ui.button("Start charging", icon="play_arrow", on_click=self._begin).props("unelevated no-caps")
                self._stop = ui.button("Stop charging", icon="stop", on_click=self._end).props("outline no-caps")
                ui.space()
                ui.label("Priority")
                ui.button(icon="remove", on_click=lambda: self._prefer(-1)).props('flat round dense aria-label="Lower priority"')
                self._priority = ui.label().classes("cb-priority")
                ui.button(icon="add", on_click=lambda: self._prefer(+1)).props('flat round dense aria-label="Higher priority"')
            ui.html("<h3>Link for the driver</h3>", sanitize=False)
            with ui.row().classes("cb-link-row"):
                self._link = ui.input().props('outlined dense readonly aria-label="Link for the driver"').classes("cb-link")
                copy = ui.button("Copy", icon="content_copy").props("flat no-caps")
                copy.on("click", js_handler=_COPY)
                copy.on("click", lambda: ui.notify("The link is copied. Whoever has it can steer this point.", type="positive"))
            self._qr = ui.html("", sanitize=False).classes("cb-qr")
            ui.html("<p class='cb-hint'>Print it and fix it to the charging point, or send the link.</p>", sanitize=False)

    def open(self, point: str, moment: Moment) -> None:
        self._point = _find(point, moment)
        if self._point is None:
            return
        link = f"{self._base_url}/p/{quote(point, safe='')}?key={quote(self._service.driver_key(point), safe='')}"
        self._link.set_value(link)
        self._qr.set_content(qr.svg(link))
        self._draw(self._point, moment)
        self._dialog.open()

    def show(self, moment: Moment) -> None:
        if self._point is None or not self._dialog.value:
            return
        self._point = _find(self._point.id, moment)
        if self._point is not None:
            self._draw(self._point, moment)

    def _draw(self, point: PointView, moment: Moment) -> None:
        shown = detail(point, moment.view, ZoneInfo(moment.view.timezone))
        self._title.set_text(point.name)
        self._status.set_text(shown["status"])
        self._chain.show(shown)
        self._start.set_visibility(point.session is None)
        self._start.set_enabled(point.online)
        self._stop.set_visibility(point.session is not None)
        self._priority.set_text(str(point.priority))

    async def _begin(self) -> None:
        if self._point is not None:
            async with told():
                actions.tell(f"Start at {self._point.name}", await self._service.start(self._point.id, by="owner"))

    async def _end(self) -> None:
        if self._point is not None:
            async with told():
                actions.tell(f"Stop at {self._point.name}", await self._service.stop(self._point.id, by="owner"))

    async def _prefer(self, step: int) -> None:
        if self._point is not None:
            async with told():
                await self._service.set_priority(self._point.id, self._point.priority + step, by="owner")


def _find(point: str, moment: Moment) -> PointView | None:
    return next((found for found in moment.view.points if found.id == point), None)
