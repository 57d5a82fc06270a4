"""Firmware campaigns and who was not let in, as the page of all stations draws them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.app.web.shown.stations import protocol
from chargebridge.site.operation.view import Campaign, StrangerRow

CAMPAIGN_LEVEL = {"running": "ok", "checking": "tight", "paused": "tight", "aborted": "over", "refused": "over", "done": "quiet"}
STEPS = ("waiting", "asked", "downloading", "downloaded", "installing", "installed", "failed", "skipped")


def campaigns(found: Sequence[Campaign], now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [_campaign(campaign, now, zone) for campaign in found]


def _campaign(campaign: Campaign, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    total, counts = len(campaign.stations), campaign.counts
    limits = [f"{campaign.plan.at_once} at a time"]
    if campaign.plan.not_before is not None:
        limits.append(f"not before {words.moment(campaign.plan.not_before, now, zone)}")
    if campaign.plan.not_after is not None:
        limits.append(f"not after {words.moment(campaign.plan.not_after, now, zone)}")
    if campaign.plan.while_charging:
        limits.append("also while a car charges")
    return {
        "number": campaign.number,
        "name": campaign.plan.name,
        "state": campaign.state,
        "level": CAMPAIGN_LEVEL[campaign.state],
        "note": campaign.note,
        "url": campaign.plan.url,
        "limits": ", ".join(limits),
        "begun": f"{words.moment(campaign.created_at, now, zone)} by {campaign.by}",
        "done": f"{counts.get('installed', 0)} of {total}",
        "parts": [
            {"state": state, "share": counts[state] / total, "count": counts[state]} for state in reversed(STEPS) if counts.get(state)
        ],
        "pausable": campaign.state == "running",
        "resumable": campaign.state == "paused",
        "abortable": campaign.state in ("running", "paused"),
        "retryable": campaign.state in ("done", "aborted", "refused", "running") and bool(counts.get("failed") or counts.get("skipped")),
        "stations": [
            {
                "id": s.station,
                "state": s.state,
                "level": {"installed": "ok", "failed": "over", "skipped": "quiet", "waiting": "quiet"}.get(s.state, "tight"),
                "firmware": _versions(s.before, s.now),
                "detail": s.detail,
            }
            for s in campaign.stations
        ],
    }


def _versions(before: str | None, now: str | None) -> str:
    known = [version for version in dict.fromkeys((before, now)) if version]
    return f"firmware {' → '.join(known)}" if known else ""


def strangers(found: Iterable[StrangerRow], now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [
        {
            "id": s.identity,
            "why": s.why,
            "from": s.remote,
            "times": f"{words.several(s.times, 'time')}, last {words.moment(s.last_at, now, zone)}",
            "about": " ".join(part for part in (s.vendor, s.model, s.serial or "", protocol(s.protocol)) if part),
            "approvable": s.approvable,
        }
        for s in found
    ]
