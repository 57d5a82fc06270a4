"""The record of a Controllable System: what was written to it and decided, how its machine moved, and when its Energy Guard came back."""

from decimal import Decimal

from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import EntityId
from chargebridge.wire.eebus.usecases.limitation import On, State

LIMIT, FAILSAFE_LIMIT, FAILSAFE_DURATION = "limit", "failsafe limit", "failsafe duration"
"""What can be written."""


class Asked(Event, frozen=True, kw_only=True):
    """What an Energy Guard wrote, and what was decided: with its answer the record of who limited us, when, and whether we agreed.

    what: one of the three above. active: of a limit. value_w: of production 0 or negative. duration_s: from now on. Both are None where the write
    does not say. refusal: why it was refused; empty if it was not. state: of the machine afterwards.
    """

    peer: str
    use_case: str
    entity: EntityId
    what: str
    active: bool | None
    value_w: Decimal | None
    duration_s: float | None
    refusal: str
    state: State


class Moved(Event, frozen=True):
    """The machine of a limit has changed its state, for this reason and by this rule; at_s: the time of the timer, or of the write."""

    use_case: str
    entity: EntityId
    state: State
    on: On
    rule: str
    at_s: float


class GuardReturned(Event, frozen=True):
    """The first heartbeat since there was no Energy Guard. It changes no state, but from now on a limit is heard (LPC-036)."""

    use_case: str
    entity: EntityId
    peer: str
