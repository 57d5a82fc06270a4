"""Both sides of EVSECC, EVCC, EVCEM, OPEV, OSCEV and EVSOC over SPINE, joined in one process."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.eebus.usecases.bench import Clock
from tests.wire.eebus.usecases.emobility_bench import CAR, CAR_UNIT, EVSE, FEW, PLAIN, RICH, UNIT, Cem, Street, Wallbox, amps, street

from chargebridge.wire.eebus.spine import element
from chargebridge.wire.eebus.spine.datagram import PARTIAL, Filter, command
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Malformed
from chargebridge.wire.eebus.spine.functions.common import scaled
from chargebridge.wire.eebus.spine.functions.device import DeviceConfigurationKeyValueDescriptionListData
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitListData
from chargebridge.wire.eebus.spine.functions.measurement import (
    ElectricalConnectionPermittedValueSetData,
    ElectricalConnectionPermittedValueSetListData,
    PermittedValueSet,
    Range,
)
from chargebridge.wire.eebus.spine.local import Operations, Verdict
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
from chargebridge.wire.eebus.usecases.kind import KEYS
from chargebridge.wire.eebus.usecases.quantities import CURRENTS, POWERS
from chargebridge.wire.eebus.usecases.vehicle import Vehicle


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


def test_OPEV_a_limit_that_was_refused_or_given_up_is_written_again_after_30_s():  # noqa: N802
    wire = street(PLAIN)
    load = wire.wallbox.node.device.entities[CAR].feature("LoadControl", "server")
    guards, load.guards = load.guards, [Refusing()]
    wire.limit(10, 10, 10)
    assert wire.told(CurrentsAnswered)[-1].number is ErrorNumber.COMMAND_REJECTED
    wire.wait(29, step=1)
    assert len(wire.told(CurrentsAnswered)) == 1
    load.guards = guards
    wire.wait(2, step=1)
    assert wire.vehicle.currents_a == amps(10, 10, 10)
    rows = load.data["loadControlLimitListData"].load_control_limit_data
    released = tuple(msgspec.structs.replace(row, is_limit_active=False) for row in rows)
    wire.wallbox.node.publish(load, LoadControlLimitListData(load_control_limit_data=released))
    wire.tick()
    assert not wire.manager.car(CAR_UNIT).obligation[0].active
    wire.wait(31, step=1)
    assert wire.manager.car(CAR_UNIT).obligation[0].active


def test_OPEV_the_last_of_many_wishes_holds_and_no_timer_stands_in_the_past():  # noqa: N802
    wire = street(PLAIN)
    for value in (10, 6, 16, 12):
        wire.manager.limit(UNIT, amps(value, value, value), wire.clock.now)
    wire.tick()
    assert wire.vehicle.currents_a == amps(12, 12, 12)
    for _ in range(100):
        wire.clock.s = min(one.node.due_s() for one in (wire.wallbox, wire.cem))
        wire.tick()
        assert min(one.node.due_s() for one in (wire.wallbox, wire.cem)) > wire.clock.s


def test_a_car_that_has_forgotten_us_is_bound_and_listened_to_anew():
    wire = street(PLAIN).limit(16, 16, 16)
    link = wire.wallbox.node.links["cem"]
    for pairs in (link.writers, link.listeners):
        for pair in [one for one in pairs if one[1][0] == CAR]:
            del pairs[pair]
    wire.limit(8, 8, 8)
    assert wire.told(CurrentsAnswered)[-1].number is ErrorNumber.BINDING_NECESSARY
    wire.wait(31, step=1)
    assert wire.vehicle.currents_a == amps(8, 8, 8)
    wire.vehicle.measured({CHARGED: Decimal(77)}, wire.clock.now)
    wire.tick()
    assert wire.manager.car(CAR_UNIT).measured.energy_wh == 77


class Refusing:
    def write(self, write, now):
        return Verdict(ErrorNumber.COMMAND_REJECTED, "the cable is too thin")


# Products that do it otherwise.


def test_a_car_whose_list_is_written_as_a_whole_keeps_its_other_limits():
    """Porsche: no partial writes."""
    wire = street()
    wire.plug(RICH)
    load = wire.wallbox.node.device.entities[CAR].feature("LoadControl", "server")
    load.operations["loadControlLimitListData"] = Operations(write=True, partial=False)
    wire.disconnect().connect().limit(10, 10, 10).recommend(8, 8, 8)
    assert wire.vehicle.currents_a == amps(8, 8, 8)
    writes = [datagram.cmd for side, datagram in wire.said if side == "box" and datagram.header.cmd_classifier == "write"]
    assert [(cmd.filters, len(cmd.data.load_control_limit_data)) for cmd in writes] == [(None, 6), (None, 6)]


def test_a_car_that_refuses_a_partial_write_though_it_offers_them_hears_the_whole_list_at_once():
    wire = street(RICH)
    wire.wallbox.node.device.entities[CAR].feature("LoadControl", "server").operations["loadControlLimitListData"] = Operations(
        write=True, partial=False
    )
    wire.limit(10, 10, 10).recommend(8, 8, 8)
    assert wire.vehicle.currents_a == amps(8, 8, 8)
    assert [one.number for one in wire.told(CurrentsAnswered)] == [ErrorNumber.RESTRICTED_EXCHANGE_NOT_SUPPORTED, 0, 0]


def test_two_limits_at_once_do_not_take_each_other_back_where_only_whole_lists_are_written():
    wire = street(RICH)
    load = wire.wallbox.node.device.entities[CAR].feature("LoadControl", "server")
    load.operations["loadControlLimitListData"] = Operations(write=True, partial=False)
    wire.disconnect().connect()
    for obligation, recommendation in ((10, 8), (12, 9), (9, 16), (0, 6)):
        wire.manager.limit(UNIT, amps(*[obligation] * 3), wire.clock.now)
        wire.manager.recommend(UNIT, amps(*[recommendation] * 3), wire.clock.now)
        wire.tick()
        assert wire.vehicle.currents_a == amps(*[min(obligation, recommendation)] * 3)


def test_a_complete_list_that_repeats_an_obligation_nobody_wrote_is_no_word_about_it():
    wire = street(RICH)
    load = wire.wallbox.node.device.entities[CAR].feature("LoadControl", "server")
    rows = load.data["loadControlLimitListData"].load_control_limit_data
    advised = tuple(msgspec.structs.replace(row, is_limit_active=True) if row.limit_id >= 3 else row for row in rows)
    assert wire.write("LoadControl", command(LoadControlLimitListData(load_control_limit_data=advised))) is ErrorNumber.NONE
    assert wire.vehicle.currents_a == amps(7, 7, 7)


TEN = {"number": 10, "scale": 0}
DELETED = {"cmdControl": {"delete": {}}, "loadControlLimitListDataSelectors": {"limitId": 0}}


@pytest.mark.parametrize(
    ("row", "whole"),
    [
        ({"limitId": 0, "isLimitActive": True, "value": {"number": -1, "scale": 0}}, False),
        ({"limitId": 0, "isLimitActive": False, "value": {"number": -1, "scale": 0}}, False),
        ({"limitId": 0, "isLimitActive": True, "value": {"scale": 0}}, True),
        ({"limitId": 0, "isLimitActive": True}, True),
        ({"limitId": 0, "value": TEN}, True),
        ({"limitId": 0, "isLimitActive": True, "value": {"number": 10, "scale": 99}}, False),
        ({"limitId": 9, "isLimitActive": True, "value": TEN}, False),
        ({"isLimitActive": True, "value": TEN}, False),
    ],
)
def test_OPEV_a_limit_that_is_none_is_refused_and_nothing_changes(row, whole):  # noqa: N802
    wire = street(PLAIN).limit(10, 10, 10)
    sound = {"limitId": 1, "isLimitActive": True, "value": {"number": 6, "scale": 0}}
    data = element.decode(LoadControlLimitListData, {"loadControlLimitData": [sound, row]})
    assert wire.write("LoadControl", command(data, filters=None if whole else (PARTIAL,))) is ErrorNumber.COMMAND_REJECTED
    assert wire.vehicle.currents_a == amps(10, 10, 10)


@pytest.mark.parametrize("elements", [{"value": {}}, {"isLimitActive": {}}, None])
def test_OPEV_a_limit_cannot_be_deleted_nor_its_parts(elements):  # noqa: N802
    wire = street(PLAIN).limit(10, 10, 10)
    tree = DELETED | ({"loadControlLimitDataElements": elements} if elements else {})
    gone = Filter(delete=True, selectors=({"limitId": 0},), elements=elements, tree=tree)
    assert wire.write("LoadControl", command(LoadControlLimitListData(), filters=(gone,))) is ErrorNumber.COMMAND_REJECTED
    assert wire.vehicle.currents_a == amps(10, 10, 10)


def test_a_default_that_a_car_can_charge_with_is_no_pause():
    """A permitted value of 16 A, written for 0 A, would charge."""
    wire = street(PLAIN)
    feature = wire.wallbox.node.device.entities[CAR].feature("ElectricalConnection", "server")
    for single, expected in ((16, 0), (Decimal("0.5"), Decimal("0.5"))):
        told = PermittedValueSet(value=(scaled(single),), range=(Range(min=scaled(6), max=scaled(16)),))
        rows = tuple(
            ElectricalConnectionPermittedValueSetData(electrical_connection_id=0, parameter_id=at, permitted_value_set=(told,))
            for at in range(3)
        )
        wire.wallbox.node.publish(
            feature, ElectricalConnectionPermittedValueSetListData(electrical_connection_permitted_value_set_data=rows)
        )
        wire.limit(0, 0, 0)
        assert [one.limit_a for one in wire.manager.car(CAR_UNIT).obligation] == [expected] * 3


def test_a_guard_called_energyguard_is_heard_too():
    """The actor of OPEV's document."""
    wire = street()
    wire.cem.node.device.use_cases = [
        msgspec.structs.replace(one, actor="EnergyGuard" if one.actor == "CEM" else one.actor) for one in wire.cem.node.device.use_cases
    ]
    wire.disconnect().connect().plug(PLAIN).limit(16, 16, 16)
    assert wire.vehicle.currents_a == amps(16, 16, 16)


