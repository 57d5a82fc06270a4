"""A meter that is asked over a real terminal line: both speeds, echo, addresses, and what goes wrong on the way."""

import asyncio
import os
import pty
import tty
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from chargebridge.meters.d0_port import D0Source
from chargebridge.meters.port import MeterError
from chargebridge.meters.registry import check_url, open_meter
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.sim.d0_meter import D0Meter, Habits
from chargebridge.sim.telegrams import d0
from chargebridge.wire.meter.d0_request import Send


@pytest.fixture
def line():
    """Both ends of a terminal line, raw. It has no parity, hence format=8N1 below."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


async def asked(line, clock, values, habits: Habits, count: int, settings: str = "") -> tuple[list[Reading | MeterFault], D0Meter]:
    terminal, device = line
    meter = D0Meter(terminal, lambda: d0.data_block(values), habits)
    serving = asyncio.create_task(meter.serve())
    found: list[Reading | MeterFault] = []
    try:
        async with asyncio.timeout(20), aclosing(open_meter(f"d0://{device}?format=8N1&{settings}", "grid", clock).readings()) as readings:
            async for event in readings:
                found.append(event)
                if len(found) == count:
                    break
    finally:
        serving.cancel()
    return found, meter


@pytest.mark.parametrize(("ident", "settings"), [
    ("CBR5SIM", ""),            # mode C, 9600 baud
    ("CBR6SIM", "&max_baud=2400"),
    ("CBR5SIM", "&max_baud=300"),
    ("CBRDSIM", ""),            # mode B
    ("CBRZSIM", ""),            # mode A
])  # fmt: skip
@pytest.mark.parametrize("echo", [False, True])
async def test_modes_and_speeds(line, clock, values, ident, settings, echo):
    found, meter = await asked(line, clock, values, Habits(ident=ident, echo=echo), 2, f"every=60{settings}")
    for reading in found:
        assert isinstance(reading, Reading), reading
        assert (reading.power_w, reading.current_a, reading.energy_import_wh) == (2990.0, (10.0, -2.0, 5.0), 1000)
        assert (reading.meter_number, reading.measured_at) == ("12345678", values.at)
    assert meter.requests == 2
    assert 59 < max(clock.slept) <= 60


async def test_an_address_is_heeded(line, clock, values):
    found, _ = await asked(line, clock, values, Habits(), 1, "address=12345678")
    assert isinstance(found[0], Reading)


async def test_another_address_is_not_answered(line, clock, values, monkeypatch):
    monkeypatch.setattr("chargebridge.meters.d0_port.SILENCE_S", 0.2)
    found, meter = await asked(line, clock, values, Habits(), 3, "address=87654321")
    assert all(isinstance(fault, MeterFault) and "nothing came" in fault.reason and "reading head" in fault.cure for fault in found)
    assert meter.requests == 3
    assert [slept for slept in clock.slept if slept >= 1] == [1, 2]


async def test_a_readout_that_breaks_off(line, clock, values, monkeypatch):
    monkeypatch.setattr("chargebridge.meters.d0_port.SILENCE_S", 0.2)
    (fault,), _ = await asked(line, clock, values, Habits(stops_after=100), 1)
    assert isinstance(fault, MeterFault)
    assert "broke off" in fault.reason
    assert "max_baud=300" in fault.cure


async def test_a_head_that_does_not_follow_the_change_of_speed(line, clock, values, monkeypatch):
    monkeypatch.setattr("chargebridge.meters.d0_port.SILENCE_S", 0.2)
    send = D0Source._send

    async def stuck(self: D0Source, step: Send, writer: asyncio.StreamWriter) -> None:
        await send(self, replace(step, then_baud=300), writer)

    monkeypatch.setattr(D0Source, "_send", stuck)
    found, _ = await asked(line, clock, values, Habits(), 1)
    assert all(isinstance(fault, MeterFault) for fault in found)
    assert "max_baud=300" in found[-1].cure or "7E1" in found[-1].cure


async def test_a_meter_whose_fastest_is_300_baud(line, clock, values):
    found, _ = await asked(line, clock, values, Habits(ident="CBR0SIM"), 1)
    assert isinstance(found[0], Reading)


async def test_a_port_that_is_not_there(clock):
    async with aclosing(open_meter("d0:///dev/ttyNOWHERE", "grid", clock).readings()) as readings:
        fault = await anext(readings)
    assert isinstance(fault, MeterFault)
    assert "cannot be opened" in fault.reason
    assert "dialout" in fault.cure


@pytest.mark.parametrize("url", ["d0://{}", "serial://{}?protocol=d0"])
async def test_a_port_that_knows_no_parity(line, clock, url):
    """A pseudo-terminal refuses 7E1, as some adapters do: a fault, and tried again."""
    async with aclosing(open_meter(url.format(line[1]), "grid", clock).readings()) as readings:
        faults = [await anext(readings), await anext(readings)]
    assert all(isinstance(fault, MeterFault) and "cannot be opened" in fault.reason for fault in faults)


@pytest.mark.parametrize(("url", "reason"), [
    ("d0://", "the device is missing"),
    ("d0:///dev/x?every=0", "every=0 cannot be"),
    ("d0:///dev/x?max_baud=110", "max_baud=110 cannot be"),
    ("d0:///dev/x?address=1!", "no device address"),
    ("d0:///dev/x?protocol=sml", "cannot be asked for"),
    ("d0:///dev/x?format=9X1", "the format cannot be read"),
    ("d0:///dev/x?baud=9600", "unknown setting baud"),
])  # fmt: skip
def test_addresses_that_cannot_be(url, reason, clock):
    with pytest.raises(MeterError) as caught:
        open_meter(url, "grid", clock)
    assert reason in str(caught.value)
    assert check_url("d0:///dev/ttyUSB0?every=300&format=7E1").scheme == "d0"
