"""Italian meters over a real WebSocket and HTTP: frames as they come, frames without a power, warnings, breaks."""

import asyncio
import socket
from contextlib import aclosing
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from chargebridge.meters.port import LinkFault, MeterError
from chargebridge.meters.registry import open_meter, open_source
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.sim.http_json import Chain2Gateway, JsonServer
from chargebridge.sim.telegrams import chain2
from chargebridge.wire.chain2 import cut_off_of
from chargebridge.wire.meter import DecodeError


async def sent(gateway: Chain2Gateway, *frames: bytes) -> None:
    """Waits for the listener before it sends."""
    for frame in frames:
        while not gateway.send(frame):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_readings_and_a_warning(clock, values):
    async with (
        Chain2Gateway() as gateway,
        asyncio.timeout(10),
        aclosing(open_source(f"chain2://127.0.0.1:{gateway.port}", clock).events()) as events,
    ):
        next_one = asyncio.ensure_future(anext(events))
        await sent(gateway, chain2.quarter(values))
        quarter = await next_one
        await sent(gateway, chain2.contract(values.at, 1), chain2.warning(values, 2, 3300, 120))
        warning = await anext(events)
        await sent(gateway, chain2.moved(values, 3))
        moved = await anext(events)
    assert quarter.registers["1-0:1.8.0"].value == Decimal(1000)
    cut_off = cut_off_of(warning)
    assert cut_off is not None
    assert (cut_off.seconds, cut_off.available_w, cut_off.at) == (120, 3300.0, values.at)
    assert warning.registers["0-0:94.39.20"].value == 3000.0, "the contract came before, without a power of its own"
    assert moved.registers["0-0:17.0.0"].value == 3300.0, "the available power stays known"
    assert cut_off_of(moved) is None


async def test_a_prosumer(clock, values):
    exporting = replace(values, power_import_w=0.0, power_export_w=1820.0)
    async with (
        Chain2Gateway() as gateway,
        asyncio.timeout(10),
        aclosing(open_meter(f"chain2://127.0.0.1:{gateway.port}", "grid", clock).readings()) as readings,
    ):
        next_one = asyncio.ensure_future(anext(readings))
        await sent(gateway, chain2.moved(exporting, 1, prosumer=True))
        reading = await next_one
    assert isinstance(reading, Reading)
    assert reading.power_w == -1820.0
    assert reading.measured_at == values.at


async def test_frames_of_the_other_meter_are_passed_over(clock, values):
    production = chain2.message("CF21", values.at, {"InstantPower": 9}, meter="M2")
    for meter, wanted in (("M1", 2990.0), ("M2", 9.0)):
        async with (
            Chain2Gateway() as gateway,
            asyncio.timeout(10),
            aclosing(open_meter(f"chain2://127.0.0.1:{gateway.port}?meter={meter}", "grid", clock).readings()) as readings,
        ):
            next_one = asyncio.ensure_future(anext(readings))
            await sent(gateway, production, chain2.moved(values, 1), production)
            assert (await next_one).power_w == wanted


async def test_damage_is_told_and_a_break_mended(clock, values):
    async with (
        Chain2Gateway() as gateway,
        asyncio.timeout(15),
        aclosing(open_source(f"chain2://127.0.0.1:{gateway.port}", clock).events()) as events,
    ):
        next_one = asyncio.ensure_future(anext(events))
        await sent(gateway, chain2.moved(values, 1)[:-5])
        assert isinstance(await next_one, DecodeError)
        next_one = asyncio.ensure_future(anext(events))
        await gateway.hang_up()
        lost = await next_one
        assert isinstance(lost, LinkFault)
        assert "closed by the gateway" in lost.reason
        next_one = asyncio.ensure_future(anext(events))
        await sent(gateway, chain2.moved(values, 2))
        assert (await next_one).registers["0-0:96.15.0"].value == 2


async def test_over_http_each_frame_counts_once(clock, values):
    later = replace(values, at=values.at + timedelta(seconds=60))
    async with JsonServer({"/lastcf.json": chain2.moved(values, 1)}) as server, asyncio.timeout(10):
        url = f"chain2://127.0.0.1:{server.port}?over=http&every=5"
        async with aclosing(open_meter(url, "grid", clock).readings()) as readings:
            first = await anext(readings)
            next_one = asyncio.ensure_future(anext(readings))
            while len(server.asked) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert not next_one.done()
            server.pages = {"/lastcf.json": chain2.moved(later, 2)}
            second = await next_one
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert second.measured_at == later.at


async def test_no_gateway_there(clock, values):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = f"chain2://127.0.0.1:{unused.getsockname()[1]}"
        async with asyncio.timeout(10), aclosing(open_meter(gone, "grid", clock).readings()) as readings:
            fault = await anext(readings)
    assert isinstance(fault, MeterFault)
    assert "broke off" in fault.reason
    async with (
        JsonServer({}) as other,
        asyncio.timeout(10),
        aclosing(open_meter(f"chain2://127.0.0.1:{other.port}", "grid", clock).readings()) as readings,
    ):
        fault = await anext(readings)
    assert isinstance(fault, MeterFault)
    assert "is no Chain 2 gateway" in fault.reason


@pytest.mark.parametrize(("url", "reason"), [
    ("chain2://", "needs a host"),
    ("chain2://host/path", "nothing behind it"),
    ("chain2://host?meter=M3", "meter=M3 is unknown"),
    ("chain2://host?over=mqtt", "over=mqtt is unknown"),
    ("chain2://host?over=http&every=0", "every=0 cannot be"),
])  # fmt: skip
def test_bad_address(url, reason, clock):
    with pytest.raises(MeterError) as caught:
        open_meter(url, "grid", clock)
    assert reason in str(caught.value)