def test_a_second_manager_can_look_but_neither_limit_nor_keep_the_first_one_alive():
    wire = street(PLAIN).limit(16, 16, 16)
    second = Street(wire.clock, wire.wallbox, Cem(wire.clock, "d:_n:Other_House-2"), names=("second", "wallbox")).connect()
    second.limit(6, 6, 6)
    assert second.told(CurrentsAnswered)[-1].number is ErrorNumber.BINDING_NECESSARY
    assert second.manager.car(CAR_UNIT).commissioned.standard == IEC_61851
    second.manager.operating("failure", wire.clock.now)
    second.tick()
    assert wire.vehicle.currents_a == amps(16, 16, 16)
    wire.cut = True
    for _ in range(6):
        wire.clock.s += 1
        wire.carry([("box", event) for event in wire.cem.node.tick(wire.clock.now)])
        second.tick()
    assert (wire.vehicle.machine.state, wire.vehicle.currents_a) == (State.SILENT, amps(7, 7, 7))


ACTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 3, 5])),
    st.tuples(st.sampled_from(["limit", "recommend"]), st.sampled_from([None, 0, 5, 6, 10, 32])),
    st.tuples(st.just("operating"), st.sampled_from(["failure", "normalOperation"])),
    st.tuples(st.sampled_from(["cut", "mend", "disconnect", "connect", "plug", "unplug"]), st.none()),
)


