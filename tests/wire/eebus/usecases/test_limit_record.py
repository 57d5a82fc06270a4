"""What a Controllable System tells of each write, of each step of its machine, and of a guard that comes back."""

from decimal import Decimal

from tests.wire.eebus.usecases.bench import joined
from tests.wire.eebus.usecases.test_guard_and_system import SYSTEM

from chargebridge.wire.eebus.usecases.limit_record import FAILSAFE_DURATION, FAILSAFE_LIMIT, LIMIT, Asked, GuardReturned, Moved
from chargebridge.wire.eebus.usecases.limitation import On, State
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP


def told(wire):
    return [(one.what, one.active, one.value_w, one.duration_s, one.refusal, one.state) for one in wire.heard("house", Asked)]


def test_each_write_is_told_with_what_was_decided():
    wire = joined()
    assert told(wire) == [(LIMIT, False, 34500, None, "", State.CONTROLLED)]
    wire.box.guard.limit(Decimal(4200), 20, wire.clock.now)
    wire.tick()
    wire.box.guard.limit(Decimal(-1), None, wire.clock.now)
    wire.tick()
    wire.box.guard.failsafe(SYSTEM, Decimal(6000), 10800, wire.clock.now)
    wire.tick()
    refusal = "a limit of consumption below 0 W (LPC-001)"
    assert told(wire)[1:] == [
        (LIMIT, True, 4200, 20, "", State.LIMITED),
        (LIMIT, True, -1, None, refusal, State.LIMITED),
        (FAILSAFE_LIMIT, None, 6000, None, "", State.LIMITED),
        (FAILSAFE_DURATION, None, None, 10800, "", State.LIMITED),
        (FAILSAFE_DURATION, None, None, 10800, "", State.INIT),
    ]
    assert [one.use_case for one in wire.heard("house", Asked)][-3:] == [LPC.name, LPC.name, LPP.name]


def test_each_step_of_the_machine_is_told_with_its_rule_and_the_time_of_its_timer():
    wire = joined()
    wire.box.guard.limit(Decimal(4200), 20, wire.clock.now)
    wire.tick()
    begun = wire.clock.s
    wire.wait(33, step=33)
    wire.cut = True
    wire.wait(150)
    moves = [(one.state, one.on, one.rule) for one in wire.heard("house", Moved)]
    assert moves == [
        (State.CONTROLLED, On.DEACTIVATED, "905"),
        (State.LIMITED, On.ACTIVATED, "910"),
        (State.CONTROLLED, On.EXPIRED, "908"),
        (State.FAILSAFE, On.SILENT, "911"),
    ]
    assert wire.heard("house", Moved)[2].at_s == begun + 20, "when the limit ended, not when somebody looked"


def test_a_guard_that_comes_back_is_told_once_for_each_limit():
    wire = joined()
    first = len(wire.heard("house", GuardReturned))
    assert first == 2, "the first heartbeat, for LPC and for LPP"
    wire.cut = True
    wire.wait(200)
    assert wire.house.lpc.machine.state is State.FAILSAFE
    wire.cut = False
    wire.wait(200)
    assert [one.use_case for one in wire.heard("house", GuardReturned)[first:]] == [LPC.name]
