"""A cancellation that a library loses is not lost on us."""

import asyncio

import pytest

from chargebridge.links.cancelled import cancellation_kept


async def library(answered: asyncio.Event) -> str:
    """As ``asyncio.wait_for`` of Python 3.11 ends when its answer and a cancellation come in the same moment."""
    try:
        await answered.wait()
    except asyncio.CancelledError:
        return "answer"
    return "answer"


async def test_who_was_cancelled_ends_though_the_library_answers() -> None:
    async def ask() -> None:
        with cancellation_kept():
            await library(asyncio.Event())
        pytest.fail("it went on")

    task = asyncio.create_task(ask())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_around_it_stays_a_timeout_and_tidying_up_may_still_ask() -> None:
    async def too_long() -> None:
        async with asyncio.timeout(0.01):
            with cancellation_kept():
                await library(asyncio.Event())

    with pytest.raises(TimeoutError):
        await too_long()

    async def tidies_up() -> str:
        try:
            await asyncio.sleep(10)
        finally:
            done = asyncio.Event()
            done.set()
            with cancellation_kept():
                said.append(await library(done))
        return ""

    said: list[str] = []
    task = asyncio.create_task(tidies_up())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said == ["answer"]
