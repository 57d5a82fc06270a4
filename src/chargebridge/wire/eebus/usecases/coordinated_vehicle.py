"""The car's side of CEVC: its demand and its plan, and the powers and prices that it is told (server of TimeSeries and IncentiveTable).

Of the three series only the constraints may be written, and only with a power in each slot: what is missing is never taken for "unlimited". The times
that go out are reckoned anew each time somebody reads or is told.
"""

from collections.abc import Sequence
from datetime import datetime

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.incentive_table import (
    IncentiveTableConstraints,
    IncentiveTableConstraintsData,
    IncentiveTableData,
    IncentiveTableDescription,
    IncentiveTableDescriptionData,
    SlotConstraints,
    Tariff,
    TariffDescription,
)
from chargebridge.wire.eebus.spine.functions.time_series import (
    TimeSeriesConstraintsData,
    TimeSeriesConstraintsListData,
    TimeSeriesDescriptionData,
    TimeSeriesDescriptionListData,
    TimeSeriesListData,
)
from chargebridge.wire.eebus.spine.local import SERVER, EntityId, LocalEntity, Now, Operations, Verdict, Write
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.usecases import cevc, curves, evcc
from chargebridge.wire.eebus.usecases.cevc import Demand
from chargebridge.wire.eebus.usecases.curves import Slot

DEMAND_ID, LIMITS_ID, PLAN_ID, TARIFF_ID = 0, 1, 2, 0
MAX_SLOTS = 24
"""Of a curve, as the constraints say; what has more is refused."""


class Coordinated(Event, frozen=True):
    """What a car of ours is told ahead. limits: ``most`` of each slot in W. prices: ``value`` of each slot, in EUR per kWh."""

    entity: EntityId
    limits: tuple[Slot, ...]
    prices: tuple[Slot, ...]


