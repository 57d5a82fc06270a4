"""The pairing window closes by itself, whatever happens to the wall clock."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from chargebridge.links.eebus.window import LONGEST_S, START_S, PairingWindow, WindowError
from chargebridge.sim.world.clock import ManualClock

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def test_it_opens_closes_by_itself_and_says_so_each_time() -> None:
    clock = ManualClock(START)
    window, said = PairingWindow(clock), []
    window.on_change(lambda: said.append((clock.steady_s(), window.is_open)))
    running = asyncio.create_task(window.run())
    await clock.advance(START_S)
    assert (window.is_open, window.until, window.unknown_may_wait) == (False, None, False)
    window.open(120)
    assert window.until == START + timedelta(seconds=START_S + 120)
    await clock.advance(119)
    assert window.is_open
    assert window.unknown_may_wait
    await clock.advance(2)
    assert (window.is_open, window.until, window.unknown_may_wait) == (False, None, False)
    assert said == [(START_S, True), (START_S + 120, False)]
    running.cancel()


async def test_it_can_be_closed_at_once_and_opened_anew_for_less() -> None:
    clock = ManualClock(START)
    window, said = PairingWindow(clock, start_s=0), []
    window.on_change(lambda: said.append((clock.steady_s(), window.is_open)))
    running = asyncio.create_task(window.run())
    window.open(200)
    await clock.advance(10)
    window.open(20)
    await clock.advance(30)
    window.open(200)
    window.close()
    window.close()
    assert not window.unknown_may_wait
    assert said == [(0, True), (10, True), (30, False), (40, True), (40, False)]
    running.cancel()


async def test_peers_that_nobody_knows_wait_just_after_a_start_though_it_is_closed() -> None:
    clock = ManualClock(START)
    window = PairingWindow(clock)
    assert window.unknown_may_wait
    assert not window.is_open
    await clock.advance(START_S)
    assert not window.unknown_may_wait


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_S + 1, float("nan"), float("inf")])
def test_it_does_not_stay_open_for_ever(seconds: float) -> None:
    window = PairingWindow(ManualClock(START))
    with pytest.raises(WindowError, match="up to 300 s"):
        window.open(seconds)
    assert not window.is_open
