"""The clocks keep their promise: one stands still, one runs faster."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from chargebridge.sim.world.clock import FastClock, ManualClock, WallClock

START = datetime(2026, 4, 14, tzinfo=UTC)


async def test_the_manual_clock_wakes_sleepers_in_order_and_at_their_own_time():
    clock, woken = ManualClock(START), []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, (clock.now() - START).total_seconds()))

    tasks = [asyncio.create_task(sleeper(*s)) for s in (("late", 5.0), ("early", 2.0), ("never", 60.0))]
    await clock.advance(1.0)
    assert not woken
    await clock.advance(9.0)
    assert woken == [("early", 2.0), ("late", 5.0)]
    assert clock.now() == START + timedelta(seconds=10)
    tasks[2].cancel()


async def test_a_sleeper_that_sleeps_again_is_woken_again_within_one_advance():
    clock, woken = ManualClock(START), []

    async def every_second() -> None:
        while True:
            await clock.sleep(1.0)
            woken.append(clock.now())

    task = asyncio.create_task(every_second())
    await clock.advance(10.5)
    assert len(woken) == 10
    task.cancel()


async def test_the_fast_clock_passes_a_minute_in_a_moment():
    clock = FastClock(600, START)
    await clock.sleep(60)
    assert 60 <= (clock.now() - START).total_seconds() < 300


def test_a_clock_that_stands_or_runs_backwards_is_refused():
    with pytest.raises(ValueError, match="speed"):
        FastClock(0)


def test_the_wall_clock_is_aware_utc():
    assert WallClock().now().tzinfo is UTC
