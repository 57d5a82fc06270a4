"""Both sides of EVSECC, EVCC, EVCEM, OPEV, OSCEV and EVSOC over SPINE, joined in one process."""

from decimal import Decimal

from tests.wire.eebus.usecases.emobility_bench import CAR, CAR_UNIT, EVSE, PLAIN, RICH, UNIT, amps, street

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Malformed
from chargebridge.wire.eebus.usecases.curtailment import State
from chargebridge.wire.eebus.usecases.energy_manager import (
    CarChanged,
    CarConnected,
    CarGone,
    CurrentsAnswered,
    EvseChanged,
    EvseFound,
    EvseGone,
)
from chargebridge.wire.eebus.usecases.evcc import IEC_61851, ISO_15118_ED2, Identification
from chargebridge.wire.eebus.usecases.evcem import CHARGED
from chargebridge.wire.eebus.usecases.evsoc import SOC
from chargebridge.wire.eebus.usecases.quantities import CURRENTS, POWERS


def test_EVSECC_a_wallbox_is_known_and_tells_of_its_error():  # noqa: N802
    wire = street()
    assert wire.told(EvseFound) == [EvseFound("wallbox", EVSE)]
    evse = wire.manager.evse(UNIT)
    assert (evse.commissioned.maker.brand_name, evse.commissioned.maker.serial_number, evse.commissioned.state) == (
        "Acme",
        "4711",
        "normalOperation",
    )
    assert evse.car is None
    wire.wallbox.station.operating("failure", "E17")
    wire.tick()
    commissioned = wire.manager.evse(UNIT).commissioned
    assert (commissioned.failed, commissioned.error) == (True, "E17")
    assert wire.told(EvseChanged)


def test_EVCC_1_8_a_car_comes_and_goes():  # noqa: N802
    wire = street()
    for _ in range(3):
        wire.plug(RICH)
        assert wire.told(CarConnected)[-1] == CarConnected("wallbox", CAR, EVSE)
        assert wire.manager.evse(UNIT).car.commissioned.standard == ISO_15118_ED2
        assert wire.manager.evse(UNIT).listens
        wire.unplug()
        assert wire.told(CarGone)[-1] == CarGone("wallbox", CAR, EVSE)
        assert wire.manager.evse(UNIT).car is None
    assert len(wire.told(CarConnected)) == len(wire.told(CarGone)) == 3
    assert not wire.heard("house", Malformed)
    assert not wire.told(Malformed)


def test_EVCC_2_to_7_what_a_car_says_of_itself():  # noqa: N802
    wire = street(RICH)
    car = wire.manager.car(CAR_UNIT).commissioned
    assert (car.standard, car.asymmetric, car.maker.brand_name) == (ISO_15118_ED2, True, "Acme")
    assert car.identifications == (Identification("eui48", "AA:BB:CC:DD:EE:FF"),)
    assert (car.min_w, car.max_w, car.standby_w) == (1380, 11040, 100)
    assert not car.asleep
    wire.vehicle.operating("standby")
    wire.vehicle.identified((Identification("userRfidTag", "04A1"),))
    wire.tick()
    car = wire.manager.car(CAR_UNIT).commissioned
    assert (car.asleep, car.identifications) == (True, (Identification("userRfidTag", "04A1"),))
    plain = street(PLAIN).manager.car(CAR_UNIT).commissioned
    assert (plain.standard, plain.identifications, plain.max_w) == (IEC_61851, (), None)


def test_EVCEM_values_arrive_and_a_missing_one_is_none():  # noqa: N802
    wire = street(PLAIN)
    measured = wire.manager.car(CAR_UNIT).measured
    assert (measured.currents_a, measured.power_w, measured.energy_wh, measured.phases) == (amps(None, None, None), None, None, 3)
    values = {
        **dict(zip(CURRENTS, amps(10, 9.8, 0), strict=True)),
        **dict(zip(POWERS, amps(2300, 2250, 0), strict=True)),
        CHARGED: Decimal(1234),
    }
    wire.vehicle.measured(values, wire.clock.now)
    wire.tick()
    measured = wire.manager.car(CAR_UNIT).measured
    assert (measured.currents_a, measured.power_w, measured.energy_wh) == (amps(10, 9.8, 0), 4550, 1234)
    assert CarChanged("wallbox", CAR, EVSE, "measurementListData") in wire.told(CarChanged)
    wire.vehicle.measured({CURRENTS[1]: None}, wire.clock.now)
    wire.wait(2, step=1)
    assert wire.manager.car(CAR_UNIT).measured.currents_a == amps(10, None, 0)


def test_EVSOC_the_battery_is_told_where_the_car_can():  # noqa: N802
    wire = street(RICH)
    wire.vehicle.measured({SOC: Decimal(55)}, wire.clock.now)
    wire.tick()
    battery = wire.manager.car(CAR_UNIT).battery
    assert (battery.soc_pct, battery.capacity_wh, battery.health_pct) == (55, 58000, None)
    assert street(PLAIN).manager.car(CAR_UNIT).battery is None


