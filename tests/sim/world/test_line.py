"""Lines carry bytes to whoever listens and never wait for anybody."""

import asyncio
import os
from contextlib import suppress

import pytest

from chargebridge.sim.world.line import SerialLine, TcpLine
from chargebridge.sim.world.server import HOST


async def settled(line: TcpLine, listeners: int) -> None:
    for _ in range(400):
        if line.listeners == listeners:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{line.listeners} listeners, expected {listeners}")


async def gone(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 2) == b""
    except ConnectionError:
        return True


async def test_every_listener_hears_everything_after_it_came():
    line = TcpLine(0)
    await line.open()
    one, keep_one = await asyncio.open_connection(HOST, line.port)
    two, keep_two = await asyncio.open_connection(HOST, line.port)
    await settled(line, 2)
    line.send(b"hello")
    assert await one.readexactly(5) == await two.readexactly(5) == b"hello"
    await line.close()
    assert await gone(one)
    keep_one.close()
    keep_two.close()


async def test_a_broken_line_throws_listeners_out_until_it_is_repaired():
    line = TcpLine(0)
    await line.open()
    reader, _ = await asyncio.open_connection(HOST, line.port)
    await settled(line, 1)
    line.break_off(True)
    for _ in range(2):
        assert await gone(reader)
        reader, _ = await asyncio.open_connection(HOST, line.port)
    line.break_off(False)
    reader, _ = await asyncio.open_connection(HOST, line.port)
    await settled(line, 1)
    line.send(b"x")
    assert await reader.readexactly(1) == b"x"
    await line.close()


async def test_a_listener_that_does_not_read_is_cut_off():
    line = TcpLine(0)
    await line.open()
    _, keep = await asyncio.open_connection(HOST, line.port, limit=1024)
    await settled(line, 1)
    for _ in range(400):
        line.send(b"x" * 100_000)
        await asyncio.sleep(0)
        if not line.listeners:
            break
    assert not line.listeners
    keep.close()
    await line.close()


def test_a_port_is_only_known_when_the_line_is_open():
    with pytest.raises(RuntimeError, match="open"):
        _ = TcpLine(0).port


async def test_the_pseudo_terminal_carries_bytes_raw_and_what_nobody_reads_is_lost():
    line, old, new = SerialLine(), b"old\r\n\x00\xff" * 20, b"new\r\n\x00\xff" * 20
    try:
        for _ in range(300):
            line.send(old)
            await asyncio.sleep(0.001)
        handle = os.open(line.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        line.send(new)
        seen = b""
        for _ in range(200):
            with suppress(BlockingIOError):
                seen += os.read(handle, 65536)
            if seen.endswith(new):
                break
            await asyncio.sleep(0.005)
        os.close(handle)
    finally:
        line.close()
    assert seen.endswith(new)
    assert len(seen) < 100 * len(old)
