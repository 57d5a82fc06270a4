"""The EnergyGuard and EnergyBroker of CEVC, which a CEM is both: it hears what cars want and plan, and tells them powers and prices.

    coordinator = Coordinator(node, entity, manager)        # beside the `EnergyManager` of the same entity
    CarAsks(peer, entity, evse)                             its demand is known, and it waits: coordinator.told((peer, entity))
    coordinator.coordinate((peer, evse), limits, prices, now)
    CarPlans(peer, entity, evse)                            what it makes of it

A curve belongs to the wallbox, as a limit does. A car that asks must not wait, or it does not charge: where nobody has given a curve, it hears what
OPEV allows it now, for `DEFAULT`, at one price. Where not even a limit was wished, it hears nothing. What holds is OPEV's limit in any case.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.datagram import PARTIAL, Cmd, command
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.incentive_table import (
    IncentiveTableConstraintsData,
    IncentiveTableData,
    IncentiveTableDescriptionData,
)
from chargebridge.wire.eebus.spine.functions.time_series import TimeSeriesConstraintsListData, TimeSeriesData, TimeSeriesListData
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, FeatureId, LocalEntity, Now
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.spine.remote import RemoteDevice, RemoteFeature
from chargebridge.wire.eebus.usecases import cevc, curves
from chargebridge.wire.eebus.usecases.cevc import Coordination
from chargebridge.wire.eebus.usecases.curves import Slot
from chargebridge.wire.eebus.usecases.energy_manager import EnergyManager, Unit
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.reading import said

AGAIN_S = 20.0
"""After a refusal, or where a car that was answered asks on; within that time it must be answered too."""
READ_S = 10.0
"""For so long a car's descriptions are waited for; then what is known must do."""
DEFAULT = timedelta(days=7)
PRICE = Decimal("0.30")
"""Of the one price that says nothing, since it is the same at all times."""
VOLTAGE_V = Decimal(230)


class CarAsks(Event, frozen=True):
    """A car wants powers and prices."""

    peer: str
    entity: EntityId
    evse: EntityId


class CarPlans(Event, frozen=True):
    """A car has told its demand, its plan, or both."""

    peer: str
    entity: EntityId
    evse: EntityId


class CurvesAnswered(Event, frozen=True):
    """A car has answered powers or prices. number: NONE if it takes them."""

    peer: str
    entity: EntityId
    evse: EntityId
    function: str
    number: ErrorNumber


class Curves(msgspec.Struct, frozen=True):
    """limits: ``most`` of each slot in W. prices: ``value`` of each slot in EUR per kWh."""

    limits: tuple[Slot, ...]
    prices: tuple[Slot, ...]

    def left(self, now: Now) -> "Curves | None":
        """What of them is still to come."""
        rest = Curves(curves.remaining(self.limits, now.utc), curves.remaining(self.prices, now.utc))
        return rest if rest.limits and rest.prices else None


class _Car:
    """series: as they came, and when. asks: whether it waits; served: whether it was written to since. sent: the curves that were given then.
    counters: of the writes under way."""

    def __init__(self, again_s: float) -> None:
        self.series: dict[int, tuple[TimeSeriesData, datetime]] = {}
        self.read: set[tuple[FeatureId, str]] = set()
        self.sent: Curves | None = None
        self.counters: dict[int, str] = {}
        self.asks = self.served = False
        self.again_s: float | None = again_s
        self.stale = True


