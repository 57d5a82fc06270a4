"""A car behind a wallbox: the EV entity that is there while it is plugged in (the server side of EVCC, EVCEM, OPEV, OSCEV, EVSOC; of CEVC see
`coordinated_vehicle`).

    DeviceConfiguration   the standard it talks by, whether it charges asymmetrically        EVCC
    DeviceClassification  its maker; DeviceDiagnosis: whether it sleeps or has failed        EVCC
    Identification        who it is                                                          EVCC
    ElectricalConnection  phases, permitted currents and powers, capacity                    EVCC, EVCEM, OPEV, OSCEV, EVSOC
    Measurement           currents, powers, energy, state of charge                          EVCEM, EVSOC
    LoadControl           a limit for each phase, twice: obligation, recommendation          OPEV, OSCEV
    DeviceDiagnosis       client: listens to the CEM's heartbeat and state                   OPEV, OSCEV

The parameters of the currents stand first, since eebus-go takes the first one of a phase for it. Of a limit's time period nothing is taken: the
limit holds from its write on until it is written anew, which is never less safe. `curtailment` says what holds when.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.common import number, scaled
from chargebridge.wire.eebus.spine.functions.device import (
    DeviceClassificationManufacturerData,
    DeviceDiagnosisHeartbeatData,
    DeviceDiagnosisStateData,
)
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitData, LoadControlLimitListData
from chargebridge.wire.eebus.spine.functions.measurement import ElectricalConnectionParameterDescriptionListData
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, FeatureId, LocalEntity, Now, Operations, Verdict, Write
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.usecases import current_limits, curtailment, evcc, evsecc, evsoc, heartbeat, kind, vehicle_data
from chargebridge.wire.eebus.usecases.coordinated_vehicle import CoordinatedVehicle
from chargebridge.wire.eebus.usecases.current_limits import PERMITTED, CurrentLimit, Permitted, PerPhase
from chargebridge.wire.eebus.usecases.curtailment import WORKS, Gone, Heartbeat, Limits, Machine, Said, Settings, State, Tick, Written
from chargebridge.wire.eebus.usecases.evcc import Identification
from chargebridge.wire.eebus.usecases.evcem import EVCEM
from chargebridge.wire.eebus.usecases.evsoc import EVSOC
from chargebridge.wire.eebus.usecases.monitoring import CONNECTIONS, MonitoredUnit
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.oscev import OSCEV
from chargebridge.wire.eebus.usecases.quantities import PARAMETERS, Quantity
from chargebridge.wire.eebus.usecases.vehicle_data import CarSettings

GUARDS = ("CEM", "EnergyGuard")
"""Who may limit a car: OPEV says EnergyGuard, products say CEM."""


class CurrentsAllowed(Event, frozen=True):
    """What a car of ours may take from now on, in A on L1, L2, L3; 0 is a pause, None a phase that it is not connected to."""

    entity: EntityId
    state: State
    currents_a: PerPhase


class Vehicle(Part):
    """Made by ``charging_station.ChargingStation.plug``. guard: the peer whose limits hold. coordination: its part of CEVC, where it has that."""

    def __init__(self, node: Node, entity: LocalEntity, car: CarSettings, now: Now) -> None:
        self._node = node
        self._entity = entity
        self._settings = Settings(permitted=car.permitted, safe_a=car.safe_a, phases=car.phases)
        self.car = car
        self.machine = Machine()
        self.guard: str | None = None
        self._said: dict[str, str] = {}
        self._pulse = heartbeat.Pulse()
        self._told: tuple[State, PerPhase] | None = None
        self._rows: LoadControlLimitListData | None = None
        self.coordination = CoordinatedVehicle(node, entity, now) if car.coordinated else None
        self._offer(now)
        node.parts.append(self)

    @property
    def currents_a(self) -> PerPhase:
        """What it may take now, on L1, L2, L3."""
        return curtailment.applied_a(self.machine, self._settings)

    def limits(self, of: CurrentLimit) -> Limits:
        """What the CEM wrote, whether or not it counts now."""
        return self.machine.obligation if of is OPEV else self.machine.recommendation

    # What happens to the car. ``Node.tick`` must follow ``measured``; the others publish at once.

    def measured(self, values: Mapping[Quantity, Decimal | None], now: Now) -> None:
        """New values; None: there is none now."""
        self._unit.update(values, now)

    def operating(self, state: str, error: str | None = None) -> None:
        """Its operating state: normalOperation, standby (it sleeps), failure, finished ..."""
        feature = self._entity.feature("DeviceDiagnosis", SERVER)
        self._node.publish(feature, DeviceDiagnosisStateData(operating_state=state, last_error_code=error))

    def identified(self, identifications: tuple[Identification, ...]) -> None:
        self._node.publish(self._entity.feature("Identification", SERVER), vehicle_data.identified(identifications))

    def permit(self, permitted: Permitted) -> None:
        """What it can take from now on, e.g. since its battery is nearly full."""
        self.car = msgspec.structs.replace(self.car, permitted=permitted)
        self._settings = msgspec.structs.replace(self._settings, permitted=permitted)
        self._node.publish(self._entity.feature("ElectricalConnection", SERVER), vehicle_data.permitted(self.car))

    def leave(self) -> None:
        """It is unplugged; the node forgets it."""
        for part in (self, self._unit, self.coordination):
            if part is not None:
                self._node.parts.remove(part)

    # What the node says.

    def known(self, peer: str, now: Now) -> None:
        remote = self._node.links[peer].remote
        for server in self._sources(peer):
            if (self._client.ident, server) not in self._node.links[peer].listening:
                self._node.subscribe(peer, self._client.ident, server, now)
                for function in (kind.HEARTBEAT, evsecc.STATE):
                    if function in remote.features[server].operations:
                        self._node.read(peer, self._client.ident, server, function, now)

    def changed(self, peer: str, feature: FeatureId, function: str, now: Now) -> None:
        data = self._node.links[peer].remote.features[feature].data.get(function)
        if feature not in self._sources(peer):
            return
        if isinstance(data, DeviceDiagnosisHeartbeatData):
            if self._pulse.came(peer, data, now) and self.guard in (None, peer):
                self.machine = curtailment.step(self.machine, Heartbeat(), now.s)
        elif isinstance(data, DeviceDiagnosisStateData) and data.operating_state is not None:
            self._said[peer] = data.operating_state
            if self.guard in (None, peer):
                self.machine = curtailment.step(self.machine, Said(data.operating_state), now.s)

    def gone(self, peer: str, now: Now) -> None:
        self._said.pop(peer, None)
        self._pulse.heard_s.pop(peer, None)
        if self.guard in (None, peer):
            self.guard = None
            self.machine = curtailment.step(self.machine, Gone(), now.s)
            self._rows = self._unlimited()

    def due_s(self) -> float | None:
        return curtailment.due_s(self.machine)

    def tick(self, now: Now) -> None:
        self.machine = curtailment.step(self.machine, Tick(), now.s)
        if self._rows is not None:
            rows, self._rows = self._rows, None
            if rows != self._load.data[kind.LIMITS]:
                self._node.publish(self._load, rows)
        told = self.machine.state, self.currents_a
        if told != self._told:
            self._told = told
            self._node.emit(CurrentsAllowed(self._entity.ident, *told))

    def write(self, write: Write, now: Now) -> Verdict:
        """Takes limits, all or none."""
        if not isinstance(write.after, LoadControlLimitListData) or not isinstance(write.before, LoadControlLimitListData):
            return Verdict(ErrorNumber.COMMAND_NOT_SUPPORTED, "nothing that can be written")
        rows = {row.limit_id: row for row in write.after.load_control_limit_data or ()}
        fresh = write.peer != self.guard
        said: dict[CurrentLimit, list[Written | None]] = {of: [None] * 3 if fresh else list(self.limits(of)) for of in (OPEV, OSCEV)}
        for limit_id in _spoken_of(write) & rows.keys():
            reason = _unfit(rows[limit_id])
            if reason:
                return Verdict(ErrorNumber.COMMAND_REJECTED, reason)
            of, phase = self.car.limits[limit_id or 0]
            said[of][phase] = Written(number(rows[limit_id].value) if rows[limit_id].is_limit_active else None)
        if fresh:
            self._follow(write.peer)
        obligation, recommendation = ((one[0], one[1], one[2]) for one in (said[OPEV], said[OSCEV]))
        self.machine = curtailment.step(self.machine, curtailment.Write(obligation, recommendation), now.s)
        self._rows = write.after
        return Verdict()

    def _follow(self, peer: str) -> None:
        """From now on the word of this peer counts; nobody else can write before its connection ends."""
        self.guard, self.machine = peer, Machine()
        heard = self._pulse.heard_s.get(peer)
        if heard is not None:
            self.machine = curtailment.step(self.machine, Heartbeat(), heard)
        if self._said.get(peer, WORKS) != WORKS:
            self.machine = curtailment.step(self.machine, Said(self._said[peer]), heard or 0.0)

    def _sources(self, peer: str) -> list[FeatureId]:
        """The heartbeats of the peer's entities that may limit cars."""
        remote = self._node.links[peer].remote
        entities = {entity: None for of in (OPEV, OSCEV) for entity in remote.entities_with(of.name, GUARDS, "DeviceDiagnosis", SERVER)}
        found = [remote.find(entity, "DeviceDiagnosis", SERVER) for entity in entities]
        return [feature.ident for feature in found if feature is not None]

    # What stands in the features from the start.

    def _offer(self, now: Now) -> None:
        car, entity = self.car, self._entity
        self._client = entity.feature("DeviceDiagnosis", CLIENT)
        self._load = entity.feature("LoadControl", SERVER)
        self._load.offer(kind.DESCRIPTIONS, vehicle_data.limit_descriptions(car))
        self._load.offer(kind.LIMITS, self._unlimited(), Operations(write=True))
        self._load.guards.append(self)
        announce = self._node.device.announce
        announce(entity.ident, evcc.ACTOR, evcc.NAME, evcc.VERSION, _scenarios(car))
        for of in (OPEV, OSCEV)[: 1 + car.recommendations]:
            announce(entity.ident, evcc.ACTOR, of.name, current_limits.VERSION, current_limits.SCENARIOS)
        if car.battery:
            scenarios = (1,) if car.capacity_wh is None else (1, evsoc.CAPACITY_SCENARIO)
            announce(entity.ident, evcc.ACTOR, EVSOC.name, EVSOC.version, scenarios, EVSOC.revision)
        self._unit = MonitoredUnit(self._node, entity, EVCEM, car.quantities)
        connection = entity.feature("ElectricalConnection", SERVER)
        parameters = connection.data[PARAMETERS]
        assert isinstance(parameters, ElectricalConnectionParameterDescriptionListData)
        rows = (*(parameters.electrical_connection_parameter_description_data or ()), vehicle_data.power_parameter(car))
        if car.powers_w:
            connection.offer(
                PARAMETERS, ElectricalConnectionParameterDescriptionListData(electrical_connection_parameter_description_data=rows)
            )
        connection.offer(CONNECTIONS, vehicle_data.connection(car))
        connection.offer(PERMITTED, vehicle_data.permitted(car))
        if car.capacity_wh is not None:
            connection.offer(kind.CHARACTERISTICS, vehicle_data.capacity(car.capacity_wh))
        configuration = entity.feature("DeviceConfiguration", SERVER)
        configuration.offer(kind.KEYS, vehicle_data.keys())
        configuration.offer(kind.VALUES, vehicle_data.values(car))
        entity.feature("DeviceDiagnosis", SERVER).offer(evsecc.STATE, DeviceDiagnosisStateData(operating_state=WORKS))
        entity.feature("DeviceClassification", SERVER).offer(evsecc.MAKER, car.maker or DeviceClassificationManufacturerData())
        entity.feature("Identification", SERVER).offer(evcc.IDENTIFICATIONS, vehicle_data.identified(car.identifications))

    def _unlimited(self) -> LoadControlLimitListData:
        """The limits before anything is written: none is active; the value is the most that the car can take."""
        assert self.car.permitted.max_a is not None
        value = scaled(self.car.permitted.max_a)
        return LoadControlLimitListData(
            load_control_limit_data=tuple(
                LoadControlLimitData(limit_id=limit_id, is_limit_changeable=True, is_limit_active=False, value=value)
                for limit_id in range(len(self.car.limits))
            )
        )


