"""The page of one charging station: what it is and does, its messages, commands, settings, transactions and events."""

from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from nicegui import context, ui

from chargebridge.app.web import parts
from chargebridge.app.web.actions import tell, told
from chargebridge.app.web.command_dialog import CommandDialog
from chargebridge.app.web.feed import Moment
from chargebridge.app.web.owner import panel
from chargebridge.app.web.shown import security as shown_security
from chargebridge.app.web.shown import stations as shown
from chargebridge.app.web.shown.money import money as money_rows
from chargebridge.app.web.stations_page import LOOK_EVERY_S, here
from chargebridge.site.operation.roll import EEBUS
from chargebridge.site.operation.security_view import StationSecurity
from chargebridge.site.operation.view import LoggedMessage, MessageFilter, StationRow
from chargebridge.site.view import SiteService
from chargebridge.stations.ocpp.forward import LinkState

PAGE = 60
PAGE_MAX = 600
_DIRECTIONS = {"": "both ways", "in": "from it", "out": "to it"}


class StationPage:
    """One open page; a ``feed.Page``. A station that speaks EEBUS has no commands, settings and security of OCPP, and its messages elsewhere."""

    def __init__(self, service: SiteService, station: StationRow, login: str, moment: Moment) -> None:
        self.client = context.client
        self.login: str | None = login
        self._service, self._identity = service, station.identity
        self._ocpp = station.protocol != EEBUS
        self._moment = moment
        self._shown = PAGE
        self._opened: set[int] = set()
        self._commands_dialog = CommandDialog(service, station.identity)
        self._build(station)
        ui.timer(LOOK_EVERY_S, self._look)

    @property
    def _now(self) -> tuple[datetime, ZoneInfo]:
        return self._moment.view.at, ZoneInfo(self._moment.view.timezone)

    def show(self, moment: Moment) -> None:
        self._moment = moment
        self._head.show(here(moment.parts["head"]))
        station = next((s for s in self._service.stations.stations() if s.identity == self._identity), None)
        if station is not None:
            self._facts.show(shown.facts(station, *self._now))
            self._chip(station)

    @property
    def _backend_states(self) -> list[LinkState]:
        """Its connections to other back ends; which ones there are is configured."""
        return [state for state in self._moment.view.backends if state.station == self._identity]

    def fault(self, text: str) -> None:
        self._head.show(here({**self._moment.parts["head"], "level": "over", "health": text}))

    def _chip(self, station: StationRow) -> None:
        self._state.set_text(shown.STATE[station.state])
        self._state.classes(replace=f"cb-chip is-{shown.STATE_LEVEL[station.state]}")

    def _build(self, station: StationRow) -> None:
        self._head = parts.PageHead(here(self._moment.parts["head"]))
        with ui.element("div").classes("cb-crumbs"):
            ui.html('<a href="/stations">All stations</a>', sanitize=False)
            ui.label(station.identity).props("role=heading aria-level=1").classes("text-h6")
            self._state = ui.label()
            self._chip(station)
            if self._ocpp:
                ui.button("Give a command", icon="send", on_click=self._commands_dialog.open).props("unelevated no-caps")
        with ui.element("div").classes("cb-main"):
            with ui.element("div").classes("cb-column"):
                with panel("Station", "station"):
                    self._facts = parts.StationFacts(shown.facts(station, *self._now))
                if self._ocpp:
                    with panel("Messages", "log") as head:
                        with head:
                            link = f"/stations/{quote(self._identity, safe='')}/log.jsonl"
                            ui.html(f'<a class="cb-plain" href="{link}" download>All as JSON lines</a>', sanitize=False)
                        self._build_log()
                else:
                    with panel("Messages", "log"):
                        ui.html('<a class="cb-plain" href="/eebus">On the page of EEBUS, with all its peers</a>', sanitize=False)
            with ui.element("div").classes("cb-column"):
                if self._ocpp:
                    self._build_commands()
                with panel("Transactions", "transactions"):
                    self._transactions = parts.PlainTable(
                        _table(["Begin", "End", "Energy", "Card", "Why it ended"], "No car has charged here yet.")
                    )
                with panel("Cost and payment", "money"):
                    columns = ["Transaction", "Card", "Cost", "Limits", "Payment"]
                    self._money = parts.PlainTable(_table(columns, "Nothing is charged for: there is no tariff, limit or payment."))
                if self._ocpp:
                    self._build_security()
                if self._backend_states:
                    with panel("Other back ends", "backends"):
                        self._backends = parts.PlainTable(_table(["Back end", "State"], ""))
                with panel("Events", "events"):
                    self._events = parts.PlainTable(_table(["When", "What"], "Nothing happened yet."))

    def _build_commands(self) -> None:
        with panel("Commands", "commands"):
            self._commands = parts.CommandList([])
        with panel("Settings written", "settings"):
            self._settings = parts.PlainTable(_table(["Setting", "Value", "Answer"], "Nothing was written yet."))
        with panel("What it says of itself", "variables"):
            empty = "Nothing yet. Ask for a report (2.x) or read its settings (1.6)."
            self._variables = parts.PlainTable(_table(["Variable", "Value"], empty))

    def _build_security(self) -> None:
        with panel("Security", "security") as head:
            with head, ui.dropdown_button("Renew", auto_close=True).props("flat dense no-caps"):
                ui.item("Password", on_click=self._renew_password)
                ui.item("Its certificate", on_click=self._renew_certificate)
                ui.item("Our root in it", on_click=self._install_root)
            self._security = parts.PlainTable(_table(["", "State"], ""))

    def _build_log(self) -> None:
        with ui.row().classes("cb-log-tools"):
            self._action = ui.input(placeholder="Action, such as Meter", on_change=self._anew).props(
                'outlined dense clearable debounce=300 aria-label="Action begins with"'
            )
            self._direction = ui.select(_DIRECTIONS, value="", on_change=self._anew).props('outlined dense aria-label="Direction"')
            self._faulty = ui.checkbox("Only what went wrong", on_change=self._anew)
            self._empty = ui.checkbox("Empty answers too", on_change=self._anew)
        self._log = parts.MessageRows({"rows": [], "more": False, "empty": "Nothing was said yet."})
        self._log.on("open", lambda e: self._open(int(e.args)))
        self._log.on("older", self._older)

    async def _anew(self) -> None:
        self._shown = PAGE
        await self._look_at_log()

    async def _open(self, number: int) -> None:
        self._opened ^= {number}
        await self._look_at_log()

    async def _older(self) -> None:
        self._shown = min(self._shown + PAGE, PAGE_MAX)
        await self._look_at_log()

    async def _look(self) -> None:
        if not self.client.has_socket_connection:
            return
        async with told():
            office = self._service.stations
            detail = await office.station(self._identity)
            if self._ocpp:
                self._commands.show(shown.commands(await office.commands(self._identity, 20), *self._now))
                self._settings.show({**self._settings.data, "rows": shown.settings(detail)})
                self._variables.show({**self._variables.data, "rows": shown.variables(detail)})
                security = StationSecurity.of(office.security, self._identity)
                self._security.show({**self._security.data, "rows": shown_security.security(security, *self._now)})
            self._transactions.show({**self._transactions.data, "rows": shown.transactions(detail, *self._now)})
            money = self._service.money
            rows = money_rows(await money.terms(self._identity), await money.payments(self._identity))
            self._money.show({**self._money.data, "rows": rows})
            if self._backend_states:
                rows = shown_security.backends(self._backend_states, *self._now)
                self._backends.show({**self._backends.data, "rows": rows})
            self._events.show({**self._events.data, "rows": shown.events(detail, *self._now)})
        if self._ocpp:
            await self._look_at_log()

    async def _renew_password(self) -> None:
        async with told():
            tell("A new password", await self._service.stations.security.rotate_password(self._identity))

    async def _renew_certificate(self) -> None:
        async with told():
            tell("A new certificate", await self._service.stations.security.renew_certificate(self._identity))

    async def _install_root(self) -> None:
        async with told():
            tell("Our root certificate", await self._service.stations.security.install_root(self._identity))

    async def _look_at_log(self) -> None:
        async with told():
            wanted = MessageFilter(
                station=self._identity,
                action=self._action.value or None,
                direction=self._direction.value or None,
                faulty=bool(self._faulty.value),
            )
            found = await self._service.stations.messages(wanted, self._shown)
            filtered = wanted.action or wanted.direction or wanted.faulty
            self._log.show(
                {
                    "rows": shown.messages([m for m in found if self._empty.value or not _is_empty(m)], self._opened, *self._now),
                    "more": len(found) == self._shown < PAGE_MAX,
                    "empty": "No message fits." if filtered else "Nothing was said yet.",
                }
            )


def _is_empty(message: LoggedMessage) -> bool:
    """An answer that only says that the message has arrived."""
    return message.kind == "result" and message.payload == {} and message.fault is None


def _table(head: list[str], empty: str) -> dict[str, Any]:
    return {"head": head, "rows": [], "empty": empty}
