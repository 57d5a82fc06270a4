"""LPC and LPP over SPINE through random orders of events, against an oracle that is written from the rules and knows nothing of our machine.

The oracle keeps a list of what happened and reckons from it alone what must hold now: what was heard of the guard when, which limit was taken last,
and whether there was a silence of 120 s since. It has no states and no timers of its own.
"""

from decimal import Decimal

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.wire.eebus.usecases.rule_scene import FAILSAFE_W, KEEP, Scene

from chargebridge.wire.eebus.usecases.limitation import State

SILENCE_S, WINDOW_S = 120.0, 60.0
VALUES = st.sampled_from([0, 1, 4200, 34500, 100000])
DURATIONS = st.sampled_from([1, 30, 60, 300, 7200])
WAITS = st.sampled_from([1, 10, 29, 30, 59, 60, 61, 90, 119, 120, 121, 7200])


LIMITED = [(False, 4200, KEEP, False), (True, 4200, KEEP, False), (True, 4200, 60, False), (True, 0, 300, False)]
"""First writes: released, limited without end, limited for a while."""


class Oracle:
    """heard_s: the guard's last heartbeat; None since a restart. attended: whether a limit was taken or refused that counts, and no silence came
    since. limit: (value, end) of the active limit. waiting: value and duration of one that is not active."""

    def __init__(self, now):
        self.heard_s, self.attended = None, False
        self.limit, self.waiting = None, (None, None)
        self.failsafe = FAILSAFE_W

    def restarted(self, nominal):
        self.heard_s, self.attended, self.limit, self.waiting = None, False, None, (nominal, None)

    def look(self, now):
        """What time alone does."""
        silent = self.attended and now - self.heard_s >= SILENCE_S
        over = self.limit is not None and self.limit[1] is not None and self.limit[1] <= now
        if self.limit is not None and (silent or over):
            self.waiting, self.limit = (self.limit[0], None), None
        self.attended = self.attended and not silent

    def may_write(self, now):
        return self.attended or (self.heard_s is not None and now - self.heard_s <= WINDOW_S)

    def wrote(self, now, active, value, lasts, unfit):
        """active: as merged; value: likewise; lasts: KEEP where the message says nothing of it, None where it takes it away."""
        if not self.may_write(now):
            return False
        if unfit:
            self.attended = True
            return False
        old_end = self.limit[1] if self.limit is not None else None
        waiting = self.waiting[1] if self.limit is None else None
        self.attended = True
        if active:
            end = old_end if lasts is KEEP and self.limit is not None else now + waiting if lasts is KEEP and waiting is not None else None
            self.limit = (value, end if lasts is KEEP else None if lasts is None else now + lasts)
            self.waiting = (value, None)
        else:
            self.waiting = (value, waiting if lasts is KEEP else lasts)
            self.limit = None
        return True

    @property
    def must_keep(self):
        """In W, without sign; None: nothing."""
        return self.failsafe if not self.attended else None if self.limit is None else self.limit[0]


