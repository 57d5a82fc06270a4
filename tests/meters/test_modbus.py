"""Meters over real Modbus connections: whole, partly, not at all; refused, silent, broken off, just started."""

import asyncio
import os
import pty
import socket
import tty
from contextlib import aclosing
from decimal import Decimal
from importlib import resources

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from chargebridge.links import modbus as link
from chargebridge.meters.map_file import names, parse
from chargebridge.meters.port import MeterError
from chargebridge.meters.registry import open_meter, open_source
from chargebridge.model.reading import MeterFault, Reading, ScaleOrigin
from chargebridge.sim.modbus_meter import LineServer, MapDevice, NetworkServer, SunSpecDevice, raw_values
from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.modbus import RegisterMap, check
from chargebridge.wire.sunspec import STORAGE, Value
from chargebridge.wire.sunspec.meters import METERS

PACKAGE = "chargebridge.meters.modbus"
MAPS = {
    name: parse(resources.files(PACKAGE).joinpath("maps", f"{name}.toml").read_text("utf-8"), name, RegisterMap, check)
    for name in names(PACKAGE)
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "TIMEOUT_S", 0.5)


async def collect(url: str, clock, count: int) -> list[Reading | MeterFault]:
    found: list[Reading | MeterFault] = []
    async with asyncio.timeout(20), aclosing(open_meter(url, "grid", clock).readings()) as readings:
        async for event in readings:
            found.append(event)
            if len(found) == count:
                break
    return found


def url(server: NetworkServer, name: str, more: str = "") -> str:
    return f"modbus://127.0.0.1:{server.port}?map={name}&unit={server.unit}{more}"


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("name", sorted(MAPS))
async def test_each_map_reads_its_meter(name, dense, clock, values: MeterValues):
    """The same moment at every meter gives the same reading, within the steps of its registers; also where a meter refuses what lies between."""
    chosen = MAPS[name]
    rtu = chosen.objects  # these meters have serial lines only
    async with NetworkServer(MapDevice(chosen, raw_values(chosen, values), dense=dense), unit=7, rtu=rtu) as server:
        (reading,) = await collect(url(server, name, "&rtu=1" if rtu else ""), clock, 1)
    assert isinstance(reading, Reading)
    assert reading.power_w == pytest.approx(2990, abs=1)
    assert reading.energy_import_wh == pytest.approx(Decimal(1000), abs=50)
    assert reading.scale is ScaleOrigin.PROFILE
    codes = {entry.code for entry in chosen.registers}
    if {"1-0:31.7.0", "1-0:71.7.0"} <= codes:
        assert reading.current_a == pytest.approx((10.0, -2.0, 5.0), abs=0.1)
        assert reading.voltage_v == pytest.approx((230, 230, 230), abs=0.5)
    if {"1-0:36.7.0", "1-0:21.7.0"} & codes:
        assert reading.power_w_phases == pytest.approx((2300, -460, 1150), abs=1)


async def test_a_meter_that_needs_its_time_gets_it(clock, values):
    chosen = MAPS["e-redes-1"]
    async with NetworkServer(MapDevice(chosen, raw_values(chosen, values)), rtu=True) as server:
        assert isinstance((await collect(url(server, "e-redes-1", "&rtu=1"), clock, 1))[0], Reading)
    assert clock.slept == [1.0] * 5


async def test_a_serial_line(clock, values: MeterValues):
    near, far = pty.openpty()
    tty.setraw(near)
    meter = LineServer(MapDevice(MAPS["eastron-sdm630"], raw_values(MAPS["eastron-sdm630"], values)), unit=3)
    loop = asyncio.get_running_loop()
    loop.add_reader(near, lambda: os.write(near, meter.take(os.read(near, 4096))))
    try:
        first, second = await collect(f"modbus-serial://{os.ttyname(far)}?map=eastron-sdm630&unit=3&baud=9600&format=8N1", clock, 2)
    finally:
        loop.remove_reader(near)
        os.close(near)
        os.close(far)
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert first.power_w == 2990.0
    assert clock.slept == [1.0]