def test_OPEV_a_limit_reaches_the_car_and_comes_back():  # noqa: N802
    wire = street(PLAIN)
    assert wire.vehicle.currents_a == amps(7, 7, 7)
    wire.limit(10, 8, 16)
    assert wire.vehicle.currents_a == amps(10, 8, 16)
    assert wire.told(CurrentsAnswered)[-1].number is ErrorNumber.NONE
    car = wire.manager.car(CAR_UNIT)
    assert [(one.active, one.limit_a) for one in car.obligation] == [(True, 10), (True, 8), (True, 16)]
    assert (car.obligation[0].permitted.min_a, car.obligation[0].permitted.max_a, car.obligation[0].permitted.pause_a) == (
        6,
        16,
        Decimal("0.1"),
    )
    wire.limit(None, None, None)
    assert wire.vehicle.currents_a == amps(16, 16, 16)


def test_OPEV_0_is_a_pause_and_so_is_what_a_car_cannot_charge_with():  # noqa: N802
    wire = street(PLAIN).limit(0, 5.9, 32)
    rows = wire.manager.car(CAR_UNIT).obligation
    assert [(one.active, one.limit_a) for one in rows] == [(True, Decimal("0.1")), (True, Decimal("0.1")), (True, 16)]
    assert wire.vehicle.currents_a == amps(0, 0, 16)


def test_OPEV_a_wish_is_kept_for_the_car_that_comes_later_and_for_the_next_one():  # noqa: N802
    wire = street().limit(9, 9, 9)
    for _ in range(2):
        wire.plug(PLAIN)
        assert wire.vehicle.currents_a == amps(9, 9, 9)
        wire.unplug()


def test_OPEV_without_a_word_of_the_cem_the_car_takes_what_is_safe():  # noqa: N802
    wire = street(PLAIN).wait(60, step=2)
    assert (wire.vehicle.machine.state, wire.vehicle.currents_a) == (State.GUARDED, amps(7, 7, 7))


def test_OPEV_2_a_lost_heartbeat_costs_4_s_and_it_recovers_by_itself():  # noqa: N802
    wire = street(RICH).limit(16, 16, 16).recommend(6, 6, 6)
    wire.wait(20, step=1)
    assert wire.vehicle.currents_a == amps(6, 6, 6)
    wire.cut = True
    wire.wait(3, step=1)
    assert wire.vehicle.machine.state is State.GUARDED
    wire.wait(3, step=1)
    assert (wire.vehicle.machine.state, wire.vehicle.currents_a) == (State.SILENT, amps(7, 7, 7))
    wire.cut = False
    wire.wait(2, step=1)
    assert (wire.vehicle.machine.state, wire.vehicle.currents_a) == (State.GUARDED, amps(6, 6, 6))


def test_OPEV_3_a_cem_that_fails_is_not_believed():  # noqa: N802
    wire = street(PLAIN).limit(16, 16, 16)
    wire.manager.operating("failure", wire.clock.now)
    wire.tick()
    assert (wire.vehicle.machine.state, wire.vehicle.currents_a) == (State.FAILED, amps(7, 7, 7))
    wire.wait(10, step=1)
    assert wire.vehicle.machine.state is State.FAILED
    wire.manager.operating("normalOperation", wire.clock.now)
    wire.wait(3, step=1)
    assert wire.vehicle.currents_a == amps(16, 16, 16)


def test_OSCEV_an_obligation_always_wins():  # noqa: N802
    wire = street(RICH).limit(10, 10, 10).recommend(16, 8, 0)
    assert wire.vehicle.currents_a == amps(10, 8, 0)
    wire.limit(6, None, None)
    assert wire.vehicle.currents_a == amps(6, 8, 0)
    wire.recommend(None, None, None)
    assert wire.vehicle.currents_a == amps(6, 16, 16)


def test_OSCEV_is_not_written_to_a_car_without_it():  # noqa: N802
    wire = street(PLAIN).limit(10, 10, 10).recommend(6, 6, 6)
    assert wire.vehicle.currents_a == amps(10, 10, 10)
    assert wire.manager.car(CAR_UNIT).recommendation == (None, None, None)


def test_a_connection_that_ends_is_no_unplugging_and_limits_are_written_anew():
    wire = street(PLAIN).limit(16, 16, 16).disconnect()
    assert wire.told(EvseGone) == [EvseGone("wallbox", EVSE)]
    assert not wire.told(CarGone)
    assert wire.manager.evse(UNIT) is None
    assert wire.vehicle.currents_a == amps(7, 7, 7)
    wire.wait(60).connect()
    assert wire.vehicle.currents_a == amps(16, 16, 16)
    assert wire.manager.evse(UNIT).car is not None
