"""Plans and prices in the store, and the quarter hours that forecasts are made from. Each function runs inside one store write or read."""

import zlib
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, Integer, case, cast, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.site.plan_view import PlanRow, QuarterHour
from chargebridge.site.prices import KEPT, PriceEntry
from chargebridge.site.standing_plan import StandingPlan
from chargebridge.store.plan_tables import plan, price
from chargebridge.store.tables import sample

QUARTER_S = 900


def keep_plan(c: Connection, made: StandingPlan) -> None:
    row = {
        "made_at": made.made_at,
        "solver": made.schedule.solver.value,
        "cause": made.cause,
        "note": made.schedule.note,
        "cars": len(made.outlook.sessions) + len(made.outlook.at_once),
        "cost": made.schedule.cost,
        "saves": made.saves,
        "took_s": made.took_s,
        "payload": zlib.compress(msgspec.json.encode(made)),
    }
    c.execute(upsert(plan).values(row).on_conflict_do_nothing())


def newest_plan(c: Connection) -> StandingPlan | None:
    """None where there is none, or it is of another version's making."""
    payload = c.execute(select(plan.c.payload).order_by(plan.c.made_at.desc()).limit(1)).scalar()
    try:
        return None if payload is None else msgspec.json.decode(zlib.decompress(payload), type=StandingPlan)
    except (msgspec.MsgspecError, zlib.error):
        return None


def plan_at(c: Connection, moment: datetime) -> StandingPlan | None:
    """The plan that stood then."""
    payload = c.execute(select(plan.c.payload).where(plan.c.made_at <= moment).order_by(plan.c.made_at.desc()).limit(1)).scalar()
    return None if payload is None else msgspec.json.decode(zlib.decompress(payload), type=StandingPlan)


def plans(c: Connection, limit: int) -> tuple[PlanRow, ...]:
    """The newest first."""
    columns = [plan.c[name] for name in PlanRow.__struct_fields__]
    return tuple(PlanRow(**row) for row in c.execute(select(*columns).order_by(plan.c.made_at.desc()).limit(limit)).mappings())


def keep_prices(c: Connection, entries: Iterable[PriceEntry]) -> None:
    """All that is kept from now on."""
    c.execute(delete(price))
    rows = [msgspec.structs.asdict(entry) for entry in entries]
    if rows:
        c.execute(insert(price), rows)


def prices(c: Connection) -> list[PriceEntry]:
    return [PriceEntry(**row) for row in c.execute(select(price).order_by(price.c.starts_at)).mappings()]


def forget(c: Connection, now: datetime, edge: datetime) -> None:
    """Plans from before ``edge``, and prices that nobody asks for any more."""
    c.execute(delete(plan).where(plan.c.made_at < edge))
    c.execute(delete(price).where(price.c.ends_at < now - KEPT))


def quarter_hours(c: Connection, since: datetime) -> tuple[QuarterHour, ...]:
    """Mean powers of each quarter hour, the oldest first; of the grid only what is drawn from it counts as import."""
    slot = cast(cast(func.strftime("%s", sample.c.at), Integer) / QUARTER_S, Integer).label("slot")
    mean = [func.avg(sample.c[name]).label(name) for name in ("grid_w", "house_w", "pv_w", "battery_w", "cars_w")]
    drawn = func.avg(case((sample.c.grid_w > 0, sample.c.grid_w), else_=0.0)).label("import_w")
    fed = func.avg(case((sample.c.grid_w < 0, -sample.c.grid_w), else_=0.0)).label("export_w")
    rows = c.execute(select(slot, drawn, fed, *mean).where(sample.c.at >= since).group_by(slot).order_by(slot)).mappings()
    return tuple(
        QuarterHour(at=datetime.fromtimestamp(row["slot"] * QUARTER_S, UTC), **{k: v for k, v in row.items() if k != "slot"})
        for row in rows
    )
