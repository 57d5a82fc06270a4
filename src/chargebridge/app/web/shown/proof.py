"""A session's proof as its driver sees it: what the meter signed, by which key, and whether it holds."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.site.proof.view import ProofView

GROUP = 8
GROUPS_SHOWN = 4


def shown(proof: ProofView | None, now: datetime, zone: ZoneInfo) -> dict[str, Any] | None:
    """None: there is nothing to prove, or not yet."""
    if proof is None or proof.state == "running":
        return None
    return {
        "holds": proof.holds,
        "verdict": "The signature holds" if proof.holds else "Not billed",
        "reason": "" if proof.holds else words.sentence(proof.reason),
        "begin": _stand(proof.begin_wh, proof.begin, now, zone),
        "end": _stand(proof.end_wh, proof.end, now, zone),
        "energy": "" if proof.energy_wh is None else _kwh(proof.energy_wh),
        "meter": proof.meter,
        "evse": proof.evse,
        "key": fingerprint(proof.fingerprint),
        "key_from": words.sentence(proof.key_from) if proof.key_from else "",
        "file": f"/proof/{proof.id}.xml" if proof.format else "",
        "page": f"/verify/{proof.id}",
    }


def fingerprint(whole: str) -> str:
    """Its first groups; enough to compare by eye with what the register shows."""
    groups = [whole[at : at + GROUP] for at in range(0, GROUP * GROUPS_SHOWN, GROUP)]
    return " ".join(groups) if whole else ""


def mark(state: str) -> str:
    """A word for the list of sessions."""
    return {"running": "", "billable": "proven", "unbillable": "not billable"}[state]


def _stand(value_wh: Decimal | None, at: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    if value_wh is None:
        return ""
    if at is None:
        return _kwh(value_wh)
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    return f"{_kwh(value_wh)} at {local:%H:%M:%S}" + ("" if local.date() == today else f" on {local:%Y-%m-%d}")


def _kwh(value_wh: Decimal) -> str:
    """All the digits that the meter signed."""
    return f"{value_wh.scaleb(-3):,f} kWh".replace(",", " ")
