"""Limits. Zero watts is a limit, silence is not consent: the three answers are three types."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from chargebridge.model.phases import PerPhase


class Unlimited(Struct, frozen=True, tag="unlimited"):
    """The source says that there is no limit."""


class LimitedPower(Struct, frozen=True, tag="power"):
    """At most ``power_w`` in sum over the phases; 0 is a limit."""

    power_w: float


class LimitedCurrent(Struct, frozen=True, tag="current"):
    """At most ``current_a`` on each phase."""

    current_a: PerPhase


class LimitedUnbalance(Struct, frozen=True, tag="unbalance"):
    """Any two phases may differ by at most ``current_a`` (VDE-AR-N 4100 clause 5.5: 4.6 kVA, 20 A)."""

    current_a: float


class Unknown(Struct, frozen=True, tag="unknown"):
    """The source has fallen silent or contradicts itself: until it speaks again its failsafe binds.

    failsafe_w: what counts meanwhile, W; None only where nothing was agreed, and then the scope falls to its stations' fallback currents.
    """

    reason: str
    failsafe_w: float | None = None


Bound = Unlimited | LimitedPower | LimitedCurrent | LimitedUnbalance | Unknown


class LimitSource(StrEnum):
    """EXTERNAL: whoever limits a charging station at the place, past us; the station tells of it (OCPP 2.x K11 to K14)."""

    GRID_CONNECTION = "grid_connection"
    FUSE = "fuse"
    UNBALANCE = "unbalance"
    GRID_OPERATOR = "grid_operator"
    AGREEMENT = "connection_agreement"
    PEAK_BUDGET = "peak_budget"
    OWNER = "owner"
    BACK_END = "back_end"
    EXTERNAL = "external"


class Direction(StrEnum):
    CONSUMPTION = "consumption"
    PRODUCTION = "production"


class OnNode(Struct, frozen=True, tag="node"):
    """The scope of a limit: a circuit (all that flows through it) or one charging point."""

    node: str


class OnGroup(Struct, frozen=True, tag="group"):
    """The scope of a limit: the sum of a group's members, wherever in the tree they hang."""

    group: str


Scope = OnNode | OnGroup


class Limit(Struct, frozen=True, kw_only=True):
    """One entry of the limit book.

    id: unique at its source; a later entry with the same id takes the place of the earlier one when it begins.
    legal_basis: the paragraph, contract or setting it rests on.
    starts_at: aware UTC; duration_s: None holds until it is replaced or withdrawn.
    max_age_s: the source must be heard from at least this often (a heartbeat), else the bound becomes Unknown; None for what needs no heartbeat.
    failsafe_w: what binds when the source falls silent, W.
    until: when its source is expected to end it: for plans and for people, as it holds until the source does end it; None: not known.
    """

    id: str
    source: LimitSource
    scope: Scope
    bound: Bound
    starts_at: datetime
    legal_basis: str
    received_at: datetime
    duration_s: float | None = None
    direction: Direction = Direction.CONSUMPTION
    max_age_s: float | None = None
    heard_at: datetime | None = None
    failsafe_w: float | None = None
    note: str = ""
    until: datetime | None = None

    @property
    def counts_from(self) -> datetime:
        """From when on it can take the place of others with its id: not before it was received. Of several the latest counts."""
        return max(self.starts_at, self.received_at)

    def begun(self, now: datetime) -> bool:
        """What held from its receipt on is not to come, though a clock that was set back may say so."""
        return self.starts_at <= max(now, self.received_at)

    def replaces(self, other: "Limit") -> bool:
        """Whether ``other``, an earlier entry with its id, has nothing more to say: one in force stays until this one begins, one to come stays."""
        if self.starts_at > self.received_at:
            return self.starts_at == other.starts_at
        return other.starts_at <= max(self.received_at, other.received_at)
