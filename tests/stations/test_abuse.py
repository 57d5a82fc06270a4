"""Abuse of the listening socket: whoever does it is refused or closed with the right code, and a good station beside it hardly notices.

The good station calls without a pause and measures how long its answers take. Its bounds are loose, for busy machines; what is abused takes seconds.
"""

import asyncio
import json
import socket as sockets
import statistics
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st
from ocpp_kit import RawStation, connect, until

from chargebridge.stations.ocpp import StationSettings
from conftest import Bench

SLOWEST_S, MEDIAN_S = 5.0, 1.0  # loose: both ends share one process, and CI its two cores
T0 = "2026-03-01T10:00:00Z"
GOOD_FRAMES = {
    "ocpp1.6": (
        [2, "a1", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": T0}],
        [2, "a2", "MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": T0, "sampledValue": [{"value": "1.5", "unit": "kWh"}]}]}],
        [2, "a3", "StartTransaction", {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": T0}],
        [3, "nobody asked", {"status": "Accepted"}],
    ),
    "ocpp2.1": (
        [2, "a1", "StatusNotification", {"evseId": 1, "connectorId": 1, "connectorStatus": "Occupied", "timestamp": T0}],
        [2, "a2", "TransactionEvent", {"eventType": "Started", "timestamp": T0, "triggerReason": "Authorized", "seqNo": 0,
                                       "transactionInfo": {"transactionId": "tx"}}],
        [6, "a3", "NotifyPeriodicEventStream", {"id": 1, "pending": 0, "basetime": T0, "data": [{"t": 0.5, "v": "230"}]}],
        [5, "nobody asked", "FormatViolation", "", {}],
    ),
}  # fmt: skip


