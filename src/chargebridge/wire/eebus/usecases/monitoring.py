"""MPC and MGCP from both sides: a unit that measures, and an appliance that reads (MPC 1.0.0, MGCP 1.0.0)."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from chargebridge.wire.eebus.spine import update
from chargebridge.wire.eebus.spine.datagram import PARTIAL, command
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.common import scaled, timestamp, told
from chargebridge.wire.eebus.spine.functions.measurement import (
    ElectricalConnectionDescriptionData,
    ElectricalConnectionDescriptionListData,
    ElectricalConnectionParameterDescriptionListData,
    MeasurementConstraintsListData,
    MeasurementData,
    MeasurementDescriptionListData,
    MeasurementListData,
)
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, FeatureId, LocalEntity, Now
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.spine.remote import RemoteDevice
from chargebridge.wire.eebus.usecases.quantities import PARAMETERS, Monitoring, Quantity, told_by

APPLIANCE = "MonitoringAppliance"
VALUES, DESCRIPTIONS, CONSTRAINTS = "measurementListData", "measurementDescriptionListData", "measurementConstraintsListData"
CONNECTIONS = "electricalConnectionDescriptionListData"
QUIET_S = 1.0
"""Between two notifies; what changes faster is told together."""
_READ = {"ElectricalConnection": (CONNECTIONS, PARAMETERS), "Measurement": (DESCRIPTIONS, CONSTRAINTS, VALUES)}


class Measured(Event, frozen=True):
    """A peer's unit has new values; see ``MonitoringAppliance.values``."""

    peer: str
    entity: EntityId
    use_case: str


class MonitoredUnit(Part):
    """Serves the quantities that it is made for; a scenario is announced where one of its quantities is among them."""

    def __init__(self, node: Node, entity: LocalEntity, of: Monitoring, quantities: tuple[Quantity, ...]) -> None:
        self._node = node
        self._ids = {quantity: at for at, quantity in enumerate(quantities)}
        self._waiting: dict[Quantity, MeasurementData] = {}
        self._next_s = 0.0
        self._feature = entity.feature("Measurement", SERVER)
        described = tuple(quantity.described(at) for quantity, at in self._ids.items())
        parameters = tuple(quantity.parameter(at) for quantity, at in self._ids.items() if quantity.electrical)
        self._feature.offer(DESCRIPTIONS, MeasurementDescriptionListData(measurement_description_data=described))
        self._feature.offer(CONSTRAINTS, MeasurementConstraintsListData())
        self._feature.offer(VALUES, MeasurementListData())
        connection = entity.feature("ElectricalConnection", SERVER)
        alone = ElectricalConnectionDescriptionData(electrical_connection_id=0, power_supply_type="ac", positive_energy_direction="consume")
        connection.offer(CONNECTIONS, ElectricalConnectionDescriptionListData(electrical_connection_description_data=(alone,)))
        told = ElectricalConnectionParameterDescriptionListData(electrical_connection_parameter_description_data=parameters)
        connection.offer(PARAMETERS, told)
        scenarios = tuple(at for at, all_ in of.scenarios.items() if set(all_) & self._ids.keys())
        node.device.announce(entity.ident, of.actor, of.name, of.version, scenarios, of.revision)
        node.parts.append(self)

    def update(self, values: Mapping[Quantity, Decimal | None], now: Now) -> None:
        """New values; None: there is none now. ``Node.tick`` must follow. What has not changed is not told again."""
        known = {row.measurement_id: row for row in self._rows()}
        for quantity, value in values.items():
            row = MeasurementData(
                measurement_id=self._ids[quantity],
                value_type="value",
                timestamp=timestamp(now.utc),
                value=None if value is None else scaled(value),
                value_source="measuredValue",
                value_state="error" if value is None else "normal",
            )
            old = known.get(row.measurement_id)
            if old is None or (old.value_state, old.value) != (row.value_state, row.value or old.value):
                self._waiting[quantity] = row
            else:
                self._waiting.pop(quantity, None)

    def due_s(self) -> float | None:
        return self._next_s if self._waiting else None

    def tick(self, now: Now) -> None:
        if self._waiting and now.s >= self._next_s:
            self._next_s = now.s + QUIET_S
            changes = MeasurementListData(measurement_data=tuple(self._waiting.values()))
            self._waiting = {}
            whole = update.received(command(changes, filters=(PARTIAL,)), self._feature.data[VALUES])
            assert isinstance(whole, MeasurementListData)
            self._node.publish(self._feature, whole, changes=changes)

    def _rows(self) -> tuple[MeasurementData, ...]:
        data = self._feature.data[VALUES]
        return (data.measurement_data or ()) if isinstance(data, MeasurementListData) else ()


