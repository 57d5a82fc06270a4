"""The servers that `ocpp_messages` and `ocpp_connections` measure, each in a process of its own.

    python -m benchmarks._ocpp_servers ROLE STATIONS

It prints its port, and for each line on its standard input its CPU time so far in s and its resident memory in kB.
"""

import asyncio
import os
import resource
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
import websockets
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chargebridge.app.clock import WallClock
from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.model.session import PointStatus
from chargebridge.site.desk import StationDesk
from chargebridge.site.live import Live
from chargebridge.site.tokens import Tokens
from chargebridge.stations.events import StationEvent
from chargebridge.stations.ocpp import CentralSystem, EvseSettings, ServerSettings, StationSettings
from chargebridge.stations.ocpp.pki import Authority
from chargebridge.stations.ocpp.transport import FrameSocket, ServerFrames, TransportClosedError
from chargebridge.stations.port import Authorisation, EvseMeasurement, StartAnswer, StationInfo, Token, TransactionEvent, WithoutTerms
from chargebridge.store import Database


class MemorySink(WithoutTerms):
    """An application that keeps the newest of everything, in memory. `StationSink`, the part that the load uses."""

    def __init__(self) -> None:
        self.registers: dict[tuple[str, str], int | None] = {}
        self.heard: dict[str, float] = {}
        self.transactions = 0

    async def station_booted(self, info: StationInfo) -> bool:
        return True

    async def station_connected(self, station: str, protocol: str) -> None: ...

    async def station_lost(self, station: str) -> None: ...

    def heard_from(self, station: str) -> None:
        self.heard[station] = time.monotonic()

    async def status_changed(self, station: str, evse: int, status: PointStatus, at: datetime, error: str | None) -> None: ...

    async def measured(self, station: str, evse: int, measurements: tuple[EvseMeasurement, ...]) -> None: ...

    async def authorise(self, station: str, token: str) -> Authorisation:
        return Authorisation.ACCEPTED

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        self.transactions += 1
        return StartAnswer(transaction=event.transaction or str(self.transactions), authorisation=Authorisation.ACCEPTED)

    async def transaction_updated(self, event: TransactionEvent) -> None:
        self.registers[event.station, event.transaction] = event.meter_wh

    async def transaction_ended(self, event: TransactionEvent) -> Authorisation | None:
        return None

    async def told(self, station: str, event: StationEvent) -> bool | None:
        return None

    def tokens(self, station: str) -> tuple[Token, ...]:
        return ()

    def about(self, station: str, token: str) -> Token | None:
        return None


def names(stations: int) -> list[str]:
    return [f"L{i:05}" for i in range(stations)]


async def ours(sink: Any, stations: int, tls: ssl.SSLContext | None = None) -> int:
    settings = [StationSettings(identity=name, security_profile=0, evses=(EvseSettings(),)) for name in names(stations)]
    central = CentralSystem(ServerSettings(port=0, rate=1e9, burst=1_000_000, tls=tls), settings, sink, WallClock())
    await central.start()
    return central.port


async def in_memory(stations: int) -> int:
    return await ours(MemorySink(), stations)


async def with_tls(stations: int) -> int:
    """As the site does it: TLS 1.2 or newer, a certificate of our own authority."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority.create(Path(folder), "bench", datetime.now(UTC))
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = authority.issue_server(["localhost"], key.public_key(), datetime.now(UTC))
        both = Path(folder) / "both.pem"
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        both.write_text(pem + authority.chain(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
    return await ours(MemorySink(), stations, context)


async def with_store(stations: int) -> int:
    """The site's own end of the port: sessions and events in SQLite, every commit synchronised to the disk."""
    root = Circuit(id="main", name="Main", fuse_a=(63.0, 63.0, 63.0))
    points = tuple(ChargingPoint(id=f"p{name}", name=name, circuit="main", station=name) for name in names(stations))
    database = Database.open(Path(tempfile.mkdtemp(dir=os.environ.get("BENCH_DISK"))) / "bench.db")
    desk = StationDesk(
        Live(Topology(circuits=(root,), points=points)),
        database,
        WallClock(),
        Tokens((), "remote", open_to_all=True),
        wake=lambda: None,
        tell=lambda *_: None,
        arrived=lambda _: None,
        ask_limits=lambda _: None,
    )
    return await ours(desk, stations)