class Neighbour:
    """The good station, CP-2. latencies_s: how long each of its answers took."""

    def __init__(self, station: RawStation) -> None:
        self.station = station
        self.latencies_s: list[float] = []
        self._calling = asyncio.create_task(self._call())

    async def _call(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            assert (await self.station.call("Heartbeat", {}))[0] == 3
            self.latencies_s.append(clock() - began)
            await asyncio.sleep(0.01)

    async def judge(self) -> None:
        """It was served all the time."""
        await until(lambda: len(self.latencies_s) >= 3)
        assert not self._calling.done(), "the good station lost its connection"
        self._calling.cancel()
        assert self.station.closed is None
        assert max(self.latencies_s) < SLOWEST_S
        assert statistics.median(self.latencies_s) < MEDIAN_S
        await self.station.close()


@asynccontextmanager
async def neighbour(bench: Bench) -> AsyncIterator[Neighbour]:
    station = await connect(bench.port, "CP-2")
    await station.boot()
    good = Neighbour(station)
    yield good
    await good.judge()


def under_fire(path: Path, frames: st.SearchStrategy[Any], version: str) -> None:
    """Each example's frames go out on a connection of their own; then that station is still answered, or was closed with a code that says why."""

    async def begin() -> tuple[Bench, Neighbour]:
        bench = Bench(path)
        await bench.central.start()
        station = await connect(bench.port, "CP-2")
        await station.boot()
        return bench, Neighbour(station)

    async def attack(bench: Bench, said: list[str | bytes]) -> None:
        station = await connect(bench.port, version=version)
        with suppress(websockets.ConnectionClosed):
            for frame in said:
                await station.socket.send(frame)
            await station.socket.send('[2,"last","Heartbeat",{}]')
        assert await until(lambda: "last" in station.answers or station.closed is not None), f"no answer after {said!r}"
        assert station.closed is None or station.closed in (1007, 1008, 1009), f"{station.closed} after {said!r}"
        await station.close()

    async def end(bench: Bench, good: Neighbour) -> None:
        await good.judge()
        await bench.stop()
        await bench.central.stop()

    with asyncio.Runner() as runner:
        bench, good = runner.run(begin())

        @given(frames)
        def fire(said: list[str | bytes]) -> None:
            runner.run(attack(bench, said))

        try:
            fire()
        finally:
            runner.run(end(bench, good))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def test_any_text_and_any_bytes(tmp_path: Path, version: str) -> None:
    under_fire(tmp_path, st.lists(TEXTS | st.binary(max_size=200), max_size=20), version)


@st.composite
def damaged(draw: st.DrawFn, version: str) -> str:
    """A valid frame with one damage: a character lost, changed or doubled, its end cut off, or one value replaced by another type."""
    frame = draw(st.sampled_from(GOOD_FRAMES[version]))
    text = json.dumps(frame)
    place = draw(st.integers(0, len(text) - 1))
    match draw(st.sampled_from(["lost", "changed", "doubled", "cut", "type"])):
        case "lost":
            return text[:place] + text[place + 1 :]
        case "changed":
            return text[:place] + draw(st.characters(exclude_categories=["Cs"])) + text[place + 1 :]
        case "doubled":
            return text[:place] + text[place] + text[place:]
        case "cut":
            return text[:place]
    part = draw(st.integers(0, len(frame) - 1))
    strange = draw(st.sampled_from([None, 0, -1, 1e308, "", [], {}, [[]], True, "x" * 300]))
    return json.dumps([strange if index == part else piece for index, piece in enumerate(frame)])


@pytest.mark.parametrize("version", list(GOOD_FRAMES))
def test_one_damage(tmp_path: Path, version: str) -> None:
    under_fire(tmp_path, st.lists(damaged(version), min_size=1, max_size=20), version)


@pytest.mark.ocpp("1.6", "J3.2")
@pytest.mark.ocpp("2.0.1", "J3.2")
@pytest.mark.ocpp("2.1", "J3.3")
async def test_wrong_subprotocols(bench: Bench) -> None:
    async def knock(offered: list[str] | None) -> int:
        try:
            names = None if offered is None else [websockets.Subprotocol(name) for name in offered]
            async with websockets.connect(f"ws://127.0.0.1:{bench.port}/OPEN", subprotocols=names) as socket:
                await socket.wait_closed()
                return int(socket.close_code or 0)
        except websockets.InvalidStatus as refused:
            return refused.response.status_code

    bench.central.admit(StationSettings(identity="OPEN", security_profile=0))
    async with neighbour(bench):
        odd = [["ocpp1.5"], ["ocpp2.0"], ["OCPP1.6"], ["soap", "mqtt"], ["x" * 200]]
        assert await asyncio.gather(*(knock(offered) for offered in odd * 10)) == [1002] * 50
        assert await asyncio.gather(*(knock(None) for _ in range(20))) == [400] * 20


async def endless(station: RawStation) -> None:
    """One message in fragments that never end."""

    def pieces() -> Any:
        for _ in range(10_000):
            yield "x" * 1000

    await station.socket.send(pieces())


async def huge(station: RawStation) -> None:
    await station.socket.send("[" + " " * 10_000_000 + "]")


async def bomb(station: RawStation) -> None:
    """A frame of 20 kB that would inflate to 20 MB."""
    assert [extension.name for extension in station.socket.protocol.extensions] == ["permessage-deflate"]

    def deflated() -> bytes:
        deflate = zlib.compressobj(6, zlib.DEFLATED, -12)
        return deflate.compress(b" " * 20_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH)

    small = await asyncio.to_thread(deflated)
    header = bytes([0xC1, 0xFF]) + len(small[:-4]).to_bytes(8, "big") + bytes(4)  # FIN, compressed, text; masked with zeros
    station.socket.transport.write(header + small[:-4])


@pytest.mark.parametrize("abuse", [endless, huge, bomb])
@pytest.mark.ocpp("1.6", "J5.1")
@pytest.mark.ocpp("2.0.1", "J3.3")
@pytest.mark.ocpp("2.1", "J3.4")
async def test_what_is_too_big_is_closed_with_1009(bench: Bench, abuse: Callable[[RawStation], Any]) -> None:
    async with neighbour(bench):
        station = await connect(bench.port)
        with suppress(websockets.ConnectionClosed, ConnectionError):
            await abuse(station)
        assert await until(lambda: station.closed is not None)
        assert station.closed == 1009


async def test_floods_from_many_sides(make_bench: Any) -> None:
    """Ten stations send as fast as the socket takes it. Each is read at its rate; the good one is read at once."""
    bench = await make_bench(rate=5.0, burst=20)
    for number in range(10):
        bench.central.admit(StationSettings(identity=f"F-{number}", security_profile=0))
    async with neighbour(bench) as good:
        flooders = await asyncio.gather(*(connect(bench.port, f"F-{number}", password=None) for number in range(10)))

        async def flood(station: RawStation) -> None:
            with suppress(websockets.ConnectionClosed):
                for number in range(2000):
                    await station.socket.send(f'[2,"f{number}","Heartbeat",{{}}]')

        jobs = [asyncio.create_task(flood(station)) for station in flooders]
        await until(lambda: len(good.latencies_s) > 30, 20.0)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        assert all(len(station.answers) < 1000 for station in flooders), "none got through at its own speed"
        for station in flooders:
            station.socket.transport.abort()


async def test_a_slow_reader_is_closed(make_bench: Any) -> None:
    """It asks and never reads the answers: they may fill the line, not our memory."""
    bench = await make_bench(send_timeout_s=0.3, rate=1e6, burst=1_000_000, close_timeout_s=0.2, ping_s=1000.0)
    bench.central.admit(StationSettings(identity="SLOW", security_profile=0))
    async with neighbour(bench):
        line = sockets.socket()
        line.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 8192)
        line.connect(("127.0.0.1", bench.port))
        uri, names = f"ws://127.0.0.1:{bench.port}/SLOW", [websockets.Subprotocol("ocpp2.1")]
        socket = await websockets.connect(uri, sock=line, subprotocols=names)
        socket.transport.pause_reading()
        assert await until(lambda: bench.station("SLOW").session is not None)
        ours = bench.station("SLOW").session._transport._socket.transport.get_extra_info("socket")
        ours.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, 16384)  # or the system would hold megabytes of answers for it

        async def ask() -> None:
            with suppress(websockets.ConnectionClosed):
                for number in range(500_000):
                    await socket.send(f'[2,"s{number}","Heartbeat",{{}}]')
                    if number % 50 == 0:
                        await asyncio.sleep(0)  # this process has both ends

        asking = asyncio.create_task(ask())
        given_up = await until(lambda: "-SLOW" in bench.sink.connections, 20.0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert given_up
        socket.transport.abort()


async def test_lines_that_say_nothing(make_bench: Any) -> None:
    """Sockets that stop before, in and after their handshake are all given up."""
    bench = await make_bench(handshake_timeout_s=2.0, ping_s=0.2, ping_timeout_s=0.3, close_timeout_s=0.1)
    bench.central.admit(StationSettings(identity="OPEN", security_profile=0))
    async with neighbour(bench):
        silent = [await asyncio.open_connection("127.0.0.1", bench.port) for _ in range(200)]
        for number, (_, writer) in enumerate(silent):
            if number % 2:
                writer.write(b"GET /ocpp/CP-1 HTTP/1.1\r\nHost: x\r\n")
        half = await connect(bench.port, "OPEN", password=None)
        half.socket.transport.pause_reading()
        async with asyncio.timeout(10):
            await asyncio.gather(*(reader.read() for reader, _ in silent))
        for _, writer in silent:
            writer.close()
        assert await until(lambda: "-OPEN" in bench.sink.connections)
        half.socket.transport.abort()


@pytest.mark.usefixtures("full_cost")
async def test_two_thousand_bogus_handshakes(bench: Bench) -> None:
    """Unknown identities, broken requests, other methods, other protocols: each gets an answer that is none, or a closed line."""
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    requests = [
        f"GET /ocpp/X-%d HTTP/1.1\r\nHost: x\r\n{upgrade}{key}\r\n",
        "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /ocpp/CP-1?%d HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        f"GET /ocpp/CP-1?%d HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n",
        "\x16\x03\x01\x02\x00\x01%d" + "\x00" * 50,
        "GET /" + "a" * 20_000 + "%d HTTP/1.1\r\n\r\n",
        "SSH-2.0-%d\r\n\r\n",
        f"GET /ocpp/..%%2f..%%2fCP-%d HTTP/1.1\r\nHost: x\r\n{upgrade}{key}\r\n",
    ]
    gate = asyncio.Semaphore(20)

    async def knock(number: int) -> bytes:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
            request = requests[number % len(requests)] % number
            writer.write(request.encode("latin-1"))
            if not request.endswith("\r\n\r\n"):
                writer.write_eof()
            try:
                async with asyncio.timeout(10):
                    return await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.close()

    async with neighbour(bench):
        answers = await asyncio.gather(*(knock(number) for number in range(2000)))
    assert not any(answer.startswith(b"HTTP/1.1 101") for answer in answers)
    assert {answer.split(b" ")[1] for answer in answers[::8]} == {b"404"}
    assert bench.sink.connections == ["+CP-2", "-CP-2"][: len(bench.sink.connections)], "nobody else got in"
    assert len(bench.central.strangers) <= 256
