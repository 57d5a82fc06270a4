"""Meters over real sockets and a real terminal line: they come, break off, fall silent and come back."""

import asyncio
import os
import pty
import socket
import tty
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from chargebridge.links.backoff import LAST_S
from chargebridge.meters.registry import open_meter
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.sim.telegrams import han, p1
from chargebridge.sim.telegrams.han import ListSize

Script = Callable[[int, asyncio.StreamWriter], Awaitable[None]]


async def served(script: Script) -> tuple[asyncio.Server, str]:
    """A bridge on loopback that runs ``script`` with the connection's number for each connection."""
    count = 0

    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        try:
            await script(count, writer)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def collect(url: str, clock, count: int) -> list[Reading | MeterFault]:
    found: list[Reading | MeterFault] = []
    async with asyncio.timeout(10), aclosing(open_meter(url, "grid", clock).readings()) as readings:
        async for event in readings:
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_tcp_in_pieces_then_again_after_a_break(clock, values):
    """A telegram whose second half is lost with the connection costs itself only; its first half never meets the next one."""
    telegram = p1.encode(values)

    async def script(connection: int, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(telegram), 100):
            writer.write(telegram[at : at + 100])
            await writer.drain()
            await asyncio.sleep(0.002)
        if connection == 1:
            writer.write(telegram[:200])

    server, url = await served(script)
    async with server:
        first, cut, closed, second = await collect(url, clock, 4)
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert first.power_w == second.power_w == 2990.0
    assert isinstance(cut, MeterFault)
    assert "breaks off" in cut.reason
    assert isinstance(closed, MeterFault)
    assert "closed by the other side" in closed.reason
    assert clock.slept == [1.0]


async def test_tcp_waits_longer_each_time_nobody_answers(clock):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        faults = await collect(url, clock, 8)
    assert all(isinstance(fault, MeterFault) and "cannot be opened" in fault.reason and fault.cure for fault in faults)
    assert clock.slept == [1, 2, 4, 8, 16, LAST_S, LAST_S]


async def test_tcp_silence_opens_anew(clock, values):
    """A half-open connection is indistinguishable from a silent meter, so it is given up."""

    async def script(connection: int, writer: asyncio.StreamWriter) -> None:
        if connection == 1:
            await asyncio.sleep(0.5)
        else:
            writer.write(han.aidon(values, ListSize.FULL))

    server, url = await served(script)
    async with server:
        silence, reading = await collect(f"{url}?silence=0.05", clock, 2)
    assert isinstance(silence, MeterFault)
    assert "no byte for 0.05 s" in silence.reason
    assert isinstance(reading, Reading)


async def test_tcp_noise_is_told_and_the_meter_read_on(clock, values):
    async def script(_connection: int, writer: asyncio.StreamWriter) -> None:
        writer.write(han.kaifa(values, ListSize.FULL) + b"\x00\xff\x55" + han.kaifa(values, ListSize.POWER))

    server, url = await served(script)
    async with server:
        full, noise, short = await collect(f"{url}?protocol=dlms", clock, 3)
    assert isinstance(full, Reading)
    assert isinstance(noise, MeterFault)
    assert "no frame" in noise.reason
    assert isinstance(short, Reading)
    assert short.current_a == full.current_a
    assert "current_a" in short.derived


@pytest.fixture
def line():
    """Both ends of a terminal line, raw."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


async def test_serial(clock, values, line):
    """Opening drops what came before, so that the first telegram may be cut; the next ones are whole."""
    ours, device = line
    stream = p1.encode(values) * 4

    async def send() -> None:
        for at in range(0, len(stream), 64):
            os.write(ours, stream[at : at + 64])
            await asyncio.sleep(0.002)

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        found = await collect(f"serial://{device}?baud=115200", clock, 3)
    powers = [event.power_w for event in found if isinstance(event, Reading)]
    assert len(powers) >= 2
    assert set(powers) == {2990.0}


async def test_serial_port_that_is_not_there(clock):
    (fault,) = await collect("serial:///dev/ttyNOWHERE", clock, 1)
    assert isinstance(fault, MeterFault)
    assert "cannot be opened" in fault.reason
    assert "dialout" in fault.cure


async def test_a_long_list_that_broke_off_does_not_swallow_the_short_ones_after_it(clock, values):
    """Its header says how long it would be; the pause after it says that nothing more of it comes."""
    long, short = han.aidon(values, ListSize.HOURLY), han.aidon(values, ListSize.POWER)

    async def script(_connection: int, writer: asyncio.StreamWriter) -> None:
        writer.write(long[:100])
        await writer.drain()
        await asyncio.sleep(1.3)
        writer.write(short)
        await writer.drain()
        await asyncio.sleep(5)

    server, url = await served(script)
    async with server:
        fault, reading = await collect(url, clock, 2)
    assert isinstance(fault, MeterFault)
    assert "ends after 100" in fault.reason
    assert isinstance(reading, Reading)