class CoordinatedVehicle(Part):
    """asks: whether the car waits for powers and prices."""

    def __init__(self, node: Node, entity: LocalEntity, now: Now) -> None:
        self._node = node
        self._entity = entity
        self.limits: tuple[Slot, ...] = ()
        self.prices: tuple[Slot, ...] = ()
        self._plan: tuple[Slot, ...] = ()
        self._demand = Demand()
        self.asks_limits = self.asks_prices = True
        self._tariff = curves.described(None)
        self._stale = True
        self._told: tuple[tuple[Slot, ...], tuple[Slot, ...]] = ((), ())
        self._series = entity.feature("TimeSeries", SERVER)
        self._table = entity.feature("IncentiveTable", SERVER)
        self._series.offer(cevc.SERIES_DESCRIPTIONS, self._descriptions())
        self._series.offer(cevc.SERIES_CONSTRAINTS, _CONSTRAINTS)
        self._series.offer(cevc.SERIES, self._rows(now.utc), Operations(write=True))
        self._table.offer(cevc.TABLE_DESCRIPTION, self._tariffs(), Operations(write=True, partial=False))
        self._table.offer(cevc.TABLE_CONSTRAINTS, _TABLE_CONSTRAINTS)
        self._table.offer(cevc.TABLE, IncentiveTableData(), Operations(write=True, partial=False))
        self._series.refresh = self._refresh
        for feature in (self._series, self._table):
            feature.guards.append(self)
        node.device.announce(entity.ident, evcc.ACTOR, cevc.NAME, cevc.VERSION, cevc.SCENARIOS)
        node.parts.append(self)

    # What happens to the car. ``Node.tick`` must follow each.

    def demand(self, demand: Demand) -> None:
        self._demand, self._stale = demand, True

    def plan(self, slots: Sequence[Slot]) -> None:
        """The power that it means to take, ``value`` of each slot in W."""
        self._plan, self._stale = tuple(slots), True

    def ask(self) -> None:
        """It wants powers and prices anew."""
        self.asks_limits = self.asks_prices = self._stale = True

    # What the node says.

    def tick(self, now: Now) -> None:
        if self._stale:
            self._stale = False
            self._node.publish(self._series, self._rows(now.utc))
            for feature, data in ((self._series, self._descriptions()), (self._table, self._tariffs())):
                name = cevc.SERIES_DESCRIPTIONS if feature is self._series else cevc.TABLE_DESCRIPTION
                if feature.data[name] != data:
                    self._node.publish(feature, data)
        if (self.limits, self.prices) != self._told:
            self._told = self.limits, self.prices
            self._node.emit(Coordinated(self._entity.ident, self.limits, self.prices))

    def write(self, write: Write, now: Now) -> Verdict:
        said = write.cmd.data
        if isinstance(said, TimeSeriesListData):
            return self._limited(said, whole=not write.cmd.filters, now=now)
        if isinstance(said, IncentiveTableDescriptionData):
            return self._described(said)
        if isinstance(said, IncentiveTableData):
            return self._priced(said, now)
        return Verdict(ErrorNumber.COMMAND_REJECTED, "no data; powers and prices are replaced, not deleted")

    def _limited(self, said: TimeSeriesListData, *, whole: bool, now: Now) -> Verdict:
        rows = {row.time_series_id: row for row in said.time_series_data or ()}
        if LIMITS_ID not in rows or (not whole and len(rows) > 1):
            return Verdict(ErrorNumber.COMMAND_REJECTED, "only the constraints may be written")
        slots = curves.slots_of(rows[LIMITS_ID], now.utc)
        if not 1 <= len(slots) <= MAX_SLOTS:
            return Verdict(ErrorNumber.COMMAND_REJECTED, f"not 1 to {MAX_SLOTS} slots with times that can be read")
        if any(one.most is None or one.most < 0 for one in slots) or _disordered(slots):
            return Verdict(ErrorNumber.COMMAND_REJECTED, "a slot without a maxValue of 0 W or more, or without length")
        self.limits, self.asks_limits, self._stale = slots, False, True
        return Verdict()

    def _described(self, said: IncentiveTableDescriptionData) -> Verdict:
        tariffs = said.incentive_table_description or ()
        ids = [one.tariff_description.tariff_id for one in tariffs if one.tariff_description]
        if ids != [TARIFF_ID]:
            return Verdict(ErrorNumber.COMMAND_REJECTED, f"not the one tariff {TARIFF_ID}")
        self._tariff, self._stale = tariffs[0], True
        return Verdict()

    def _priced(self, said: IncentiveTableData, now: Now) -> Verdict:
        tables = said.incentive_table or ()
        if [one.tariff.tariff_id for one in tables if one.tariff] != [TARIFF_ID]:
            return Verdict(ErrorNumber.COMMAND_REJECTED, f"not the one tariff {TARIFF_ID}")
        slots = curves.prices_of(tables[0], now.utc)
        if not 1 <= len(slots) <= MAX_SLOTS or _disordered(slots):
            return Verdict(ErrorNumber.COMMAND_REJECTED, f"not 1 to {MAX_SLOTS} slots, each with a length")
        self.prices, self.asks_prices, self._stale = slots, False, True
        self._table.data[cevc.TABLE] = said
        return Verdict()

    # What stands in the features.

    def _refresh(self, now: Now) -> None:
        self._series.data[cevc.SERIES] = self._rows(now.utc)

    def _rows(self, now: datetime) -> TimeSeriesListData:
        wants = self._demand
        slot = Slot(start=wants.start or now, end=wants.departure, value=wants.wished_wh, least=wants.least_wh, most=wants.most_wh)
        demand = (slot,) if wants != Demand() else ()
        return TimeSeriesListData(
            time_series_data=tuple(
                curves.told_of(series_id, curves.remaining(slots, now), now)
                for series_id, slots in ((DEMAND_ID, demand), (LIMITS_ID, self.limits), (PLAN_ID, self._plan))
            )
        )

    def _descriptions(self) -> TimeSeriesDescriptionListData:
        return TimeSeriesDescriptionListData(
            time_series_description_data=(
                TimeSeriesDescriptionData(time_series_id=DEMAND_ID, time_series_type=cevc.DEMAND, time_series_writeable=False, unit="Wh"),
                TimeSeriesDescriptionData(
                    time_series_id=LIMITS_ID,
                    time_series_type=cevc.LIMITS,
                    time_series_writeable=True,
                    update_required=self.asks_limits,
                    unit="W",
                ),
                TimeSeriesDescriptionData(time_series_id=PLAN_ID, time_series_type=cevc.PLAN, time_series_writeable=False, unit="W"),
            )
        )

    def _tariffs(self) -> IncentiveTableDescriptionData:
        ours = TariffDescription(tariff_id=TARIFF_ID, tariff_writeable=True, update_required=self.asks_prices, scope_type=cevc.SIMPLE)
        described = IncentiveTableDescription(tariff_description=ours, tier=self._tariff.tier)
        return IncentiveTableDescriptionData(incentive_table_description=(described,))


_CONSTRAINTS = TimeSeriesConstraintsListData(
    time_series_constraints_data=(TimeSeriesConstraintsData(time_series_id=LIMITS_ID, slot_count_min=1, slot_count_max=MAX_SLOTS),)
)
_TABLE_CONSTRAINTS = IncentiveTableConstraintsData(
    incentive_table_constraints=(
        IncentiveTableConstraints(
            tariff=Tariff(tariff_id=TARIFF_ID), incentive_slot_constraints=SlotConstraints(slot_count_min=1, slot_count_max=MAX_SLOTS)
        ),
    )
)


def _disordered(slots: tuple[Slot, ...]) -> bool:
    """Whether a slot has no length, or begins before the one ahead of it ends."""
    ends = [one.end for one in slots]
    nothing = any(one.end is not None and one.end <= one.start for one in slots)
    return nothing or any(end is None or end > after.start for end, after in zip(ends, slots[1:], strict=False))
