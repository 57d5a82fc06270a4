"""LPC and LPP rule by rule over SPINE: numbers as in LPC 1.0.0, those after TS of the public test specification; `make requirements` lists them."""

from decimal import Decimal

import pytest
from tests.wire.eebus.usecases.bench import ENTITY, Box, Clock, Wire
from tests.wire.eebus.usecases.rule_scene import (
    FAILSAFE_W,
    KINDS,
    NOMINAL_W,
    System,
    in_autonomous,
    in_controlled,
    in_failsafe,
    in_init,
    in_limited,
)

from chargebridge.wire.eebus.spine.functions.common import number
from chargebridge.wire.eebus.usecases import kind
from chargebridge.wire.eebus.usecases.energy_guard import Told
from chargebridge.wire.eebus.usecases.limitation import State
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP

BEGINNINGS = {
    State.INIT: in_init,
    State.CONTROLLED: in_controlled,
    State.LIMITED: in_limited,
    State.FAILSAFE: in_failsafe,
    State.AUTONOMOUS: in_autonomous,
}
UNATTENDED = (State.INIT, State.FAILSAFE, State.AUTONOMOUS)
EACH = pytest.mark.parametrize("state", BEGINNINGS, ids=lambda state: state.name.lower())
EACH_UNATTENDED = pytest.mark.parametrize("state", UNATTENDED, ids=lambda state: state.name.lower())


@pytest.fixture(params=KINDS)
def of(request):
    return request.param


@EACH
def test_LPC_001_003_1_TS_035_1_a_limit_of_the_wrong_sign_is_refused_in_every_state(of, state):  # noqa: N802
    scene = BEGINNINGS[state](of).beat()
    assert not scene.write(active=True, value=-1)
    assert scene.row.is_limit_active == (state is State.LIMITED)
    assert scene.applied is None or scene.applied >= 0


def test_LPC_002_1_008_909_910_limits_are_taken_and_let_go(of):  # noqa: N802
    scene = in_controlled(of)
    assert scene.write(active=True, value=4200)
    assert (scene.state, scene.applied) == (State.LIMITED, 4200)
    assert scene.write(active=False)
    assert (scene.state, scene.applied) == (State.CONTROLLED, None)


def test_LPC_002_2_021_2_022_2_failsafe_values_are_taken(of):  # noqa: N802
    scene = in_controlled(of)
    assert scene.failsafe(3000, 3 * 3600)
    assert scene.failsafe_told == (3000, "PT3H")
    scene.wait(120)
    assert (scene.state, scene.applied) == (State.FAILSAFE, 3000)


def test_LPC_003_2_010_negative_failsafe_limits_are_refused(of):  # noqa: N802
    scene = in_controlled(of)
    assert not scene.failsafe(-1)
    assert scene.failsafe_told[0] == FAILSAFE_W
    assert scene.failsafe(0)
    assert scene.failsafe_told[0] == 0


def test_LPC_004_007_908_TS_008_1_a_limit_ends_with_its_duration(of):  # noqa: N802
    scene = in_controlled(of)
    assert scene.write(active=True, value=4200, lasts=50)
    scene.wait(20)
    assert scene.row.time_period.end_time == "PT30S"
    scene.wait(29).beat()
    assert scene.state is State.LIMITED
    scene.wait(1)
    assert (scene.state, scene.applied) == (State.CONTROLLED, None)
    assert (scene.told().is_limit_active, scene.told().time_period) == (False, None)


def test_LPC_005_031_913_TS_046_the_guard_beats_limits_and_knows_what_a_refusal_is(of):  # noqa: N802
    clock = Clock()
    refuse = {"why": "the fuse is out"}
    system = System(clock, unable=lambda limit_w: refuse["why"])
    box = Box(clock, kinds=(LPC, LPP))
    wire = Wire(clock, system, box, names=("box", "house")).connect()
    guard = box.guards[list(KINDS).index(of)]
    assert system.limits[of].machine.state is State.CONTROLLED
    assert [one.number for one in wire.heard("box", Told)] == [0, 0]
    guard.limit(Decimal(4200 if of == "LPC" else -4200), None, clock.now)
    wire.tick()
    assert wire.heard("box", Told)[-1].number == 7
    refuse["why"] = ""
    wire.wait(60, step=5)
    assert system.limits[of].machine.state is State.LIMITED
    wire.disconnect().wait(200, step=50)
    assert system.limits[of].machine.state is State.FAILSAFE
    wire.connect()
    assert system.limits[of].machine.state is State.LIMITED
    beats = [one for side, one in wire.said if side == "box" and one.cmd.name == kind.HEARTBEAT]
    before = len(beats)
    wire.wait(300, step=5)
    assert len([one for side, one in wire.said if side == "box" and one.cmd.name == kind.HEARTBEAT]) - before >= 5


