"""The CEM of e-mobility: it knows the wallboxes (EVSE) and cars (EV) of all peers, and limits what the cars take.

    manager = EnergyManager(node, device.add((2,), "CEM"), now)

    EvseFound(peer, entity)                  manager.evse((peer, entity)) tells all that is known now; ask again after each event
    CarConnected(peer, entity, evse)         the car's data come one by one, each with a CarChanged
    manager.limit((peer, evse), (Decimal(10), Decimal(10), Decimal(10)), now)       L1, L2, L3 in A; 0 pauses; None: no limit
    CurrentsAnswered(..., number)            NONE: the car has taken them; else they are written again
    CarGone(peer, entity, evse)              it was unplugged
    EvseGone(peer, entity)                   the connection is down, or the wallbox is away; the car, if any, may be there still

A wish belongs to the wallbox: it is written as soon as a car is there that can be limited, to each new car again, and whenever the car stops keeping
it. Nothing is written before somebody wishes. The heartbeat says 4 s and comes every 2 s; without it cars fall to what they hold for safe.

`tree` says how wallboxes and cars are found, whatever their makers announce.
"""

from collections.abc import Mapping

import msgspec

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.device import DeviceDiagnosisStateData
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitData
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, FeatureId, LocalEntity, Now
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.usecases import current_limits, evcc, evcem, evsecc, evsoc, heartbeat
from chargebridge.wire.eebus.usecases.current_limits import CurrentLimit, PerPhase, Standings
from chargebridge.wire.eebus.usecases.curtailment import WORKS
from chargebridge.wire.eebus.usecases.kind import DESCRIPTIONS, LIMITS
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.oscev import OSCEV
from chargebridge.wire.eebus.usecases.quantities import PARAMETERS
from chargebridge.wire.eebus.usecases.tree import station_of, stations, vehicles

CEM = "CEM"
"""The actor that products expect of an energy manager in each of these use cases, though OPEV calls it EnergyGuard and EVSOC MonitoringAppliance."""
TIMEOUT_S, INTERVAL_S = 4.0, 2.0
AGAIN_S = 30.0
"""After a refusal, after no answer, or when a car has stopped keeping a limit."""
FEATURES: dict[str, Mapping[str, tuple[str, ...]]] = {
    evcc.NAME: evcc.FEATURES,
    evcem.EVCEM.name: evcem.FEATURES,
    OPEV.name: current_limits.FEATURES,
    OSCEV.name: current_limits.FEATURES,
    evsoc.EVSOC.name: evsoc.FEATURES,
}
"""What is read of a car for each use case that it has, by feature."""
BOUND = ("LoadControl",)
_MATTERS = {PARAMETERS, current_limits.PERMITTED, DESCRIPTIONS, LIMITS}
"""What is written depends on these."""

Unit = tuple[str, EntityId]
"""A peer and one of its entities."""


class EvseFound(Event, frozen=True):
    """A wallbox is there."""

    peer: str
    entity: EntityId


class EvseChanged(Event, frozen=True):
    """It has told something of itself."""

    peer: str
    entity: EntityId


class EvseGone(Event, frozen=True):
    """It is away, or nothing is known of it any more; that says nothing of a car."""

    peer: str
    entity: EntityId


class CarConnected(Event, frozen=True):
    """A car is plugged in, or was when the connection began. evse: the wallbox's entity."""

    peer: str
    entity: EntityId
    evse: EntityId


class CarChanged(Event, frozen=True):
    """A car has told data of a function."""

    peer: str
    entity: EntityId
    evse: EntityId
    function: str


class CarGone(Event, frozen=True):
    """A car was unplugged."""

    peer: str
    entity: EntityId
    evse: EntityId


class CurrentsAnswered(Event, frozen=True):
    """A car has answered a limit of OPEV or OSCEV. number: NONE if it takes it."""

    peer: str
    entity: EntityId
    evse: EntityId
    use_case: str
    wish: PerPhase
    number: ErrorNumber


