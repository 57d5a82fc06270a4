"""Both sides of CEVC over SPINE, joined in one process."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.eebus.usecases.bench import Clock
from tests.wire.eebus.usecases.emobility_bench import CAR_UNIT, EVSE, FEW, RICH, UNIT, street

from chargebridge.wire.eebus.spine import element
from chargebridge.wire.eebus.spine.datagram import PARTIAL, command
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Malformed
from chargebridge.wire.eebus.spine.functions.incentive_table import IncentiveTableData
from chargebridge.wire.eebus.spine.functions.time_series import TimeSeriesListData
from chargebridge.wire.eebus.usecases import curves
from chargebridge.wire.eebus.usecases.cevc import Demand
from chargebridge.wire.eebus.usecases.coordinated_vehicle import MAX_SLOTS, Coordinated
from chargebridge.wire.eebus.usecases.coordinator import CarAsks, CarPlans, CurvesAnswered
from chargebridge.wire.eebus.usecases.curves import Slot

CAR = msgspec.structs.replace(RICH, coordinated=True)


def powers(now, *watts):
    """One slot of an hour for each."""
    return tuple(
        Slot(start=now + timedelta(hours=at), end=now + timedelta(hours=at + 1), most=Decimal(one)) for at, one in enumerate(watts)
    )


def prices(now, *euros):
    return tuple(
        Slot(start=now + timedelta(hours=at), end=now + timedelta(hours=at + 1), value=Decimal(one)) for at, one in enumerate(euros)
    )


def test_CEVC_1_what_a_car_wants_until_when():  # noqa: N802
    wire = street(CAR)
    assert wire.told(CarAsks) == [CarAsks("wallbox", (1, 1), EVSE)]
    now = wire.clock.now.utc
    wanted = Demand(least_wh=Decimal(5000), wished_wh=Decimal(20000), most_wh=Decimal(40000), start=now, departure=now + timedelta(hours=8))
    wire.vehicle.coordination.demand(wanted)
    wire.tick()
    assert wire.cem.coordinator.told(CAR_UNIT).demand == wanted
    assert wire.told(CarPlans)
    wire.wait(3600, step=60)
    assert wire.cem.coordinator.told(CAR_UNIT).demand.departure == wanted.departure
    wire.disconnect().connect()
    assert wire.cem.coordinator.told(CAR_UNIT).demand.departure == wanted.departure


def test_CEVC_2_3_powers_and_prices_reach_the_car_and_it_stops_asking():  # noqa: N802
    wire = street(CAR)
    now = wire.clock.now.utc
    wire.cem.coordinator.coordinate(UNIT, powers(now, 11000, 0, 4200), prices(now, "0.30", "-0.02", "0.25"), wire.clock.now)
    wire.tick()
    car = wire.vehicle.coordination
    assert (car.limits, car.prices) == (powers(now, 11000, 0, 4200), prices(now, "0.30", "-0.02", "0.25"))
    assert [event.number for event in wire.told(CurvesAnswered)] == [ErrorNumber.NONE] * 3
    told = wire.cem.coordinator.told(CAR_UNIT)
    assert (told.wants_limits, told.wants_prices, told.limits) == (False, False, powers(now, 11000, 0, 4200))
    assert wire.heard("house", Coordinated)[-1].limits == car.limits
    assert not wire.heard("house", Malformed)
    assert not wire.told(Malformed)
    count = len(wire.told(CurvesAnswered))
    wire.wait(600, step=2)
    assert len(wire.told(CurvesAnswered)) == count


def test_CEVC_4_the_plan_comes_back():  # noqa: N802
    wire = street(CAR)
    now = wire.clock.now.utc
    plan = tuple(msgspec.structs.replace(one, value=one.most, most=None) for one in powers(now, 0, 11000))
    wire.vehicle.coordination.plan(plan)
    wire.tick()
    assert wire.cem.coordinator.told(CAR_UNIT).plan == plan


def test_a_car_that_asks_hears_what_opev_allows_where_nobody_has_a_curve():
    wire = street(CAR)
    assert wire.vehicle.coordination.limits == ()
    wire.limit(10, 10, 6).vehicle.coordination.ask()
    wire.wait(25, step=1)
    (limit,) = wire.vehicle.coordination.limits
    assert limit.most == 26 * 230
    assert len(wire.vehicle.coordination.prices) == 1
    assert not wire.cem.coordinator.told(CAR_UNIT).wants_limits


def test_a_curve_is_kept_for_the_next_car_as_far_as_it_is_not_over():
    wire = street()
    now = wire.clock.now.utc
    wire.cem.coordinator.coordinate(UNIT, powers(now, 11000, 4200), prices(now, "0.30", "0.20"), wire.clock.now)
    wire.wait(5400, step=60).plug(CAR)
    (limit,) = wire.vehicle.coordination.limits
    assert (limit.most, limit.start, limit.end) == (4200, wire.clock.now.utc, now + timedelta(hours=2))
    wire.unplug().wait(3600, step=60).plug(CAR)
    assert wire.vehicle.coordination.limits == ()


def test_a_curve_with_more_slots_than_a_car_takes_is_joined_on_the_safe_side():
    wire = street(CAR)
    now = wire.clock.now.utc
    watts = [5000 + at for at in range(30)]
    watts[-2] = 100
    wire.cem.coordinator.coordinate(UNIT, powers(now, *watts), prices(now, *(f"0.{10 + at}" for at in range(30))), wire.clock.now)
    wire.tick()
    car = wire.vehicle.coordination
    assert len(car.limits) == len(car.prices) == MAX_SLOTS
    assert (car.limits[-1].most, car.prices[-1].value) == (100, Decimal("0.39"))
    assert [one.most for one in car.limits[:-1]] == watts[: MAX_SLOTS - 1]


def test_a_curve_without_values_is_no_curve():
    wire = street(CAR)
    now = wire.clock.now.utc
    with pytest.raises(ValueError, match="most"):
        wire.cem.coordinator.coordinate(UNIT, prices(now, 1), prices(now, 1), wire.clock.now)


SLOT = {"timeSeriesSlotId": 0, "timePeriod": {"startTime": "PT0S", "endTime": "PT1H"}, "maxValue": {"number": 1, "scale": 3}}


@pytest.mark.parametrize(
    ("series_id", "slot"),
    [
        (0, SLOT),
        (2, SLOT),
        (7, SLOT),
        (1, {name: value for name, value in SLOT.items() if name != "maxValue"}),
        (1, SLOT | {"maxValue": {"scale": 0}}),
        (1, SLOT | {"maxValue": {"number": -1, "scale": 0}}),
        (1, SLOT | {"timePeriod": {"startTime": "PT1H", "endTime": "PT1H"}}),
        (1, SLOT | {"timePeriod": {"startTime": "soon", "endTime": "PT1H"}}),
        (1, SLOT | {"timePeriod": {"startTime": "PT0S", "endTime": "P999999999D"}}),
    ],
)
def test_CEVC_2_what_is_not_the_cems_or_lacks_a_value_is_refused(series_id, slot):  # noqa: N802
    wire = street(CAR)
    tree = {"timeSeriesData": [{"timeSeriesId": series_id, "timeSeriesSlot": [slot]}]}
    assert wire.write("TimeSeries", command(element.decode(TimeSeriesListData, tree), filters=(PARTIAL,))) is ErrorNumber.COMMAND_REJECTED
    assert wire.vehicle.coordination.limits == ()


def test_CEVC_2_a_complete_list_changes_only_the_constraints():  # noqa: N802
    wire = street(CAR)
    wire.vehicle.coordination.demand(Demand(wished_wh=Decimal(20000)))
    wire.tick()
    tree = {"timeSeriesData": [{"timeSeriesId": at, "timeSeriesSlot": [SLOT]} for at in range(3)]}
    assert wire.write("TimeSeries", command(element.decode(TimeSeriesListData, tree))) is ErrorNumber.NONE
    assert [one.most for one in wire.vehicle.coordination.limits] == [1000]
    assert wire.cem.coordinator.told(CAR_UNIT).demand.wished_wh == 20000


PRICE = {
    "timeInterval": {"startTime": {"relative": "PT0S"}, "endTime": {"relative": "PT1H"}},
    "tier": [
        {"tier": {"tierId": 0}, "boundary": [{"boundaryId": 0}], "incentive": [{"incentiveId": 0, "value": {"number": 3, "scale": -1}}]}
    ],
}


@pytest.mark.parametrize(
    ("tariff_id", "slot", "number"),
    [
        (0, PRICE, ErrorNumber.NONE),
        (1, PRICE, ErrorNumber.COMMAND_REJECTED),
        (0, PRICE | {"tier": []}, ErrorNumber.COMMAND_REJECTED),
        (0, PRICE | {"timeInterval": {"endTime": {"relative": "PT1H"}}}, ErrorNumber.COMMAND_REJECTED),
    ],
)
def test_CEVC_3_prices_are_of_our_tariff_and_complete(tariff_id, slot, number):  # noqa: N802
    wire = street(CAR)
    tree = {"incentiveTable": [{"tariff": {"tariffId": tariff_id}, "incentiveSlot": [slot]}]}
    assert wire.write("IncentiveTable", command(element.decode(IncentiveTableData, tree))) is number
    assert [one.value for one in wire.vehicle.coordination.prices] == ([] if number else [Decimal("0.3")])


@given(st.lists(st.tuples(st.integers(1, 86400), st.integers(0, 22000)), min_size=1, max_size=40), st.integers(1, 30))
def test_a_curve_goes_out_and_comes_back_and_what_is_joined_is_never_more(pairs, most):
    now = Clock().now.utc
    slots, start = [], now
    for seconds, watts in pairs:
        end = start + timedelta(seconds=seconds)
        slots.append(Slot(start=start, end=end, most=Decimal(watts)))
        start = end
    for form in (curves.limits_of, curves.told_of):
        assert curves.slots_of(form(1, slots, now), now) == tuple(slots)
    joined = curves.fitted(slots, 0, most)
    assert len(joined) <= most
    assert (joined[0].start, joined[-1].end) == (now, slots[-1].end)
    for one in slots:
        assert next(part for part in joined if part.start <= one.start < part.end).most <= one.most


TIMES = st.sampled_from(["PT0S", "PT1H", "-PT1S", "P1Y", "", "2026-11-21T02:00:00Z", "P999999999D", "PT2H"])
PERIODS = st.fixed_dictionaries({}, optional={"startTime": TIMES, "endTime": TIMES})
NUMBERS = st.fixed_dictionaries({}, optional={"number": st.integers(-(10**20), 10**20), "scale": st.integers(-40, 40)})
SLOTS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"timePeriod": PERIODS, "duration": TIMES, "value": NUMBERS, "minValue": NUMBERS, "maxValue": NUMBERS}
    ),
    max_size=3,
)
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={"timeSeriesId": st.integers(0, 3), "timePeriod": PERIODS, "timeSeriesSlot": SLOTS}), max_size=3
)


@FEW
@given(ROWS, st.booleans())
def test_whatever_is_written_or_told_of_time_series_is_taken_or_refused(rows, partial):
    wire = street(CAR)
    data = element.decode(TimeSeriesListData, {"timeSeriesData": rows})
    wire.write("TimeSeries", command(data, filters=(PARTIAL,) if partial else None))
    assert all(one.most is not None and one.most >= 0 for one in wire.vehicle.coordination.limits)
    series = wire.wallbox.node.device.entities[1, 1].feature("TimeSeries", "server")
    wire.wallbox.node.publish(series, data)
    wire.tick()
    assert wire.cem.coordinator.told(CAR_UNIT) is not None
