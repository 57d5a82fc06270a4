"""What pages and interfaces see of forecasts."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from chargebridge.planning.forecast.combine import MethodScore
from chargebridge.planning.forecast.drivers import Guess


class ForecastView(Struct, frozen=True, kw_only=True):
    """What stands. kind: "load", "pv", or "cars" that are still to come; from first_at on quarter hours, W.

    scores: of all methods on the last days, the best first.
    """

    kind: str
    made_at: datetime
    method: str
    why: str
    first_at: datetime
    likely_w: tuple[float, ...]
    low_w: tuple[float, ...]
    high_w: tuple[float, ...]
    scores: tuple[MethodScore, ...]


class Record(Struct, frozen=True, kw_only=True):
    """How the forecasts of a kind that were made in a while did, W: means over them. naive_mae: of the same time of the day before.

    coverage: share of the quarter hours that came to lie in the band; 0.8 is promised.
    """

    kind: str
    since: datetime
    forecasts: int
    mae: float
    pinball: float
    coverage: float
    width: float
    naive_mae: float | None


class ScoredForecast(Struct, frozen=True, kw_only=True):
    """One that is over. See ``Record``."""

    kind: str
    made_at: datetime
    method: str
    steps: int
    mae: float
    pinball: float
    coverage: float
    width: float
    naive_mae: float | None


class DriverRecord(Struct, frozen=True, kw_only=True):
    """How departures and energies would have been guessed at the arrival, over the newest sessions: mean absolute errors.

    departure_coverage, energy_coverage: share of those within the 10 to 90 % band. said_departure_h: of what drivers said, where they did (said
    of them).
    """

    sessions: int
    departure_h: float
    departure_coverage: float
    energy_kwh: float
    energy_coverage: float
    said: int
    said_departure_h: float | None


class SourceState(Struct, frozen=True, kw_only=True):
    """source: "prices" or "weather"; name: who tells them. fetched_at: when something last came, None: never. trouble: what is wrong now, or "".

    known_until: how far what was told reaches.
    """

    source: str
    name: str
    fetched_at: datetime | None
    asked_at: datetime
    trouble: str
    known_until: datetime | None = None


class ForecastService(Protocol):
    """What faces may ask."""

    def forecasts(self) -> tuple[ForecastView, ...]:
        """Those that stand."""
        ...

    def sources(self) -> tuple[SourceState, ...]:
        """Those that are configured."""
        ...

    async def records(self, days: float = 7.0) -> tuple[Record, ...]:
        """Of each kind, over the forecasts that were made in the last days and are over."""
        ...

    async def scored(self, kind: str | None = None, limit: int = 100) -> tuple[ScoredForecast, ...]:
        """The newest first."""
        ...

    def drivers(self) -> DriverRecord | None:
        """None where no visit is over yet."""
        ...

    def guess(self, point: str) -> Guess | None:
        """Of the car that is plugged in; what its driver says goes before it. None: none is there, or no visit is known. Raises UnknownNameError."""
        ...
