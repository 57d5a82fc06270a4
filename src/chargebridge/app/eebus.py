"""The site's EEBUS node: one hub, with an entity for each of its roles; what is made on it before it runs."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property, partial

import structlog

from chargebridge.grid.eebus import EebusGrid, GridSettings, Side
from chargebridge.grid.port import GridSink, GridSource
from chargebridge.links.eebus.accepted_digests import AcceptedDigests, DigestsError
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.identity_folder import IdentityFolder, NewNode, OwnNode, expiry
from chargebridge.links.eebus.mdns import Mdns
from chargebridge.links.eebus.pairing_service import PairingListener
from chargebridge.links.eebus.peer import Address, Trusted
from chargebridge.links.eebus.settings import HubSettings, StaticPeer
from chargebridge.links.eebus.trust_store import FileTrust
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.meters.port import Meter
from chargebridge.model.clock import SteadyClock
from chargebridge.model.limit import OnNode
from chargebridge.plants import BatteryPlant, ControllableLoad
from chargebridge.plants.eebus import EebusPlants
from chargebridge.site.config import REFUSE, SiteConfig, StationTable, inverter_meter
from chargebridge.site.config_eebus import EebusTable
from chargebridge.site.eebus_office import EebusOffice
from chargebridge.site.site import Site
from chargebridge.stations.eebus import PointSettings, Wallboxes, WallboxSettings
from chargebridge.stations.eebus.ahead import Step
from chargebridge.stations.port import StationSink
from chargebridge.store import Database
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases.coordinator import Coordinator
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.energy_manager import EnergyManager
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.monitoring import MonitoringAppliance
from chargebridge.wire.eebus.usecases.quantities import MPC

GRID, CONNECTION, CARS, WALLBOXES, PLANTS, LIMITED = (1,), (2,), (3,), (4,), (5,), (6,)
"""Entities: towards the grid's control box; the grid connection with its meter; towards cars; towards wallboxes as loads; towards heat pumps;
a meter of all that the grid limits."""
TYPE = "EnergyManagementSystem"
ENERGY_MANAGEMENT = 2
"""Of SHIP's categories."""

log = structlog.get_logger()


class EebusNode:
    """grid: the source of limits, wallboxes: the stations, once the site has made them; None where none is configured."""

    def __init__(self, config: SiteConfig, table: EebusTable, own: OwnNode, folder: IdentityFolder, clock: SteadyClock) -> None:
        self._config, self._table, self._clock = config, table, clock
        self.own, self.folder = own, folder
        about = DeviceClassificationManufacturerData(
            device_name=table.model, brand_name=table.brand, serial_number=table.serial or own.ship_id
        )
        device = LocalDevice(own.device_address, TYPE, about)
        settings, window = _settings(config, table, own), PairingWindow(clock)
        finder = Mdns(settings, own.identity.ski, window, clock) if table.interfaces else None
        self.hub = Hub(settings, own.identity, FileTrust(folder.trust_file), device, clock, finder=finder, window=window)
        self.pairing = None if finder is None else _pairing(self.hub, finder, own, folder, clock)
        self.grid: EebusGrid | None = None
        self.wallboxes: Wallboxes | None = None
        self._skis = {station.eebus for station in config.station if station.eebus is not None}

    @cached_property
    def guard(self) -> EnergyGuard:
        """Ours over the wallboxes, and beside it who reads their meters. Plants have their own: a device lets one guard write."""
        entity = self.hub.node.device.add(WALLBOXES, "CEM")
        MonitoringAppliance(self.hub.node, entity, MPC, self._skis.__contains__)
        return EnergyGuard(self.hub.node, entity, LPC, self.hub.now(), serves=self._skis.__contains__)

    @cached_property
    def _plants(self) -> EebusPlants:
        return EebusPlants(self.hub, self.hub.node.device.add(PLANTS, "CEM"), self._clock)

    def make_loads(self) -> list[ControllableLoad]:
        """The loads, such as heat pumps, that we limit."""
        return [self._plants.load(table.load, table.eebus) for table in self._config.load]

    def make_batteries(self) -> list[BatteryPlant]:
        """The batteries that tell what they draw."""
        known = {battery.id: battery for battery in self._config.topology().batteries}
        return [self._plants.battery(known[table.id], table.eebus) for table in self._config.battery if table.eebus is not None]

    def make_inverters(self) -> list[Meter]:
        """The inverters that tell what they give, as meters."""
        tables = [(table.id, table.eebus) for table in self._config.generator if table.eebus is not None]
        return [self._plants.inverter(inverter_meter(generator), ski) for generator, ski in tables]

    def make_wallboxes(self, sink: StationSink, database: Database) -> Wallboxes | None:
        """The stations that speak EEBUS; None where none is configured."""
        boxes = [_wallbox(station, self._config) for station in self._config.station if station.eebus is not None]
        if boxes:
            entity = self.hub.node.device.add(CARS, "CEM")
            manager = EnergyManager(self.hub.node, entity, self.hub.now())
            coordinator = Coordinator(self.hub.node, entity, manager)
            self.wallboxes = Wallboxes(boxes, self.hub, manager, coordinator, self.guard, sink, database, self._clock)
        return self.wallboxes

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
        self.grid = EebusGrid(self.hub, settings, sink, memory, self._clock, cem=GRID, connection=CONNECTION, devices=LIMITED)
        return (self.grid,)

    def serve(self, site: Site) -> None:
        """Pages, REST and commands find it from now on."""
        grid = self.grid
        office = EebusOffice(
            self.hub,
            self._clock,
            self._config.site.timezone,
            limits=tuple if grid is None else lambda: grid.system.limits,
            record=site.grid,
            tell=site.tell,
            secret=None if self.pairing is None else self.own.secret,
            serves=_serves(self._config),
        )
        site.service.speak_eebus(office)
        if self.wallboxes is not None:
            self.wallboxes.plan_by(partial(planned, site))
        if self.pairing is not None:
            self.pairing.on_paired(lambda unit, former: site.tell("eebus", _said(unit, former), unit.name))
        if trouble := expiry(self.own.identity, self._clock.now()):
            site.tell("eebus", f"{trouble.reason}; {trouble.cure}")

    async def run(self) -> None:
        """Raises DoorError where it cannot listen, IdentityError where another process uses the folder."""
        with self.folder.alone():
            async with asyncio.TaskGroup() as group:
                group.create_task(self.hub.run(), name="eebus hub")
                if self.pairing is not None:
                    group.create_task(self.pairing.run(), name="eebus pairing service")
                if self.wallboxes is not None:
                    group.create_task(self.wallboxes.run(), name="wallboxes")


