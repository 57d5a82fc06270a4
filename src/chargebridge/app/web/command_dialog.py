"""A command to one station: by name with its arguments, or any action of its OCPP version; the station's answer appears below."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from nicegui import ui

from chargebridge.app.web import parts
from chargebridge.app.web.actions import told
from chargebridge.app.web.shown import stations as shown
from chargebridge.model.errors import ModelError
from chargebridge.site.operation.view import CommandField, CommandForm, CommandRecord
from chargebridge.site.view import SiteService

RAW = "Any action of its OCPP version"
OWNER = "owner"


class CommandDialog:
    """identity: of the station."""

    def __init__(self, service: SiteService, identity: str) -> None:
        self._service, self._identity = service, identity
        self._forms: dict[str, CommandForm] = {}
        self._inputs: dict[str, Any] = {}
        with ui.dialog() as self._dialog, ui.card().classes("cb-dialog is-wide"):
            ui.html("<h2>Give a command</h2>", sanitize=False)
            self._choice = ui.select({}, label="Command", on_change=self._draw).props("outlined stack-label").classes("cb-field")
            self._fields = ui.element("div").classes("cb-fields")
            self._said = ui.element("div").classes("cb-fields")
            with ui.row().classes("cb-dialog-buttons"):
                ui.button("Close", on_click=self._dialog.close).props("flat no-caps")
                self._send = ui.button("Send", icon="send", on_click=self._give).props("unelevated no-caps")

    def open(self) -> None:
        self._forms = {form.name: form for form in self._service.stations.forms(self._identity)}
        choices = {name: form.label for name, form in self._forms.items()} | {"": RAW}
        chosen = self._choice.value if self._choice.value in choices else next(iter(choices))
        self._choice.set_options(choices, value=chosen)
        self._draw()
        self._dialog.open()

    def _draw(self) -> None:
        self._fields.clear()
        self._said.clear()
        self._inputs = {}
        form = self._forms.get(self._choice.value or "")
        with self._fields:
            if form is None:
                self._draw_raw()
                return
            if form.risk:
                ui.label(form.risk).classes("cb-risk")
            for field in form.fields:
                self._inputs[field.name] = _input(field)

    def _draw_raw(self) -> None:
        try:
            actions = list(self._service.stations.actions(self._identity))
        except ModelError as error:
            ui.label(f"{error.reason}; {error.cure}").classes("cb-risk")
            return
        ui.label("Checked against the version's schema, then sent as it is. You should know what it does.").classes("cb-risk")
        self._inputs["action"] = ui.select(actions, label="Action", with_input=True).props("outlined stack-label").classes("cb-field")
        self._inputs["payload"] = ui.textarea("Payload, as JSON", value="{}").props("outlined stack-label").classes("cb-field")

    async def _give(self) -> None:
        self._said.clear()
        self._send.props("loading")
        try:
            async with told():
                record = await self._command()
                with self._said:
                    ui.html("<h3>The station's answer</h3>", sanitize=False)
                    view = self._service.view()
                    parts.CommandList(shown.commands([record], view.at, ZoneInfo(view.timezone)))
        finally:
            self._send.props(remove="loading")

    async def _command(self) -> CommandRecord:
        given = {name: field.value for name, field in self._inputs.items()}
        office = self._service.stations
        if self._choice.value:
            return await office.command(self._identity, self._choice.value, {n: _plain(v) for n, v in given.items()}, OWNER)
        try:
            payload = msgspec.json.decode(given.get("payload") or "{}", type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ModelError("payload", f"is no JSON object ({error})", "mend it; {} is the empty one") from None
        return await office.call(self._identity, str(given.get("action") or ""), payload, OWNER)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _input(field: CommandField) -> Any:
    match field.kind:
        case "choice":
            made: Any = ui.select(list(field.choices), label=field.label, value=field.default or None)
        case "number":
            made = ui.number(field.label, value=float(field.default) if field.default else None, precision=0)
        case "lines" | "json":
            made = ui.textarea(field.label, value=field.default)
        case _:
            made = ui.input(field.label, value=field.default)
    return made.props("outlined stack-label").classes("cb-field")
