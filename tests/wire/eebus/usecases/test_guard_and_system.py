"""Both sides of LPC and LPP over SPINE, joined in one process."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.eebus.usecases.bench import ENTITY, Box, Clock, House, Wire, joined

from chargebridge.wire.eebus import json
from chargebridge.wire.eebus.spine.datagram import PARTIAL, Filter, command, decode
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Answered, Malformed, Send, Written
from chargebridge.wire.eebus.spine.functions.common import ScaledNumber, TimePeriod, scaled
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitData, LoadControlLimitListData
from chargebridge.wire.eebus.usecases.controllable_system import LimitChanged
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard, Told
from chargebridge.wire.eebus.usecases.limitation import State
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP

SYSTEM = ("house", ENTITY)


def test_LPC_913_a_guard_takes_a_system_over_within_60_s():  # noqa: N802
    wire = joined()
    assert wire.house.lpc.machine.state is State.CONTROLLED
    assert wire.house.lpp.machine.state is State.INIT
    assert not wire.heard("house", Malformed)
    assert not wire.heard("box", Malformed)
    assert [told.number for told in wire.heard("box", Told)] == [ErrorNumber.NONE]


def test_a_limit_reaches_the_house_and_its_state_comes_back():
    wire = joined()
    wire.box.guard.limit(Decimal(4200), 20, wire.clock.now)
    wire.tick()
    assert (wire.house.lpc.machine.state, wire.house.lpc.applied_w) == (State.LIMITED, 4200)
    assert wire.heard("house", LimitChanged)[-1].limit_w == 4200
    assert wire.heard("house", Written)[-1].number is ErrorNumber.NONE
    report = wire.box.guard.report(SYSTEM)
    assert (report.active, report.limit_w, report.failsafe_w, report.failsafe_s, report.nominal_w) == (True, 4200, 5000, 7200, 34500)
    wire.wait(20)
    assert wire.house.lpc.machine.state is State.CONTROLLED
    assert wire.box.guard.report(SYSTEM).active is False


def test_LPC_022_2_3_failsafe_values_are_written_and_refused():  # noqa: N802
    wire = joined()
    wire.box.guard.failsafe(SYSTEM, Decimal(6000), 10800, wire.clock.now)
    wire.tick()
    assert wire.house.lpc.machine.memory in [changed.memory for changed in wire.heard("house", LimitChanged)]
    assert (wire.house.lpc.machine.memory.failsafe_w, wire.house.lpc.machine.memory.failsafe_s) == (6000, 10800)
    assert wire.box.guard.report(SYSTEM).failsafe_w == 6000
    wire.box.guard.failsafe(SYSTEM, Decimal(-1), None, wire.clock.now)
    wire.tick()
    assert wire.heard("box", Answered)[-1].number is ErrorNumber.COMMAND_REJECTED
    with pytest.raises(ValueError, match="7200"):
        wire.box.guard.failsafe(SYSTEM, None, 6840, wire.clock.now)


def test_LPC_035_1_a_negative_limit_is_refused_and_tried_again_after_60_s():  # noqa: N802
    wire = joined()
    wire.box.guard.limit(Decimal(-1), None, wire.clock.now)
    wire.tick()
    assert wire.heard("box", Told)[-1].number is ErrorNumber.COMMAND_REJECTED
    count = len(wire.heard("box", Told))
    wire.wait(59)
    assert len(wire.heard("box", Told)) == count
    wire.wait(1)
    assert len(wire.heard("box", Told)) == count + 1
    assert wire.house.lpc.machine.state is State.CONTROLLED


def test_LPP_001_a_limit_is_negative_and_a_positive_one_is_refused():  # noqa: N802
    wire = joined(kinds=(LPC, LPP))
    lpp = wire.box.guards[1]
    lpp.limit(Decimal(-3000), None, wire.clock.now)
    wire.tick()
    assert (wire.house.lpp.applied_w, wire.house.lpc.applied_w) == (-3000, None)
    lpp.limit(Decimal(3000), None, wire.clock.now)
    wire.tick()
    assert wire.heard("box", Told)[-1].number is ErrorNumber.COMMAND_REJECTED
    assert wire.house.lpp.applied_w == -3000
    assert lpp.report(SYSTEM).nominal_w == 10000


def test_LPC_LPP_TS_041_the_failsafe_duration_is_one_for_both():  # noqa: N802
    wire = joined(kinds=(LPC, LPP))
    wire.box.guards[1].failsafe(SYSTEM, None, 10800, wire.clock.now)
    wire.tick()
    assert wire.house.lpc.machine.memory.failsafe_s == wire.house.lpp.machine.memory.failsafe_s == 10800


def test_LPC_912_a_guard_that_falls_silent_leaves_the_house_in_failsafe_though_the_socket_is_open():  # noqa: N802
    wire = joined()
    wire.box.guard.limit(Decimal(8000), None, wire.clock.now)
    wire.tick().wait(600)
    assert wire.house.lpc.machine.state is State.LIMITED
    wire.cut = True
    wire.wait(130)
    assert (wire.house.lpc.machine.state, wire.house.lpc.applied_w) == (State.FAILSAFE, 5000)


def test_a_lost_connection_alone_ends_no_limit_and_a_new_one_takes_it_up():
    wire = joined()
    wire.box.guard.limit(Decimal(4200), None, wire.clock.now)
    wire.tick().disconnect().wait(60)
    assert wire.house.lpc.applied_w == 4200
    wire.wait(60)
    assert wire.house.lpc.machine.state is State.FAILSAFE
    wire.connect()
    assert (wire.house.lpc.machine.state, wire.house.lpc.applied_w) == (State.LIMITED, 4200)


def test_a_second_guard_cannot_bind_nor_keep_the_first_one_alive():
    wire = joined()
    wire.box.guard.limit(Decimal(4200), None, wire.clock.now)
    wire.tick()
    second = Wire(wire.clock, wire.house, Box(wire.clock, "d:_n:Other_Box-2"), names=("second", "house")).connect()
    assert ErrorNumber.GENERAL in [event.number for event in second.heard("box", Answered)]
    assert second.heard("box", Told)[-1].number is ErrorNumber.BINDING_NECESSARY
    wire.cut = True
    for _ in range(20):
        wire.clock.s += 10
        wire.carry([("box", event) for event in wire.box.node.tick(wire.clock.now)])
        second.tick()
    assert wire.house.lpc.machine.state is State.FAILSAFE


def test_a_second_connection_tells_what_the_end_of_the_first_changed_once():
    wire = joined()
    wire.clock.s += 120
    events = wire.house.node.connect("box", wire.clock.now)
    changed = [event for event in events if isinstance(event, LimitChanged) and event.use_case == LPC.name]
    assert [event.state for event in changed] == [State.FAILSAFE]


def test_a_house_restarts_with_what_was_written():
    wire = joined()
    wire.box.guard.failsafe(SYSTEM, Decimal(6000), 10800, wire.clock.now)
    wire.tick()
    again = House(wire.clock, memory=wire.house.lpc.machine.memory)
    assert (again.lpc.machine.state, again.lpc.applied_w) == (State.INIT, 6000)


def test_a_wish_for_one_system_outlives_its_connection():
    wire = joined()
    wire.box.guard.limit(Decimal(3000), None, wire.clock.now, SYSTEM)
    wire.tick().disconnect().wait(300)
    wire.connect()
    assert wire.house.lpc.applied_w == 3000


def test_a_system_that_lets_go_hears_the_limit_again_after_60_s():
    wire = joined()
    wire.box.guard.limit(Decimal(3000), None, wire.clock.now)
    wire.tick()
    wire.house.system.interrupt(wire.house.lpc, wire.clock.now)
    wire.tick()
    assert wire.house.lpc.machine.state is State.CONTROLLED
    wire.wait(59)
    assert wire.house.lpc.machine.state is State.CONTROLLED
    wire.wait(1)
    assert wire.house.lpc.applied_w == 3000


ACTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1.0, 30.0, 61.0, 130.0])),
    st.tuples(st.just("limit"), st.sampled_from([None, -1, 0, 4200]), st.sampled_from([None, 10.0, 90.0])),
    st.tuples(st.sampled_from(["cut", "mend", "disconnect", "connect", "interrupt"])),
)


@given(st.lists(ACTS, max_size=8))
def test_the_house_is_never_unlimited_without_a_guard_that_was_heard(acts):
    """On the whole way from the guard's wish to the house's limit, over a wire that breaks and mends."""
    wire = joined()
    for act, *values in acts:
        if act == "wait":
            wire.wait(values[0], step=60.0)
        elif act == "limit":
            wire.box.guard.limit(None if values[0] is None else Decimal(values[0]), values[1], wire.clock.now)
        elif act == "interrupt":
            wire.house.system.interrupt(wire.house.lpc, wire.clock.now)
        elif act in ("cut", "mend"):
            wire.cut = act == "cut"
        elif (act == "connect") != ("box" in [*wire.house.node.links]):
            wire.connect() if act == "connect" else wire.disconnect()
        wire.tick()
        machine, heard = wire.house.lpc.machine, wire.house.lpc.machine.heartbeat_s
        if wire.house.lpc.applied_w is None:
            assert wire.clock.s - heard < 120
        if machine.state is State.LIMITED:
            assert wire.house.lpc.applied_w >= 0
        row = (
            wire.house.node.device.entities[ENTITY]
            .feature("LoadControl", "server")
            .data["loadControlLimitListData"]
            .load_control_limit_data[0]
        )
        assert row.is_limit_active == (machine.state is State.LIMITED)


# The 17 combinations of the public test specification (LPC-TS 6.11.4), each in each state in which it may come.

VALUE, ACTIVE, INACTIVE, DELETE, DURATION = "value", "activated", "deactivated", "delete duration", "duration"
MESSAGES = [
    (VALUE,), (ACTIVE,), (INACTIVE,), (DELETE,), (DURATION,), (VALUE, ACTIVE), (VALUE, INACTIVE), (VALUE, DELETE), (VALUE, DURATION),
    (ACTIVE, DELETE), (ACTIVE, DURATION), (INACTIVE, DELETE), (INACTIVE, DURATION), (VALUE, ACTIVE, DELETE), (VALUE, ACTIVE, DURATION),
    (VALUE, INACTIVE, DELETE), (VALUE, INACTIVE, DURATION),
]  # fmt: skip


def message(parts):
    row = LoadControlLimitData(
        limit_id=0,
        is_limit_active=ACTIVE in parts if ACTIVE in parts or INACTIVE in parts else None,
        time_period=TimePeriod(end_time="PT60S") if DURATION in parts else None,
        value=scaled(3000) if VALUE in parts else None,
    )
    elements = {"timePeriod": {"endTime": {}}}
    tree = {"cmdControl": {"delete": {}}, "loadControlLimitListDataSelectors": {"limitId": 0}, "loadControlLimitDataElements": elements}
    delete = (Filter(delete=True, selectors=({"limitId": 0},), elements=elements, tree=tree),) if DELETE in parts else ()
    return command(LoadControlLimitListData(load_control_limit_data=(row,)), filters=(*delete, PARTIAL))


def in_init(duration):
    wire = joined()
    wire.house.lpc.machine = House(wire.clock).lpc.machine
    return wire


def in_controlled(duration):
    return joined()


def in_limited(duration):
    wire = joined()
    wire.box.guard.limit(Decimal(8000), duration, wire.clock.now)
    return wire.tick()


def in_failsafe(duration):
    wire = joined()
    wire.cut = True
    wire.wait(130)
    wire.cut = False
    return wire.wait(50)


@pytest.mark.parametrize("parts", MESSAGES, ids=" and ".join)
@pytest.mark.parametrize(
    ("begin", "duration"), [(in_init, None), (in_controlled, None), (in_limited, None), (in_limited, 100), (in_failsafe, None)]
)
def test_LPC_004_008_message_combination(begin, duration, parts):  # noqa: N802
    wire = begin(duration)
    before = wire.house.lpc.machine
    was_active = before.state is State.LIMITED
    client = wire.box.node.device.entities[ENTITY].feature("LoadControl", "client")
    server = wire.house.node.device.entities[ENTITY].feature("LoadControl", "server")
    wire.box.node.write("house", client.ident, server.ident, message(parts), wire.clock.now)
    wire.tick()
    machine = wire.house.lpc.machine
    assert wire.heard("house", Written)[-1].number is ErrorNumber.NONE
    active = ACTIVE in parts or (was_active and INACTIVE not in parts)
    assert machine.state is (State.LIMITED if active else State.CONTROLLED)
    assert machine.limit_w == (3000 if VALUE in parts else before.limit_w)
    if active:
        ends = wire.clock.s + 60 if DURATION in parts else None if DELETE in parts else before.ends_s
        assert machine.ends_s == ends
    else:
        assert machine.duration_s == (60 if DURATION in parts else None)
    (row, _) = server.data["loadControlLimitListData"].load_control_limit_data
    assert (row.is_limit_active, row.value) == (active, ScaledNumber(number=int(machine.limit_w), scale=0))


def test_a_write_of_both_limits_changes_all_or_none():
    wire = joined(kinds=(LPC, LPP))
    rows = tuple(
        LoadControlLimitData(limit_id=at, is_limit_active=True, value=scaled(Decimal(value))) for at, value in enumerate((2000, 2000))
    )
    client = wire.box.node.device.entities[ENTITY].feature("LoadControl", "client")
    server = wire.house.node.device.entities[ENTITY].feature("LoadControl", "server")
    cmd = command(LoadControlLimitListData(load_control_limit_data=rows), filters=(PARTIAL,))
    wire.box.node.write("house", client.ident, server.ident, cmd, wire.clock.now)
    wire.tick()
    assert wire.heard("house", Written)[-1].number is ErrorNumber.COMMAND_REJECTED
    assert (wire.house.lpc.machine.state, wire.house.lpp.machine.state) == (State.CONTROLLED, State.CONTROLLED)


NUMBERS = st.fixed_dictionaries({}, optional={"number": st.integers(-(10**20), 10**20), "scale": st.integers(-40, 40)})
TEXTS = st.sampled_from(["PT10S", "PT0S", "-PT1S", "P1Y", "", "2026-11-21T02:00:00Z", "P999999999D", "PT3H"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "limitId": st.integers(0, 2),
            "isLimitActive": st.booleans(),
            "timePeriod": st.fixed_dictionaries({}, optional={"endTime": TEXTS, "startTime": TEXTS}),
            "value": NUMBERS,
        },
    ),
    max_size=3,
)
SELECTED = st.fixed_dictionaries(
    {"cmdControl": st.sampled_from([{"partial": {}}, {"delete": {}}])},
    optional={
        "loadControlLimitListDataSelectors": st.sampled_from([{"limitId": 0}, {"limitId": 7}, {"isLimitActive": True}, {}]),
        "loadControlLimitDataElements": st.sampled_from(
            [{"timePeriod": {}}, {"timePeriod": {"endTime": {}}}, {"value": {}}, {"limitId": {}}]
        ),
    },
)
KEYS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"keyId": st.integers(0, 3), "value": st.fixed_dictionaries({}, optional={"scaledNumber": NUMBERS, "duration": TEXTS})}
    ),
    max_size=3,
)


@given(st.lists(st.tuples(st.booleans(), ROWS, KEYS, st.lists(SELECTED, max_size=2)), max_size=4))
def test_whatever_is_written_is_taken_or_refused_and_the_limits_stay_sound(writes):
    wire = joined()
    entity, peer = wire.house.node.device.entities[ENTITY], wire.box.node.device.entities[ENTITY]
    for counter, (limits, rows, keys, filters) in enumerate(writes, 1000):
        type_ = "LoadControl" if limits else "DeviceConfiguration"
        name = "loadControlLimitListData" if limits else "deviceConfigurationKeyValueListData"
        data = {"loadControlLimitData": rows} if limits else {"deviceConfigurationKeyValueData": keys}
        source, destination = peer.feature(type_, "client").ident, entity.feature(type_, "server").ident
        header = {
            "addressSource": {"entity": [*source[0]], "feature": source[1]},
            "addressDestination": {"entity": [*destination[0]], "feature": destination[1]},
            "msgCounter": counter,
            "cmdClassifier": "write",
            "ackRequest": True,
        }
        cmd = ({"function": name, "filter": filters} if filters else {}) | {name: data}
        tree = json.encode({"datagram": {"header": header, "payload": {"cmd": [cmd]}}})
        events = wire.house.node.receive("box", tree, wire.clock.now)
        answers = [decode(event.data) for event in events if isinstance(event, Send)]
        assert [one.header.msg_counter_reference for one in answers].count(counter) == 1
        assert wire.house.lpc.applied_w is None or wire.house.lpc.applied_w >= 0
        assert wire.house.lpp.applied_w is None or wire.house.lpp.applied_w <= 0
        memory = wire.house.lpc.machine.memory
        assert memory.failsafe_w >= 0
        assert 7200 <= memory.failsafe_s <= 86400
        ids = [row.limit_id for row in entity.feature("LoadControl", "server").data["loadControlLimitListData"].load_control_limit_data]
        assert ids == [0, 1]


def test_the_clock_is_all_that_drives_it():
    clock = Clock()
    house = House(clock)
    assert house.node.due_s() == clock.s + 50


def test_a_guard_serves_its_own_peers_and_may_wait_for_the_first_word():
    clock = Clock()
    box = Box(clock)
    box.guard = EnergyGuard(box.node, box.node.device.add((2,), "CEM"), LPC, clock.now, serves=lambda peer: peer == "house", first=None)
    other = EnergyGuard(box.node, box.node.device.add((3,), "CEM"), LPC, clock.now, serves=lambda peer: False)
    box.node.parts.remove(box.guards[0])
    wire = Wire(clock, House(clock), box).connect()
    assert not other.systems
    assert box.guard.wish(SYSTEM) is None
    assert not wire.heard("box", Told)
    box.guard.limit(Decimal(3000), None, clock.now, SYSTEM)
    wire.tick()
    assert wire.house.lpc.applied_w == 3000
    assert box.guard.heard_s("house") == clock.s
