"""Controllable loads: what each draws, what it is to keep to and whether it does, and why."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.site.view import LoadView, SiteView


def cards(view: SiteView, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [_card(load, view.at, zone) for load in view.loads]


def _card(load: LoadView, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    if not load.online:
        level, state = "tight", "not connected"
    elif load.limit_w is None:
        level, state = "ok", "free"
    else:
        level, state = (
            ("info", f"at most {words.power(load.limit_w)}") if load.taken else ("tight", f"asked for {words.power(load.limit_w)}")
        )
    return {
        "id": load.id,
        "name": load.name,
        "power": words.power(load.power_w),
        "level": level,
        "state": state,
        "reason": words.sentence(load.reason),
        "facts": words.sentence(", ".join(_facts(load, now, zone))),
    }


def _facts(load: LoadView, now: datetime, zone: ZoneInfo) -> list[str]:
    facts = [f"draws {words.power(load.nominal_w)} at most", f"is guaranteed {words.power(load.guaranteed_w)}"]
    facts.append(
        "has not said what it keeps to without us" if load.failsafe_w is None else f"keeps to {words.power(load.failsafe_w)} without us"
    )
    if not load.online:
        heard = "never heard" if load.heard_at is None else f"last heard {words.moment(load.heard_at, now, zone)}"
        facts.append(f"{heard}; {words.power(load.ceiling_w)} stay reserved for it where a limit holds")
    return facts