def open_eebus(config: SiteConfig, clock: SteadyClock) -> EebusNode | None:
    """None where none is configured. Raises IdentityError, TrustError."""
    table = config.eebus
    if table is None:
        return None
    folder = IdentityFolder(table.folder)
    new = NewNode(brand=table.brand, model=table.model, serial=table.serial or "", ship_id=table.ship_id)
    return EebusNode(config, table, folder.open(new, clock.now()), folder, clock)


def _pairing(hub: Hub, finder: Mdns, own: OwnNode, folder: IdentityFolder, clock: SteadyClock) -> PairingListener | None:
    """None where it cannot be known any more which announcements were accepted; peers are paired by hand then."""
    try:
        return PairingListener(hub, finder, own.secret, AcceptedDigests(folder.pairing_file), clock)
    except DigestsError as error:
        log.error("no control box can be paired by our code", where=error.where, reason=error.reason, cure=error.cure)
        return None


def _said(unit: Trusted, former: Trusted | None) -> str:
    instead = f" instead of {former.name}, which has been away" if former else ""
    return f"the control box {unit.name} knew the secret of our code and is trusted{instead}"


def planned(site: Site, station: str, evse: int) -> tuple[Step, ...]:
    """What the standing plan has for the car at an EVSE."""
    plan, at = site.service.planning.view(), site.live.at(station, evse)
    car = None if plan is None or at is None else next((one for one in plan.cars if one.point == at.point.id), None)
    if plan is None or car is None or not plan.alive:
        return ()
    ends = [start + timedelta(seconds=lasts) for start, lasts in zip(plan.starts, plan.steps_s, strict=True)]
    rows = zip(plan.starts, ends, car.power_w, plan.price_per_kwh, strict=True)
    return tuple(Step(start=start, end=end, power_w=power_w, price=price) for start, end, power_w, price in rows)


def _wallbox(station: StationTable, config: SiteConfig) -> WallboxSettings:
    points = {
        point.evse: PointSettings(
            phases=len(point.phases), minimum_a=point.minimum_a, maximum_a=point.maximum_a, fallback_a=point.fallback_a
        )
        for point in config.point
        if point.station == station.id
    }
    assert station.eebus is not None
    unknown = None if station.unknown_cars == REFUSE else station.unknown_cars
    return WallboxSettings(
        identity=station.id, ski=station.eebus, points=points, unknown_cars=unknown, safe_current_a=station.safe_current_a
    )


def _settings(config: SiteConfig, table: EebusTable, own: OwnNode) -> HubSettings:
    """Who stands in the configuration is trusted: peers, stations, and plants."""
    peers = {
        peer.ski: StaticPeer(
            peer.ski, Address(peer.host, peer.port) if peer.host is not None and peer.port is not None else None, peer.name
        )
        for peer in table.peer
    }
    for station in config.station:
        if station.eebus is not None:
            peers.setdefault(station.eebus, StaticPeer(station.eebus, name=station.id))
    plants = [(load.eebus, load.name) for load in config.load]
    plants += [(battery.eebus, battery.name) for battery in config.battery if battery.eebus is not None]
    plants += [(generator.eebus, generator.name) for generator in config.generator if generator.eebus is not None]
    for ski, name in plants:
        peers.setdefault(ski, StaticPeer(ski, name=name))
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
        trace_file=table.trace_file,
        peers=tuple(peers.values()),
    )


def _serves(config: SiteConfig) -> dict[str, str]:
    """What each SKI of the configuration is there."""
    stations = {one.eebus: f"station {one.id}" for one in config.station if one.eebus is not None}
    batteries = {one.eebus: f"battery {one.id}" for one in config.battery if one.eebus is not None}
    return stations | batteries | {one.eebus: f"load {one.id}" for one in config.load}