async def test_foreign_server(clock):
    """pymodbus's server instead of ours: a PAC2200's floats."""
    block = [
        SimData(1, values=[230.5, 231.5, 229.5], datatype=DataType.FLOAT32),
        SimData(13, values=[4.5, 0.5, 1.0], datatype=DataType.FLOAT32),
        SimData(25, values=[1000.0, -115.0, 229.0], datatype=DataType.FLOAT32),
        SimData(65, values=[1114.0], datatype=DataType.FLOAT32),
        SimData(801, values=[123456789.25], datatype=DataType.FLOAT64),
        SimData(809, values=[5.0], datatype=DataType.FLOAT64),
    ]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ModbusTcpServer(SimDevice(1, simdata=block), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        (reading,) = await collect(f"modbus://127.0.0.1:{port}?map=siemens-pac2200", clock, 1)
    finally:
        await server.shutdown()
    assert isinstance(reading, Reading)
    assert reading.power_w == 1114.0
    assert reading.current_a == (4.5, -0.5, 1.0)
    assert reading.energy_import_wh == Decimal("123456789.25")


FLOATS: dict[str, Value] = {
    "W": -1500.0, "WphA": -700.0, "WphB": -500.0, "WphC": -300.0, "AphA": 3.0, "AphB": 2.0, "AphC": 1.5,
    "PhVphA": 231.0, "PhVphB": 230.0, "PhVphC": 229.0, "Hz": 50.0, "TotWhImp": 1234567.0, "TotWhExp": 89.0,
}  # fmt: skip
FACTORS: dict[str, Value] = {"A_SF": -2, "V_SF": -1, "Hz_SF": -2, "W_SF": 0, "TotWh_SF": 0}


@pytest.mark.parametrize("model", METERS, ids=lambda model: model.id)
@pytest.mark.parametrize("base", [40000, 0, 50000])
async def test_sunspec_meters(model, base, clock):
    async with NetworkServer(SunSpecDevice(model, FLOATS | (FACTORS if model.id < 210 else {}), base=base), unit=240) as server:
        (reading,) = await collect(url(server, "sunspec"), clock, 1)
    assert isinstance(reading, Reading)
    assert reading.power_w == -1500.0
    assert reading.current_a == (-3.0, -2.0, -1.5)
    assert reading.voltage_v == (231.0, 230.0, 229.0)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (1234567, 89)
    assert reading.meter_number == "12345678"
    assert reading.scale is ScaleOrigin.TELEGRAM


async def test_a_meter_that_counts_the_other_way_round(clock):
    async with NetworkServer(SunSpecDevice(METERS[4], FLOATS)) as server:
        (reading,) = await collect(url(server, "sunspec", "&turned=1"), clock, 1)
    assert isinstance(reading, Reading)
    assert reading.power_w == 1500.0
    assert reading.current_a == (3.0, 2.0, 1.5)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (89, 1234567)


async def test_solaredge_counts_export_as_positive_but_not_its_registers(clock):
    async with NetworkServer(SunSpecDevice(METERS[0], FLOATS | FACTORS, maker="SolarEdge")) as server:
        (reading,) = await collect(url(server, "sunspec"), clock, 1)
    assert isinstance(reading, Reading)
    assert reading.power_w == 1500.0
    assert reading.current_a == (3.0, 2.0, 1.5)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (1234567, 89)


async def test_sunspec_points_that_are_not_implemented_are_absent(clock):
    told = {name: value for name, value in FLOATS.items() if name in ("W", "PhVphA", "AphA", "TotWhImp")}
    async with NetworkServer(SunSpecDevice(METERS[1], told | FACTORS | {"Hz_SF": None})) as server:
        (reading,) = await collect(url(server, "sunspec"), clock, 1)
    assert isinstance(reading, Reading)
    assert reading.voltage_v == (231.0, None, None)
    assert reading.power_w_phases == (None, None, None)
    assert reading.frequency_hz is None


async def test_sunspec_device_without_a_meter(clock):
    async with NetworkServer(SunSpecDevice(STORAGE, {})) as server:
        (fault,) = await collect(url(server, "sunspec"), clock, 1)
    assert isinstance(fault, MeterFault)
    assert "only 1, 713" in fault.reason
    assert "unit id" in fault.cure


async def test_what_the_meter_refuses_is_told_once_and_the_rest_counts(clock, values):
    """An SDM120 answers, though the map of an SDM630 is asked."""
    device = MapDevice(MAPS["eastron-sdm120"], raw_values(MAPS["eastron-sdm120"], values), dense=False)
    async with NetworkServer(device) as server:
        found = await collect(url(server, "eastron-sdm630"), clock, 10)
        asked = len(server.requests)
        assert [type(event) for event in found[:8]] == [MeterFault] * 7 + [Reading]
        assert all("it has no 1-0:" in fault.reason for fault in found[:7])
        assert asked < 40
    reading = found[7]
    assert reading.voltage_v == (230.0, None, None)
    assert [type(event) for event in found[8:]] == [Reading, Reading]


async def test_zeros_after_a_start_do_not_count(clock, values):
    chosen = MAPS["sinapsi-alfa"]
    started = raw_values(chosen, values) | {"0-0:94.39.21": 0xFFFFFFFF, "0-0:94.39.22": 65535}
    device = MapDevice(chosen, {"0-0:94.39.21": 0xFFFFFFFF, "0-0:94.39.22": 65535})
    async with (
        NetworkServer(device) as server,
        asyncio.timeout(10),
        aclosing(open_meter(url(server, "sinapsi-alfa"), "grid", clock).readings()) as readings,
    ):
        fault = await anext(readings)
        assert isinstance(fault, MeterFault)
        assert "nothing of it counts" in fault.reason
        assert server.requests[0][1] == 203, "the tariff band comes first: zeros read before it must not count"
        waiting = asyncio.ensure_future(anext(readings))
        await asyncio.sleep(0.05)
        assert not waiting.done(), "told once"
        device.raw = started
        reading = await waiting
    assert isinstance(reading, Reading)
    assert reading.power_w == 2990.0


async def test_the_seconds_to_a_cut_off_are_registers(clock):
    chosen = MAPS["sinapsi-alfa"]
    raw = {"0-0:96.14.0": 2, "1-0:1.7.0": 3512, "0-0:94.39.21": 1643673211, "0-0:94.39.22": 120}
    async with (
        NetworkServer(MapDevice(chosen, raw)) as server,
        asyncio.timeout(10),
        aclosing(open_source(url(server, "sinapsi-alfa"), clock).events()) as events,
    ):
        telegram = await anext(events)
    assert telegram.registers["0-0:94.39.22"].value == 120
    assert telegram.registers["0-0:94.39.21"].value == 1643673211


async def test_silence_an_end_and_a_wrong_unit_are_faults_and_it_comes_back(clock, values, impatient):
    chosen = MAPS["abb-b23"]
    async with NetworkServer(MapDevice(chosen, raw_values(chosen, values))) as server:
        async with asyncio.timeout(20), aclosing(open_meter(url(server, "abb-b23"), "grid", clock).readings()) as readings:

            async def until(kind: type) -> Reading | MeterFault:
                while not isinstance(event := await anext(readings), kind):
                    pass
                return event

            await until(Reading)
            server.silent = True
            assert "no usable answer" in (await until(MeterFault)).reason
            server.silent = False
            await until(Reading)
            server.hang_up()
            await until(MeterFault)
            await until(Reading)
        (wrong,) = await collect(url(server, "abb-b23").replace("unit=1", "unit=9"), clock, 1)
    assert isinstance(wrong, MeterFault)
    assert "no such unit" in wrong.reason


async def test_nobody_there(clock):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        faults = await collect(f"modbus://127.0.0.1:{unused.getsockname()[1]}?map=abb-b21", clock, 4)
    assert all(isinstance(fault, MeterFault) and "no connection" in fault.reason for fault in faults)
    assert clock.slept == [1, 2, 4]


MAP = """title = "mine"
source = "the manual of my meter"
registers = [
    { at = 10, type = "uint16", code = "1-0:16.7.0", unit = "W" },
    { at = 11, type = "uint16", code = "1-0:31.7.0", unit = "A", scale = 0.1 },
]
"""


async def test_ones_own_map(tmp_path, clock):
    file = tmp_path / "mine.toml"
    file.write_text(MAP)
    chosen = parse(MAP, "mine", RegisterMap, check)
    async with NetworkServer(MapDevice(chosen, {"1-0:16.7.0": 460, "1-0:31.7.0": 20})) as server:
        (reading,) = await collect(f"modbus://127.0.0.1:{server.port}?map={file}", clock, 1)
    assert isinstance(reading, Reading)
    assert (reading.power_w, reading.current_a[0]) == (460.0, 2.0)


@pytest.mark.parametrize(("old", "new", "line", "reason", "cure"), [
    ("uint16\", code = \"1-0:31", "word\", code = \"1-0:31", ", line 5", "Invalid enum value 'word'", "compare"),
    ("at = 11", "at = -1", ", line 5", ">= 0", "compare"),
    ("at = 11", "at = 10", ", line 5", "lies inside", "manual"),
    ("scale = 0.1", "faktor = 0.1", ", line 5", "unknown field `faktor`", "compare"),
    ('unit = "W"', 'unit = "kW"', ", line 4", "unit 'kW' is unknown", "scale = 1000"),
    ("at = 11,", "at = 11", "", "line 5", "comma"),
    ("title =", "words = 3\ntitle =", ", line 1", "Expected `str`", "compare"),
    ("title =", "wrods = 3\ntitle =", "", "unknown field `wrods`", "compare"),
    ("source =", "# source =", "", "missing required field `source`", "compare"),
])  # fmt: skip
def test_a_wrong_map_is_told_with_line_and_cure(tmp_path, clock, old, new, line, reason, cure):
    file = tmp_path / "mine.toml"
    file.write_text(MAP.replace(old, new, 1))
    with pytest.raises(MeterError) as caught:
        open_source(f"modbus://h?map={file}", clock)
    assert caught.value.where == f"{file}{line}"
    assert reason in caught.value.reason
    assert cure in caught.value.cure


@pytest.mark.parametrize(("address", "reason"), [
    ("modbus://host", "the map is missing"),
    ("modbus://host?map=nonesuch", "map 'nonesuch' is unknown"),
    ("modbus://host?map=/nowhere/mine.toml", "cannot be read"),
    ("modbus://host?map=abb-b23&unit=256", "unit 256 cannot be"),
    ("modbus://host?map=abb-b23&every=0", "every=0 cannot be"),
    ("modbus://host?map=abb-b23&baud=9600", "unknown setting baud"),
    ("modbus://?map=abb-b23", "needs a host"),
    ("modbus-serial://?map=abb-b23", "the device is missing"),
    ("modbus-serial:///dev/ttyUSB0?map=abb-b23&format=9X1", "the format cannot be read"),
])  # fmt: skip
def test_bad_address(address, reason, refused):
    refused(address, reason)


def test_the_names_of_the_maps_are_told(clock):
    with pytest.raises(MeterError) as caught:
        open_meter("modbus://host?map=sdm", "grid", clock)
    assert all(name in caught.value.cure for name in [*names(PACKAGE), "sunspec"])


@pytest.mark.parametrize(
    "rubbish", [b"", b"\0" * 300, b"\0\1\0\0\0\3\1\4\1", b"\0\1\0\0\0\5\1\4\3\0\1", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 40]
)
async def test_a_peer_that_speaks_something_else(rubbish, clock, impatient):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(rubbish)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        faults = await collect(f"modbus://127.0.0.1:{port}?map=eastron-sdm630", clock, 2)
    assert all(isinstance(fault, MeterFault) and fault.cure for fault in faults)
