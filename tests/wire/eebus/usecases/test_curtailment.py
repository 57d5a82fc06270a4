"""The car's machine of OPEV and OSCEV, and hypothesis against an oracle that knows only the history."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.eebus.usecases.emobility_bench import CAR_UNIT, FEW, RICH, UNIT, amps, street

from chargebridge.wire.eebus.spine import element
from chargebridge.wire.eebus.spine.datagram import PARTIAL, command
from chargebridge.wire.eebus.spine.functions.common import number
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitListData
from chargebridge.wire.eebus.spine.functions.measurement import ElectricalConnectionPermittedValueSetListData
from chargebridge.wire.eebus.usecases.current_limits import Permitted
from chargebridge.wire.eebus.usecases.curtailment import (
    NOTHING,
    TRANSITIONS,
    Gone,
    Heartbeat,
    Machine,
    On,
    Said,
    Settings,
    State,
    Tick,
    Write,
    Written,
    applied_a,
    due_s,
    step,
)

SETTINGS = Settings(permitted=Permitted(Decimal(6), Decimal(16), Decimal(0)), safe_a=Decimal(7), phases=3)


def written(*values):
    """Limits of the phases; "" where none was written, None where it was written that there is none."""
    one, two, three = (None if value == "" else Written(None if value is None else Decimal(value)) for value in values)
    return one, two, three


def guarded(obligation=NOTHING, recommendation=NOTHING):
    return step(step(Machine(), Heartbeat(), 0.0), Write(obligation, recommendation), 0.0)


def test_each_state_can_be_reached_and_left():
    assert {state for state, _ in TRANSITIONS} == set(State) == set(TRANSITIONS.values())
    assert {on for _, on in TRANSITIONS} == set(On)


@pytest.mark.parametrize(
    ("obligation", "recommendation", "expected"),
    [
        (NOTHING, NOTHING, (7, 7, 7)),
        (written(10, "", None), NOTHING, (10, 7, 16)),
        (written(0, 5, 32), NOTHING, (0, 0, 16)),
        (written(10, 10, 10), written(16, 8, 0), (10, 8, 0)),
        (NOTHING, written(16, 16, 6), (7, 7, 6)),
        (written(None, None, None), written(5.9, 6, None), (0, 6, 16)),
    ],
)
def test_OPEV_OSCEV_what_holds_while_the_cem_is_heard(obligation, recommendation, expected):  # noqa: N802
    assert applied_a(guarded(obligation, recommendation), SETTINGS) == amps(*expected)


def test_a_safe_current_below_the_least_is_a_pause_and_one_phase_is_one():
    careful = Settings(permitted=SETTINGS.permitted, safe_a=Decimal(0), phases=1)
    assert applied_a(Machine(), careful) == amps(0, None, None)


def test_OPEV_2_after_exactly_4_s_the_safe_current_holds_however_often_somebody_looks():  # noqa: N802
    machine = guarded(written(16, 16, 16))
    assert due_s(machine) == 4.0
    assert step(machine, Tick(), 3.999).state is State.GUARDED
    assert applied_a(step(machine, Tick(), 4.0), SETTINGS) == amps(7, 7, 7)
    late = step(machine, Heartbeat(), 100.0)
    assert (late.state, due_s(late)) == (State.GUARDED, 104.0)


def test_OPEV_3_whoever_recovers_must_be_heard_anew():  # noqa: N802
    machine = step(guarded(written(16, 16, 16)), Said("failure"), 1.0)
    assert step(machine, Heartbeat(), 2.0).state is State.FAILED
    machine = step(machine, Said("normalOperation"), 3.0)
    assert applied_a(machine, SETTINGS) == amps(7, 7, 7)
    assert applied_a(step(machine, Heartbeat(), 3.5), SETTINGS) == amps(16, 16, 16)


def test_when_the_connection_ends_nothing_that_was_written_is_left():
    machine = step(guarded(written(16, 16, 16), written(6, 6, 6)), Gone(), 1.0)
    assert (machine.state, applied_a(machine, SETTINGS)) == (State.ALONE, amps(7, 7, 7))
    again = step(machine, Heartbeat(), 2.0)
    assert (again.state, applied_a(again, SETTINGS)) == (State.GUARDED, amps(7, 7, 7))


def test_a_state_that_nobody_knows_is_no_normal_operation():
    assert step(guarded(), Said("somethingNew"), 1.0).state is State.FAILED


VALUES = st.sampled_from(["", None, 0, 3, 6, 8, 16, 32])
LIMITS = st.builds(written, VALUES, VALUES, VALUES)
EVENTS = st.one_of(
    st.just(Heartbeat()),
    st.just(Heartbeat()),
    st.just(Tick()),
    st.builds(Said, st.sampled_from(["normalOperation", "failure", "inAlarm"])),
    st.builds(Write, LIMITS, LIMITS),
    st.just(Gone()),
)
WAITS = st.sampled_from([0.0, 0.5, 2.0, 3.9, 4.0, 4.1, 60.0])


TRUSTED = [(0.0, Heartbeat()), (0.0, Write(written(16, None, 8), written(8, 6, None)))]
LOST = [*TRUSTED, (5.0, Tick())]
FAILED = [*TRUSTED, (1.0, Said("failure")), (1.0, Heartbeat())]
LEFT = [*TRUSTED, (1.0, Gone()), (1.0, Heartbeat())]
ORDERS = st.builds(list.__add__, st.sampled_from([[], TRUSTED, LOST, FAILED, LEFT]), st.lists(st.tuples(WAITS, EVENTS), max_size=15))
"""From each state, so that few examples go far."""


@given(ORDERS)
def test_never_more_than_is_safe_unless_the_cem_that_is_heard_has_said_so(order):
    machine, now = Machine(), 0.0
    beats, bad, obligation, recommendation = [], False, NOTHING, NOTHING
    for wait, event in order:
        now += wait
        machine = step(machine, event, now)
        if isinstance(event, Heartbeat):
            beats.append(now)
        elif isinstance(event, Said):
            was, bad = bad, event.state != "normalOperation"
            beats = [] if bad or was else beats
        elif isinstance(event, Gone):
            beats, bad, obligation, recommendation = [], False, NOTHING, NOTHING
        elif isinstance(event, Write):
            obligation, recommendation = event.obligation, event.recommendation
        trusted = not bad and any(now - beat < 4 for beat in beats)
        for at, current in enumerate(applied_a(machine, SETTINGS)):
            most = 7
            if trusted and obligation[at] is not None:
                most = 16 if obligation[at].limit_a is None else min(16, obligation[at].limit_a)
            if trusted and recommendation[at] is not None and recommendation[at].limit_a is not None:
                most = min(most, recommendation[at].limit_a)
            assert current == (most if most >= 6 else 0)
        assert due_s(machine) is None or due_s(machine) > now


@given(ORDERS, st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3))
def test_it_does_not_matter_how_often_somebody_looks(order, looks):
    once, often, now = Machine(), Machine(), 0.0
    for wait, event in order:
        for look in sorted(looks):
            often = step(often, Tick(), now + wait * look)
        now += wait
        once, often = step(once, event, now), step(often, event, now)
        assert once == often


NUMBERS = st.fixed_dictionaries({}, optional={"number": st.integers(-100, 10**20), "scale": st.integers(-40, 40)})
ROWS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"limitId": st.integers(0, 7), "isLimitActive": st.booleans(), "isLimitChangeable": st.booleans(), "value": NUMBERS}
    ),
    max_size=3,
)


@FEW
@given(st.lists(st.tuples(ROWS, st.booleans()), max_size=4))
def test_whatever_is_written_the_currents_stay_sound(writes):
    wire = street(RICH)
    for rows, partial in writes:
        data = element.decode(LoadControlLimitListData, {"loadControlLimitData": rows})
        before = wire.vehicle.machine
        if wire.write("LoadControl", command(data, filters=(PARTIAL,) if partial else None)):
            assert wire.vehicle.machine == before
        assert all(0 <= current <= 16 and not 0 < current < 6 for current in wire.vehicle.currents_a)
        load = wire.wallbox.node.device.entities[1, 1].feature("LoadControl", "server")
        assert [row.limit_id for row in load.data["loadControlLimitListData"].load_control_limit_data] == list(range(6))
        assert wire.manager.car(("wallbox", (1, 1))) is not None


SETS = st.lists(
    st.fixed_dictionaries(
        {"parameterId": st.integers(0, 3)},
        optional={
            "permittedValueSet": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "value": st.lists(NUMBERS, max_size=2),
                        "range": st.lists(st.fixed_dictionaries({}, optional={"min": NUMBERS, "max": NUMBERS}), max_size=2),
                    },
                ),
                max_size=2,
            )
        },
    ),
    max_size=3,
)


@FEW
@given(ROWS, SETS)
def test_whatever_a_car_says_the_manager_stays_whole(rows, sets):
    wire = street(RICH).limit(10, 10, 10)
    entity = wire.wallbox.node.device.entities[1, 1]
    load, connection = (entity.feature(type_, "server") for type_ in ("LoadControl", "ElectricalConnection"))
    wire.wallbox.node.publish(load, element.decode(LoadControlLimitListData, {"loadControlLimitData": rows}))
    told = {"electricalConnectionPermittedValueSetData": sets}
    wire.wallbox.node.publish(connection, element.decode(ElectricalConnectionPermittedValueSetListData, told))
    wire.tick()
    assert wire.manager.car(CAR_UNIT).commissioned.standard
    wire.limit(8, 8, 0).wait(32, step=8)
    assert wire.manager.evse(UNIT).car.obligation is not None
    writes = [datagram.cmd.data for side, datagram in wire.said if side == "box" and datagram.header.cmd_classifier == "write"]
    for row in writes[-1].load_control_limit_data:
        assert not row.is_limit_active or number(row.value) is not None
