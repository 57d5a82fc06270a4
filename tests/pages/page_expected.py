"""Test data for the panel of what is expected."""

from datetime import UTC, datetime, timedelta
from math import pi, sin

from chargebridge.planning.forecast.combine import MethodScore
from chargebridge.planning.forecast.drivers import Guess
from chargebridge.site.forecasts.view import DriverRecord, ForecastView, Record, ScoredForecast, SourceState


class Expected:
    """A ``ForecastService`` of a house, a roof, and two services of which one is out of reach."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def forecasts(self) -> tuple[ForecastView, ...]:
        midnight = datetime(2026, 5, 4, 22, tzinfo=UTC)
        house = [1200 + 900 * sin(n / 96 * 4 * pi) for n in range(288)]
        roof = [max(0.0, 7000 * sin((n % 96 - 24) / 96 * 2 * pi)) for n in range(288)]
        return (
            self._view("load", midnight, house, "both: of late it would have been 182 W beside the truth, tried on 14 days."),
            self._view("pv", midnight, roof, "weather: of late it would have been 310 W beside the truth, tried on 14 days."),
        )

    def _view(self, kind: str, at: datetime, line: list[float], why: str) -> ForecastView:
        score = MethodScore(method=why.partition(":")[0], mae=182.0, pinball=60.0, days=14)
        low, high = (tuple(value * share for value in line) for share in (0.7, 1.4))
        method = score.method
        return ForecastView(
            kind=kind, made_at=at, method=method, why=why, first_at=at, likely_w=tuple(line), low_w=low, high_w=high, scores=(score,)
        )

    def sources(self) -> tuple[SourceState, ...]:
        came = self._now - timedelta(minutes=20)
        prices = SourceState(
            source="prices", name="energy-charts", fetched_at=came, asked_at=came, trouble="", known_until=self._now + timedelta(hours=20)
        )
        lost = SourceState(
            source="weather", name="Open-Meteo", fetched_at=None, asked_at=came, trouble="cannot be reached; see the network"
        )
        return prices, lost

    async def records(self, days: float = 7.0) -> tuple[Record, ...]:
        since = self._now - timedelta(days=days)
        return (
            Record(kind="load", since=since, forecasts=160, mae=214.0, pinball=70.0, coverage=0.83, width=800.0, naive_mae=290.0),
            Record(kind="pv", since=since, forecasts=160, mae=410.0, pinball=120.0, coverage=0.79, width=1500.0, naive_mae=690.0),
        )

    async def scored(self, kind: str | None = None, limit: int = 100) -> tuple[ScoredForecast, ...]:
        return ()

    def drivers(self) -> DriverRecord | None:
        return DriverRecord(
            sessions=120, departure_h=1.2, departure_coverage=0.84, energy_kwh=6.9, energy_coverage=0.84, said=40, said_departure_h=5.2
        )

    def guess(self, point: str) -> Guess | None:
        return None
