"""The page of grid and EEBUS: what the grid asks for, our peers and how to pair them, who we are, the last messages."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import context, ui

from chargebridge.app.web import parts
from chargebridge.app.web.actions import told
from chargebridge.app.web.eebus_dialogs import ask_to_unpair, open_pairing, show_secret
from chargebridge.app.web.feed import Moment
from chargebridge.app.web.owner import OWNER, panel
from chargebridge.app.web.shown import eebus as shown
from chargebridge.site.eebus_view import EebusNode, EebusService, EebusView, TracedMessage
from chargebridge.site.view import SiteService

LOOK_EVERY_S = 1.5
WINDOW_S = 180.0
ROWS = 80
LOOKED_AT = 1000
"""So many of the last messages are searched for those that the filters leave."""
NOT_CONFIGURED = (
    "<p>This site does not speak EEBUS yet. With an <code>[eebus]</code> table in its configuration, a control box can limit it, and wallboxes and "
    "heat pumps that speak EEBUS can be connected; docs/eebus.md tells how.</p>"
)


def here(head: dict[str, Any]) -> dict[str, Any]:
    return {**head, "here": "eebus"}


class EebusPage:
    """One open page; a ``feed.Page``."""

    def __init__(self, service: SiteService, login: str, moment: Moment) -> None:
        self.client = context.client
        self.login: str | None = login
        self._moment = moment
        self._opened: set[int] = set()
        self._known: EebusNode | None = None
        self._zone = ZoneInfo(moment.view.timezone)
        self._head = parts.PageHead(here(moment.parts["head"]))
        self._told: Callable[[EebusView], None] = lambda view: None
        self._eebus = service.eebus
        if self._eebus is None:
            with ui.element("div").classes("cb-main"), panel("Grid and EEBUS", "nogrid"):
                ui.html(NOT_CONFIGURED, sanitize=False)
            return
        self._build(self._eebus, self._eebus.view())
        ui.timer(LOOK_EVERY_S, self._look)

    def show(self, moment: Moment) -> None:
        self._moment = moment
        self._head.show(here(moment.parts["head"]))
        if self._eebus is not None:
            self._draw(self._eebus.view())

    def fault(self, text: str) -> None:
        self._head.show(here({**self._moment.parts["head"], "level": "over", "health": text}))

    def _draw(self, view: EebusView) -> None:
        self._limits.show(shown.limits(view, self._zone))
        self._peers.show(shown.peers(view, self._zone))
        self._refusals.show(shown.refusals(view, self._zone))
        self._window.show(shown.window(view))
        if view.node != self._known:  # its code takes a while to draw
            self._known = view.node
            self._node.show(shown.node(view.node, self._zone))
        self._limit_panel.set_visibility(bool(view.limits))
        self._writes_panel.set_visibility(bool(view.limits))

    def _build(self, eebus: EebusService, view: EebusView) -> None:
        with ui.element("div").classes("cb-main"):
            with ui.element("div").classes("cb-column"):
                with ui.element("div") as self._limit_panel, panel("What the grid asks for", "gridlimits"):
                    self._limits = parts.EebusLimits(shown.limits(view, self._zone))
                with ui.element("div") as self._writes_panel, panel("Last writes of the control box", "writes"):
                    self._writes = parts.PlainTable(shown.writes(view.writes, view.at, self._zone))
                with panel("Last messages", "trace") as head:
                    with head:
                        ui.html('<a class="cb-plain" href="/eebus/trace.jsonl" download>All as JSON lines</a>', sanitize=False)
                    self._build_trace()
            with ui.element("div").classes("cb-column"):
                with panel("EEBUS devices", "peers") as head:
                    with head:
                        ui.button("Pair by SKI", icon="add_link", on_click=lambda: open_pairing(eebus)).props("flat dense no-caps")
                    self._window = parts.EebusWindow(shown.window(view))
                    self._window.on("move", lambda e: self._move(eebus, bool(e.args)))
                    self._peers = parts.EebusPeers(shown.peers(view, self._zone))
                    self._peers.on("act", lambda e: self._act(eebus, str(e.args)))
                    self._refusals = parts.EebusRefusals(shown.refusals(view, self._zone))
                with panel("This site to other devices", "node"):
                    self._node = parts.EebusNode(shown.node(view.node, self._zone))
                    self._node.on("secret", lambda: show_secret(eebus))
        self._draw(view)

    def _build_trace(self) -> None:
        with ui.row().classes("cb-log-tools"):
            self._of = (
                ui.select({"": "All devices"}, value="", on_change=self._look).props("outlined dense options-dense").classes("cb-trace-of")
            )
            self._of.props('aria-label="Of which device"')
            self._wanted = ui.input(placeholder="Function or value contains", on_change=self._look).props(
                "outlined dense clearable debounce=300"
            )
            self._wanted.props('aria-label="Function or value contains"')
            self._routine = ui.checkbox("Heartbeats and values", value=False, on_change=self._look).props("dense")
        self._trace = parts.EebusTrace({"rows": [], "empty": "Nothing was said yet."})
        self._trace.on("open", lambda e: self._toggle(int(e.args)))

    async def _look(self) -> None:
        """Trace and writes: read when somebody looks."""
        if not self.client.has_socket_connection or self._eebus is None:
            return
        async with told():
            view = self._eebus.view()
            named = {"": "All devices"} | {peer.ski: peer.name for peer in view.peers}
            if named != self._of.options:
                self._of.set_options(named, value=self._of.value if self._of.value in named else "")
            found = [one for one in self._eebus.trace(self._of.value or None, limit=LOOKED_AT) if self._fits(one)]
            self._trace.show(shown.trace(found[-ROWS:], self._opened, *self._now))
            self._writes.show(shown.writes(await self._eebus.writes(20), *self._now))

    @property
    def _now(self) -> tuple[datetime, ZoneInfo]:
        return self._moment.view.at, self._zone

    def _fits(self, message: TracedMessage) -> bool:
        if not self._routine.value and message.function in shown.ROUTINE:
            return False
        words = str(self._wanted.value or "").lower().split()
        text = f"{message.classifier} {message.function} {message.value} {message.result}".lower()
        return all(word in text for word in words)

    async def _toggle(self, number: int) -> None:
        self._opened ^= {number}
        await self._look()

    async def _move(self, eebus: EebusService, wanted: bool) -> None:
        async with told():
            if wanted:
                eebus.open_window(WINDOW_S, OWNER)
            else:
                eebus.close_window(OWNER)
            self._draw(eebus.view())

    async def _act(self, eebus: EebusService, wish: str) -> None:
        word, _, ski = wish.partition(" ")
        peer = next((one for one in eebus.view().peers if one.ski == ski), None)
        if peer is None:
            return
        match word:
            case "confirm":
                async with told(f"{peer.name} is paired."):
                    await eebus.pair(ski, OWNER)
            case "pair":
                async with told(f"We trust {peer.name} and connect to it."):
                    await eebus.pair(ski, OWNER)
            case "refuse":
                async with told(f"{peer.name} is refused."):
                    await eebus.refuse(ski, OWNER)
            case "unpair":
                ask_to_unpair(eebus, peer)
            case "trace":
                self._of.set_value(ski)
                ui.run_javascript("document.querySelector('.in-trace').scrollIntoView({behavior: 'smooth'})")
        self._draw(eebus.view())
