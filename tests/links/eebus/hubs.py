"""A house with a limit and its control box, each on a hub of its own; and raw peers that know no manners."""

import asyncio
import ssl
import tempfile
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State as WebSocketState
from websockets.uri import WebSocketURI

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.peer import Phase
from chargebridge.sim.eebus.device import Device
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, LimitChanged, Limited
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.limitation import Settings
from chargebridge.wire.eebus.usecases.lpc import LPC

SETTINGS = Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(5000))
CIPHERS = "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"


async def until(condition, timeout_s=30.0):
    """What `condition` gives as soon as it is something."""
    async with asyncio.timeout(timeout_s):
        while not (found := condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return found


QUICKLY = {"dial_s": ((0.0, 0.02), (0.05, 0.1))}


class House(Device):
    """limits: what its listener has heard."""

    def __init__(self, name="House-1", clock=None, **kwargs):
        super().__init__(
            f"Acme-{name}", LocalDevice(f"d:_n:Acme_{name}", "EnergyManagementSystem"), clock or WallClock(), **{**QUICKLY, **kwargs}
        )
        self.lpc = Limited(LPC, SETTINGS, None, self.hub.now())
        ControllableSystem(self.hub.node, self.hub.node.device.add((1,), "CEM"), (self.lpc,), self.hub.now())
        self.limits = []
        self.hub.listen(self._hear)

    async def _hear(self, event, now):
        if isinstance(event, LimitChanged):
            self.limits.append(event.limit_w)


class Box(Device):
    def __init__(self, name="Box-1", clock=None, **kwargs):
        super().__init__(
            f"Grid-{name}", LocalDevice(f"d:_n:Grid_{name}", "ElectricitySupplySystem"), clock or WallClock(), **{**QUICKLY, **kwargs}
        )
        self.guard = EnergyGuard(self.hub.node, self.hub.node.device.add((1,), "GridGuard"), LPC, self.hub.now())

    async def limit(self, house, value_w, duration_s=900):
        """Written, and acknowledged."""
        written = len(house.limits)
        await self.hub.act(lambda now: self.guard.limit(Decimal(value_w), duration_s, now))
        await until(lambda: len(house.limits) > written and house.limits[-1] == value_w)


def peer(device, ski):
    return next((one for one in device.hub.peers() if one.ski == ski), None)


def phase(device, other):
    return getattr(peer(device, other.ski), "phase", None)


def connected(one, other):
    return phase(one, other) is phase(other, one) is Phase.CONNECTED


@asynccontextmanager
async def paired(house=None, box=None, house_dials=False, clock=None):
    """A house and a box, connected."""
    house, box = house or House(clock=clock), box or Box(clock=clock)
    async with house, box:
        dials, listens = (house, box) if house_dials else (box, house)
        await listens.hub.pair(dials.ski)
        await dials.hub.pair(listens.ski, address=listens.address)
        await until(lambda: connected(house, box))
        yield house, box


# Raw peers

Key = ec.EllipticCurvePrivateKey


def certificate(key, *, name="Raw-1", brand="Acme", extension=None):
    """Self-signed, PEM of key and certificate. extension: instead of the right SubjectKeyIdentifier."""
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, brand), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(extension or x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def new_identity(name="Raw-1"):
    return make_identity(name, "Acme", datetime.now(UTC))


def context(key_pem=None, certificate_pem=None, *, server=False, version=ssl.TLSVersion.TLSv1_2, ciphers=CIPHERS):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.maximum_version = version
    made.set_ciphers(ciphers)
    if key_pem is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "both.pem")
            path.write_bytes(key_pem + certificate_pem)
            made.load_cert_chain(path)
    return made


def context_for(identity, **kwargs):
    return context(identity.key_pem, identity.certificate_pem, **kwargs)


class Raw:
    """A TLS client with a WebSocket whose frames may be any."""

    def __init__(self, reader, writer, subprotocols=("ship",)):
        self.reader, self.writer = reader, writer
        uri = WebSocketURI(True, "localhost", 1, "/ship/", "")
        self.protocol = ClientProtocol(uri, subprotocols=list(subprotocols) or None)
        self.messages, self.close_code = [], None

    @classmethod
    async def dial(cls, device, tls, **kwargs):
        return cls(*await asyncio.open_connection(device.address.host, device.address.port, ssl=tls), **kwargs)

    async def open(self):
        self.protocol.send_request(self.protocol.connect())
        self.flush()
        while self.protocol.state is WebSocketState.CONNECTING:
            if not await self.hear():
                break
        return self

    async def hear(self):
        """More bytes; False at their end."""
        try:
            data = await self.reader.read(65536)
        except (ConnectionError, ssl.SSLError):
            data = b""
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                self.messages.append(bytes(event.data))
            elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                self.close_code = self.protocol.close_rcvd.code
        self.flush()
        return bool(data)

    async def heard(self, number):
        """The first `number` messages, or what there was until the end."""
        while len(self.messages) < number and await self.hear():
            pass
        return self.messages[:number]

    async def over(self):
        """Until the end; the close code, None where there was no close frame."""
        while await self.hear():
            pass
        return self.close_code

    def say(self, *messages):
        for message in messages:
            self.protocol.send_binary(message)
        self.flush()

    def flush(self):
        for data in self.protocol.data_to_send():
            if data and not self.writer.is_closing():
                self.writer.write(data)

    def cut(self):
        self.writer.transport.abort()
