"""A Central System of the barest kind, over a real socket, for tests of the virtual station: it notes what it hears and asks what it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import msgspec
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chargebridge.model.phases import PerPhase
from chargebridge.sim.ocpp_station import EvsePlan, Faults, StationPlan, VirtualStation
from chargebridge.sim.world.clock import FastClock
from chargebridge.wire.ocpp import DIALECTS, Answered, CallReceived, Connection, Disputed, Failed, Told
from chargebridge.wire.ocpp.payload import Payload, decode_hook

SPEED = 20.0
PASSWORD = "a password of the station"
SECOND = ("ocpp2.0.1", "ocpp2.1")
VERSIONS = ("ocpp1.6", *SECOND)


class Truth(msgspec.Struct, frozen=True):
    current_a: PerPhase
    voltage_v: PerPhase
    power_w: float
    energy_wh: float
    energy_export_wh: float
    soc: float | None


class Cars:
    """Cars that take and give at once what they are asked for."""

    def __init__(self) -> None:
        self.current_a: dict[int, float] = {}
        self.energy_wh = 1000.0

    def draw(self, evse: int, offered_a: float, phases: int, now: datetime) -> PerPhase:
        self.current_a[evse] = offered_a
        return (offered_a, offered_a, offered_a)

    def measure(self, evse: int) -> Truth:
        a = self.current_a.get(evse, 0.0)
        return Truth((a, a, a), (230.0, 230.0, 230.0), a * 690, self.energy_wh, 0.0, 0.5)


class Csms:
    """One Central System. seen: (action, request) in order. says: what it answers, by action, as JSON objects; None: nothing."""

    def __init__(self, version: str) -> None:
        self.dialect = DIALECTS[version]
        self.seen: list[tuple[str, Any]] = []
        self.says: dict[str, dict[str, Any] | None] = {}
        self.connections: list[Any] = []
        self.disputed: list[Disputed] = []
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._links: list[tuple[Any, Connection, dict[str, asyncio.Future[Any]]]] = []

    async def serve(self, socket: Any) -> None:
        link = (socket, Connection(self.dialect), {})
        self._links.append(link)
        self.connections.append(socket)
        try:
            async for frame in socket:
                for event in link[1].receive(frame):
                    self._take(link, event)
                await self._flush(link)
        except websockets.ConnectionClosed:
            pass

    def _take(self, link: Any, event: Any) -> None:
        match event:
            case CallReceived():
                self.seen.append((event.action, event.request))
                answer = self.says.get(event.action, self._default(event.action))
                if answer is not None:
                    kind = self.dialect.messages[event.action][1]
                    link[1].answer(event, msgspec.json.decode(msgspec.json.encode(answer), type=kind, dec_hook=decode_hook))
            case Told():
                self.seen.append((event.action, event.message))
            case Answered() | Failed():
                link[2].pop(event.id).set_result(event)
            case Disputed():
                self.disputed.append(event)

    def _default(self, action: str) -> dict[str, Any]:
        now = self.now().isoformat().replace("+00:00", "Z")
        first = self.dialect.name == "ocpp1.6"
        info = {"idTagInfo": {"status": "Accepted"}} if first else {"idTokenInfo": {"status": "Accepted"}}
        known = {
            "BootNotification": {"status": "Accepted", "currentTime": now, "interval": 60},
            "Heartbeat": {"currentTime": now},
            "Authorize": info,
            "StartTransaction": info | {"transactionId": 7},
            "SignCertificate": {"status": "Accepted"},
            "OpenPeriodicEventStream": {"status": "Accepted"},
            "NotifyEVChargingNeeds": {"status": "Accepted"},
            "PullDynamicScheduleUpdate": {"status": "Rejected"},
        }
        return known.get(action, {})

    async def _flush(self, link: Any) -> None:
        for frame in link[1].outgoing(asyncio.get_running_loop().time()):
            await link[0].send(frame)

    async def ask(self, request: Payload) -> Any:
        """Ask the station that came last; its answer, or the `Failed` that it is."""
        link = self._links[-1]
        future = asyncio.get_running_loop().create_future()
        link[2][link[1].call(request, 30.0)] = future
        await self._flush(link)
        end = await asyncio.wait_for(future, 10.0)
        return end.response if isinstance(end, Answered) else end

    def heard(self, action: str) -> list[Any]:
        return [request for name, request in self.seen if name == action]


class Bench(msgspec.Struct):
    csms: Csms
    station: VirtualStation
    cars: Cars
    port: int
    told: list[tuple[str, dict[str, Any]]]

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        return [facts for name, facts in self.told if name == kind]


@asynccontextmanager
async def station_at(
    version: str, *, faults: Faults | None = None, server_tls: ssl.SSLContext | None = None, **plan: Any
) -> AsyncIterator[Bench]:
    """A running station, booted, at a Central System of its own."""
    clock, csms, cars = FastClock(SPEED), Csms(version), Cars()
    csms.now = clock.now
    told: list[tuple[str, dict[str, Any]]] = []
    subprotocols = [websockets.Subprotocol(version)]
    async with websockets.serve(csms.serve, "127.0.0.1", 0, subprotocols=subprotocols, ssl=server_tls) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        plan.setdefault("evses", (EvsePlan(bidirectional=True), EvsePlan()))
        plan.setdefault("tick_s", 0.2)
        scheme = "ws" if server_tls is None else "wss"
        station = VirtualStation(
            StationPlan(identity="CP-1", uri=f"{scheme}://127.0.0.1:{port}/ocpp", version=version, password=PASSWORD, **plan),  # type: ignore[arg-type]
            cars, clock, faults, lambda kind, facts: told.append((kind, facts)),
        )  # fmt: skip
        running = asyncio.create_task(station.run())
        try:
            assert await until(lambda: station.online), told
            yield Bench(csms, station, cars, port, told)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def charge(bench: Bench, evse: int = 1, token: str = "TAG") -> str:
    """Start a transaction; its id."""
    point = bench.station.evses[evse]
    bench.station.plug(evse)
    assert await bench.station.present(evse, token)
    assert await until(lambda: point.transaction is not None and point.transaction.id is not None)
    assert await until(lambda: not len(bench.station.uplink.outbox))
    assert point.transaction is not None
    return point.transaction.id or ""


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> bool:
    """Wait for something to become true; False when it does not in time."""
    end = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(0.005)
    return True


class Authority:
    """A certificate authority of a test."""

    def __init__(self, name: str = "test root") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key.public_key(), ca=True)

    def _sign(self, subject: x509.Name, key: Any, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        builder = builder.not_valid_after(now + timedelta(days=9)).add_extension(x509.BasicConstraints(ca, None), critical=True)
        if not ca:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    def issue(self, name: str) -> tuple[str, str]:
        """(certificate, key) as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return pem(self._sign(subject, key.public_key(), ca=False)), plain.decode()

    def sign_request(self, csr: str) -> str:
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        return pem(self._sign(request.subject, request.public_key(), ca=False))


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def request_of(version: str, action: str, payload: dict[str, Any]) -> Payload:
    """A request from JSON, so that one test words it for two versions."""
    kind = DIALECTS[version].messages[action][0]
    request: Payload = msgspec.json.decode(msgspec.json.encode(payload), type=kind, dec_hook=decode_hook)
    return request
