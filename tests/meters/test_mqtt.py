"""Meters over a real MQTT broker (amqtt): fresh messages count, retained ones do not; passwords, TLS, breaks."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from amqtt.broker import Broker
from pwdlib import PasswordHash

from chargebridge.meters.registry import open_meter
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.sim.http_json import shelly_pro_3em, tasmota_sml

PEM = Path(__file__).parents[1] / "stations" / "localhost.pem"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@asynccontextmanager
async def broker(port: int = 0, *, tls: bool = False, passwords: Path | None = None) -> AsyncIterator[int]:
    port = port or free_port()
    listener: dict[str, object] = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    if tls:
        listener |= {"ssl": True, "certfile": str(PEM), "keyfile": str(PEM)}
    plugins: dict[str, object] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": passwords is None}}
    if passwords is not None:
        plugins = {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(passwords)}}
    served = Broker({"listeners": {"default": listener}, "plugins": plugins})
    await served.start()
    try:
        yield port
    finally:
        await served.shutdown()


@asynccontextmanager
async def listening(url: str, clock) -> AsyncIterator[asyncio.Queue[Reading | MeterFault]]:
    """What a meter tells, as it comes."""
    heard: asyncio.Queue[Reading | MeterFault] = asyncio.Queue()

    async def listen() -> None:
        async with aclosing(open_meter(url, "grid", clock).readings()) as readings:
            async for event in readings:
                heard.put_nowait(event)

    task = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(20):
            yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def said(client: aiomqtt.Client, heard: asyncio.Queue, topic: str, payload: object) -> Reading | MeterFault:
    """Publishes until somebody who has just subscribed hears it."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    while heard.empty():
        await client.publish(topic, data)
        await asyncio.sleep(0.05)
    return heard.get_nowait()


async def first(heard: asyncio.Queue, wanted: Callable[[Reading], bool]) -> Reading:
    """The first reading of that kind; one that was published twice may come before it."""
    while not (isinstance(event := await heard.get(), Reading) and wanted(event)):
        pass
    return event


async def test_a_reading_head(clock, values):
    async with (
        broker() as port,
        aiomqtt.Client("127.0.0.1", port) as client,
        listening(f"mqtt://127.0.0.1:{port}/tele/meter/SENSOR?map=tasmota-sml", clock) as heard,
    ):
        reading = await said(client, heard, "tele/meter/SENSOR", tasmota_sml(values))
    assert isinstance(reading, Reading)
    assert reading.power_w == 2990.0
    assert reading.current_a == (10.0, -2.0, 5.0)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (1000, 20)


async def test_a_retained_message_is_no_reading(clock):
    async with broker() as port, aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish("power", b"1111", retain=True)
        async with listening(f"mqtt://127.0.0.1:{port}/power?map=number&silence=0.5", clock) as heard:
            first = await heard.get()
            assert isinstance(first, MeterFault)
            assert "no message for 0.5 s" in first.reason
            reading = await said(client, heard, "power", b"2222")
    assert isinstance(reading, Reading)
    assert reading.power_w == 2222.0


async def test_quantities_in_several_messages_make_one_reading(clock, values):
    """Shelly's second generation: the registers come once a minute, the powers whenever they change."""
    live, counted = shelly_pro_3em(values)
    async with (
        broker() as port,
        aiomqtt.Client("127.0.0.1", port) as client,
        listening(f"mqtt://127.0.0.1:{port}/shellypro3em-1?map=shelly-pro-3em-mqtt", clock) as heard,
    ):
        alone = await said(client, heard, "shellypro3em-1/status/em:0", live)
        await client.publish("shellypro3em-1/status/emdata:0", json.dumps(counted))
        both = await first(heard, lambda reading: reading.energy_import_wh is not None)
    assert isinstance(alone, Reading)
    assert alone.energy_import_wh is None
    assert isinstance(both, Reading)
    assert (both.power_w, both.energy_import_wh) == (2990.0, 1000)


async def test_what_gets_old_is_absent(clock, values):
    live, counted = shelly_pro_3em(values)
    async with (
        broker() as port,
        aiomqtt.Client("127.0.0.1", port) as client,
        listening(f"mqtt://127.0.0.1:{port}/s?map=shelly-pro-3em-mqtt", clock) as heard,
    ):
        await said(client, heard, "s/status/em:0", live)
        await client.publish("s/status/emdata:0", json.dumps(counted))
        await first(heard, lambda reading: reading.energy_import_wh is not None)
        await asyncio.sleep(0.4)
        while not heard.empty():
            heard.get_nowait()
        await clock.sleep(16.0)
        await client.publish("s/status/emdata:0", json.dumps(counted))
        await asyncio.sleep(0.4)
        assert heard.empty(), "registers alone, beside a power of 16 s ago, are no reading"
        await clock.sleep(151.0)
        late = await said(client, heard, "s/status/em:0", live)
    assert isinstance(late, Reading)
    assert late.energy_import_wh is None


