"""A limit as it comes over the REST interface: from a grid operator's gateway, a contract system or the owner's own programs."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from chargebridge.app.web.api_schema import Body
from chargebridge.model.limit import Bound, Limit, LimitedCurrent, LimitedPower, LimitSource, OnGroup, OnNode, Unlimited

Amps = Annotated[float, Field(ge=0, le=100_000)]
FROM_OUTSIDE = frozenset({LimitSource.GRID_OPERATOR, LimitSource.AGREEMENT, LimitSource.PEAK_BUDGET, LimitSource.OWNER})
"""The others (fuse, unbalance, grid connection) are of the property itself and stand in its configuration."""


class LimitEntryBody(Body):
    """One entry of the limit book. Exactly one scope (node or group) and exactly one bound (power_w, current_a or unlimited)."""

    id: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[^/]+$",
        description="unique at its source; the same id again replaces the entry when it begins",
    )
    source: LimitSource
    legal_basis: str = Field(min_length=1, max_length=200, description="the paragraph, contract or setting it rests on")
    node: str | None = Field(None, description="a circuit or a charging point")
    group: str | None = Field(None, description="a named group of devices")
    power_w: float | None = Field(None, ge=0, le=1e9, description="at most so much in sum; 0 is a limit")
    current_a: tuple[Amps, Amps, Amps] | None = Field(None, description="at most so much on each phase")
    unlimited: bool = Field(False, description="the source says that there is no limit")
    starts_at: AwareDatetime | None = Field(None, description="null: now")
    duration_s: float | None = Field(None, gt=0, description="null: until replaced or withdrawn")
    max_age_s: float | None = Field(None, gt=0, description="the source must be heard at least this often, else its failsafe binds")
    failsafe_w: float | None = Field(None, ge=0, le=1e9)
    note: str = Field("", max_length=500)

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if self.source not in FROM_OUTSIDE:
            raise ValueError(f"source {self.source} belongs to the configuration; give one of {', '.join(sorted(FROM_OUTSIDE))}")
        if (self.node is None) == (self.group is None):
            raise ValueError("give either node or group")
        if (self.power_w is not None) + (self.current_a is not None) + self.unlimited != 1:
            raise ValueError("give exactly one of power_w, current_a and unlimited")
        return self

    def limit(self, now: datetime) -> Limit:
        """The entry in the model's words, received ``now``."""
        return Limit(
            id=self.id,
            source=self.source,
            scope=OnNode(self.node) if self.node is not None else OnGroup(self.group or ""),
            bound=self._bound(),
            starts_at=self.starts_at or now,
            legal_basis=self.legal_basis,
            received_at=now,
            duration_s=self.duration_s,
            max_age_s=self.max_age_s,
            heard_at=now if self.max_age_s is not None else None,
            failsafe_w=self.failsafe_w,
            note=self.note,
        )

    def _bound(self) -> Bound:
        if self.power_w is not None:
            return LimitedPower(self.power_w)
        return LimitedCurrent(self.current_a) if self.current_a is not None else Unlimited()
