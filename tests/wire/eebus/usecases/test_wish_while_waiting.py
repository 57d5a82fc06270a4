"""A guard whose write gets no answer is asked for something else meanwhile."""

from decimal import Decimal

from tests.wire.eebus.usecases.bench import joined

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.usecases.energy_guard import Told


def test_a_new_wish_is_written_when_the_old_one_has_failed_and_not_a_minute_later():
    wire = joined()
    wire.wait(1.0)
    wire.cut = True
    wire.box.guard.limit(Decimal(4000), None, wire.clock.now)
    wire.tick().wait(5.0)
    wire.box.guard.limit(Decimal(3000), None, wire.clock.now)
    wire.cut = False
    wire.wait(3.0, step=1.0)
    assert wire.house.lpc.applied_w is None  # the first may still be answered
    wire.wait(4.0, step=1.0)
    assert wire.house.lpc.applied_w == 3000
    assert [told.number for told in wire.heard("box", Told)] == [ErrorNumber.NONE, ErrorNumber.TIMEOUT, ErrorNumber.NONE]


def test_the_same_wish_is_written_again_after_a_minute():
    wire = joined()
    wire.wait(1.0)
    wire.cut = True
    wire.box.guard.limit(Decimal(4000), None, wire.clock.now)
    wire.tick().wait(12.0, step=1.0)
    wire.cut = False
    wire.wait(50.0, step=1.0)
    assert wire.house.lpc.applied_w is None
    wire.wait(12.0, step=1.0)
    assert wire.house.lpc.applied_w == 4000


def test_a_system_that_has_ceased_to_listen_is_not_due_for_ever():
    wire = joined()
    wire.wait(1.0)
    wire.box.guard.limit(Decimal(-1), None, wire.clock.now)
    wire.tick().wait(2.0)
    assert wire.heard("box", Told)[-1].number is ErrorNumber.COMMAND_REJECTED
    for link in wire.box.node.links.values():
        link.listeners.clear()
    wire.wait(70.0)
    due_s = wire.box.guard.due_s()
    assert due_s is None or due_s > wire.clock.s
