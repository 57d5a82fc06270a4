"""The captured sessions again, with our node in the place of one side: it answers as that side did, and ends as it did."""

from decimal import Decimal

import msgspec
import pytest
from tests.wire.eebus.spine.recorded import ABSENT, FILES
from tests.wire.eebus.usecases.replay import DISCOVERY, USE_CASES, Replay, fixtures, session, tree

from chargebridge.wire.eebus.spine.functions.common import number
from chargebridge.wire.eebus.usecases import kind
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, Limited
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard, Told
from chargebridge.wire.eebus.usecases.limitation import Settings, State
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP

pytestmark = pytest.mark.skipif(not FILES, reason=ABSENT)
LIVE = {kind.HEARTBEAT, DISCOVERY, USE_CASES}
"""Functions whose data may differ: time stamps, and how much a device says of itself."""

DESCRIBING = {kind.DESCRIPTIONS, kind.KEYS, kind.CHARACTERISTICS, kind.LIMITS}
"""Functions whose data must not contradict the recorded; a maker may say more, or leave a value out."""


def house(replay, entity, of, key=0):
    """A Controllable System on the recorded device, with the values that it had."""
    load, configuration, connection = (
        replay.device.entities[entity].feature(type_, "server") for type_ in ("LoadControl", "DeviceConfiguration", "ElectricalConnection")
    )
    rows = load.data[kind.LIMITS].load_control_limit_data
    failsafe = configuration.data[kind.VALUES].device_configuration_key_value_data
    characteristics = connection.data.get(kind.CHARACTERISTICS)
    told = (characteristics.electrical_connection_characteristic_data if characteristics else None) or ()
    nominal = told[0].value if told else None
    settings = Settings(
        nominal_w=number(nominal) or Decimal(10000),
        failsafe_w=number(failsafe[key].value.scaled_number),
        production=of is LPP,
    )
    use_cases = replay.device.use_cases
    limit = Limited(of, settings, None, replay.start)
    initial = number(rows[0].value)
    if initial is not None:
        limit.machine = msgspec.structs.replace(limit.machine, limit_w=initial)
    ControllableSystem(replay.node, replay.device.entities[entity], (limit,), replay.start)
    replay.device.use_cases = use_cases
    return limit


