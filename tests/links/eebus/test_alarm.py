"""One timer on a clock that a test moves."""

import asyncio
from datetime import UTC, datetime

from chargebridge.links.eebus.alarm import Alarm
from chargebridge.sim.world.clock import ManualClock


class Timers:
    def __init__(self, *due):
        self.clock = ManualClock(datetime(2026, 11, 21, tzinfo=UTC))
        self.due = sorted(due)
        self.rung = []
        self.fails = 0
        self.alarm = Alarm(self.clock, lambda: self.due[0] if self.due else None, self.ring)

    def ring(self):
        if self.fails:
            self.fails -= 1
            raise RuntimeError("broken")
        self.rung.append(self.clock.steady_s())
        self.due = [one for one in self.due if one > self.clock.steady_s()]

    def add(self, due):
        self.due = sorted((*self.due, due))
        self.alarm.moved()

    async def pass_(self, seconds):
        await self.clock.advance(seconds, turns=10)


async def running(timers):
    task = asyncio.create_task(timers.alarm.run())
    await asyncio.sleep(0)
    return task


async def test_it_rings_when_something_is_due_and_not_before():
    timers = Timers(5.0, 7.0)
    task = await running(timers)
    await timers.pass_(4.0)
    assert not timers.rung
    await timers.pass_(1.0)
    assert timers.rung == [5.0]
    await timers.pass_(10.0)
    assert timers.rung == [5.0, 7.0]
    task.cancel()


async def test_what_is_due_earlier_than_before_is_in_time():
    timers = Timers(100.0)
    task = await running(timers)
    await timers.pass_(1.0)
    timers.add(3.0)
    timers.add(2.0)
    await timers.pass_(0.0)
    await timers.pass_(5.0)
    assert timers.rung == [2.0, 3.0]
    task.cancel()


async def test_it_wakes_up_from_having_nothing_to_do():
    timers = Timers()
    task = await running(timers)
    timers.add(1.0)
    await timers.pass_(0.0)
    await timers.pass_(1.0)
    assert timers.rung == [1.0]
    task.cancel()


async def test_a_failure_does_not_end_it(monkeypatch):
    monkeypatch.setattr("chargebridge.links.eebus.alarm.AFTER_FAILURE_S", 0.01)
    timers = Timers(1.0)
    timers.fails = 2
    task = await running(timers)
    await timers.pass_(1.0)
    async with asyncio.timeout(5.0):
        while not timers.rung:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    task.cancel()


async def test_what_stays_due_does_not_take_all_the_time():
    timers = Timers(1.0)
    rung = []
    timers.alarm = Alarm(timers.clock, lambda: 1.0, lambda: rung.append(1))
    task = await running(timers)
    await timers.pass_(1.0)
    await asyncio.sleep(0.05)
    assert 1 <= len(rung) <= 3
    task.cancel()
