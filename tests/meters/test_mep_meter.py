"""A NES meter over real sockets and a real terminal: from the URL to the reading, through silence, damage, a wrong key and a lost line."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from chargebridge.meters import mep_meter as mep
from chargebridge.meters.port import LinkFault, MeterError
from chargebridge.meters.registry import open_meter, open_source
from chargebridge.model.reading import MeterFault, Reading, ScaleOrigin
from chargebridge.sim.mep_meter import MepDevice, MepLine, MepServer
from chargebridge.wire.meter import ClockOrigin, DecodeError, ErrorKind, Telegram
from chargebridge.wire.osgp import tables

MBK = "MBKTESTKEY0123456789"


@pytest.fixture
def key(monkeypatch) -> str:
    monkeypatch.setenv("TEST_MBK", MBK)
    return "key_env=TEST_MBK"


async def some(events: AsyncIterator, count: int) -> list:
    found = []
    async with asyncio.timeout(20):
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    await events.aclose()  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("generation", [1, 3])
async def test_over_tcp(clock, values, key, generation):
    device = MepDevice(lambda: values, MBK.encode(), generation=generation)
    async with MepServer(device, clock) as server:
        source = open_source(f"mep://127.0.0.1:{server.port}?{key}", clock)
        assert source.where == f"mep://127.0.0.1:{server.port}"
        telegrams = await some(source.events(), 12)
    full, *others = telegrams
    assert isinstance(full, Telegram)
    assert (full.device, full.meter_id, full.authenticated) == ("NES MTR-3000 3.12", "12345678", True)
    assert (full.clock, full.clock_origin) == (values.at, ClockOrigin.TELEGRAM)
    assert full.registers["1-0:1.8.0"].value == Decimal(1000)
    assert full.registers["1-0:31.7.0"].value == 10.0
    assert [("1-0:1.8.0" in other.registers, other.clock is None) for other in others[:8]] == [(False, True)] * 8
    assert any("1-0:1.8.0" in other.registers for other in others), "the registers come again"
    assert device.requests[:4] == [tables.BT21, tables.BT01, tables.ET03, tables.BT22]


async def test_at_a_terminal_to_a_reading(clock, values, key):
    async with MepLine(MepDevice(lambda: values, MBK.encode())) as line:
        (reading,) = await some(open_meter(f"mep://{line.path}?{key}&every=2", "grid", clock).readings(), 1)
    assert isinstance(reading, Reading)
    assert reading.power_w == 2990.0
    assert reading.power_w_phases == (2300.0, -460.0, 1150.0)
    assert reading.current_a == (10.0, -2.0, 5.0)
    assert reading.voltage_v == (230.0, 230.0, 230.0)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (1000, 20)
    assert reading.frequency_hz == 50.0
    assert reading.measured_at == values.at
    assert reading.derived == ()
    assert reading.scale is ScaleOrigin.PROFILE


async def test_it_asks_in_its_rhythm(clock, values, key):
    """At least 0.1 s between an answer and the next question, a turn every ``every`` seconds."""
    async with MepServer(MepDevice(lambda: values, MBK.encode()), clock) as server:
        began = clock.now()
        await some(open_source(f"mep://127.0.0.1:{server.port}?{key}&every=2", clock).events(), 5)
    assert min(clock.slept) > 0.0999
    assert 8 <= (clock.now() - began).total_seconds() <= 10


async def test_alerts_do_not_disturb(clock, values, key):
    async with MepServer(MepDevice(lambda: values, MBK.encode()), clock, alerting=True) as server:
        telegrams = await some(open_source(f"mep://127.0.0.1:{server.port}?{key}", clock).events(), 5)
    assert all(isinstance(event, Telegram) for event in telegrams)


async def test_a_wrong_key_is_told_and_not_tried_every_second(clock, values, key):
    device = MepDevice(lambda: values, b"another key of 20 by")
    async with MepServer(device, clock) as server:
        events = await some(open_source(f"mep://127.0.0.1:{server.port}?{key}", clock).events(), 3)
    assert [event.kind for event in events] == [ErrorKind.KEY] * 3
    assert "MBK" in events[0].cure
    assert [s for s in clock.slept if s >= 1] == [1.0, 2.0]
    assert MBK not in str(events)


async def test_one_damaged_answer_costs_one_turn(clock, values, key):
    device = MepDevice(lambda: values, MBK.encode())
    async with MepServer(device, clock) as server:
        events = open_source(f"mep://127.0.0.1:{server.port}?{key}", clock).events()
        assert isinstance(await anext(events), Telegram)
        device.damaged = 1
        found = await some(events, 2)
    assert isinstance(found[0], DecodeError)
    assert "digest" in found[0].reason
    assert isinstance(found[1], Telegram)


async def test_a_silent_meter_is_told_and_asked_anew(clock, values, key, monkeypatch):
    monkeypatch.setattr(mep, "ANSWER_S", 0.05)
    device = MepDevice(lambda: values, MBK.encode())
    async with MepServer(device, clock) as server:
        events = open_source(f"mep://127.0.0.1:{server.port}?{key}", clock).events()
        assert isinstance(await anext(events), Telegram)
        device.silent = 3
        found = await some(events, 4)
    assert [type(event) for event in found] == [DecodeError, DecodeError, DecodeError, Telegram]
    assert "does not answer" in found[0].reason
    assert "1-0:1.8.0" in found[3].registers, "a new connection begins with a full turn"


async def test_a_late_answer_is_not_taken_for_the_next_one(clock, values, key, monkeypatch):
    """Its first half comes in time, its second half before the next question."""
    monkeypatch.setattr(mep, "ANSWER_S", 0.1)
    device = MepDevice(lambda: values, MBK.encode())
    late: list[bytes] = []
    writers: list[asyncio.StreamWriter] = []
    halved = False

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while data := await reader.read(1024):
            answer = device.receive(data)
            if halved and not late:
                late.append(answer[20:])
                answer = answer[:20]
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        events = open_source(f"mep://127.0.0.1:{server.sockets[0].getsockname()[1]}?{key}", clock).events()
        assert isinstance(await anext(events), Telegram)
        halved = True
        fault = await anext(events)
        monkeypatch.setattr(mep, "ANSWER_S", 2.0)
        writers[0].write(late[0])
        await asyncio.sleep(0.05)
        found = await some(events, 2)
    assert isinstance(fault, DecodeError)
    assert "breaks off after 20 bytes" in fault.reason
    assert [type(event) for event in found] == [Telegram, Telegram]


async def test_a_lost_line_is_opened_again(clock, values, key):
    async with MepServer(MepDevice(lambda: values, MBK.encode()), clock) as server:
        events = open_source(f"mep://127.0.0.1:{server.port}?{key}", clock).events()
        assert isinstance(await anext(events), Telegram)
        server.hang_up()
        found = await some(events, 2)
    assert isinstance(found[0], LinkFault)
    assert isinstance(found[1], Telegram)


async def test_nobody_there(clock, key):
    events = open_meter(f"mep://127.0.0.1:1?{key}", "grid", clock).readings()
    (fault,) = await some(events, 1)
    assert isinstance(fault, MeterFault)
    assert "cannot be opened" in fault.reason
    (fault,) = await some(open_meter(f"mep:///dev/nothing-here?{key}", "grid", clock).readings(), 1)
    assert isinstance(fault, MeterFault)
    assert "dialout" in fault.cure


async def test_tables_that_a_meter_keeps_to_itself(clock, values, key):
    hidden = frozenset({tables.BT01, tables.ET03, tables.BT22})
    async with MepServer(MepDevice(lambda: values, MBK.encode(), hidden=hidden), clock) as server:
        (telegram,) = await some(open_source(f"mep://127.0.0.1:{server.port}?{key}", clock).events(), 1)
    assert (telegram.device, telegram.meter_id) == (None, None)
    assert telegram.registers["1-0:1.8.0"].value == 1000


@pytest.mark.parametrize("text", [MBK, MBK.encode().hex(), MBK.encode()[:16].hex().upper()])
def test_the_key_in_each_form(text, clock, tmp_path):
    file = tmp_path / "mbk"
    file.write_text(text + "\n")
    assert open_source(f"mep://h:1?key_file={file}", clock)


@pytest.mark.parametrize(("url", "reason"), [
    ("mep://h:1", "the key is missing"),
    ("mep://h:1?key_env=SHORT", "no MBK of 20 bytes"),
    ("mep://h:1?key_env=ODD", "no MBK of 20 bytes"),
    ("mep://?key_env=TEST_MBK", "neither a device nor host and port"),
    ("mep://h?key_env=TEST_MBK", "neither a device nor host and port"),
    ("mep:///dev/ttyUSB0?key_env=TEST_MBK&every=often", "every=often cannot be"),
    ("mep:///dev/ttyUSB0?key_env=TEST_MBK&silence=3", "unknown setting silence"),
    ("tcp://h:1?key_env=TEST_MBK", "no key of 16 bytes"),
])  # fmt: skip
def test_bad_addresses(url, reason, clock, key, monkeypatch):
    monkeypatch.setenv("SHORT", "0011")
    monkeypatch.setenv("ODD", "äöü" * 7)
    with pytest.raises(MeterError, match=reason):
        open_source(url, clock)
