"""From a SiteView to what each part of a page draws: finished words and fractions of a bar, so that the browser only has to place them."""

from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web.shown import circuits, flow, limits, loads, meters, points, story
from chargebridge.site.view import SiteView

Shown = dict[str, Any]


def site(view: SiteView) -> dict[str, Any]:
    """Every part of the owner's page by name."""
    zone = ZoneInfo(view.timezone)
    return {
        "head": story.head(view, zone),
        "alerts": story.alerts(view),
        "flow": flow.flow(view),
        "circuits": circuits.tree(view),
        "points": points.cards(view, zone),
        "limits": limits.book(view, zone),
        "loads": loads.cards(view, zone),
        "meters": meters.cards(view, zone),
        "story": story.lines(view, zone),
    }
