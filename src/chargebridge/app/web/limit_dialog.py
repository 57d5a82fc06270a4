"""The owner's own limit on a circuit: how much, for how long. 0 W is a limit, withdrawing is another thing."""

from nicegui import ui

from chargebridge.app.web.actions import told
from chargebridge.site.view import SiteService, SiteView

_FOR = {0: "until I withdraw it", 900: "for 15 minutes", 3600: "for 1 hour", 14400: "for 4 hours", 43200: "for 12 hours"}


class LimitDialog:
    def __init__(self, service: SiteService) -> None:
        self._service = service
        with ui.dialog() as self._dialog, ui.card().classes("cb-dialog"):
            ui.html("<h2>Set my own limit</h2>", sanitize=False)
            ui.html("<p>All that flows through the circuit counts, the house too. Every other limit goes on holding.</p>", sanitize=False)
            self._node = ui.select({}, label="Circuit").props("outlined").classes("cb-field")
            self._kilowatts = (
                ui.number("At most", min=0, step=0.5, suffix="kW", validation=_check)
                .props('outlined stack-label hint="0 kW stops all charging on this circuit"')
                .classes("cb-field in-limit-power")
            )
            self._kilowatts.without_auto_validation()
            self._for = ui.select(_FOR, value=0, label="How long").props("outlined").classes("cb-field")
            with ui.row().classes("cb-dialog-buttons"):
                ui.button("Cancel", on_click=self._dialog.close).props("flat no-caps")
                ui.button("Set limit", on_click=self._set).props("unelevated no-caps")

    def open(self, view: SiteView, node: str | None = None) -> None:
        circuits = {circuit.id: "\u2003" * circuit.depth + circuit.name for circuit in view.circuits}
        self._node.set_options(circuits, value=node or next(iter(circuits), None))
        self._kilowatts.set_value(None)
        self._kilowatts.error = None
        self._for.set_value(0)
        self._dialog.open()

    async def _set(self) -> None:
        if not self._kilowatts.validate() or self._node.value is None:
            return
        power_w = round(float(self._kilowatts.value) * 1000)
        async with told("Your limit is set. Charging points follow at once."):
            await self._service.set_owner_limit(str(self._node.value), power_w, float(self._for.value) or None, by="owner")
            self._dialog.close()


def _check(value: float | None) -> str | None:
    if value is None:
        return "Say how many kW. 0 stops all charging here."
    if not 0 <= value <= 100_000:
        return "A limit is 0 kW or more."
    return None