class Car(msgspec.Struct, frozen=True, kw_only=True):
    """All that a car says now. use_cases: names of those that it has. measured, battery: None where it has no such use case.
    obligation, recommendation: the limits that it says it has, and what may be written."""

    peer: str
    entity: EntityId
    use_cases: frozenset[str]
    commissioned: evcc.Commissioned
    measured: evcem.Measured | None
    obligation: Standings
    recommendation: Standings
    battery: evsoc.Battery | None


class Evse(msgspec.Struct, frozen=True, kw_only=True):
    """All that a wallbox says now. listens: whether it hears our heartbeat. car: None where none is plugged in."""

    peer: str
    entity: EntityId
    commissioned: evsecc.Commissioned
    listens: bool
    car: Car | None


class _Limit:
    """What was written for one of the use cases. counter: of the write under way. again_s: when it is written once more."""

    def __init__(self) -> None:
        self.wish: PerPhase | None = None
        self.written: tuple[LoadControlLimitData, ...] = ()
        self.answer: ErrorNumber | None = None
        self.counter: int | None = None
        self.again_s: float | None = None


class _Car:
    """read: functions asked for, by feature. stale: whether what is written must be looked at again. whole: whether it has refused a partial
    write."""

    def __init__(self, evse: EntityId) -> None:
        self.evse = evse
        self.names: frozenset[str] = frozenset()
        self.read: set[tuple[FeatureId, str]] = set()
        self.limits = {OPEV: _Limit(), OSCEV: _Limit()}
        self.stale, self.whole = True, False


