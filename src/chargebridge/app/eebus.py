"""The site's EEBUS node: one hub, with an entity for each of its roles; what is made on it before it runs."""

from collections.abc import Mapping

from chargebridge.grid.eebus import EebusGrid, GridSettings, Side
from chargebridge.grid.port import GridSink, GridSource
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.identity_folder import IdentityFolder, NewNode, OwnNode
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import HubSettings, StaticPeer
from chargebridge.links.eebus.trust_store import FileTrust
from chargebridge.model.clock import SteadyClock
from chargebridge.model.limit import OnNode
from chargebridge.site.config import SiteConfig
from chargebridge.site.config_eebus import EebusTable
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import LocalDevice

GRID, CONNECTION, CARS, PLANTS = (1,), (2,), (3,), (4,)
"""Entities: towards the grid's control box; the grid connection with its meter; towards wallboxes; towards heat pumps."""
TYPE = "EnergyManagementSystem"
ENERGY_MANAGEMENT = 2
"""Of SHIP's categories."""


class EebusNode:
    """grid: the source of limits, once the site has made it; None where none is configured."""

    def __init__(self, config: SiteConfig, table: EebusTable, own: OwnNode, folder: IdentityFolder, clock: SteadyClock) -> None:
        self._config, self._table, self._clock = config, table, clock
        self.own, self.folder = own, folder
        about = DeviceClassificationManufacturerData(
            device_name=table.model, brand_name=table.brand, serial_number=table.serial or own.ship_id
        )
        device = LocalDevice(own.device_address, TYPE, about)
        self.hub = Hub(_settings(table, own), own.identity, FileTrust(folder.trust_file), device, clock)
        self.grid: EebusGrid | None = None

    def make_grid(self, sink: GridSink, remembered: Mapping[str, Mapping[str, str]]) -> tuple[GridSource, ...]:
        """As ``grid.port.MakeSources``."""
        grid = self._table.grid
        if grid is None:
            return ()
        root = next(circuit for circuit in self._config.circuit if circuit.parent is None)
        production = grid.production
        settings = GridSettings(
            consumption=Side(grid.scope, grid.nominal_w, grid.failsafe_w),
            production=None if production is None else Side(OnNode(root.id), production.nominal_w, production.failsafe_w),
            failsafe_s=grid.failsafe_duration_s,
            autonomous=grid.autonomous,
            legal_basis=grid.legal_basis,
            metered=root.meter is not None,
            measured=grid.measure,
        )
        memory = remembered.get(EebusGrid.name, {})
        self.grid = EebusGrid(self.hub, settings, sink, memory, self._clock, cem=GRID, connection=CONNECTION)
        return (self.grid,)

    async def run(self) -> None:
        """Raises DoorError where it cannot listen, IdentityError where another process uses the folder."""
        with self.folder.alone():
            await self.hub.run()


def open_eebus(config: SiteConfig, clock: SteadyClock) -> EebusNode | None:
    """None where none is configured. Raises IdentityError, TrustError."""
    table = config.eebus
    if table is None:
        return None
    folder = IdentityFolder(table.folder)
    new = NewNode(brand=table.brand, model=table.model, serial=table.serial or "", ship_id=table.ship_id)
    return EebusNode(config, table, folder.open(new, clock.now()), folder, clock)


def _settings(table: EebusTable, own: OwnNode) -> HubSettings:
    return HubSettings(
        ship_id=own.ship_id,
        host=table.host,
        port=table.port,
        brand=table.brand,
        model=table.model,
        serial=table.serial or "",
        type=TYPE,
        categories=(ENERGY_MANAGEMENT,),
        interfaces=table.interfaces,
        peers=tuple(
            StaticPeer(peer.ski, Address(peer.host, peer.port) if peer.host is not None and peer.port is not None else None, peer.name)
            for peer in table.peer
        ),
    )
