"""A campaign of signed firmware with virtual stations of each version: they fetch the file by HTTP and check signature and certificate themselves."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chargebridge.sim.charging_pki import Issuer
from chargebridge.sim.charging_pki.authority import pem
from chargebridge.sim.http_server import HttpServer, Response
from chargebridge.sim.ocpp_station import EvsePlan, Faults, StationPlan, VirtualStation
from chargebridge.sim.world.clock import FastClock, WallClock
from chargebridge.site.operation import campaigns, rollout
from chargebridge.site.operation.view import Campaign, CampaignPlan
from tests.site.kit import CONFIG, until
from tests.site.test_operation import Operated, operated
from tests.stations.ocpp_kit import Cars

VERSIONS = {"F-0": "ocpp1.6", "F-1": "ocpp2.0.1", "F-2": "ocpp2.1"}
MANY = CONFIG + "".join(f'\n[[station]]\nid = "{identity}"\nopen = true\n' for identity in VERSIONS)
IMAGE = b"chargebridge-firmware 2.0\n" + b"\x00" * 1000


class Shelf(HttpServer):
    """Where the file lies."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response | None:
        return 200, "application/octet-stream", IMAGE


class Maker:
    """Signs firmware; stations trust its root from the factory."""

    def __init__(self) -> None:
        self.root = Issuer("maker", WallClock().now())
        certificate, key = self.root.issue("firmware signer")
        self.certificate, self._key = pem(certificate), serialization.load_pem_private_key(key.encode(), None)

    def sign(self, image: bytes) -> str:
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        return base64.b64encode(self._key.sign(image, ec.ECDSA(hashes.SHA256()))).decode()


MAKER, STRANGER = Maker(), Maker()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(rollout, "AGAIN_S", 0.1)


@asynccontextmanager
async def fleet(site: Operated) -> AsyncIterator[list[VirtualStation]]:
    clock = FastClock(20.0)
    uri = f"ws://127.0.0.1:{site.bench.central.port}/ocpp"
    made = [
        VirtualStation(
            StationPlan(
                identity=identity, uri=uri, version=version, evses=(EvsePlan(),), firmware="1.0", firmware_signer=pem(MAKER.root.certificate)
            ),  # type: ignore[arg-type]
            Cars(),
            clock,
            Faults(),
        )
        for identity, version in VERSIONS.items()
    ]  # fmt: skip
    tasks = [asyncio.create_task(station.run()) for station in made]
    try:
        assert await until(lambda: all((at := site.bench.central.station(one)) is not None and at.online for one in VERSIONS))
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def campaign(site: Operated, certificate: str, signature: str) -> Campaign:
    """Run to its end."""
    async with Shelf() as shelf:
        plan = CampaignPlan(
            name="signed",
            stations=tuple(VERSIONS),
            url=f"{shelf.url}/firmware.bin",
            version="2.0",
            at_once=3,
            tries=1,
            signing_certificate=certificate,
            signature=signature,
        )
        begun = await site.office.begin_campaign(plan, "test")
        for _ in range(500):
            found = await site.office.campaign(begun.number)
            if found.state == "done":
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"not done: {found}")


async def reported(site: Operated, event: str) -> set[str]:
    """The stations that have told of that security event, as it is kept."""
    rows = await site.bench.rows("SELECT station, payload FROM station_event")
    return {station for station, payload in rows if f'"{event}"' in payload}


@pytest.mark.ocpp("1.6", "L01.FR.11")
@pytest.mark.ocpp("2.0.1", "L01.FR.11")
@pytest.mark.ocpp("2.1", "L01.FR.11")
async def test_what_the_maker_has_signed_is_installed(tmp_path: Path) -> None:
    async with operated(tmp_path, MANY) as site, fleet(site):
        done = await campaign(site, MAKER.certificate, MAKER.sign(IMAGE))
        assert [(step.state, step.before, step.now) for step in done.stations] == [("installed", "1.0", "2.0")] * 3


@pytest.mark.parametrize(
    ("certificate", "signature", "why", "event"),
    [
        (MAKER.certificate, MAKER.sign(IMAGE + b"x"), "InvalidSignature", "InvalidFirmwareSignature"),
        (MAKER.certificate, STRANGER.sign(IMAGE), "InvalidSignature", "InvalidFirmwareSignature"),
        (STRANGER.certificate, STRANGER.sign(IMAGE), "InvalidCertificate", "InvalidFirmwareSigningCertificate"),
    ],
    ids=["another file", "another key", "another maker"],
)
async def test_what_is_not_the_makers_is_installed_nowhere(tmp_path: Path, certificate: str, signature: str, why: str, event: str) -> None:
    async with operated(tmp_path, MANY) as site, fleet(site) as stations:
        done = await campaign(site, certificate, signature)
        assert [step.state for step in done.stations] == ["failed"] * 3
        assert all(why in step.detail for step in done.stations), [step.detail for step in done.stations]
        assert [station.firmware for station in stations] == ["1.0"] * 3

        for _ in range(100):
            if await reported(site, event) == set(VERSIONS):
                break
            await asyncio.sleep(0.02)
        assert await reported(site, event) == set(VERSIONS)
