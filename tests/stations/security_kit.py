"""What the tests of the stations' security share: a CA, a Central System with both listeners, stations that come by any profile."""

import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ocpp_kit import PASSWORD, DurableSink, RawStation

from chargebridge.model.clock import Clock
from chargebridge.sim.world.clock import FastClock
from chargebridge.stations.ocpp import CentralSystem, ServerSettings, StationSettings
from chargebridge.stations.ocpp.pki import Authority, pem_of
from chargebridge.stations.ocpp.pki_files import make_key, write_key
from chargebridge.stations.ocpp.security import Security
from chargebridge.stations.ocpp.tls import ServerFiles, Trust, server_context
from chargebridge.store import Database, passwords
from chargebridge.store.passwords import hash_password

OPERATOR = "Test Charging"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash costs what it is worth: of that the tests of the passwords themselves tell. Here dozens are made."""
    monkeypatch.setattr(passwords, "COST", 16)


class House:
    """A CA, and server certificates of both kinds of key for localhost."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        self.authority = Authority.create(folder / "ca", OPERATOR, clock.now())
        self.files = ServerFiles(certificates=tuple(self._server(kind) for kind in ("ec", "rsa")))

    def _server(self, kind: str) -> tuple[Path, Path]:
        key = make_key(kind)
        made = self.authority.issue_server(["localhost", "127.0.0.1"], key.public_key(), self.clock.now())
        chain, secret = self.folder / f"server-{kind}.pem", self.folder / f"server-{kind}.key"
        chain.write_text(self.authority.chain(made))
        write_key(secret, key, None)
        return chain, secret

    def station_files(self, identity: str, days: int = 365, authority: Authority | None = None) -> Path:
        """Certificate, intermediate and key of a station in one PEM file."""
        ca = authority or self.authority
        key = make_key("ec")
        made = ca.issue_station(identity, key.public_key(), self.clock.now(), days)
        path = self.folder / f"{identity}-{made.serial_number}.pem"
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_text(ca.chain(made) + secret.decode())
        return path

    def client(self, certificate: Path | None = None) -> ssl.SSLContext:
        """A station's side: it trusts the root alone."""
        context = ssl.create_default_context(cadata=pem_of(self.authority.root))
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context


class Fort:
    """A Central System with a TLS port, a plain port, a store, and one station for each profile: P0, P1, P2, P3."""

    def __init__(
        self, house: House, folder: Path, *, speed: float = 20.0, listeners: str = "both", trust: Trust | None = None, **settings: Any
    ) -> None:
        self.house = house
        self.clock = FastClock(speed)
        self.sink = DurableSink(folder / "sink.db")
        self.database = Database.open(folder / "store.db")
        trust = trust or Trust(house.authority)
        known = hash_password(PASSWORD)
        context = server_context(house.files, house.authority) if listeners != "plain" else None
        self.security = Security(
            self.clock, database=self.database, trust=trust, context=context, files=house.files, url="wss://localhost/ocpp"
        )
        stations = [
            StationSettings(identity="P0", security_profile=0),
            StationSettings(identity="P1", password_hash=known),
            StationSettings(identity="P2", password_hash=known, security_profile=2),
            StationSettings(identity="P3", security_profile=3),
        ]
        server = ServerSettings(port=0, tls=context, plain_port=0 if listeners == "both" else None, **settings)
        self.central = CentralSystem(server, stations, self.sink, self.clock, self.security)

    async def __aenter__(self) -> "Fort":
        await self.central.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.central.stop()
        self.database.close()
        self.sink.database.close()

    async def come(
        self,
        identity: str,
        *,
        tls: ssl.SSLContext | None = None,
        password: str | None = PASSWORD,
        version: str = "ocpp1.6",
        address: str | None = None,
        **more: Any,
    ) -> "Pupil":
        """Connect. tls None: by the plain port. Raises websockets.InvalidStatus when refused."""
        headers = dict(more.pop("headers", {}))
        if password is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode()
        port = self.central.port if tls is not None or len(self.central._servers) == 1 else self.central.plain_port
        socket = await websockets.connect(
            f"{'wss' if tls else 'ws'}://{'localhost' if tls else '127.0.0.1'}:{port}/ocpp/{identity}",
            subprotocols=[websockets.Subprotocol(version)],
            additional_headers=headers,
            ssl=tls,
            **({"local_addr": (address, 0), "host": "127.0.0.1"} if address else {}),
            **more,
        )
        return Pupil(socket)

    async def status(self, identity: str, **how: Any) -> int:
        """The HTTP status with which a station is refused; 101 when it is let in."""
        try:
            station = await self.come(identity, **how)
        except websockets.InvalidStatus as refused:
            return refused.response.status_code
        await station.close()
        return 101


class Pupil(RawStation):
    """A station of bare frames that answers what it is asked. told: (action, payload); says: action -> another answer."""

    def __init__(self, socket: Any) -> None:
        super().__init__(socket)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.says: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "SetVariables": lambda asked: {"setVariableResult": [_set(one) for one in asked["setVariableData"]]},
            "GetVariables": lambda asked: {"getVariableResult": [_get(one) for one in asked["getVariableData"]]},
        }

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                frame = json.loads(text)
                if frame[0] != 2:
                    self.answers[frame[1]] = frame
                    continue
                _, message_id, action, payload = frame
                self.told.append((action, payload))
                said = self.says.get(action, lambda _: {"status": "Accepted"})(payload)
                await self.socket.send(json.dumps([3, message_id, said]))
        except websockets.ConnectionClosed:
            pass
        self.closed = self.socket.close_code

    def heard(self, action: str) -> list[dict[str, Any]]:
        return [payload for told, payload in self.told if told == action]

    def written(self, name: str) -> list[str]:
        """The values written to a setting, in either generation."""
        keys = [payload["value"] for payload in self.heard("ChangeConfiguration") if payload["key"] == name]
        data = [one for payload in self.heard("SetVariables") for one in payload["setVariableData"]]
        return keys + [one["attributeValue"] for one in data if f"{one['component']['name']}.{one['variable']['name']}" == name]


def _set(asked: dict[str, Any]) -> dict[str, Any]:
    return {"attributeStatus": "Accepted", "component": asked["component"], "variable": asked["variable"]}


VARIABLES = {"NetworkConfigurationPriority": "1,2", "ActiveNetworkProfile": "1"}


def _get(asked: dict[str, Any]) -> dict[str, Any]:
    return _set(asked) | {"attributeValue": VARIABLES.get(asked["variable"]["name"], "")}


def signing_request(identity: str, key: Any = None, operator: str | None = OPERATOR, hashed: Any = None) -> str:
    """A PKCS #10 request in PEM."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, identity)]
    if operator is not None:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, operator))
    secret = key or ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(secret, hashed or hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()
