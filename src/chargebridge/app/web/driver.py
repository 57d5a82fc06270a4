"""The driver's page: his charging point and nothing else."""

from typing import Any
from zoneinfo import ZoneInfo

from nicegui import context, ui
from nicegui.events import GenericEventArguments

from chargebridge.app.web import actions, parts, preference_form, words
from chargebridge.app.web.actions import told
from chargebridge.app.web.feed import Moment
from chargebridge.app.web.shown import car_plan, proof
from chargebridge.app.web.shown.points import card
from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.session import Preference
from chargebridge.site.plan_view import Trial
from chargebridge.site.view import PointView, SiteService, SiteView

DRIVER = "driver"
PROOF_EVERY_S = 3.0


class DriverPage:
    """One open page of a driver; a ``feed.Page``."""

    def __init__(self, service: SiteService, point: PointView, moment: Moment) -> None:
        self.client = context.client
        self.login: str | None = None
        self._service = service
        self._view = moment.view
        self._point = point
        self._saved: Preference | None = None
        with ui.element("div").classes("cb-driver"):
            self._now = parts.DriverNow(self._shown())
            self._asks = ui.label().classes("cb-hint")
            self._trial: Trial | None = None
            self._plan = parts.CarPlan(self._planned()).on("ask", self._try).on("take", self._take)
            with ui.row().classes("cb-driver-buttons"):
                self._start = ui.button("Start charging", icon="play_arrow", on_click=self._begin).props("unelevated no-caps size=lg")
                self._stop = ui.button("Stop charging", icon="stop", on_click=self._end).props("outline no-caps size=lg")
            self._proof = parts.Proof(None)
            self._form()
            ui.html('<p class="cb-hint"><a href="/verify">Check an invoice</a>: does what was billed hold?</p>', sanitize=False)
        ui.timer(PROOF_EVERY_S, self._prove)
        self.show(moment)

    def show(self, moment: Moment) -> None:
        self._view = moment.view
        found = find(moment.view, self._point.id)
        if found is None:
            self.fault("This charging point is no longer there.")
            return
        self._point = found
        self._now.show(self._shown())
        self._plan.show(self._planned())
        self._start.set_visibility(found.session is None)
        self._start.set_enabled(found.online)
        self._stop.set_visibility(found.session is not None)
        self._asks.set_text(words.sentence(found.car_asks) if found.car_asks else "")
        self._asks.set_visibility(bool(found.car_asks))
        self._back.set_visibility(found.discharge_max_w > 0)
        if found.preference != self._saved:
            self._trial = None
            self._fill(found.preference)

    async def _prove(self) -> None:
        """Of the last charging here; a verdict may improve while he looks."""
        proofs = self._service.proof
        if proofs is not None and self.client.has_socket_connection:
            found = await proofs.newest_at(self._point.id)
            self._proof.show(proof.shown(found, self._view.at, ZoneInfo(self._view.timezone)))

    def fault(self, text: str) -> None:
        self._now.show({**self._shown(), "fault": text})

    def _shown(self) -> dict[str, Any]:
        point = self._point
        most_w = max(point.maximum_a * len(point.phases) * NOMINAL_V, 1.0)
        offered_w = (point.offered_a or 0.0) * (point.offered_phases or len(point.phases)) * NOMINAL_V
        return {
            **card(point, self._view, ZoneInfo(self._view.timezone)),
            "site": self._view.name,
            "offered": f"of {words.power(offered_w)} offered" if offered_w > 0 else "",
            "flowing": point.power_w >= 1,
            "draw": round(min(1.0, max(0.0, point.power_w / most_w)), 3),
            "offer": round(min(1.0, offered_w / most_w), 3),
            "fault": "",
        }

    def _planned(self) -> dict[str, Any]:
        return car_plan.shown(self._point, self._view, self._service.planning.view(), self._service.planning.silence, self._trial)

    async def _try(self, event: GenericEventArguments) -> None:
        """What he is just dragging; the newest answer is shown."""
        async with told():
            self._trial = await self._service.planning.what_if(self._point.id, car_plan.wished(self._point.preference, event.args))
            self._plan.show(self._planned())

    async def _take(self, event: GenericEventArguments) -> None:
        async with told("Saved. The plan follows your wish."):
            await self._service.prefer(self._point.id, car_plan.wished(self._point.preference, event.args), by=DRIVER)

    def _form(self) -> None:
        unit = words.price_unit(self._view.currency)
        with ui.element("form").classes("cb-driver-form").props('novalidate aria-label="What I need"').on("submit.prevent", self._save):
            ui.html("<h2>What I need</h2><p>Leave a field empty if it does not matter to you.</p>", sanitize=False)
            with ui.element("div").classes("cb-pair"):
                minimum = _number("At least", "kWh", "counted from plugging in")
                maximum = _number("At most", "kWh", "empty: until the car is full")
            target = ui.input("Ready by").props("outlined stack-label type=datetime-local").classes("cb-field in-target")
            target.props(f'hint="time in {self._view.timezone}; empty: as soon as possible"')
            ui.html("<h3>The most I pay</h3>", sanitize=False)
            with ui.element("div").classes("cb-pair"):
                cap_min = _number("For the least I need", unit, "empty: any price", step=0.01)
                cap_max = _number("For what goes beyond", unit, "empty: any price", step=0.01)
            with ui.element("div") as self._back:
                ui.html("<h3>My car may give energy back</h3>", sanitize=False)
                self._may = ui.switch("It may, when others need it more")
                reserve = _number("Never below", "%", "of its battery; empty: 50 %")
            ui.button("Save").props("unelevated no-caps size=lg type=submit").classes("cb-save")
        self._filled: dict[str, Any] = {}
        self._fields: dict[str, ui.number | ui.input] = {
            "energy_min_kwh": minimum,
            "energy_max_kwh": maximum,
            "target": target,
            "price_cap_min": cap_min,
            "price_cap_max": cap_max,
            "reserve_percent": reserve,
        }

    def _fill(self, preference: Preference) -> None:
        """Show what is in force; what the driver has typed and not saved yet stays, whoever else changes it meanwhile."""
        self._saved = preference
        form = preference_form.typed(preference, ZoneInfo(self._view.timezone))
        for name, field in self._fields.items():
            value = getattr(form, name)
            if name not in self._filled or field.value == self._filled[name]:
                field.set_value(value)
                field.error = None
            self._filled[name] = value
        self._may.set_value(form.may_discharge)

    async def _save(self) -> None:
        form = preference_form.Typed(**{name: field.value for name, field in self._fields.items()})
        form.target = form.target or ""
        form.may_discharge = self._may.value
        preference, wrong = preference_form.read(form, self._view.at, ZoneInfo(self._view.timezone))
        for name, field in self._fields.items():
            field.error = wrong.get(name)
        if preference is None:
            ui.notify("Not saved: please look at the fields marked.", type="warning")
            return
        warning = preference_form.too_much(preference, self._point, self._view.at)
        async with told("" if warning else "Saved. Charging follows your wish from now on."):
            await self._service.prefer(self._point.id, preference, by=DRIVER)
            if warning:
                ui.notify(warning, type="warning", timeout=10000)

    async def _begin(self) -> None:
        async with told():
            actions.tell("Start", await self._service.start(self._point.id, by=DRIVER))

    async def _end(self) -> None:
        async with told():
            actions.tell("Stop", await self._service.stop(self._point.id, by=DRIVER))


def _number(label: str, unit: str, hint: str, step: float = 1) -> ui.number:
    return (
        ui.number(label, min=0, step=step, suffix=unit).props(f'outlined stack-label hint="{hint}" inputmode=decimal').classes("cb-field")
    )


def find(view: SiteView, point: str) -> PointView | None:
    return next((found for found in view.points if found.id == point), None)