class Coordinator(Part):
    def __init__(self, node: Node, entity: LocalEntity, manager: EnergyManager) -> None:
        self._node = node
        self._manager = manager
        self._cars: dict[Unit, _Car] = {}
        self._curves: dict[Unit, Curves] = {}
        self._clients = {type_: entity.feature(type_, CLIENT) for type_ in cevc.FEATURES}
        node.device.announce(entity.ident, cevc.GUARD, cevc.NAME, cevc.VERSION, cevc.GUARD_SCENARIOS)
        node.device.announce(entity.ident, cevc.BROKER, cevc.NAME, cevc.VERSION, cevc.BROKER_SCENARIOS)
        node.parts.append(self)

    def coordinate(self, evse: Unit, limits: Sequence[Slot], prices: Sequence[Slot], now: Now) -> None:
        """Powers and prices ahead for the car at this wallbox, and for those that come later, as long as there is something of them left.
        Raises ValueError for an empty curve or a slot without its value. ``Node.tick`` must follow."""
        if not limits or not prices or any(one.most is None or one.most < 0 for one in limits) or any(one.value is None for one in prices):
            raise ValueError("a curve is empty, or a slot has no value; give each limit a `most` of 0 W or more, and each price a `value`")
        self._curves[evse] = Curves(tuple(limits), tuple(prices))
        for unit, car in self._cars.items():
            car.stale = car.stale or (unit[0], self._manager.cars.get(unit)) == evse

    def told(self, car: Unit) -> Coordination | None:
        """What a car says; None: it is not there, or has no CEVC."""
        known = self._cars.get(car)
        if known is None:
            return None
        heard = {series_id: at for series_id, (_, at) in known.series.items()}
        return cevc.told_by(self._node.links[car[0]].remote, car[1], heard)

    # What the node says.

    def known(self, peer: str, now: Now) -> None:
        there = {unit for unit in self._manager.cars if unit[0] == peer and self._manager.has(unit, cevc.NAME)}
        for gone in [unit for unit in self._cars if unit[0] == peer and unit not in there]:
            del self._cars[gone]
        for unit in there:
            car = self._cars.setdefault(unit, _Car(now.s + READ_S))
            for type_, functions in cevc.FEATURES.items():
                server = self._server(unit, type_)
                if server is None:
                    continue
                client = self._clients[type_].ident
                self._node.subscribe(peer, client, server.ident, now)
                self._node.bind(peer, client, server.ident, now)
                for function in functions:
                    if (server.ident, function) not in car.read and function in server.operations:
                        car.read.add((server.ident, function))
                        self._node.read(peer, client, server.ident, function, now)

    def changed(self, peer: str, feature: FeatureId, function: str, now: Now) -> None:
        unit = peer, feature[0]
        car = self._cars.get(unit)
        if car is None:
            return
        remote = self._node.links[peer].remote
        if function == cevc.SERIES:
            # Makers send what has not changed with the old durations; its times go on counting from when it came first.
            series = cevc.series_of(remote, feature[0])
            fresh = {one for one, row in series.items() if one not in car.series or car.series[one][0] != row}
            car.series = {one: (row, now.utc) if one in fresh else car.series[one] for one, row in series.items()}
            if fresh - {cevc.limits_id(remote, feature[0])}:
                self._node.emit(CarPlans(peer, feature[0], self._manager.cars[unit]))
        car.stale = True

    def answered(self, peer: str, counter: int, number: ErrorNumber, now: Now) -> None:
        for unit, car in self._cars.items():
            if unit[0] == peer and counter in car.counters:
                function = car.counters.pop(counter)
                car.again_s, car.stale = now.s + AGAIN_S, True
                self._node.emit(CurvesAnswered(peer, unit[1], self._manager.cars[unit], function, number))

    def gone(self, peer: str, now: Now) -> None:
        self._cars = {unit: car for unit, car in self._cars.items() if unit[0] != peer}

    def due_s(self) -> float | None:
        return min((car.again_s for car in self._cars.values() if car.again_s is not None), default=None)

    def tick(self, now: Now) -> None:
        for unit, car in self._cars.items():
            due = car.again_s is not None and car.again_s <= now.s
            if car.stale or due or (car.asks and not car.served):
                car.stale = False
                car.again_s = None if due else car.again_s
                self._settle(unit, car, due=due, now=now)

    # How powers and prices are written.

    def _settle(self, unit: Unit, car: _Car, *, due: bool, now: Now) -> None:
        told = self.told(unit)
        if told is None or car.counters or not (due or self._read_all(unit[0], car)):
            return
        asks = told.wants_limits or told.wants_prices
        if asks and not car.asks:
            self._node.emit(CarAsks(unit[0], unit[1], self._manager.cars[unit]))
        car.asks, car.served = asks, car.served and asks and not due
        wanted = self._curves.get((unit[0], self._manager.cars[unit]))
        given = None if wanted is None else wanted.left(now)
        of = given or self._default(unit, now)
        if of is not None and ((asks and not car.served) or (given is not None and wanted != car.sent)):
            car.sent, car.served = wanted, True
            self._write(unit, car, of, now)

    def _read_all(self, peer: str, car: _Car) -> bool:
        features = self._node.links[peer].remote.features
        return all(ident in features and function in features[ident].data for ident, function in car.read)

    def _default(self, unit: Unit, now: Now) -> Curves | None:
        wish = self._manager.wish((unit[0], self._manager.cars[unit]), OPEV)
        car = self._manager.car(unit)
        if wish is None or car is None:
            return None
        currents = [
            one.permitted.max_a if current is None else one.permitted.fitted(current)
            for one, current in zip(car.obligation, wish, strict=True)
            if one is not None
        ]
        known = [one for one in currents if one is not None]
        most_w = sum(known, Decimal(0)) * VOLTAGE_V if len(known) == len(currents) else car.commissioned.max_w
        if most_w is None:
            return None
        end = now.utc + DEFAULT
        return Curves((Slot(start=now.utc, end=end, most=most_w),), (Slot(start=now.utc, end=end, value=PRICE),))

    def _write(self, unit: Unit, car: _Car, of: Curves, now: Now) -> None:
        remote = self._node.links[unit[0]].remote
        series, table = self._server(unit, "TimeSeries"), self._server(unit, "IncentiveTable")
        series_id = cevc.limits_id(remote, unit[1])
        if series is not None and series_id is not None:
            row = curves.limits_of(series_id, curves.fitted(of.limits, *_series_slots(remote, unit[1], series_id)), now.utc)
            self._send(
                unit, car, series, _partial(series, TimeSeriesListData(time_series_data=(row,)), cevc.series_of(remote, unit[1])), now
            )
        if table is not None:
            tariff = curves.described(cevc.tariff_of(remote, unit[1]))
            assert tariff.tariff_description is not None
            offered = table.operations.get(cevc.TABLE_DESCRIPTION)
            if offered is None or offered.write:
                self._send(unit, car, table, command(IncentiveTableDescriptionData(incentive_table_description=(tariff,))), now)
            prices = curves.fitted(of.prices, *_table_slots(remote, unit[1]))
            row_ = curves.table_of(tariff.tariff_description.tariff_id, prices, now.utc)
            self._send(unit, car, table, command(IncentiveTableData(incentive_table=(row_,))), now)

    def _send(self, unit: Unit, car: _Car, server: RemoteFeature, cmd: Cmd, now: Now) -> None:
        counter = self._node.write(unit[0], self._clients[server.type].ident, server.ident, cmd, now)
        if counter:
            car.counters[counter] = cmd.name
        else:
            car.again_s = now.s + AGAIN_S

    def _server(self, unit: Unit, type_: str) -> RemoteFeature | None:
        return self._node.links[unit[0]].remote.find(unit[1], type_, SERVER)


