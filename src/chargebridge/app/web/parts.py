"""The parts of a page that are drawn live: each a small Vue component in ``live/`` fed with one value of ``shown``."""

from typing import Any

from nicegui.element import Element


class Live(Element):
    """Sends its value to the browser only when it has changed; Vue then touches only what differs."""

    def __init__(self, data: Any) -> None:
        super().__init__()
        self._props["data"] = data

    @property
    def data(self) -> Any:
        return self._props["data"]

    def show(self, data: Any) -> None:
        if data != self._props["data"]:
            self._props["data"] = data
            self.update()


class PageHead(Live, component="live/page_head.js"):
    pass


class AlertList(Live, component="live/alert_list.js"):
    pass


class PowerFlow(Live, component="live/power_flow.js"):
    pass


class GrantLine(Live, component="live/grant_line.js"):
    pass


class CircuitTree(Live, component="live/circuit_tree.js"):
    """Emits "limit" with the circuit's id."""


class PointCards(Live, component="live/point_cards.js"):
    """Emits "open" with the point's id."""


class WhyChain(Live, component="live/why_chain.js"):
    pass


class ForecastFacts(Live, component="live/forecast_facts.js"):
    pass


class LimitBook(Live, component="live/limit_book.js"):
    """Emits "withdraw" with the entry: the limit's id and its beginning."""


class MeterList(Live, component="live/meter_list.js"):
    pass


class LoadList(Live, component="live/load_list.js"):
    pass


class SiteStory(Live, component="live/site_story.js"):
    pass


class SessionList(Live, component="live/session_list.js"):
    pass


class DriverNow(Live, component="live/driver_now.js"):
    pass


class CarPlan(Live, component="live/car_plan.js"):
    """Emits "ask" with what the driver moves, and "take"."""


class Proof(Live, component="live/proof.js"):
    pass


class PlanFacts(Live, component="live/plan_facts.js"):
    pass


class StationList(Live, component="live/station_list.js"):
    pass


class StationFacts(Live, component="live/station_facts.js"):
    pass


class MessageRows(Live, component="live/message_log.js"):
    """Emits "open" with a message's number, and "older"."""


class CommandList(Live, component="live/command_list.js"):
    pass


class CampaignList(Live, component="live/campaign_list.js"):
    """Emits "steer" with what to do and the campaign's number."""


class StrangerList(Live, component="live/stranger_list.js"):
    """Emits "judge" with "approve" or "refuse" and the identity."""


class PlainTable(Live, component="live/plain_table.js"):
    pass


class EebusNode(Live, component="live/eebus_node.js"):
    """Emits "secret"."""


class EebusWindow(Live, component="live/eebus_window.js"):
    """Emits "move" with whether to open it."""


class EebusPeers(Live, component="live/eebus_peers.js"):
    """Emits "act" with what to do and the SKI: "confirm", "refuse", "pair", "unpair" or "trace"."""


class EebusLimits(Live, component="live/eebus_limits.js"):
    pass


class EebusTrace(Live, component="live/eebus_trace.js"):
    """Emits "open" with a message's number."""


class EebusRefusals(Live, component="live/eebus_refusals.js"):
    pass