class EnergyManager(Part):
    """cars, evses: those that are there, in the order in which they came."""

    def __init__(self, node: Node, entity: LocalEntity, now: Now) -> None:
        self._node = node
        self.evses: dict[Unit, None] = {}
        self.cars: dict[Unit, EntityId] = {}
        self._cars: dict[Unit, _Car] = {}
        self._wishes: dict[tuple[Unit, CurrentLimit], PerPhase] = {}
        types = {*evsecc.FEATURES, *(type_ for features in FEATURES.values() for type_ in features)}
        self._clients = {type_: entity.feature(type_, CLIENT) for type_ in sorted(types)}
        self._server = heartbeat.source(node, entity, now, TIMEOUT_S, INTERVAL_S).feature
        self._server.offer(evsecc.STATE, DeviceDiagnosisStateData(operating_state=WORKS))
        announce = node.device.announce
        announce(entity.ident, CEM, evsecc.NAME, evsecc.VERSION, evsecc.SCENARIOS)
        announce(entity.ident, CEM, evcc.NAME, evcc.VERSION, evcc.SCENARIOS)
        announce(entity.ident, CEM, evcem.EVCEM.name, evcem.EVCEM.version, tuple(evcem.EVCEM.scenarios))
        for of in (OPEV, OSCEV):
            announce(entity.ident, CEM, of.name, current_limits.VERSION, current_limits.SCENARIOS)
        announce(entity.ident, CEM, evsoc.EVSOC.name, evsoc.EVSOC.version, evsoc.SCENARIOS, evsoc.EVSOC.revision)
        node.parts.append(self)

    # What the one who runs it wants. ``Node.tick`` must follow each.

    def limit(self, evse: Unit, currents_a: PerPhase, now: Now) -> None:
        """OPEV: what a car at this wallbox may take at most, also one that comes later, also while the wallbox is away."""
        self._wish(evse, OPEV, currents_a)

    def recommend(self, evse: Unit, currents_a: PerPhase, now: Now) -> None:
        """OSCEV: what it had better take. Only a car that has the use case hears it; limit the others."""
        self._wish(evse, OSCEV, currents_a)

    def operating(self, state: str, now: Now) -> None:
        """Our own operating state, e.g. ``failure`` where we cannot watch over the fuse any more; all cars then fall to what is safe."""
        self._node.publish(self._server, DeviceDiagnosisStateData(operating_state=state))

    # What is known.

    def wish(self, evse: Unit, of: CurrentLimit) -> PerPhase | None:
        """What was asked for; None: nothing yet."""
        return self._wishes.get((evse, of))

    def has(self, car: Unit, use_case: str) -> bool:
        """Whether a car is there and has this use case."""
        return car in self._cars and use_case in self._cars[car].names

    def evse(self, unit: Unit) -> Evse | None:
        """None: it is not there."""
        if unit not in self.evses:
            return None
        link = self._node.links[unit[0]]
        car = next((key for key, evse in self.cars.items() if (key[0], evse) == unit), None)
        return Evse(
            peer=unit[0],
            entity=unit[1],
            commissioned=evsecc.told_by(link.remote, unit[1]),
            listens=any(server == self._server.ident for _, server in link.listeners),
            car=self.car(car) if car else None,
        )

    def car(self, unit: Unit) -> Car | None:
        """None: it is not there."""
        car = self._cars.get(unit)
        if car is None:
            return None
        peer, entity = unit
        remote = self._node.links[peer].remote
        return Car(
            peer=peer,
            entity=entity,
            use_cases=car.names,
            commissioned=evcc.told_by(remote, entity),
            measured=evcem.told_by(remote, entity) if evcem.EVCEM.name in car.names else None,
            obligation=current_limits.standings(remote, entity, OPEV),
            recommendation=current_limits.standings(remote, entity, OSCEV),
            battery=evsoc.told_by(remote, entity) if evsoc.EVSOC.name in car.names else None,
        )

    # What the node says.

    def known(self, peer: str, now: Now) -> None:
        remote = self._node.links[peer].remote
        cars = vehicles(remote)
        evses = stations(remote, cars)
        for key in [one for one in self._cars if one[0] == peer and one[1] not in cars]:
            self._node.emit(CarGone(peer, key[1], self._forget(key)))
        for unit in [one for one in self.evses if one[0] == peer and one[1] not in evses]:
            del self.evses[unit]
            self._node.emit(EvseGone(*unit))
        for entity in evses:
            if (peer, entity) not in self.evses:
                self.evses[peer, entity] = None
                self._read(peer, entity, evsecc.FEATURES, set(), now)
                self._node.emit(EvseFound(peer, entity))
        for entity, names in cars.items():
            if (peer, entity) not in self._cars:
                evse = station_of(entity, evses)
                self._cars[peer, entity], self.cars[peer, entity] = _Car(evse), evse
                self._node.emit(CarConnected(peer, entity, evse))
            car = self._cars[peer, entity]
            car.names, car.stale = names, True
            for name in [one for one in FEATURES if one in names]:
                self._read(peer, entity, FEATURES[name], car.read, now)

    def changed(self, peer: str, feature: FeatureId, function: str, now: Now) -> None:
        unit = peer, feature[0]
        car = self._cars.get(unit)
        if car is not None:
            car.stale = car.stale or function in _MATTERS
            self._node.emit(CarChanged(peer, feature[0], car.evse, function))
            if function == LIMITS:
                self._kept(unit, car, now)
        elif unit in self.evses:
            self._node.emit(EvseChanged(*unit))

    def answered(self, peer: str, counter: int, number: ErrorNumber, now: Now) -> None:
        for unit, car in self._cars.items():
            for of, limit in car.limits.items():
                if unit[0] == peer and limit.counter == counter and limit.wish is not None:
                    limit.answer, limit.counter, car.stale = number, None, True
                    limit.again_s = now.s + AGAIN_S if number else None
                    if number is ErrorNumber.RESTRICTED_EXCHANGE_NOT_SUPPORTED and not car.whole:
                        car.whole, limit.again_s = True, now.s
                    if number is ErrorNumber.BINDING_NECESSARY:
                        self._begin_anew(unit, car, now)
                    self._node.emit(CurrentsAnswered(peer, unit[1], car.evse, of.name, limit.wish, number))
                    self._kept(unit, car, now)

    def gone(self, peer: str, now: Now) -> None:
        for key in [one for one in self._cars if one[0] == peer]:
            self._forget(key)
        for unit in [one for one in self.evses if one[0] == peer]:
            del self.evses[unit]
            self._node.emit(EvseGone(*unit))

    def due_s(self) -> float | None:
        times = [limit.again_s for car in self._cars.values() for limit in car.limits.values() if limit.again_s is not None]
        return min(times, default=None)

    def tick(self, now: Now) -> None:
        for unit, car in self._cars.items():
            for of, limit in car.limits.items():
                due = limit.again_s is not None and limit.again_s <= now.s
                limit.again_s = None if due else limit.again_s
                if car.stale or due:
                    self._settle(unit, car, of, limit, due=due, now=now)
            car.stale = False

    # How limits are written.

    def _wish(self, evse: Unit, of: CurrentLimit, currents_a: PerPhase) -> None:
        self._wishes[evse, of] = currents_a
        for unit, car in self._cars.items():
            car.stale = car.stale or (unit[0], car.evse) == evse

    def _settle(self, unit: Unit, car: _Car, of: CurrentLimit, limit: _Limit, *, due: bool, now: Now) -> None:
        wish = self._wishes.get(((unit[0], car.evse), of))
        link = self._node.links[unit[0]]
        load = link.remote.find(unit[1], "LoadControl", SERVER)
        if wish is None or of.name not in car.names or load is None or limit.counter is not None:
            return
        rows = current_limits.wanted(current_limits.standings(link.remote, unit[1], of), wish)
        if rows and (due or rows != limit.written):
            limit.wish, limit.written, limit.answer = wish, rows, None
            client = self._clients["LoadControl"].ident
            beside = tuple(row for other in car.limits.values() if other is not limit and not other.answer for row in other.written)
            counter = self._node.write(unit[0], client, load.ident, current_limits.write(load, rows, beside, whole=car.whole), now)
            limit.counter, limit.again_s = (counter, None) if counter else (None, now.s + AGAIN_S)

    def _kept(self, unit: Unit, car: _Car, now: Now) -> None:
        """A car that took a limit and says another one hears it again."""
        remote = self._node.links[unit[0]].remote
        for of, limit in car.limits.items():
            if limit.counter is None and limit.answer is ErrorNumber.NONE:
                holds = current_limits.holds(current_limits.standings(remote, unit[1], of), limit.written)
                limit.again_s = None if holds else limit.again_s or now.s + AGAIN_S

    def _begin_anew(self, unit: Unit, car: _Car, now: Now) -> None:
        """The car has forgotten us, as one does that was taken away and added again under the same address; or another manager is bound."""
        link, ours = self._node.links[unit[0]], {client.ident for client in self._clients.values()}
        for pairs in (link.listening, link.bound):
            for pair in [one for one in pairs if one[1][0] == unit[1] and one[0] in ours]:
                del pairs[pair]
        car.read.clear()
        for name in [one for one in FEATURES if one in car.names]:
            self._read(unit[0], unit[1], FEATURES[name], car.read, now)

    def _read(
        self, peer: str, entity: EntityId, features: Mapping[str, tuple[str, ...]], read: set[tuple[FeatureId, str]], now: Now
    ) -> None:
        """Subscribes, binds what is to be written, and reads, each once."""
        for type_, functions in features.items():
            server = self._node.links[peer].remote.find(entity, type_, SERVER)
            if server is None:
                continue
            client = self._clients[type_].ident
            self._node.subscribe(peer, client, server.ident, now)
            if type_ in BOUND:
                self._node.bind(peer, client, server.ident, now)
            for function in functions:
                if (server.ident, function) not in read and (function in server.operations or not server.operations):
                    read.add((server.ident, function))
                    self._node.read(peer, client, server.ident, function, now)

    def _forget(self, unit: Unit) -> EntityId:
        del self.cars[unit]
        return self._cars.pop(unit).evse
