"""What every case stands on: a report, a node of ours on a hub, and the Go program joined to it from either side."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.peer import Address, Phase
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.trust_store import MemoryTrust, TrustStore
from chargebridge.wire.eebus.ship.identity import Identity, make_identity
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import LocalDevice, LocalEntity, Now
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, Limited
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.limitation import Settings
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP
from interop.eebus.go_peer import GoPeer, PeerError
from interop.ocpp.check import Check

SOON_S = 15.0
QUICK_DIAL = ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6))
CONSUMPTION = Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(5000))
PRODUCTION = Settings(nominal_w=Decimal(10000), failsafe_w=Decimal(0), production=True)

E = TypeVar("E", bound=Event)


class Dialled(StrEnum):
    """Who was the TLS client."""

    BY_US = "we dial"
    BY_GO = "they dial"


class Report:
    """The checks of one case, each with the case's name before it."""

    def __init__(self, about: str) -> None:
        self.about = about
        self.checks: list[Check] = []

    def check(self, name: str, passed: bool, detail: object = "") -> None:
        self.checks.append(Check(f"{self.about}: {name}", passed, "" if passed else str(detail)[:300]))

    async def case(self, running: Awaitable[None]) -> list[Check]:
        """The checks when it has run; one that could not go on has failed."""
        try:
            await running
        except Exception as error:
            where = error.__traceback__
            while where is not None and where.tb_next is not None and "interop" in where.tb_next.tb_frame.f_code.co_filename:
                where = where.tb_next
            line = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
            self.check("goes to its end", False, f"{type(error).__name__}: {error} ({line})")
        return self.checks


class Ours:
    """A node of ours. heard: every event with the time, in order."""

    def __init__(
        self, name: str, *, type_: str = "EnergyManagementSystem", identity: Identity | None = None, trust: TrustStore | None = None,
        port: int = 0, settings: HubSettings | None = None, **hub: Any,
    ) -> None:  # fmt: skip
        self.clock = WallClock()
        self.identity = identity or make_identity(f"Chargebridge-{name}", "Chargebridge", self.clock.now())
        self.trust = trust if trust is not None else MemoryTrust()
        ship_id = f"Chargebridge-{name}"
        maker = DeviceClassificationManufacturerData(device_name="Ours", serial_number=name, brand_name="Chargebridge")
        device = LocalDevice(f"d:_n:Chargebridge_{name}", type_, maker)
        usual = HubSettings(ship_id=ship_id, port=port, type=type_, dial_s=QUICK_DIAL)
        self.hub = Hub(settings or usual, self.identity, self.trust, device, self.clock, **hub)
        self.heard: list[tuple[Now, Event]] = []
        self.hub.listen(self._hear)
        self._task: asyncio.Task[None] | None = None

    async def _hear(self, event: Event, now: Now) -> None:
        self.heard.append((now, event))

    @property
    def ski(self) -> str:
        return self.identity.ski

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.hub.run())
        opened = asyncio.create_task(self.hub.opened())
        await asyncio.wait((self._task, opened), return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            opened.cancel()
            await self._task
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def entity(self, number: int, kind: str) -> LocalEntity:
        return self.hub.node.device.add((number,), kind)

    def events(self, kind: type[E]) -> list[E]:
        return [event for _, event in self.heard if isinstance(event, kind)]

    def connected(self, ski: str) -> bool:
        return any(peer.ski == ski and peer.phase is Phase.CONNECTED for peer in self.hub.peers())

    def phase(self, ski: str) -> Phase | None:
        return next((peer.phase for peer in self.hub.peers() if peer.ski == ski), None)


async def until(true: Callable[[], bool], within_s: float = SOON_S) -> bool:
    """Wait for something to become true; False when it does not in time."""
    end = asyncio.get_running_loop().time() + within_s
    while not true():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(0.01)
    return True


async def join(ours: Ours, peer: GoPeer, dialled: Dialled, port: int | None = None) -> None:
    """Make the two trust each other, and one dial the other, at `port` if it is given. Raises PeerError when they do not come together."""
    await peer.do("trust", ski=ours.ski)
    if dialled is Dialled.BY_US:
        await ours.hub.pair(peer.ski, address=Address("127.0.0.1", port or peer.port))
    else:
        await ours.hub.pair(peer.ski)
        await peer.do("dial", ski=ours.ski, host="127.0.0.1", port=port or ours.hub.port)
    if not await until(lambda: ours.connected(peer.ski)):
        raise PeerError(f"not connected: we see {ours.phase(peer.ski)}, they told {peer.events[-3:]}")
    incoming = next(one.incoming for one in ours.hub.peers() if one.ski == peer.ski)
    if incoming is not (dialled is Dialled.BY_GO):
        raise PeerError(f"the wrong side dialled: incoming is {incoming}")


@asynccontextmanager
async def joined(ours: Ours, program: Path, folder: Path, role: str, dialled: Dialled, **peer: Any) -> AsyncIterator[GoPeer]:
    """The Go program in a role, connected to our node, which is run too."""
    async with ours, GoPeer(program, role, folder / f"{role}.pem", **peer) as made:
        await join(ours, made, dialled)
        yield made


class House(Ours):
    """The whole house as Controllable System of LPC and LPP."""

    def __init__(self, name: str = "house", **more: Any) -> None:
        super().__init__(name, **more)
        now = self.hub.now()
        self.lpc, self.lpp = Limited(LPC, CONSUMPTION, None, now), Limited(LPP, PRODUCTION, None, now)
        self.system = ControllableSystem(self.hub.node, self.entity(1, "CEM"), (self.lpc, self.lpp), now)


class Box(Ours):
    """A grid operator's box: Energy Guard of LPC and LPP."""

    def __init__(self, name: str = "box", **more: Any) -> None:
        super().__init__(name, type_="ElectricitySupplySystem", **more)
        now = self.hub.now()
        entity = self.entity(1, "GridGuard")
        self.lpc, self.lpp = EnergyGuard(self.hub.node, entity, LPC, now), EnergyGuard(self.hub.node, entity, LPP, now)


class Cable:
    """TCP between the two, on a port of its own: it can be pulled, and it counts what goes through. bytes_out: towards `port`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.bytes_out = self.bytes_back = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._come, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        self.pull()

    def pull(self) -> None:
        """Every connection breaks without a word."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._carry(reader, far_writer, out=True), self._carry(far_reader, writer, out=False))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, out: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if out:
                    self.bytes_out += len(data)
                else:
                    self.bytes_back += len(data)
                writer.write(data)
                await writer.drain()
        with suppress(OSError):
            writer.close()