def _partial(server: RemoteFeature, data: TimeSeriesListData, known: dict[int, TimeSeriesData]) -> Cmd:
    """The write of one series: a partial one where the car can, else of the complete list."""
    offered = server.operations.get(cevc.SERIES)
    if offered is None or offered.partial:
        return command(data, filters=(PARTIAL,))
    rows = known | {row.time_series_id: row for row in data.time_series_data or () if row.time_series_id is not None}
    return command(TimeSeriesListData(time_series_data=tuple(rows.values())))


def _series_slots(remote: RemoteDevice, entity: EntityId, series_id: int) -> tuple[int, int]:
    """The least and the most slots of the curve; 0: no bound."""
    rows = said(remote, entity, "TimeSeries", TimeSeriesConstraintsListData).time_series_constraints_data or ()
    row = next((one for one in rows if one.time_series_id in (series_id, None)), None)
    return ((row.slot_count_min or 0), (row.slot_count_max or 0)) if row else (0, 0)


def _table_slots(remote: RemoteDevice, entity: EntityId) -> tuple[int, int]:
    rows = said(remote, entity, "IncentiveTable", IncentiveTableConstraintsData).incentive_table_constraints or ()
    row = rows[0].incentive_slot_constraints if rows else None
    return ((row.slot_count_min or 0), (row.slot_count_max or 0)) if row else (0, 0)
