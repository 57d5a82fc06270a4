"""What every EEBUS counterpart is made of: an identity of its own, in memory, and a hub for its SPINE device.

    async with Device("Acme-Box-1", LocalDevice("d:_n:Acme_Box-1", "ElectricitySupplySystem"), clock, peers=(StaticPeer(ski, address),)) as box:
        ...
        await box.hub.act(...)

What the device does is made on `box.hub.node` before it is entered.
"""

import asyncio
from types import TracebackType
from typing import Self

from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.mdns import Mdns
from chargebridge.links.eebus.pairing_service import PairingAnnouncer
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import Bounds, HubSettings, StaticPeer
from chargebridge.links.eebus.trust_store import MemoryTrust, TrustStore
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.model.clock import SteadyClock
from chargebridge.wire.eebus.ship.errors import RecordError
from chargebridge.wire.eebus.ship.identity import Identity, make_identity
from chargebridge.wire.eebus.ship.qr import ShipCode
from chargebridge.wire.eebus.spine.local import LocalDevice

SOON_S = ((0.0, 0.0), (0.2, 0.5), (1.0, 2.0))
"""A counterpart does not keep people waiting."""


class Device:
    """ship_id: its name, also in its certificate. peers: whom it trusts, and dials where an address is given. interfaces: where it
    tells of itself by mDNS and finds others. identity, trust: of its former life."""

    def __init__(
        self,
        ship_id: str,
        device: LocalDevice,
        clock: SteadyClock,
        *,
        peers: tuple[StaticPeer, ...] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        interfaces: tuple[str, ...] = (),
        identity: Identity | None = None,
        trust: TrustStore | None = None,
        dial_s: tuple[tuple[float, float], ...] = SOON_S,
        bounds: Bounds | None = None,
    ) -> None:
        settings = HubSettings(
            ship_id=ship_id,
            host=host,
            port=port,
            interfaces=interfaces,
            brand="Acme",
            model=ship_id,
            type=device.type,
            peers=peers,
            dial_s=dial_s,
            bounds=bounds or Bounds(),
        )
        identity = identity or make_identity(ship_id, "Acme", clock.now())
        window = PairingWindow(clock)
        self._clock = clock
        self._mdns = Mdns(settings, identity.ski, window, clock) if interfaces else None
        self.hub = Hub(settings, identity, MemoryTrust() if trust is None else trust, device, clock, finder=self._mdns, window=window)
        self._task: asyncio.Task[None] | None = None
        self._announcing: asyncio.Task[None] | None = None

    @property
    def ski(self) -> str:
        return self.hub.identity.ski

    @property
    def address(self) -> Address:
        """Where it listens, once it runs."""
        return Address(self.hub.settings.host, self.hub.port)

    async def start(self) -> None:
        """Raises DoorError where it cannot listen."""
        self._task = asyncio.create_task(self.hub.run())
        opened = asyncio.create_task(self.hub.opened())
        await asyncio.wait({self._task, opened}, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if self._task.done():
            self._task.result()

    async def scan(self, code: ShipCode) -> None:
        """Its installer gives it the QR code of a house: it trusts the house, and asks by the pairing service to be trusted. Needs `interfaces`.
        Raises RecordError for a code without a secret."""
        if self._mdns is None:
            raise RecordError("interfaces", "there are none", "name some: the pairing service is mDNS")
        announcer = PairingAnnouncer(self.hub, self._mdns, code, self._clock)
        await self.hub.pair(code.ski)
        self._announcing = asyncio.create_task(announcer.run())

    async def stop(self) -> None:
        """Its connections are closed in order."""
        if self._announcing is not None:
            self._announcing.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()
