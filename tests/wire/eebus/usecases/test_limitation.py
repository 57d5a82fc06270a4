"""The machine of LPC and LPP, rule by rule (the numbers are those of LPC 1.0.0), and driven by hypothesis."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus.usecases.limitation import (
    TRANSITIONS,
    FailsafeWrite,
    Heartbeat,
    Interrupt,
    LimitWrite,
    Memory,
    On,
    Settings,
    State,
    Tick,
    applied_w,
    due_s,
    start,
    step,
)

LPC = Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(5000))
LPP = msgspec.structs.replace(LPC, production=True)
FREE = msgspec.structs.replace(LPC, autonomous=True)


class Run:
    """A machine, and the clock of its test."""

    def __init__(self, settings=LPC, memory=None):
        self.settings, self.now, self.taken = settings, 1000.0, []
        self.machine = start(settings, memory, self.now)

    def do(self, event, after=0.0):
        self.now += after
        done = step(self.machine, self.settings, event, self.now)
        self.machine, self.refusal = done.machine, done.refusal
        self.taken += [transition.number for _, _, transition in done.taken]
        return self

    def wait(self, seconds):
        return self.do(Tick(), seconds)

    def beat(self, after=0.0):
        return self.do(Heartbeat(), after)

    def write(self, active=True, limit=4200, after=0.0, **more):
        sign = -1 if self.settings.production else 1
        heard = more.pop("heard_s", self.machine.heartbeat_s)
        return self.do(LimitWrite(active=active, limit_w=None if limit is None else Decimal(limit) * sign, heard_s=heard, **more), after)

    @property
    def state(self):
        return self.machine.state

    @property
    def applied(self):
        return applied_w(self.machine, self.settings)


def controlled(settings=LPC):
    return Run(settings).beat().write(active=False)


def limited(settings=LPC, **more):
    return Run(settings).beat().write(**more)


def failsafe(settings=LPC):
    return controlled(settings).wait(120)


def autonomous():
    return Run(FREE).wait(120)


@pytest.mark.parametrize("settings", [LPC, LPP], ids=["LPC", "LPP"])
@pytest.mark.parametrize(
    ("begin", "do", "number", "after"),
    [
        (Run, lambda run: run.beat().write(limit=-1), 1, State.CONTROLLED),
        (Run, lambda run: run.beat().write(active=False), 1, State.CONTROLLED),
        (Run, lambda run: run.beat().write(), 2, State.LIMITED),
        (controlled, lambda run: run.write(), 4, State.LIMITED),
        (controlled, lambda run: run.wait(120), 5, State.FAILSAFE),
        (limited, lambda run: run.write(active=False), 6, State.CONTROLLED),
        (lambda settings: limited(settings, given=True, duration_s=30), lambda run: run.wait(30), 6, State.CONTROLLED),
        (limited, lambda run: run.do(Interrupt()), 6, State.CONTROLLED),
        (limited, lambda run: run.wait(120), 7, State.FAILSAFE),
        (failsafe, lambda run: run.beat().write(limit=-1), 8, State.CONTROLLED),
        (failsafe, lambda run: run.beat().write(active=False), 8, State.CONTROLLED),
        (failsafe, lambda run: run.beat().write(), 9, State.LIMITED),
    ],
    ids=["902", "905", "904", "910", "911", "909", "908", "923", "912", "918", "920", "919"],
)
def test_LPC_transition(begin, do, number, after, settings):  # noqa: N802
    run = do(begin(settings))
    assert run.taken[-1] == number
    assert run.state is after


@pytest.mark.parametrize(
    ("begin", "do", "number", "after"),
    [
        (lambda: Run(FREE), lambda run: run.wait(120), 3, State.AUTONOMOUS),
        (lambda: Run(FREE), lambda run: run.beat(60).wait(60), 3, State.AUTONOMOUS),
        (lambda: failsafe(FREE), lambda run: run.wait(7200), 10, State.AUTONOMOUS),
        (lambda: failsafe(FREE), lambda run: run.beat(10).wait(120), 10, State.AUTONOMOUS),
        (autonomous, lambda run: run.beat().write(limit=-1), 11, State.CONTROLLED),
        (autonomous, lambda run: run.beat().write(active=False), 11, State.CONTROLLED),
        (autonomous, lambda run: run.beat().write(), 12, State.LIMITED),
    ],
    ids=["906", "906-heartbeat", "922", "921", "918", "920", "919"],
)
def test_LPC_transition_where_a_system_may_go_its_own_way(begin, do, number, after):  # noqa: N802
    run = do(begin())
    assert run.taken[-1] == number
    assert run.state is after


def test_all_twelve_transitions_are_there():
    assert {transition.number for transition in TRANSITIONS.values()} == set(range(1, 13))


def test_LPC_901_1_after_a_start_the_failsafe_limit_holds():  # noqa: N802
    assert Run().applied == 5000
    assert Run(LPP).applied == -5000


def test_LPC_903_TS_044_without_memory_the_configured_failsafe_values_hold_else_the_remembered():  # noqa: N802
    assert Run().machine.memory == Memory(Decimal(5000), 7200)
    run = limited().do(FailsafeWrite(Decimal(3000), 10800))
    again = Run(memory=run.machine.memory)
    assert (again.state, again.applied, again.machine.memory.failsafe_s) == (State.INIT, 3000, 10800)


def test_LPC_906_921_922_a_system_under_section_14a_stays():  # noqa: N802
    assert Run().wait(1e6).state is State.INIT
    assert failsafe().beat(10).wait(1e6).state is State.FAILSAFE


def test_LPC_907_1_2_a_refused_limit_changes_nothing_while_the_guard_is_there():  # noqa: N802
    run = limited()
    before = run.machine
    assert run.write(limit=-1).refusal
    assert run.machine == before
    run = controlled()
    assert run.write(unable="the fuse of the car port is out").refusal
    assert run.state is State.CONTROLLED


def test_LPC_908_a_limit_without_duration_does_not_end():  # noqa: N802
    run = limited()
    for _ in range(1000):
        run.beat(60)
    assert run.state is State.LIMITED


def test_LPC_911_a_heartbeat_in_time_keeps_the_state():  # noqa: N802
    assert controlled().beat(119).wait(119).state is State.CONTROLLED


def test_LPC_TS_012_a_returning_heartbeat_alone_does_not_end_failsafe():  # noqa: N802
    run = failsafe()
    for _ in range(100):
        run.beat(30)
    assert (run.state, run.applied) == (State.FAILSAFE, 5000)


@pytest.mark.parametrize("begin", [Run, failsafe, autonomous], ids=["init", "failsafe", "autonomous"])
def test_LPC_TS_036_a_limit_is_heard_only_within_60_s_of_a_heartbeat(begin):  # noqa: N802
    late = begin().beat()
    assert late.write(after=61).refusal
    assert late.state is begin().state
    assert begin().write(heard_s=None).refusal
    assert begin().beat().write(after=60).state is State.LIMITED


@pytest.mark.parametrize("begin", [Run, failsafe, autonomous], ids=["init", "failsafe", "autonomous"])
def test_LPC_TS_037_failsafe_values_are_open_only_after_a_limit(begin):  # noqa: N802
    run = begin().beat()
    assert run.do(FailsafeWrite(Decimal(3000))).refusal
    assert run.machine.memory.failsafe_w == 5000
    assert run.write(active=False).do(FailsafeWrite(Decimal(3000))).refusal is None
    assert run.machine.memory.failsafe_w == 3000


def test_LPC_LPP_010_a_failsafe_limit_is_never_negative():  # noqa: N802
    for settings in (LPC, LPP):
        run = controlled(settings)
        assert run.do(FailsafeWrite(Decimal(-1))).refusal
        assert run.do(FailsafeWrite(Decimal(0))).refusal is None
        assert run.machine.memory.failsafe_w == 0


def test_LPC_022_3_4_5_the_failsafe_duration_lies_between_2_h_and_our_maximum():  # noqa: N802
    run = controlled(msgspec.structs.replace(LPC, failsafe_max_s=6 * 3600))
    assert run.do(FailsafeWrite(Decimal(1), 6840)).refusal
    assert run.machine.memory == Memory(Decimal(5000), 7200)
    assert run.do(FailsafeWrite(Decimal(1), 6 * 3600 * 1.05)).refusal
    assert run.machine.memory == Memory(Decimal(5000), 6 * 3600)


def test_LPC_TS_035_4_a_limit_above_what_the_system_can_take_is_accepted():  # noqa: N802
    assert limited(limit=100000).applied == 100000


def test_a_limit_of_0_w_is_0_w():
    assert limited(limit=0).applied == 0


def test_a_limit_that_is_over_already_is_refused():
    assert limited(given=True, duration_s=0).refusal


def test_the_duration_of_a_deactivated_limit_counts_from_its_activation():
    run = controlled().write(active=False, given=True, duration_s=30).write(after=20)
    assert run.wait(29).state is State.LIMITED
    assert run.wait(1).state is State.CONTROLLED


def test_a_deactivated_limit_leaves_no_duration_behind():
    run = limited(given=True, duration_s=30).write(active=False, after=10).write()
    assert run.machine.ends_s is None


EVENTS = st.one_of(
    st.just(Tick()),
    st.just(Heartbeat()),
    st.just(Heartbeat()),
    st.just(Interrupt()),
    st.builds(
        lambda active, limit, duration, given, unable: ("limit", active, limit, duration if given else None, given, unable),
        st.booleans(),
        st.sampled_from([-1000, 0, 4200, 100000]),
        st.sampled_from([None, 1.0, 45.0, 600.0]),
        st.booleans(),
        st.sampled_from(["", "", "", "self-protection"]),
    ),
    st.builds(FailsafeWrite, st.sampled_from([None, Decimal(-1), Decimal(3000)]), st.sampled_from([None, 60.0, 10800.0, 99999.0])),
)
WAITS = st.sampled_from([0.0, 1.0, 30.0, 59.0, 60.0, 61.0, 119.0, 120.0, 121.0, 8000.0])
TAKEN = [(0.0, Heartbeat()), (1.0, ("limit", True, 4200, None, False, ""))]
RELEASED = [(0.0, Heartbeat()), (1.0, ("limit", False, 4200, None, False, ""))]
LOST = [*TAKEN, (121.0, Tick())]
ORDERS = st.builds(list.__add__, st.sampled_from([[], TAKEN, RELEASED, LOST]), st.lists(st.tuples(WAITS, EVENTS), max_size=30))
"""From each state, so that few examples go far."""


@given(ORDERS, st.booleans(), st.booleans())
def test_it_is_never_unlimited_when_it_must_not_be(order, autonomous, production):
    """Told from the history alone: who was heard when, and what was the last limit that was taken."""
    run = Run(msgspec.structs.replace(LPC, autonomous=autonomous, production=production))
    begun, heard, told, released, loose = run.now, None, False, None, False
    activated, durations = [], set()
    for wait, event in order:
        before = run.machine
        at = run.now + wait
        if isinstance(event, tuple):
            run.write(event[1], event[2], wait, duration_s=event[3], given=event[4], unable=event[5], heard_s=heard)
            fresh = heard is not None and at - heard <= 60
            attended = step(before, run.settings, Tick(), at).machine.state in (State.CONTROLLED, State.LIMITED)
            assert (run.refusal is None) == ((fresh or attended) and event[2] >= 0 and not event[5])
            if fresh or attended:
                told = True
                if run.refusal is None:
                    released = not event[1]
                    activated = [*activated, at] if event[1] else []
                    durations |= {event[3]} - {None}
                elif not attended:
                    released = True
        else:
            run.do(event, wait)
            heard = at if isinstance(event, Heartbeat) else heard
            released = True if isinstance(event, Interrupt) and told and before.state is State.LIMITED else released
        if 3 in run.taken or 10 in run.taken:
            loose = True
        unlimited = run.applied is None
        if unlimited and not loose:
            assert told, "unlimited though nobody said so"
            assert heard is not None, "unlimited though no guard was ever heard"
            assert run.now - heard < 120, "unlimited though the guard is silent"
            ends = {write + duration for write in activated for duration in durations}
            assert released or (run.taken[-1] == 6 and run.machine.entered_s in ends), "unlimited though a limit holds"
        if loose:
            assert autonomous
            assert run.now - begun >= 120
        if run.state is State.LIMITED:
            assert run.now - heard < 120
            assert run.machine.ends_s is None or run.machine.ends_s > run.now
        due = due_s(run.machine, run.settings)
        assert due is None or due > run.now


@given(ORDERS, st.booleans(), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3))
def test_it_does_not_matter_how_often_somebody_looks(order, autonomous, looks):
    settings = msgspec.structs.replace(LPC, autonomous=autonomous)
    once, often = Run(settings), Run(settings)
    for wait, event in order:
        for look in sorted(looks):
            often.machine = step(often.machine, settings, Tick(), often.now + wait * look).machine
        for run in (once, often):
            if isinstance(event, tuple):
                run.write(event[1], event[2], wait, duration_s=event[3], given=event[4], unable=event[5])
            else:
                run.do(event, wait)
        assert once.machine == often.machine


@given(ORDERS)
def test_each_transition_is_one_of_the_table(order):
    run = Run(FREE)
    for wait, event in order:
        state = run.machine.state
        if isinstance(event, tuple):
            run.now += wait
            done = step(run.machine, FREE, LimitWrite(active=event[1], limit_w=Decimal(event[2]), heard_s=run.machine.heartbeat_s), run.now)
        else:
            run.now += wait
            done = step(run.machine, FREE, event, run.now)
        for _, on, transition in done.taken:
            assert TRANSITIONS[state, on] == transition
            assert isinstance(on, On)
            state = transition.to
        run.machine = done.machine
        assert run.machine.state is state
