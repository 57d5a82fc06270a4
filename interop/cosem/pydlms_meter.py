"""Our client reads the meter of PyPI `pydlms-client` (its simulator)."""

import asyncio
import tempfile
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

from pydlms.cosem.data import DlmsData
from pydlms.cosem.enums import DataType
from pydlms.security.hls import Mechanism
from pydlms.simulator import ClientProfile, MeterSimulator, serve

from chargebridge.meters.cosem import read_latest, read_profile, series_of
from chargebridge.meters.registry import check_url, open_meter
from chargebridge.model.reading import Reading
from chargebridge.wire.meter import cosem_time
from interop.cosem.common import KEYS, PASSWORD, START, Checks
from interop.ocpp.check import Check, WallClock

ENERGY_WH, POWER_W, VOLTAGE_RAW = 1234567, 2990, 2305
CLOCK, PROFILE = "0.0.1.0.0.255", "1.0.99.1.0.255"
HOURS = 48


def time_of(hour: int) -> DlmsData:
    return DlmsData.octet_string(cosem_time.build(START + timedelta(hours=hour), deviation_min=0))


def column(interface: int, code: tuple[int, ...]) -> DlmsData:
    parts = [DlmsData.uint16(interface), DlmsData.octet_string(bytes(code)), DlmsData(DataType.INTEGER, 2), DlmsData.uint16(0)]
    return DlmsData.structure(parts)


def meter() -> MeterSimulator:
    """Clock, number, four registers and a profile; one client for each way in."""
    found = MeterSimulator(KEYS.title, KEYS.key, KEYS.authentication_key, max_pdu=256)
    found.clients = {
        16: ClientProfile(),
        1: ClientProfile(Mechanism.LLS, PASSWORD),
        2: ClientProfile(Mechanism.HLS_GMAC, ciphered=True),
        3: ClientProfile(Mechanism.HLS_GMAC),
        4: ClientProfile(Mechanism.LLS, PASSWORD, ciphered=True),
    }
    found.add_object(1, "0.0.96.1.0.255", {2: DlmsData.octet_string(b"12345678")})
    found.add_object(8, CLOCK, {2: time_of(12)})
    for code, value, scaler, unit in (
        ("1.0.1.7.0.255", DlmsData.uint32(POWER_W), 0, 27),
        ("1.0.32.7.0.255", DlmsData.uint16(VOLTAGE_RAW), -1, 35),
        ("1.0.1.8.0.255", DlmsData.uint32(ENERGY_WH), 0, 30),
        ("1.0.1.29.0.255", DlmsData.uint32(0), 0, 30),
    ):
        found.add_object(3, code, {2: value, 3: DlmsData.structure([DlmsData(DataType.INTEGER, scaler), DlmsData.enum(unit)])})
    rows = [DlmsData.structure([time_of(hour), DlmsData.uint32(100 + hour)]) for hour in range(1, HOURS + 1)]
    layout = [column(8, (0, 0, 1, 0, 0, 255)), column(3, (1, 0, 1, 29, 0, 255))]
    attributes = {2: DlmsData.array(rows), 3: DlmsData.array(layout), 4: DlmsData.uint32(3600), 7: DlmsData.uint32(HOURS)}
    found.add_object(7, PROFILE, attributes)
    return found


async def first_reading(url: str) -> Reading | str:
    """The first reading; else the first fault but that objects are not there."""
    async with asyncio.timeout(20), aclosing(open_meter(url, "m", WallClock()).readings()) as readings:
        async for event in readings:
            if isinstance(event, Reading):
                return event
            if not event.reason.startswith("not told"):
                return event.reason
    return "nothing came"


async def trial(framing: str, port: int, name: str, query: str) -> list[Check]:
    checks = Checks(f"pydlms meter, {framing}, {name}")
    url = f"cosem://127.0.0.1:{port}?framing={framing}&{query}"
    reading = await first_reading(url)
    passed = isinstance(reading, Reading) and (reading.power_w, reading.voltage_v[0], reading.energy_import_wh) == (
        POWER_W,
        230.5,
        ENERGY_WH,
    )
    checks.add("power, voltage, register; the rest is not there", passed, reading)
    address = check_url(url)
    for what, question, wanted in (
        (
            "load profile by range, in blocks",
            read_profile(address, START + timedelta(hours=3), START + timedelta(hours=40)),
            range(103, 141),
        ),
        ("last rows by entry", read_latest(address, 5), range(144, 149)),
    ):
        try:
            series = series_of(await question, meter="m")
        except Exception as problem:
            checks.add(what, False, problem)
            continue
        checks.add(what, [int(value.energy_wh or 0) for value in series.values] == list(wanted), series)
    return checks.found


async def refused(framing: str, port: int, folder: str) -> list[Check]:
    checks = Checks(f"pydlms meter, {framing}")
    keys = f"key_file={folder}/key&auth_key_file={folder}/auth"
    for name, query, word in (
        ("a wrong password", f"client=1&password_file={folder}/wrong", "proof of identity is wrong"),
        ("a low frame counter", f"client=2&auth=gmac&{keys}&counter_file={folder}/low", "frame counter is too low"),
        (
            "a wrong key",
            f"client=2&auth=gmac&key_file={folder}/auth&auth_key_file={folder}/auth&counter_file={folder}/high",
            "where a key is wrong",
        ),
    ):
        found = await first_reading(f"cosem://127.0.0.1:{port}?framing={framing}&timeout=2&{query}")
        checks.add(f"{name} is told", isinstance(found, str) and word in found, found)
    return checks.found


def write_secrets(folder: str, secrets: dict[str, str]) -> None:
    for name, text in secrets.items():
        Path(folder, name).write_text(text)


async def run() -> list[Check]:
    found: list[Check] = []
    with tempfile.TemporaryDirectory() as folder:
        secrets = {
            "pw": PASSWORD.decode(),
            "wrong": "x",
            "key": KEYS.key.hex(),
            "auth": KEYS.authentication_key.hex(),
            "counter": "1",
            "low": "1",
            "high": "9000000",
        }
        write_secrets(folder, secrets)
        keys = f"key_file={folder}/key&auth_key_file={folder}/auth&counter_file={folder}/counter"
        for framing in ("wrapper", "hdlc"):
            server = serve(meter(), "127.0.0.1", 0, framing == "hdlc")
            port = server.server_address[1]
            try:
                found += await trial(framing, port, "public", "client=16")
                found += await trial(framing, port, "password", f"client=1&password_file={folder}/pw")
                found += await trial(framing, port, "password, enciphered", f"client=4&password_file={folder}/pw&{keys}")
                found += await trial(framing, port, "GMAC", f"client=3&auth=gmac&ciphered=0&{keys}")
                found += await trial(framing, port, "GMAC, enciphered", f"client=2&auth=gmac&{keys}")
                found += await refused(framing, port, folder)
            finally:
                server.shutdown()
                server.server_close()
    return found
