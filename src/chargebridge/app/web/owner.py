"""The owner's page: the whole site at a glance, and all that he can do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import background_tasks, context, ui
from nicegui.events import GenericEventArguments

from chargebridge.app.web import chart, parts, plan_chart, words
from chargebridge.app.web.actions import told
from chargebridge.app.web.feed import Moment
from chargebridge.app.web.forecast_panel import ForecastPanel
from chargebridge.app.web.limit_dialog import LimitDialog
from chargebridge.app.web.point_sheet import PointSheet
from chargebridge.app.web.shown import plan
from chargebridge.app.web.shown.proof import mark
from chargebridge.site.view import SessionRow, SiteService

_CHART_PERIOD_S = 10.0
OWNER = "owner"


@contextmanager
def panel(title: str, name: str) -> Iterator[ui.element]:
    """A titled section; the head is yielded so that a control can be put into it."""
    with ui.element("section").classes(f"cb-panel in-{name}").props(f'aria-label="{title}"'):
        with ui.element("div").classes("cb-panel-head") as head, ui.element("h2"):
            ui.html(title, sanitize=False, tag="span")
        yield head


class OwnerPage:
    """One open page of the owner; a ``feed.Page``."""

    def __init__(self, service: SiteService, login: str, base_url: str, moment: Moment) -> None:
        self.client = context.client
        self.login: str | None = login
        self._service = service
        self._moment = moment
        self._hours = 3
        self._drawn_at: datetime | None = None
        self._limit_dialog = LimitDialog(service)
        self._sheet = PointSheet(service, base_url)
        self._live: dict[str, list[parts.Live]] = {}
        self._build(moment)
        ui.timer(_CHART_PERIOD_S, self._look_back)

    def show(self, moment: Moment) -> None:
        self._moment = moment
        for name, live in self._live.items():
            for part in live:
                part.show(moment.parts[name])
        self._sheet.show(moment)
        self._plan.show(self._planned())
        made = self._service.planning.view()
        if made is not None and made.made_at != self._drawn_at:
            self._drawn_at = made.made_at
            background_tasks.create(self._draw_plan())

    def _planned(self) -> dict[str, Any]:
        planning = self._service.planning
        return plan.facts(planning.view(), planning.silence, self._moment.view, planning.saved)

    def fault(self, text: str) -> None:
        self._live["head"][0].show({**self._moment.parts["head"], "level": "over", "health": text})

    def _put(self, name: str, part: type[parts.Live]) -> parts.Live:
        element = part(self._moment.parts[name])
        self._live.setdefault(name, []).append(element)
        return element

    def _build(self, moment: Moment) -> None:
        self._put("head", parts.PageHead)
        self._put("alerts", parts.AlertList)
        with ui.element("div").classes("cb-main"):
            with ui.element("div").classes("cb-column"):
                with panel("Power now", "flow"):
                    self._put("flow", parts.PowerFlow)
                    self._put("flow", parts.GrantLine)
                with panel("The plan", "plan"):
                    self._plan = parts.PlanFacts(self._planned())
                    self._plan_chart = plan_chart.draw(moment.view.currency)
                with panel("Charging points", "points"):
                    self._put("points", parts.PointCards).on("open", lambda e: self._sheet.open(_said(e), self._moment))
                with panel("The last hours", "chart") as head:
                    with head:
                        choice = {hours: f"{hours} h" for hours in chart.HOURS}
                        ui.toggle(choice, value=self._hours, on_change=lambda e: self._choose(int(e.value))).props("dense flat no-caps")
                    self._chart = chart.draw((), ZoneInfo(moment.view.timezone))
            with ui.element("div").classes("cb-column"):
                with panel("Circuits and fuses", "circuits"):
                    self._put("circuits", parts.CircuitTree).on("limit", lambda e: self._limit_dialog.open(self._moment.view, _said(e)))
                with panel("Limits", "limits") as head:
                    with head:
                        ui.button("Set my own limit", on_click=lambda: self._limit_dialog.open(self._moment.view)).props(
                            "flat dense no-caps"
                        )
                    self._put("limits", parts.LimitBook).on("withdraw", lambda e: self._withdraw(_said(e)))
                if moment.view.loads:
                    with panel("Heat pumps and other loads", "loads"):
                        self._put("loads", parts.LoadList)
                with panel("What is expected", "expected"):
                    self._expected = ForecastPanel(self._service, moment.view)
                with panel("Meters", "meters"):
                    self._put("meters", parts.MeterList)
                with panel("What happened", "story"):
                    self._put("story", parts.SiteStory)
                with panel("Sessions", "sessions"):
                    self._sessions = parts.SessionList([])

    async def _choose(self, hours: int) -> None:
        self._hours = hours
        await self._look_back()

    async def _look_back(self) -> None:
        """Chart and sessions: what is behind us changes slowly."""
        if not self.client.has_socket_connection:
            return
        view = self._moment.view
        zone = ZoneInfo(view.timezone)
        async with told():
            history = await self._service.history(view.at - timedelta(hours=self._hours))
            self._chart.options["series"] = chart.series(history, zone)
            self._chart.update()
            names = {point.id: point.name for point in view.points}
            await self._expected.renew(view)
            rows = await self._service.sessions(limit=20)
            await self._draw_plan()
            self._sessions.show([_session(row, names, self._moment, zone) for row in rows])

    async def _draw_plan(self) -> None:
        """The plan's chart, and of the last hours what was planned and what was."""
        made, view = self._service.planning.view(), self._moment.view
        self._plan_chart.set_visibility(made is not None)
        if made is None or not self.client.has_socket_connection:
            return
        zone = ZoneInfo(view.timezone)
        with self.client:
            async with told():
                since = view.at - plan_chart.BACK
                before, actual = await self._service.planning.at(since), await self._service.planning.actual(since)
                self._plan_chart.options["series"] = plan_chart.series(made, before, actual, view.at, zone)
                self._plan_chart.update()

    async def _withdraw(self, entry: str) -> None:
        limit, _, begins = entry.rpartition(" ")
        async with told("The limit is withdrawn."):
            await self._service.withdraw_limit(limit, OWNER, datetime.fromisoformat(begins))


def _said(event: GenericEventArguments) -> str:
    return str(event.args)


def _session(row: SessionRow, names: dict[str, str], moment: Moment, zone: ZoneInfo) -> dict[str, Any]:
    now = moment.view.at
    return {
        "id": row.id,
        "point": names.get(row.point, row.point),
        "began": words.moment(row.started_at, now, zone),
        "ended": words.moment(row.ended_at, now, zone) if row.ended_at else "running",
        "energy": words.energy(row.energy_wh),
        "token": row.token,
        "reason": row.end_reason or "",
        "proof": mark(row.proof.state) if row.proof else "",
        "proof_reason": row.proof.reason if row.proof else "",
        "proof_page": f"/verify/{row.proof.id}" if row.proof else "",
    }
