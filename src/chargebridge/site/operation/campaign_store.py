"""Campaigns on disk: what a campaign is, and how far each of its stations has come. Each function runs in one store write or read."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from chargebridge.site.operation.view import CampaignPlan
from chargebridge.store.operation_tables import campaign_station, firmware_campaign

AT_WORK = frozenset({"asked", "downloading", "downloaded", "installing"})
OVER = frozenset({"installed", "failed", "skipped"})


class Step(msgspec.Struct, kw_only=True):
    """Where one station stands; field for field a row of ``campaign_station``."""

    station: str
    place: int
    state: str = "waiting"
    detail: str = ""
    tries: int = 0
    firmware_before: str | None = None
    changed_at: datetime


class LiveCampaign(msgspec.Struct, kw_only=True):
    """One campaign in memory; every change is written before it counts."""

    number: int
    plan: CampaignPlan
    state: str
    note: str
    created_at: datetime
    by: str
    steps: dict[str, Step]

    def at_work(self) -> list[Step]:
        return [step for step in self.steps.values() if step.state in AT_WORK]


def begin(c: Connection, plan: CampaignPlan, state: str, now: datetime, by: str) -> LiveCampaign:
    row = {"created_at": now, "by": by, "state": state, "note": "", "payload": msgspec.json.encode(plan).decode()}
    key = c.execute(insert(firmware_campaign).values(row)).inserted_primary_key
    assert key is not None
    number = int(key[0])
    steps = {station: Step(station=station, place=place, changed_at=now) for place, station in enumerate(plan.stations)}
    c.execute(insert(campaign_station), [{"campaign": number, **msgspec.structs.asdict(step)} for step in steps.values()])
    return LiveCampaign(number=number, plan=plan, state=state, note="", created_at=now, by=by, steps=steps)


def keep_state(c: Connection, number: int, state: str, note: str) -> None:
    c.execute(update(firmware_campaign).where(firmware_campaign.c.number == number).values(state=state, note=note))


def keep_step(c: Connection, number: int, step: Step) -> None:
    values: dict[str, Any] = msgspec.structs.asdict(step)
    where = (campaign_station.c.campaign == number) & (campaign_station.c.station == step.station)
    c.execute(update(campaign_station).where(where).values(values))


def every(c: Connection) -> list[LiveCampaign]:
    """All campaigns, the oldest first."""
    steps: dict[int, dict[str, Step]] = {}
    for row in c.execute(select(campaign_station).order_by(campaign_station.c.place)).mappings():
        values = dict(row)
        of = steps.setdefault(values.pop("campaign"), {})
        of[values["station"]] = Step(**values)
    return [
        LiveCampaign(
            number=row.number,
            plan=msgspec.json.decode(row.payload, type=CampaignPlan),
            state=row.state,
            note=row.note,
            created_at=row.created_at,
            by=row.by,
            steps=steps.get(row.number, {}),
        )
        for row in c.execute(select(firmware_campaign).order_by(firmware_campaign.c.number))
    ]