class Rules(RuleBasedStateMachine):
    of = "LPC"

    @initialize(refuses=st.booleans(), first=st.sampled_from([None, *LIMITED]), then=st.sampled_from([0, 30, 119, 120]))
    def begin(self, refuses, first, then):
        """From each state, so that few examples go far."""
        self.unable = [None]
        self.scene = Scene(self.of, unable=lambda limit_w: "self-protection" if abs(limit_w) == self.unable[0] else "")
        self.oracle = Oracle(self.scene.clock.s)
        self.oracle.waiting = (Decimal(34500), None)
        self.online = True
        if refuses:
            self.unable[0] = 1
        if first is not None:
            self.beat()
            self.write(*first)
        self.wait(then)

    @property
    def now(self):
        self.oracle.look(self.scene.clock.s)
        return self.scene.clock.s

    @rule(seconds=WAITS)
    def wait(self, seconds):
        if seconds:
            self.scene.wire.wait(seconds, step=seconds)

    @rule(times=st.integers(1, 10))
    @precondition(lambda self: self.online)
    def wait_while_the_guard_beats(self, times):
        for _ in range(times):
            self.scene.wire.wait(60, step=60)
            self.beat()

    @rule()
    @precondition(lambda self: self.online)
    def beat(self):
        now = self.now
        self.scene.beat()
        self.oracle.heard_s = now

    @rule(
        active=st.sampled_from([None, True, False]),
        value=st.none() | VALUES,
        lasts=st.just(KEEP) | DURATIONS,
        delete=st.booleans(),
    )
    @precondition(lambda self: self.online)
    def write(self, active, value, lasts, delete):
        """All 17 kinds of the test specification, and a few that say nothing."""
        if delete and lasts is not KEEP:
            return
        now = self.now
        merged = self.oracle.limit is not None if active is None else active
        kept = Decimal(value) if value is not None else (self.oracle.limit or self.oracle.waiting)[0]
        unfit = merged and self.unable[0] is not None and kept == self.unable[0]
        taken = self.oracle.wrote(now, merged, kept, None if delete else lasts, unfit)
        assert self.scene.write(active, value, lasts, delete) == taken

    @rule(active=st.booleans())
    @precondition(lambda self: self.online)
    def write_of_the_wrong_sign(self, active):
        now = self.now
        merged = self.oracle.limit[0] if self.oracle.limit is not None else self.oracle.waiting[0]
        assert not self.oracle.wrote(now, active, merged, KEEP, unfit=True)
        assert not self.scene.write(active, -1)

    @rule(value=st.sampled_from([None, -1, 0, 3000]), lasts_s=st.sampled_from([None, 7199, 7200, 86400, 86401]))
    @precondition(lambda self: self.online)
    def write_failsafe(self, value, lasts_s):
        if value is None and lasts_s is None:
            return
        now = self.now
        attended = self.oracle.attended
        taken = self.scene.failsafe(value, lasts_s)
        sound = value != -1 and lasts_s in (None, 7200, 86400)
        assert taken == (attended and sound)
        assert now == self.scene.clock.s
        if taken and value is not None:
            self.oracle.failsafe = Decimal(value)

    @rule()
    @precondition(lambda self: self.oracle.limit is not None and self.oracle.attended)
    def cannot_keep_it_any_longer(self):
        self.now  # noqa: B018
        if self.oracle.limit is not None and self.oracle.attended:
            self.oracle.waiting, self.oracle.limit = (self.oracle.limit[0], None), None
        self.scene.system.part.interrupt(self.scene.limited, self.scene.clock.now)
        self.scene.wire.tick()

    @rule()
    @precondition(lambda self: self.online)
    def disconnect(self):
        self.scene.wire.disconnect()
        self.online = False

    @rule()
    @precondition(lambda self: not self.online)
    def connect(self):
        self.scene.wire.connect()
        self.online = True

    @rule()
    def restart(self):
        if not self.online:
            self.scene.wire.connect()
        self.now  # noqa: B018
        self.scene.restart()
        self.online = True
        self.oracle.restarted(Decimal(34500))

    @invariant()
    def what_holds_is_what_must(self):
        if not hasattr(self, "oracle"):
            return
        now = self.now
        assert self.scene.applied == self.oracle.must_keep
        if self.scene.applied is None:
            assert self.oracle.heard_s is not None
            assert now - self.oracle.heard_s < SILENCE_S
        limited = self.oracle.attended and self.oracle.limit is not None
        assert self.scene.state is not State.AUTONOMOUS
        assert (self.scene.state is State.LIMITED) == limited
        assert self.scene.row.is_limit_active == limited
        assert self.scene.system.node.due_s() > now


class Production(Rules):
    of = "LPP"


TestLPC, TestLPP = Rules.TestCase, Production.TestCase
TestLPC.settings = TestLPP.settings = settings(stateful_step_count=20, max_examples=1 + settings().max_examples // 2)