@FEW
@given(st.lists(ACTS, max_size=12), st.sampled_from([(True, False), (True, True), (False, False)]))
def test_in_whatever_order_things_happen_a_car_takes_no_more_than_is_safe_and_in_the_end_what_was_wished(acts, how):
    plugged, whole = how
    wire = street(RICH if plugged else None).limit(16, 16, 16)
    wished, works, deaf_s = {"limit": 16, "recommend": None}, True, 0.0

    def plug():
        wire.plug(RICH)
        if whole:
            load = wire.wallbox.node.device.entities[CAR].feature("LoadControl", "server")
            load.operations["loadControlLimitListData"] = Operations(write=True, partial=False)

    for act, value in [*acts, ("mend", None), ("connect", None), ("operating", "normalOperation"), ("plug", None), ("wait", 45)]:
        online = "cem" in wire.wallbox.node.links
        if act == "wait":
            deaf_s += value if wire.cut or not online else 0
            wire.wait(value, step=1)
        elif act in wished:
            wished[act] = value
            getattr(wire, act)(value, value, value)
        elif act == "operating":
            works = value == "normalOperation"
            wire.manager.operating(value, wire.clock.now)
            wire.tick()
        elif act == "cut":
            wire.cut = True
        elif act == "mend" and wire.cut:
            # What was lost does not come again: the line ends, and there is a new one.
            wire.cut = False
            wire = wire.disconnect().connect() if online else wire
        elif act == "plug" and wire.vehicle is None:
            plug()
        elif act == "unplug":
            wire.unplug()
        elif (act == "connect") != online and act in ("connect", "disconnect"):
            wire.cut = False
            wire.connect() if act == "connect" else wire.disconnect()
        online = "cem" in wire.wallbox.node.links
        deaf_s = deaf_s if wire.cut or not online else 0.0
        if wire.vehicle is not None and (deaf_s >= 4 or not online):
            assert max(wire.vehicle.currents_a) <= 7
        if wire.vehicle is not None and not works and not wire.cut and online and act == "wait" and value >= 3:
            assert max(wire.vehicle.currents_a) <= 7
    currents = [min(16, one) for one in wished.values() if one is not None] or [16]
    assert wire.vehicle.currents_a == amps(*[min(currents) if min(currents) >= 6 else 0] * 3)
    assert not wire.heard("house", Malformed)
    assert not wire.told(Malformed)