async def peer(stations: int, *, validated: bool = True) -> int:
    """mobilityhouse/ocpp from PyPI as its documentation shows it; `validated` False: with `skip_schema_validation`."""
    import logging

    import ocpp.v16
    import ocpp.v21
    import ocpp.v201
    from ocpp.routing import on

    logging.getLogger("ocpp").setLevel(logging.WARNING)
    now = datetime.now
    last: dict[str, float] = {}

    def serve_version(module: Any) -> type:
        results = module.call_result

        class Station(module.ChargePoint):  # type: ignore[misc]
            @on("Heartbeat", skip_schema_validation=not validated)
            def heartbeat(self) -> Any:
                return results.Heartbeat(current_time=now().isoformat())

            @on("BootNotification", skip_schema_validation=not validated)
            def boot_notification(self, **_: Any) -> Any:
                return results.BootNotification(current_time=now().isoformat(), interval=60, status="Accepted")

            if module is ocpp.v16:

                @on("StartTransaction", skip_schema_validation=not validated)
                def start_transaction(self, **_: Any) -> Any:
                    return results.StartTransaction(transaction_id=1, id_tag_info={"status": "Accepted"})

                @on("MeterValues", skip_schema_validation=not validated)
                def meter_values(self, meter_value: list[Any], **_: Any) -> Any:
                    _keep(self.id, meter_value)
                    return results.MeterValues()
            else:

                @on("TransactionEvent", skip_schema_validation=not validated)
                def transaction_event(self, meter_value: list[Any], **_: Any) -> Any:
                    _keep(self.id, meter_value)
                    return results.TransactionEvent()

        return Station

    def _keep(station: str, meter_value: list[Any]) -> None:
        values = meter_value[0]["sampled_value"]
        last[station] = float(next(v["value"] for v in values if v["measurand"].startswith("Energy")))

    kinds = {"ocpp1.6": serve_version(ocpp.v16), "ocpp2.0.1": serve_version(ocpp.v201), "ocpp2.1": serve_version(ocpp.v21)}

    async def connected(socket: Any) -> None:
        await kinds[socket.subprotocol](socket.request.path.rsplit("/", 1)[-1], socket).start()

    server = await websockets.serve(connected, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol(k) for k in kinds])
    return int(next(iter(server.sockets)).getsockname()[1])


async def peer_unvalidated(stations: int) -> int:
    return await peer(stations, validated=False)


PROTOCOLS = [websockets.Subprotocol(name) for name in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")]


async def echo(stations: int) -> int:
    """The `websockets` package, nothing but the frame back."""

    async def connected(socket: websockets.ServerConnection) -> None:
        async for frame in socket:
            await socket.send(frame)

    server = await websockets.serve(connected, "127.0.0.1", 0, subprotocols=PROTOCOLS, compression=None)
    return int(next(iter(server.sockets)).getsockname()[1])


class Back:
    """Gives each frame back. `transport.Receiver`."""

    def __init__(self, socket: FrameSocket) -> None:
        self._socket = socket

    def received(self, frame: str | bytes) -> None:
        self._socket.send_now(str(frame))

    def lost(self, closed: TransportClosedError) -> None: ...


async def our_echo(stations: int) -> int:
    """Our own transport without what speaks OCPP above it."""

    async def connected(socket: websockets.ServerConnection) -> None:
        assert isinstance(socket, ServerFrames)
        socket.begin(Back(socket))
        await socket.wait_closed()

    server = await websockets.serve(connected, "127.0.0.1", 0, subprotocols=PROTOCOLS, compression=None, create_connection=ServerFrames)
    return int(next(iter(server.sockets)).getsockname()[1])


async def fast_echo(stations: int) -> int:
    """picows, the least that a websocket server in Python costs: the frame back, no text decoded."""
    import picows

    class Listener(picows.WSListener):  # type: ignore[misc]
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())

    def accept(request: Any) -> Any:
        protocol = request.headers["Sec-WebSocket-Protocol"]
        response = picows.WSUpgradeResponse.create_101_response(extra_headers={"Sec-WebSocket-Protocol": protocol})
        return picows.WSUpgradeResponseWithListener(response, Listener())

    server = await picows.ws_create_server(accept, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1])


ROLES: dict[str, Callable[[int], Coroutine[Any, Any, int]]] = {
    "ours": in_memory,
    "ours, stored": with_store,
    "ours, TLS": with_tls,
    "peer": peer,
    "peer, validation off": peer_unvalidated,
    "echo": echo,
    "our echo": our_echo,
    "fast echo": fast_echo,
}


def resident_kb() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


async def main(role: str, stations: str) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    port = await ROLES[role](int(stations))
    print(port, flush=True)
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def asked() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            ended.set_result(None)
            return
        print(time.process_time(), resident_kb(), flush=True)

    loop.add_reader(0, asked)
    await ended


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