def agree(one, other):
    """Whether two trees do not contradict each other; labels, and the measurementId that means nothing here, are a maker's own."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(agree(one[key], other[key]) for key in one.keys() & other.keys() - {"measurementId"})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(agree, one, other))
    return one == other


def same_answers(replay, unlike=()):
    """unlike: counters of requests that we answer otherwise, on purpose."""
    count = 0
    for request, recorded, given in replay.answers():
        if request.header.msg_counter in unlike:
            continue
        assert given is not None, (request.header.msg_counter, request.cmd.name)
        assert (given.header.cmd_classifier, given.cmd.name) == (recorded.header.cmd_classifier, recorded.cmd.name), request.cmd
        if given.cmd.name == "resultData":
            assert given.cmd.data.error_number == recorded.cmd.data.error_number, (request.cmd, given.cmd)
        elif given.cmd.name in DESCRIBING:
            assert agree(tree(given.cmd.data), tree(recorded.cmd.data)), (tree(given.cmd.data), tree(recorded.cmd.data))
        elif given.cmd.name not in LIVE:
            assert tree(given.cmd.data) == tree(recorded.cmd.data), request.header.msg_counter
        count += 1
    return count


@pytest.mark.parametrize(("name", "ours"), [("01", "CS"), ("03", "CS"), ("05", "CS")])
def test_a_controllable_system_answers_as_the_recorded_one_did(name, ours):
    replay = Replay(session(name, ours))
    limit = house(replay, (1,), LPC)
    states = []
    replay.run(before=lambda said: states.append(limit.machine.state))
    assert same_answers(replay) > 15
    recorded, told = replay.notifies(kind.LIMITS)
    assert [_active(one) for one in told] == [_active(one) for one in recorded if one]
    assert State.LIMITED in states
    failsafe_recorded, failsafe_told = replay.notifies(kind.VALUES)
    if failsafe_recorded:
        assert failsafe_told[-1] == failsafe_recorded[-1]


def _active(data):
    (row,) = data["loadControlLimitData"]
    return row["isLimitActive"], row["value"], row.get("timePeriod")


def test_the_heat_pump_answers_as_the_recorded_one_did():
    """Session 02. Its LPP side refuses a negative limit, which is what LPP asks for; ours takes it (50). A failsafe duration of 0 s, which it
    has at first, we never say (40, 43)."""
    replay = Replay(session("02", "CS"))
    lpc, lpp = house(replay, (1,), LPC), house(replay, (2,), LPP)
    replay.run()
    assert same_answers(replay, unlike={40, 43, 50}) > 30
    assert (lpc.machine.state, lpc.applied_w, lpc.machine.memory.failsafe_w) == (State.LIMITED, 4200, 4300)
    assert (lpp.machine.state, lpp.applied_w) == (State.LIMITED, -2000)


@pytest.mark.parametrize(("actor", "of", "unlike"), [("cs__lpc", LPC, {19}), ("cs__lpp", LPP, {19, 20, 21})], ids=["LPC", "LPP"])
def test_LPC_022_3_TS_035_1_what_openeebus_refuses_is_refused(actor, of, unlike):  # noqa: N802
    """Negative limits and failsafe limits, failsafe durations of 1 h and of 25 h. Its LPP has the sign of LPC (20, 21); its failsafe duration is
    0 s at first (19)."""
    replay = Replay(fixtures(actor))
    limit = house(replay, (1,), of)
    replay.run()
    assert same_answers(replay, unlike) >= 17
    given = {
        request.header.msg_counter: answer.cmd.data.error_number
        for request, _, answer in replay.answers()
        if answer.cmd.name == "resultData"
    }
    assert [given[counter] for counter in range(20, 27)] == [*((7, 0) if of is LPP else (0, 7)), 0, 7, 0, 7, 7]
    assert (limit.machine.state, limit.applied_w) == (State.LIMITED, -1 if of is LPP else 100)
    assert limit.machine.memory.failsafe_w == 140


def test_a_wallbox_with_a_car_answers_as_the_recorded_one_did():
    """Session 06, OPEV and OSCEV: limits of current that need a binding."""
    replay = Replay(session("06", "EVSE"))
    replay.run()
    assert same_answers(replay) > 25


def test_an_energy_guard_asks_as_the_recorded_one_did():
    """Session 04: the same requests and the same writes."""
    replay = Replay(session("04", "EG"))
    use_cases = replay.device.use_cases
    guard = EnergyGuard(replay.node, replay.device.entities[1,], LPC, replay.start)
    replay.device.use_cases = use_cases
    system = ("peer", (1,))
    writes = {
        22: lambda now: guard.limit(Decimal(4200), 30, now),
        23: lambda now: guard.limit(Decimal(-1), None, now),
        24: lambda now: guard.failsafe(system, Decimal(5000), None, now),
    }

    def act(said):
        if said.ours and said.header.msg_counter in writes:
            writes[said.header.msg_counter](said.at)
            replay.take(replay.node.tick(said.at), said.at)

    replay.run(before=act)
    assert same_answers(replay) > 3
    recorded = [one.cmd for one in replay.said if one.ours and one.header.cmd_classifier == "write"]
    ours = [one.cmd for one in replay.sent if one.header.cmd_classifier == "write"]
    assert ours[0].data.load_control_limit_data[0].is_limit_active is False
    assert [(cmd.name, tree(cmd.data)) for cmd in ours[1:]] == [(cmd.name, tree(cmd.data)) for cmd in recorded[1:]]
    # A limit until further notice takes away the duration of the one before, which the recorded side forgot.
    assert [len(cmd.filters) for cmd in ours] == [1, 1, 2, 1]
    asked = {one.key[:4] for one in replay.said if one.ours and one.header.cmd_classifier == "read"}
    assert {key[1] for key in asked} <= {one.cmd.name for one in replay.sent if one.header.cmd_classifier == "read"}
    assert [event.number for event in replay.events if isinstance(event, Told)] == [0, 0, 0]
    assert guard.report(system).failsafe_w == 5000


def test_without_a_binding_the_answer_is_9():
    said = [one for one in session("03", "CS") if one.ours or one.cmd.name != "nodeManagementBindingRequestCall"]
    replay = Replay(said)
    limit = house(replay, (1,), LPC)
    replay.run()
    results = {one.header.msg_counter_reference: one.cmd.data for one in replay.sent if one.cmd.name == "resultData"}
    assert [results[counter].error_number for counter in (28, 31, 32)] == [9, 9, 9]
    assert limit.machine.state is State.INIT