def _scenarios(car: CarSettings) -> tuple[int, ...]:
    """Of EVCC; what the car does not know is not announced."""
    return tuple(at for at in evcc.SCENARIOS if (at != 4 or car.standard != evcc.IEC_61851) and (at != 6 or car.powers_w))


def _spoken_of(write: Write) -> set[int | None]:
    """The limits that a write says something of. A complete list repeats what it does not care for: what is as it was before is no word."""
    assert isinstance(write.before, LoadControlLimitListData)
    assert isinstance(write.after, LoadControlLimitListData)
    before = {row.limit_id: row for row in write.before.load_control_limit_data or ()}
    changed = {row.limit_id for row in write.after.load_control_limit_data or () if row != before.get(row.limit_id)}
    if not write.cmd.filters or not isinstance(write.cmd.data, LoadControlLimitListData):
        return changed
    selected = {selector.get("limitId") for one in write.cmd.filters for selector in one.selectors}
    return changed | selected | {row.limit_id for row in write.cmd.data.load_control_limit_data or ()}


def _unfit(row: LoadControlLimitData) -> str:
    """Why a limit cannot be taken; empty if it can. What is missing is never taken for "unlimited"."""
    if row.is_limit_active is None:
        return "a limit that is neither active nor inactive"
    value = number(row.value)
    if row.is_limit_active and value is None:
        return "an active limit without a value"
    return "a current below 0 A" if value is not None and value < 0 else ""