def test_LPC_006_032_the_system_beats_too(of):  # noqa: N802
    scene = in_init(of)
    before = len(scene.wire.said)
    scene.wait(300)
    said = [one for side, one in scene.wire.said[before:] if side == "house" and one.header.cmd_classifier == "notify"]
    assert len([one for one in said if one.cmd.name == kind.HEARTBEAT]) >= 5
    (support,) = [
        one for info in scene.system.node.device.use_cases for one in info.use_case_support if one.use_case_name == KINDS[of].name
    ]
    assert 3 in support.scenario_support


@EACH
def test_LPC_009_1_TS_009_3_what_is_said_of_the_limit_is_the_state(of, state):  # noqa: N802
    scene = BEGINNINGS[state](of)
    assert scene.state is state
    assert scene.row.is_limit_active is (state is State.LIMITED)


def test_LPC_009_2_901_1_TS_044_after_a_restart_no_limit_is_active_and_the_written_failsafe_limit_holds(of):  # noqa: N802
    scene = in_limited(of)
    assert scene.failsafe(3000, 3 * 3600)
    scene.restart()
    assert (scene.state, scene.applied, scene.row.is_limit_active) == (State.INIT, 3000, False)
    assert scene.failsafe_told == (3000, "PT3H")


def test_LPC_021_1_022_1_903_what_is_configured_holds_where_nothing_was_written_or_it_is_lost(of):  # noqa: N802
    scene = in_controlled(of)
    assert scene.failsafe_told == (FAILSAFE_W, "PT2H")
    assert scene.failsafe(3000, 3 * 3600)
    scene.restart(forgetful=True)
    assert scene.failsafe_told == (FAILSAFE_W, "PT2H")
    assert scene.applied == FAILSAFE_W


@pytest.mark.parametrize("lasts_s", [0, 3600, 7199, 24 * 3600 + 1, 25 * 3600])
def test_LPC_022_3_what_is_not_2_h_to_24_h_is_refused(of, lasts_s):  # noqa: N802
    scene = in_controlled(of)
    assert not scene.failsafe(lasts_s=lasts_s)
    guard = Wire(Clock(), System(Clock()), Box(Clock(), kinds=(LPC, LPP))).box.guards[0]
    with pytest.raises(ValueError, match="7200"):
        guard.failsafe(("house", ENTITY), None, lasts_s, Clock().now)


def test_LPC_022_4_5_TS_014_above_our_maximum_is_refused_and_the_maximum_holds(of):  # noqa: N802
    scene = in_controlled(of, max_s=6 * 3600.0)
    assert scene.failsafe(lasts_s=6 * 3600)
    assert scene.failsafe(lasts_s=2 * 3600)
    assert not scene.failsafe(lasts_s=7 * 3600)
    assert scene.failsafe_told[1] == "PT6H"


@pytest.mark.parametrize("entity", ["CEM", "Inverter"])
def test_LPC_041_042_010_TS_039_TS_040_the_nominal_maximum_is_that_of_the_contract_or_of_the_device(of, entity):  # noqa: N802
    system = System(Clock(), entity=entity)
    rows = system.node.device.entities[ENTITY].feature("ElectricalConnection", "server").data[kind.CHARACTERISTICS]
    rows = rows.electrical_connection_characteristic_data
    ours = {KINDS[of].nominal, KINDS[of].contractual}
    assert [(row.characteristic_type, number(row.value)) for row in rows if row.characteristic_type in ours] == [
        (KINDS[of].contractual if entity == "CEM" else KINDS[of].nominal, NOMINAL_W)
    ]


def test_LPC_902_TS_035_2_TS_035_3_a_limit_that_cannot_be_kept_is_refused_and_leads_out_of_init(of):  # noqa: N802
    scene = in_init(of, unable=lambda limit_w: "self-protection" if abs(limit_w) < 1000 else "").beat()
    assert not scene.write(active=True, value=500)
    assert (scene.state, scene.applied) == (State.CONTROLLED, None)
    assert scene.write(active=True, value=1500)
    assert scene.applied == 1500


@pytest.mark.parametrize(("state", "active", "after"), [
    pytest.param(State.INIT, True, State.LIMITED, id="904"),
    pytest.param(State.INIT, False, State.CONTROLLED, id="905"),
    pytest.param(State.FAILSAFE, True, State.LIMITED, id="919"),
    pytest.param(State.AUTONOMOUS, True, State.LIMITED, id="919-autonomous"),
    pytest.param(State.FAILSAFE, False, State.CONTROLLED, id="920"),
    pytest.param(State.AUTONOMOUS, False, State.CONTROLLED, id="920-autonomous"),
])  # fmt: skip
def test_LPC_heartbeat_then_limit(of, state, active, after):  # noqa: N802
    scene = BEGINNINGS[state](of).beat().wait(60)
    assert scene.state is state
    assert scene.write(active=active, value=4200)
    assert (scene.state, scene.applied) == (after, 4200 if active else None)