async def test_phases_one_by_one(clock, values):
    async with (
        broker() as port,
        aiomqtt.Client("127.0.0.1", port) as client,
        listening(f"mqtt://127.0.0.1:{port}/shellies/x?map=shelly-3em-mqtt&turned=1", clock) as heard,
    ):
        await said(client, heard, "shellies/x/emeter/0/power", b"2300.0")
        for phase, (power, current) in enumerate(zip(values.power_w_phases, values.current_a, strict=True)):
            await client.publish(f"shellies/x/emeter/{phase}/power", str(power))
            await client.publish(f"shellies/x/emeter/{phase}/current", str(current))
        reading = await first(heard, lambda reading: reading.power_w is not None and None not in reading.current_a)
    assert isinstance(reading, Reading)
    assert reading.power_w == -2990.0
    assert reading.power_w_phases == (-2300.0, 460.0, -1150.0)
    assert reading.current_a == (-10.0, 2.0, -5.0)
    assert "power_w" in reading.derived


async def test_what_is_no_message_of_the_map_is_told(clock):
    async with (
        broker() as port,
        aiomqtt.Client("127.0.0.1", port) as client,
        listening(f"mqtt://127.0.0.1:{port}/t?map=tasmota-sml", clock) as heard,
    ):
        assert "is no JSON" in (await said(client, heard, "t", b"Offline")).reason
        while not heard.empty():
            heard.get_nowait()
        assert "none of the map's values" in (await said(client, heard, "t", {"Time": "x"})).reason


async def test_passwords(clock, tmp_path):
    users, secret = tmp_path / "users", tmp_path / "secret"
    users.write_text(f"meter:{PasswordHash.recommended().hash('geheim')}\n")
    secret.write_text("geheim\n")
    async with broker(passwords=users) as port:
        url = f"mqtt://127.0.0.1:{port}/p?map=number&user=meter&password_file={secret}"
        async with aiomqtt.Client("127.0.0.1", port, username="meter", password="geheim") as client, listening(url, clock) as heard:
            assert isinstance(await said(client, heard, "p", b"5"), Reading)
        secret.write_text("falsch")
        async with listening(url, clock) as heard:
            refused = await heard.get()
    assert isinstance(refused, MeterFault)
    assert "refused" in refused.reason
    assert "password" in refused.cure
    assert "falsch" not in f"{refused}"


async def test_tls_is_verified(clock):
    async with broker(tls=True) as port:
        context = ssl.create_default_context(cafile=PEM)
        async with aiomqtt.Client("localhost", port, tls_context=context) as client:
            async with listening(f"mqtts://localhost:{port}/p?map=number&ca_file={PEM}", clock) as heard:
                assert isinstance(await said(client, heard, "p", b"5"), Reading)
            async with listening(f"mqtts://localhost:{port}/p?map=number", clock) as heard:
                fault = await heard.get()
    assert isinstance(fault, MeterFault)
    assert "certificate" in fault.reason.lower()


async def test_a_broker_that_goes_comes_back(clock):
    port = free_port()
    async with listening(f"mqtt://127.0.0.1:{port}/p?map=number", clock) as heard:
        missing = await heard.get()
        assert isinstance(missing, MeterFault)
        assert "no connection to the broker" in missing.reason
        for _ in range(2):
            async with broker(port), aiomqtt.Client("127.0.0.1", port) as client:
                while not isinstance(event := await said(client, heard, "p", b"5"), Reading):
                    pass
                assert event.power_w == 5.0
            while isinstance(lost := await heard.get(), Reading):
                pass
            assert "no connection to the broker" in lost.reason


@pytest.mark.parametrize(("url", "reason"), [
    ("mqtt://host?map=number", "host or topic is missing"),
    ("mqtt:///topic?map=number", "host or topic is missing"),
    ("mqtt://host/a/+/b?map=number", "wildcards"),
    ("mqtt://host/a/%23?map=number", "wildcards"),
    ("mqtt://host/a#b?map=number", "# cannot be"),
    ("mqtt://me:pw@host/a?map=number", "do not belong before the host"),
    ("mqtt://host/a", "the map is missing"),
    ("mqtt://host/a?map=number&ca_file=/x", "ca_file without TLS"),
    ("mqtts://host/a?map=number&ca_file=/nowhere", "cannot be used"),
    ("mqtt://host/a?map=number&password_file=/nowhere", "cannot be read"),
    ("mqtt://host/a?map=number&password=x", "unknown setting password"),
])  # fmt: skip
def test_bad_address(url, reason, refused):
    refused(url, reason)