class MonitoringAppliance(Part):
    """Reads the units of all peers, or of those that it ``serves``."""

    def __init__(self, node: Node, entity: LocalEntity, of: Monitoring, serves: Callable[[str], bool] = lambda peer: True) -> None:
        self._node = node
        self._serves = serves
        self._of = of
        self._clients = {type_: entity.feature(type_, CLIENT) for type_ in _READ}
        self.units: dict[tuple[str, EntityId], None] = {}
        node.device.announce(entity.ident, APPLIANCE, of.name, of.version, tuple(of.scenarios), of.revision)
        node.parts.append(self)

    def values(self, unit: tuple[str, EntityId]) -> dict[Quantity, Decimal]:
        """What a unit measures; what it calls out of range or wrong is left out."""
        return measured(self._node.links[unit[0]].remote, unit[1])

    def known(self, peer: str, now: Now) -> None:
        if not self._serves(peer):
            return
        remote = self._node.links[peer].remote
        found = remote.entities_with(self._of.name, (self._of.actor,), "Measurement", SERVER)
        self.units = {key: None for key in self.units if key[0] != peer or key[1] in found}
        for entity in found:
            if (peer, entity) not in self.units:
                self.units[peer, entity] = None
                self._begin(peer, entity, now)

    def changed(self, peer: str, feature: FeatureId, function: str, now: Now) -> None:
        if function == VALUES and (peer, feature[0]) in self.units:
            self._node.emit(Measured(peer, feature[0], self._of.name))

    def gone(self, peer: str, now: Now) -> None:
        self.units = {key: None for key in self.units if key[0] != peer}

    def _begin(self, peer: str, entity: EntityId, now: Now) -> None:
        for type_, functions in _READ.items():
            server = self._node.links[peer].remote.find(entity, type_, SERVER)
            if server is not None:
                self._node.subscribe(peer, self._clients[type_].ident, server.ident, now)
                for function in functions:
                    self._node.read(peer, self._clients[type_].ident, server.ident, function, now)


def measured(remote: RemoteDevice, entity: EntityId) -> dict[Quantity, Decimal]:
    """What an entity measures; what it calls out of range or wrong is left out."""
    measurement, connection = (remote.find(entity, type_, SERVER) for type_ in ("Measurement", "ElectricalConnection"))
    described = measurement.data.get(DESCRIPTIONS) if measurement else None
    rows = measurement.data.get(VALUES) if measurement else None
    parameters = connection.data.get(PARAMETERS) if connection else None
    if not isinstance(described, MeasurementDescriptionListData) or not isinstance(rows, MeasurementListData):
        return {}
    known = parameters if isinstance(parameters, ElectricalConnectionParameterDescriptionListData) else None
    by_id = {one.measurement_id: one for one in (known.electrical_connection_parameter_description_data if known else None) or ()}
    quantities = {one.measurement_id: told_by(one, by_id.get(one.measurement_id)) for one in described.measurement_description_data or ()}
    found: dict[Quantity, Decimal] = {}
    for row in rows.measurement_data or ():
        value = told(row.value)
        if (
            value is not None
            and row.measurement_id in quantities
            and row.value_state in (None, "normal")
            and row.value_type in (None, "value")
        ):
            found[quantities[row.measurement_id]] = value
    return found
