"""A capture is replayed in the meter's own cadence, at the speed that was asked for."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chargebridge.meters.registry import open_meter
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.sim.telegrams import p1, sml


@pytest.fixture
def capture(tmp_path, values):
    """P1 telegrams 0, 1, 11, 10 and 5000 s after the first."""
    path = tmp_path / "capture.txt"
    path.write_bytes(b"".join(p1.encode(replace(values, at=values.at + timedelta(seconds=s))) for s in (0, 1, 11, 10, 5000)))
    return path


@pytest.mark.parametrize(("query", "gaps"), [
    ("", [0, 1, 10, 1, 1]),
    ("?speed=10", [0, 0.1, 1, 0.1, 0.1]),
    ("?speed=0", [0, 0, 0, 0, 0]),
    ("?interval=4&speed=2", [0, 0.5, 5, 2, 2]),
])  # fmt: skip
async def test_cadence(capture, clock, query, gaps):
    """A clock that goes back or jumps far is not believed."""
    meter = open_meter(f"file://{capture}{query}", "grid", clock)
    readings = [reading async for reading in meter.readings()]
    assert clock.slept == gaps
    assert [reading.received_at for reading in readings][-1] == clock.now()


async def test_without_a_clock_in_the_telegram(tmp_path, clock, values):
    path = tmp_path / "capture.bin"
    path.write_bytes(sml.encode(values) * 3)
    readings = [reading async for reading in open_meter(f"file://{path}?interval=2", "grid", clock).readings()]
    assert clock.slept == [0, 2, 2]
    assert all(isinstance(reading, Reading) and reading.meter == "grid" for reading in readings)


async def test_damage_is_told_with_its_place(tmp_path, clock, values):
    good = p1.encode(values)
    path = tmp_path / "capture.txt"
    path.write_bytes(good + good.replace(b"02.990", b"12.990") + good)
    first, fault, last = [reading async for reading in open_meter(f"file://{path}", "grid", clock).readings()]
    assert isinstance(fault, MeterFault)
    assert (fault.meter, fault.where) == ("grid", f"{path}, byte {len(good)}")
    assert "checksum" in fault.reason
    assert isinstance(first, Reading)
    assert isinstance(last, Reading)


async def test_loop_begins_again_and_an_empty_one_ends(tmp_path, capture, clock):
    count = 0
    async for _ in open_meter(f"file://{capture}?loop=1", "grid", clock).readings():
        count += 1
        if count == 12:
            break
    assert count == 12
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert [reading async for reading in open_meter(f"file://{empty}?loop=1", "grid", clock).readings()] == []