def test_a_generic_client_that_listens_is_a_listener():
    """Elli, SMA: one Generic client feature for everything."""
    wire = street()
    entity = wire.wallbox.node.device.entities[EVSE]
    generic = entity.add("Generic", "client", 1001)
    server = wire.cem.node.device.entities[1,].feature("DeviceDiagnosis", "server")
    assert not wire.manager.evse(UNIT).listens
    wire.wallbox.node.subscribe("cem", generic.ident, server.ident, wire.clock.now)
    wire.tick()
    assert wire.manager.evse(UNIT).listens


def test_the_standard_is_read_under_the_name_that_two_tables_of_the_document_have():
    wire = street(RICH)
    feature = wire.wallbox.node.device.entities[CAR].feature("DeviceConfiguration", "server")
    (standard, asymmetric) = feature.data[KEYS].device_configuration_key_value_description_data
    keys = (msgspec.structs.replace(standard, key_name="communicationStandard"), asymmetric)
    wire.wallbox.node.publish(feature, DeviceConfigurationKeyValueDescriptionListData(device_configuration_key_value_description_data=keys))
    wire.tick()
    assert wire.manager.car(CAR_UNIT).commissioned.standard == ISO_15118_ED2


def test_a_car_that_stands_beside_its_wallbox_is_its_car_and_one_without_a_wallbox_its_own():
    for type_, evse in (("EVSE", (1,)), ("Generic", (2,))):
        clock = Clock()
        wallbox, cem = Wallbox(clock), Cem(clock)
        device = wallbox.node.device
        device.entities[EVSE].type = type_
        Vehicle(wallbox.node, device.add((2,), "EV"), PLAIN, clock.now)
        device.use_cases = [one for one in device.use_cases if type_ == "EVSE" or one.actor == "EV"]
        wire = Street(clock, wallbox, cem).connect()
        assert wire.told(CarConnected) == [CarConnected("wallbox", (2,), evse)]
        wire.manager.limit(("wallbox", evse), amps(8, 8, 8), clock.now)
        wire.tick()
        assert wire.manager.evse(("wallbox", evse)).car.obligation[0].limit_a == 8


def test_a_device_with_a_meter_only_is_no_wallbox():
    wire = street()
    wire.wallbox.node.device.use_cases = []
    wire.disconnect().connect()
    assert not wire.manager.evses
