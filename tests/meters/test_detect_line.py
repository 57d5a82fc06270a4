"""A meter at the end of an unknown serial line is found, speed and frame included; through a real RFC 2217 bridge, bit by bit."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from chargebridge.app.clock import WallClock
from chargebridge.meters.detect_line import CANDIDATES, Trial, detect_line
from chargebridge.meters.port import MeterError
from chargebridge.meters.registry import open_meter
from chargebridge.model.reading import Reading
from chargebridge.sim.serial_line import LineFormat, SerialBridge, received, sent
from chargebridge.sim.telegrams import austria, d0, han, p1, sml, tic
from chargebridge.sim.telegrams.enciphered import Keys, in_mbus
from chargebridge.sim.telegrams.han import ListSize


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


TELEGRAMS: dict[str, Callable] = {
    "p1": p1.encode,
    "sml": sml.encode,
    "aidon": lambda values: han.aidon(values, ListSize.FULL),
    "kaifa": lambda values: han.kaifa(values, ListSize.FULL),
    "kamstrup": lambda values: han.kamstrup(values, ListSize.FULL),
    "d0": d0.push,
    "linky-historic": tic.encode_historic,
    "linky-standard": tic.encode,
}


async def trials(url: str, clock, patience_s: float = 6.0) -> list[Trial]:
    async with asyncio.timeout(60):
        return [trial async for trial in detect_line(url, clock, patience_s=patience_s)]


@pytest.mark.parametrize(("name", "baud", "frame", "protocol"), [
    ("p1", 115200, "8N1", "p1"),
    ("p1", 9600, "7E1", "p1"),
    ("sml", 9600, "8N1", "sml"),
    ("aidon", 2400, "8E1", "dlms"),
    ("kaifa", 2400, "8E1", "dlms"),
    ("kamstrup", 2400, "8N1", "dlms"),
    ("d0", 9600, "7E1", "d0"),
    ("linky-historic", 1200, "7E1", "tic"),
    ("linky-standard", 9600, "7E1", "tic"),
])  # fmt: skip
async def test_a_meter_is_found(name, baud, frame, protocol, wall, values):
    telegram = TELEGRAMS[name](values)
    async with SerialBridge(lambda _: telegram, LineFormat.parse(baud, frame), 0.05) as bridge:
        *_, last = await trials(bridge.url, wall)
        found = last.found
        assert found is not None
        assert (found.protocol, found.baud, found.format) == (protocol, baud, frame)
        async with asyncio.timeout(10), aclosing(open_meter(found.url, "grid", wall).readings()) as readings:
            reading = await anext(readings)
    assert isinstance(reading, Reading)
    if not name.startswith("linky"):  # which tells apparent power
        assert reading.power_w == pytest.approx(sum(values.power_w_phases), abs=2)


async def test_an_enciphered_meter_is_found_and_named_without_its_key(wall, values):
    keys = Keys(title=b"KFM\x10\x20\x00\x00\x01", key=bytes(range(16)))
    async with SerialBridge(lambda n: in_mbus(austria.netz_noe(values), keys, n + 1), LineFormat.parse(2400, "8E1"), 0.05) as bridge:
        *_, last = await trials(bridge.url, wall)
    found = last.found
    assert found is not None
    assert (found.protocol, found.baud, found.format) == ("dlms-mbus", 2400, "8E1")
    assert "KFM" in (found.note or "")
    assert "key_file" in (found.note or "")


async def test_a_silent_line_is_told_at_once(wall):
    async with SerialBridge(lambda _: b"", LineFormat.parse(9600, "8N1"), 0.2) as bridge:
        with pytest.raises(MeterError, match="not one byte within 1 s"):
            await trials(bridge.url, wall, patience_s=1.0)


async def test_noise_is_no_meter(wall):
    async with SerialBridge(lambda n: bytes((n * 7 + i * i) % 251 for i in range(400)), LineFormat.parse(4800, "8N1"), 0.05) as bridge:
        found = await trials(bridge.url, wall, patience_s=1.0)
    assert len(found) == len(CANDIDATES)
    assert all(trial.found is None and trial.heard for trial in found)


async def test_a_port_that_is_not_there(wall):
    with pytest.raises(MeterError, match="cannot be opened"):
        await trials("/dev/no-such-port", wall)


@pytest.mark.parametrize("frame", ["8N1", "8E1", "7E1", "8O1", "8N2"])
def test_the_line_gives_what_was_sent(frame):
    line = LineFormat.parse(9600, frame)
    data = bytes(range(128)) + b"~~~\x7f" if frame[0] == "7" else bytes(range(256))
    assert received(sent(data, line), 9600, line) == data
    assert received(sent(data, line), 9600, LineFormat.parse(2400, frame)) != data
