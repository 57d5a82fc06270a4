"""What planning was worth: real sessions and samples in a store, against the same stays charged at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.site import journal, plan_journal
from chargebridge.site.plan_view import Saved
from chargebridge.site.prices import PriceBook, PriceEntry
from chargebridge.site.saved import saved
from chargebridge.site.view import HistoryPoint
from chargebridge.store import Database
from chargebridge.store.tables import session

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOPOLOGY = Topology(
    circuits=(Circuit(id="main", name="Main", fuse_a=(63.0, 63.0, 63.0)),),
    points=(ChargingPoint(id="a", name="A", circuit="main", station="a", maximum_a=16.0),),
)


async def past(folder: Path, *, charged_from: float, wh: int = 11_040, registered_wh: int | None = None) -> Saved | None:
    """A car stays from 12 to 20 o'clock and charges with 11 kW for an hour from ``charged_from`` hours after noon on; cheap is 17 to 18 o'clock."""
    database = Database.open(folder / "site.db")
    book = PriceBook(0.30)
    book.take([PriceEntry(starts_at=NOON + 5 * HOUR, ends_at=NOON + 6 * HOUR, per_kwh=0.10)], NOON)
    row = {
        "point": "a", "station": "a", "evse": 1, "transaction": "1", "token": "T", "authorised": True, "started_at": NOON, "meter_start_wh": 0,
        "energy_wh": wh if registered_wh is None else registered_wh, "ended_at": NOON + 8 * HOUR, "preference": "{}",
    }  # fmt: skip
    samples = [NOON + timedelta(minutes=5 * i) for i in range(96)]
    rows = []
    for at in samples:
        cars = 11_040.0 if 0 <= (at - NOON) / HOUR - charged_from < 1 else 0.0
        rows.append(HistoryPoint(at=at, grid_w=cars + 500, pv_w=None, battery_w=None, house_w=500.0, cars_w=cars, limit_w=None))
    try:
        await database.write(lambda c: journal.keep_topology(c, TOPOLOGY, NOON - HOUR))
        await database.write(lambda c: c.execute(insert(session), [row]))
        for value in rows:
            database.write_soon(lambda c, v=value: journal.keep_sample(c, v))
        await database.write(lambda c: None)
        quarters = await database.read(lambda c: plan_journal.quarter_hours(c, NOON))
        return await database.read(lambda c: saved(c, NOON, NOON + 9 * HOUR, quarters, book.at))
    finally:
        await asyncio.to_thread(database.close)


async def test_what_waited_for_the_cheap_hour_has_saved(tmp_path: Path) -> None:
    found = await past(tmp_path, charged_from=5.0)
    assert found is not None
    assert (found.stays, found.energy_wh) == (1, pytest.approx(11_040))
    assert (found.cost, found.at_once_cost) == (pytest.approx(1.104), pytest.approx(3.312))


async def test_what_charged_at_once_has_saved_nothing(tmp_path: Path) -> None:
    found = await past(tmp_path, charged_from=0.0)
    assert found is not None
    assert found.cost == pytest.approx(found.at_once_cost)


async def test_what_does_not_tally_is_not_compared(tmp_path: Path) -> None:
    assert await past(tmp_path, charged_from=5.0, registered_wh=30_000) is None
