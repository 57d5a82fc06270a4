"""What the site does with what is odd about its meters: shown, told once, kept, remembered over a restart; and it never costs a reading."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from chargebridge.meters.quality import MeterChecker
from chargebridge.model.circuit import Battery, Circuit, Generator, Load, Topology
from chargebridge.model.finding import DayFigures, FindingKind
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.site import findings
from chargebridge.site.watch import comparisons, places
from chargebridge.store import Database
from tests.site.kit import bench
from tests.site.test_faults import METERED

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Quiet:
    """A meter that is there and says nothing by itself."""

    name = "m"

    async def readings(self) -> AsyncIterator[Reading | MeterFault]:
        await asyncio.Event().wait()
        yield Reading(meter="m", received_at=NOON)


def reading(second: float, wh: int, number: str = "1") -> Reading:
    at = NOON + timedelta(seconds=second)
    return Reading(meter="m", received_at=at, measured_at=at, power_w=0.0, energy_import_wh=Decimal(wh), meter_number=number)


async def test_a_finding_is_shown_told_and_kept_once_and_cleared_in_its_time(tmp_path: Path) -> None:
    async with bench(tmp_path, text=METERED, meters=[Quiet()]) as site:
        for second, wh in ((0, 5000), (10, 9000), (20, 8000), (30, 9000), (40, 8000)):
            site.site.read(reading(second, wh))
        (meter,) = site.site.service.view().meters
        assert (meter.id, meter.place, meter.telegrams) == ("m", "Main", 5)
        assert [(f.kind, f.times) for f in meter.findings] == [(FindingKind.REGISTER_FELL, 2)]
        assert meter.found == {"register_fell": 1}
        assert [h for h in site.happenings if "registers only ever grow" in h] == [
            h for h in site.happenings if h.startswith("m: its import")
        ]
        assert len([h for h in site.happenings if h.startswith("m: its import")]) == 1
        assert await site.rows("select meter, kind, cleared_at from finding") == [("m", "register_fell", None)]
        site.site.read(reading(90_000, 9500))
        assert site.site.service.view().meters[0].findings == ()
        assert (await site.rows("select count(*) from finding where cleared_at is not null")) == [(1,)]
        (kept,) = await site.site.service.findings("m")
        assert kept.cleared_at is not None
        assert await site.site.service.findings("other") == ()
        (day,) = await site.site.service.meter_days()
        assert (day.meter, day.day, day.telegrams) == ("m", NOON.date(), 5)


async def test_what_stood_open_stands_open_after_a_restart_and_is_entered_once(tmp_path: Path) -> None:
    for _ in range(2):
        async with bench(tmp_path, text=METERED, meters=[Quiet()]) as site:
            standing = site.site.service.view().meters[0].findings
            site.site.read(reading(0, 9000))
            site.site.read(reading(10, 8000))
            assert [f.kind for f in site.site.service.view().meters[0].findings] == [FindingKind.REGISTER_FELL]
            assert await site.rows("select count(*) from finding") == [(1,)]
    assert len(standing) == 1


async def test_faults_are_counted_by_kind_and_a_check_that_fails_costs_no_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path, text=METERED, meters=[Quiet()]) as site:
        for kind in ("checksum", "checksum", "link"):
            site.site._faulty(MeterFault(meter="m", at=NOON, where="x", reason="y", cure="z", kind=kind))
        site.site.read(reading(0, 1))

        def failing(self: MeterChecker, reading: Reading) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(MeterChecker, "feed", failing)
        site.site.read(reading(10, 1))
        assert site.site.live.readings["m"].received_at == NOON + timedelta(seconds=10)
        (meter,) = site.site.service.view().meters
        assert meter.faults == {"checksum": 2, "link": 1}
        assert meter.telegrams == 2


async def test_a_day_in_parts_keeps_the_greater_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "x.db")
    day = NOON.date()
    for count in (5, 9, 7):
        figures = DayFigures(meter="m", day=day, telegrams=count)
        await database.write(lambda c, figures=figures: findings.keep_day(c, figures))  # type: ignore[misc]
    assert [d.telegrams for d in await database.read(lambda c: findings.days(c, None, 9))] == [9]
    await database.write(lambda c: findings.forget(c, NOON + timedelta(days=400)))
    assert await database.read(lambda c: findings.days(c, "m", 9)) == []
    database.close()


def circuit(name: str, parent: str | None = None, meter: str | None = None) -> Circuit:
    return Circuit(id=name, name=name.title(), fuse_a=(63, 63, 63), parent=parent, meter=meter)


def test_meters_are_compared_with_those_right_below_them() -> None:
    circuits = (circuit("main", None, "m"), circuit("yard", "main"), circuit("shop", "yard", "s"), circuit("oven", "shop", "o"))
    pv = Generator(id="pv", name="Roof", circuit="yard", meter="p")
    told = list(comparisons(Topology(circuits=circuits, points=(), generators=(pv,))))
    assert [(c.main, c.parts) for c in told] == [("m", ("p", "s")), ("s", ("o",))]
    dark = Battery(id="b", name="B", circuit="yard", charge_max_w=1, discharge_max_w=1, capacity_wh=1, reserve_wh=0)
    told = list(comparisons(Topology(circuits=circuits, points=(), generators=(pv,), batteries=(dark,))))
    assert [c.main for c in told] == ["s"], "what the battery gives is not known"
    assert places(Topology(circuits=circuits, points=(), generators=(pv,))) == {"m": "Main", "s": "Shop", "o": "Oven", "p": "Roof"}


def test_a_heat_pump_with_a_meter_of_its_own_is_part_of_its_circuit() -> None:
    pump = Load(id="pump", name="Heat pump", circuit="main", nominal_w=9000.0, meter="hp")
    topology = Topology(circuits=(circuit("main", None, "m"),), points=(), loads=(pump,))
    assert places(topology) == {"m": "Main", "hp": "Heat pump"}
    assert [(c.main, c.parts) for c in comparisons(topology)] == [("m", ("hp",))]
