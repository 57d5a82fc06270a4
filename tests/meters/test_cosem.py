"""Meters that are asked by DLMS, over real sockets and a real terminal line: read, refused, broken off, talking nonsense, and read again."""

import asyncio
import os
import pty
import tty
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from chargebridge.meters.cosem import read_latest, read_profile, series_of
from chargebridge.meters.cosem.source import LOCKED_S
from chargebridge.meters.port import LinkFault, MeterError
from chargebridge.meters.registry import check_url, open_meter, open_source
from chargebridge.model.reading import MeterFault, Reading, ScaleOrigin
from chargebridge.model.series import Direction, Quality
from chargebridge.sim.cosem_meter import CosemMeter, CosemServer, ProfileRow, User
from chargebridge.sim.cosem_meter.hdlc_station import HdlcStation
from chargebridge.sim.cosem_meter.session import Session
from chargebridge.wire.cosem.acse import Mechanism
from chargebridge.wire.cosem.hdlc_link import address
from chargebridge.wire.cosem.security import Keys
from chargebridge.wire.meter import Telegram

KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)), b"SIM\0\0\0\0\7")
USERS = {
    16: User(),
    1: User(Mechanism.PASSWORD, b"12345678"),
    2: User(Mechanism.GMAC, ciphered=True),
    3: User(Mechanism.GMAC),
    4: User(Mechanism.PASSWORD, b"12345678", ciphered=True),
}
START = datetime(2026, 7, 1, tzinfo=UTC)
ROWS = tuple(ProfileRow(START + timedelta(hours=hour), 100 + hour // 4) for hour in range(1, 49))


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    texts = {
        "pw": "12345678\n",
        "wrong": "guess",
        "hex": "0x3132333435363738",
        "key": KEYS.key.hex(),
        "auth": KEYS.authentication_key.hex(),
        "count": "1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def ways_in(secrets: Path) -> dict[str, str]:
    keys = f"key_file={secrets}/key&auth_key_file={secrets}/auth&counter_file={secrets}/count"
    return {
        "password": f"client=1&password_file={secrets}/pw",
        "password in hexadecimal": f"client=1&password_file={secrets}/hex",
        "password, enciphered": f"client=4&password_file={secrets}/pw&{keys}",
        "gmac": f"client=3&auth=gmac&ciphered=0&{keys}",
        "gmac, enciphered": f"client=2&auth=gmac&{keys}",
    }


async def collect(
    url: str, clock, count: int, until: Callable[[Reading | MeterFault], bool] = lambda _: False
) -> list[Reading | MeterFault]:
    found: list[Reading | MeterFault] = []
    async with asyncio.timeout(15), aclosing(open_meter(url, "grid", clock).readings()) as readings:
        async for event in readings:
            found.append(event)
            if len(found) == count or until(event):
                break
    return found


def server(values, **settings) -> CosemServer:
    return CosemServer(CosemMeter(values, ROWS), USERS, keys=KEYS, **settings)


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("way", ["password", "password in hexadecimal", "password, enciphered", "gmac", "gmac, enciphered"])
@pytest.mark.parametrize("lists", [True, False])
async def test_reads(clock, values, secrets, framing: str, way: str, lists: bool) -> None:
    async with server(values, framing=framing, lists=lists) as meter:
        url = f"cosem://127.0.0.1:{meter.port}?framing={framing}&every=5&{ways_in(secrets)[way]}"
        first, second = await collect(url, clock, 2)
        assert meter.connections == 1
    assert isinstance(first, Reading)
    assert first.power_w == 2990.0
    assert first.power_w_phases == (2300.0, -460.0, 1150.0)
    assert first.current_a == (10.0, -2.0, 5.0)
    assert first.voltage_v == (230.0, 230.0, 230.0)
    assert (first.energy_import_wh, first.energy_export_wh) == (Decimal(1000), Decimal(20))
    assert first.measured_at == values.at
    assert first.meter_number == "12345678"
    assert first.scale is ScaleOrigin.TELEGRAM
    assert isinstance(second, Reading)
    assert (second.received_at - first.received_at).total_seconds() == pytest.approx(5)


async def test_scales_are_read_once_and_each_reading_opens_its_own_where_it_is_rare(clock, values, secrets) -> None:
    async with server(values) as meter:
        url = f"cosem://127.0.0.1:{meter.port}?every=900&{ways_in(secrets)['password']}"
        async with asyncio.timeout(10), aclosing(open_source(url, clock).events()) as events:
            reads = []
            async for event in events:
                assert isinstance(event, Telegram)
                assert event.registers["1-0:31.7.0"].scaler == -2
                reads.append(meter._meter.reads)
                if len(reads) == 3:
                    break
        assert meter.connections == 3
        assert reads[2] - reads[1] == reads[1] - reads[0] < reads[0]


async def test_objects_that_are_not_there_are_told_once(clock, values, secrets) -> None:
    without = frozenset(bytes((1, 0, c, 7, 0, 255)) for c in (41, 42, 51, 52, 61, 62, 71, 72))
    async with CosemServer(CosemMeter(values, without=without), USERS) as meter:
        url = f"cosem://127.0.0.1:{meter.port}?{ways_in(secrets)['password']}"
        found = await collect(url, clock, 4)
    assert isinstance(found[0], MeterFault)
    assert "1-0:52.7.0 (object undefined)" in found[0].reason
    assert [type(event) for event in found[1:]] == [Reading] * 3
    assert found[1].voltage_v == (230.0, None, None)


async def test_only_what_was_asked(clock, values, secrets) -> None:
    async with server(values) as meter:
        url = f"cosem://127.0.0.1:{meter.port}?objects=1-0:1.7.0,1-0:2.7.0&{ways_in(secrets)['password']}"
        (reading,) = await collect(url, clock, 1)
    assert isinstance(reading, Reading)
    assert (reading.power_w, reading.energy_import_wh) == (2990.0, None)


async def test_the_public_client_may_not_and_is_told(clock, values) -> None:
    async with server(values) as meter:
        (fault,) = await collect(f"cosem://127.0.0.1:{meter.port}", clock, 1)
    assert isinstance(fault, MeterFault)
    assert "read write denied" in fault.reason


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
async def test_a_wrong_password_is_not_tried_again_at_once(clock, values, secrets, framing: str) -> None:
    async with server(values, framing=framing) as meter:
        url = f"cosem://127.0.0.1:{meter.port}?framing={framing}&client=1&password_file={secrets}/wrong"
        first, _ = await collect(url, clock, 2)
    assert isinstance(first, MeterFault)
    assert "proof of identity is wrong" in first.reason
    assert "password" in first.cure
    assert clock.slept == [LOCKED_S]


async def test_wrong_keys_are_told(clock, values, secrets) -> None:
    async with server(values) as meter:
        url = (
            f"cosem://127.0.0.1:{meter.port}?client=2&auth=gmac&key_file={secrets}/auth"
            f"&auth_key_file={secrets}/key&counter_file={secrets}/count"
        )
        (fault,) = await collect(url, clock, 1)
    assert isinstance(fault, MeterFault)
    assert "deciphering failed" in fault.reason


async def test_a_counter_that_went_back_is_told(clock, values, secrets) -> None:
    async with server(values) as meter:
        url = f"cosem://127.0.0.1:{meter.port}?{ways_in(secrets)['gmac, enciphered']}"
        assert isinstance((await collect(url, clock, 1))[0], Reading)
        (secrets / "low").write_text("1\n")
        (fault,) = await collect(url.replace("counter_file=" + str(secrets / "count"), "counter_file=" + str(secrets / "low")), clock, 1)
    assert isinstance(fault, MeterFault)
    assert "frame counter is too low" in fault.reason
    assert "counter_file" in fault.cure


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
async def test_a_connection_lost_in_the_middle_is_opened_again(clock, values, secrets, framing: str) -> None:
    async with server(values, framing=framing) as meter:
        url = f"cosem://127.0.0.1:{meter.port}?framing={framing}&every=1&{ways_in(secrets)['password']}"
        kinds = []
        async with asyncio.timeout(10), aclosing(open_meter(url, "grid", clock).readings()) as readings:
            async for event in readings:
                kinds.append(type(event))
                if len(kinds) == 1:
                    meter.hang_up()
                if len(kinds) == 3:
                    break
    assert kinds == [Reading, MeterFault, Reading]


NONSENSE = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "half a header": b"\x00\x01\x00",
    "an empty answer": bytes.fromhex("0001000100010000"),
    "not an association": bytes.fromhex("0001000100010004c401c100"),
    "for somebody else": bytes.fromhex("0001000100020002610 0".replace(" ", "")),
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_a_server_that_answers_nonsense_is_told(clock, secrets, name: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(NONSENSE[name])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as nonsense:
        port = nonsense.sockets[0].getsockname()[1]
        (fault,) = await collect(f"cosem://127.0.0.1:{port}?{ways_in(secrets)['password']}", clock, 1)
    assert isinstance(fault, MeterFault)
    assert fault.reason
    assert fault.cure


async def test_noise_does_not_hold_the_line_up(clock, secrets) -> None:
    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"\x00\x55~")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as noise:
        port = noise.sockets[0].getsockname()[1]
        (fault,) = await collect(f"cosem://127.0.0.1:{port}?framing=hdlc&timeout=0.1&{ways_in(secrets)['password']}", clock, 1)
    assert isinstance(fault, MeterFault)
    assert "no answer within 0.1 s" in fault.reason


async def test_nobody_there(clock, secrets) -> None:
    (fault,) = await collect(f"cosem://127.0.0.1:1?{ways_in(secrets)['password']}", clock, 1)
    assert isinstance(fault, MeterFault)
    assert "cannot be opened" in fault.reason


@pytest.mark.parametrize("opening", ["mode-e", "mode-e without confirmation", "hdlc"])
async def test_at_an_optical_port(clock, values, secrets, opening: str) -> None:
    """The other end of a terminal line: IEC 62056-21 first, then HDLC with an address of four bytes."""
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    sessions: dict[bytes, Session] = {}
    meter = CosemMeter(values)

    def answer(client: bytes, apdu: bytes) -> bytes:
        if not apdu:
            sessions[client] = Session(meter, USERS[1], security=None, title=b"", challenge=b"", max_pdu=512, lists=True)
            return b""
        return sessions[client].receive(apdu)

    station = HdlcStation(address(1, 17, 4), 128, answer)
    heard = bytearray()
    loop = asyncio.get_running_loop()

    def read() -> None:
        data = os.read(master, 4096)
        heard.extend(data)
        seven = bytes(byte & 0x7F for byte in data)
        if seven == b"/?!\r\n":
            os.write(master, b"/ISK5\\2ME382-1003\r\n")
        elif data[:1] == b"\x06":
            if opening == "mode-e":
                os.write(master, data)  # the same, at the new speed
        elif out := station.receive(data):
            os.write(master, out)

    loop.add_reader(master, read)
    try:
        url = (
            f"cosem-serial://{os.ttyname(slave)}?opening={opening.split()[0]}&server=1&physical=17&address_size=4&timeout=2"
            f"&{ways_in(secrets)['password']}"
        )
        (reading,) = await collect(url, clock, 1)
    finally:
        loop.remove_reader(master)
        os.close(slave)
        os.close(master)
    assert isinstance(reading, Reading)
    assert reading.power_w == 2990.0
    assert heard.startswith(b"~" if opening == "hdlc" else b"\xaf?!\x8d\n\x06\xb25\xb2\x8d\n~")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
async def test_load_profile_as_interval_values(values, secrets, framing: str, compressed: bool) -> None:
    rows = ROWS[:10] + ROWS[12:]
    async with CosemServer(CosemMeter(values, rows, compressed=compressed), USERS, framing=framing, max_pdu=150) as meter:
        where = check_url(f"cosem://127.0.0.1:{meter.port}?framing={framing}&{ways_in(secrets)['password']}")
        profile = await read_profile(where, START + timedelta(hours=3), START + timedelta(hours=20))
        latest = await read_latest(where, 4)
        everything = await read_profile(where, START, START + timedelta(days=9))
    series = series_of(profile, meter="grid")
    assert series.start == START + timedelta(hours=2)
    assert series.end == START + timedelta(hours=20)
    assert series.resolution_s == 3600
    assert series.direction is Direction.IMPORT
    assert series.count(Quality.MISSING) == 2
    assert series.values[0].energy_wh == Decimal(100)
    assert series.values[8].energy_wh is None
    assert series.values[-1].energy_wh == Decimal(105)
    assert [row.values[2] for row in latest.rows] == [111, 111, 111, 112]
    assert len(everything.rows) == 46
    with pytest.raises(MeterError):
        series_of(profile, meter="grid", direction=Direction.EXPORT)


async def test_a_profile_that_is_not_there(values, secrets) -> None:
    async with server(values) as meter:
        where = check_url(f"cosem://127.0.0.1:{meter.port}?{ways_in(secrets)['password']}")
        with pytest.raises(MeterError) as told:
            await read_profile(where, START, START, code="1-0:99.2.0")
        assert "object undefined" in told.value.reason
        with pytest.raises(MeterError):
            series_of(await read_profile(where, START - timedelta(days=2), START - timedelta(days=1)), meter="grid")


@pytest.mark.parametrize(
    "url",
    [
        "cosem://",
        "cosem-serial://",
        "cosem://h?client=99999",
        "cosem://h?client=1.5",
        "cosem://h?framing=udp",
        "cosem://h?auth=md5",
        "cosem://h?auth=password",
        "cosem://h?auth=gmac",
        "cosem://h?ciphered=1",
        "cosem://h?password=secret",
        "cosem://h?every=0",
        "cosem://h?objects=power",
        "cosem://h?objects=1.7.0",
        "cosem://h?information=9000",
        "cosem://h?server=200&address_size=1",
        "cosem-serial:///dev/null?opening=d0",
        "cosem-serial:///dev/null?framing=hdlc",
    ],
)
def test_settings_that_cannot_be(url: str, clock) -> None:
    with pytest.raises(MeterError) as told:
        open_source(url, clock)
    assert told.value.cure


def test_enciphered_needs_a_counter(secrets, clock) -> None:
    with pytest.raises(MeterError) as told:
        open_source(f"cosem://h?key_file={secrets}/key&auth_key_file={secrets}/auth", clock)
    assert "counter_file" in told.value.reason
    with pytest.raises(MeterError):
        open_source(f"cosem://h?key_file={secrets}/key&auth_key_file={secrets}/auth&counter_file={secrets}/count&title=12", clock)


def test_no_secret_is_shown(secrets, clock) -> None:
    source = open_source(f"cosem://h?{ways_in(secrets)['password, enciphered']}", clock)
    shown = repr(source._settings) + repr(source)
    assert "12345678" not in shown
    assert KEYS.key.hex() not in shown
    assert LinkFault(source.where, "", "").where == "cosem://h:4059"