@pytest.mark.parametrize("state", [State.FAILSAFE, State.AUTONOMOUS], ids=["failsafe", "autonomous"])
def test_LPC_918_heartbeat_then_a_limit_that_cannot_be_kept(of, state):  # noqa: N802
    scene = BEGINNINGS[state](of).beat()
    assert not scene.write(active=True, value=-1)
    assert scene.state is State.CONTROLLED


@EACH_UNATTENDED
def test_LPC_TS_036_without_a_heartbeat_within_60_s_a_limit_counts_for_nothing(of, state):  # noqa: N802
    scene = BEGINNINGS[state](of)
    if state is State.INIT:
        assert not scene.write(active=True, value=4200)
    scene.beat().wait(61)
    assert not scene.write(active=True, value=4200)
    assert scene.state is state
    assert not scene.write(active=False)
    assert scene.state is state


@EACH_UNATTENDED
def test_LPC_TS_037_failsafe_values_count_only_after_a_limit(of, state):  # noqa: N802
    scene = BEGINNINGS[state](of).beat()
    assert not scene.failsafe(3000)
    assert not scene.failsafe(lasts_s=3 * 3600)
    assert scene.failsafe_told == (FAILSAFE_W, "PT2H")
    assert scene.write(active=False)
    assert scene.failsafe(3000, 3 * 3600)


@pytest.mark.parametrize("beating", [False, True], ids=["silence", "heartbeat"])
def test_LPC_906_nobody_limits_for_120_s(of, beating):  # noqa: N802
    scene = in_init(of, autonomous=True)
    scene.wait(119, beating=beating)
    assert (scene.state, scene.applied) == (State.INIT, FAILSAFE_W)
    assert scene.wait(1).state is State.AUTONOMOUS
    assert in_init(of).wait(1000, beating=beating).state is State.INIT


def test_LPC_907_1_907_2_a_refused_limit_changes_nothing(of):  # noqa: N802
    for begin in (in_controlled, in_limited):
        scene = begin(of)
        before = scene.limited.machine
        assert not scene.write(active=True, value=-1)
        assert scene.limited.machine == before


@pytest.mark.parametrize("state", [
    pytest.param(State.CONTROLLED, id="911"),
    pytest.param(State.LIMITED, id="912"),
])  # fmt: skip
def test_LPC_silence_for_120_s(of, state):  # noqa: N802
    scene = BEGINNINGS[state](of).wait(119)
    assert scene.state is state
    scene.wait(1)
    assert (scene.state, scene.applied, scene.told().is_limit_active if scene.told() else False) == (State.FAILSAFE, FAILSAFE_W, False)


def test_LPC_914_1_a_heartbeat_in_time_keeps_what_is(of):  # noqa: N802
    for begin, state in ((in_controlled, State.CONTROLLED), (in_limited, State.LIMITED)):
        assert begin(of).wait(1200, beating=True).state is state


def test_LPC_921_922_TS_012_failsafe_lasts_its_duration(of):  # noqa: N802
    scene = in_failsafe(of, autonomous=True)
    scene.wait(7199)
    assert (scene.state, scene.applied) == (State.FAILSAFE, FAILSAFE_W)
    assert scene.wait(1).state is State.AUTONOMOUS
    scene = in_failsafe(of, autonomous=True).beat().wait(119)
    assert scene.state is State.FAILSAFE
    assert scene.wait(1).state is State.AUTONOMOUS
    assert in_failsafe(of).wait(7230, beating=True).state is State.FAILSAFE


def test_LPC_923_901_2_TS_022_4_TS_022_5_a_limit_that_cannot_be_kept_any_longer_is_let_go_and_said_so(of):  # noqa: N802
    scene = in_limited(of)
    scene.system.part.interrupt(scene.limited, scene.clock.now)
    scene.wire.tick()
    assert (scene.state, scene.told().is_limit_active) == (State.CONTROLLED, False)
    assert scene.changes()[-1] == (State.CONTROLLED, None)


def test_LPC_TS_035_4_a_limit_above_what_the_system_can_take_is_taken(of):  # noqa: N802
    scene = in_controlled(of)
    assert scene.write(active=True, value=NOMINAL_W * 10)
    assert scene.state is State.LIMITED


def test_LPC_LPP_TS_041_there_is_one_failsafe_duration():  # noqa: N802
    scene = in_controlled("LPC")
    assert scene.failsafe(lasts_s=3 * 3600)
    assert {one.machine.memory.failsafe_s for one in scene.system.limits.values()} == {3 * 3600}
    keys = scene.system.node.device.entities[ENTITY].feature("DeviceConfiguration", "server").data[kind.KEYS]
    names = [one.key_name for one in keys.device_configuration_key_value_description_data]
    assert names.count(kind.FAILSAFE_DURATION) == 1


def test_the_two_limits_do_not_touch_each_other():
    scene = in_limited("LPC")
    other = scene.system.limits["LPP"]
    assert (other.machine.state, other.applied_w) == (State.INIT, -FAILSAFE_W)
