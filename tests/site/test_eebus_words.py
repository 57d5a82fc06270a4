"""The grid's limits in sentences, as the owner reads them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from chargebridge.site.eebus_words import power, span, standing, written
from chargebridge.wire.eebus.usecases.limitation import State

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def before(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("state", "limit_w", "until", "heartbeat", "since", "production", "said"),
    [
        (State.INIT, 4200, None, None, 3, False, "just started, limited to 4.2 kW: waiting for a control box"),
        (State.INIT, 4200, None, 1, 3, False, "just started, limited to 4.2 kW: the control box has set no limit yet"),
        (State.CONTROLLED, None, None, 1, 60, False, "unlimited, control box present"),
        (State.LIMITED, 4200, 3900, 1, 60, False, "limited to 4.2 kW until 14:05"),
        (State.LIMITED, 0, 30, 1, 60, False, "limited to 0 W until 13:00:30"),
        (State.LIMITED, 0, None, 1, 60, False, "limited to 0 W until further notice"),
        (State.LIMITED, 4200, 12 * 3600, 1, 60, False, "limited to 4.2 kW until Sun 01:00"),
        (State.LIMITED, -3000, None, 1, 60, True, "feed-in limited to 3 kW until further notice"),
        (State.FAILSAFE, 4200, None, 180, 60, False, "failsafe, limited to 4.2 kW: control box silent for 3 min"),
        (State.FAILSAFE, 4200, None, 2, 60, False, "failsafe, limited to 4.2 kW: the control box is back, but has set no limit yet"),
        (State.AUTONOMOUS, None, None, None, 60, False, "unlimited: no control box for a long time"),
    ],
)
def test_where_we_stand(
    state: State, limit_w: float | None, until: float | None, heartbeat: float | None, since: float, production: bool, said: str
) -> None:
    told = standing(
        state,
        limit_w=limit_w,
        until=None if until is None else NOW + timedelta(seconds=until),
        heartbeat_at=None if heartbeat is None else before(heartbeat),
        since=before(since),
        now=NOW,
        zone=BERLIN,
        production=production,
    )
    assert told == said


@pytest.mark.parametrize(
    ("what", "active", "value_w", "duration_s", "said"),
    [
        ("limit", True, 4200.0, 3600.0, "limit 4.2 kW for 1 h"),
        ("limit", True, 0.0, None, "limit 0 W"),
        ("limit", True, -1.0, None, "limit \u22121 W"),
        ("limit", False, 4200.0, None, "no limit"),
        ("failsafe limit", None, 6000.0, None, "failsafe limit 6 kW"),
        ("failsafe duration", None, None, 7200.0, "failsafe duration 2 h"),
    ],
)
def test_a_write(what: str, active: bool | None, value_w: float | None, duration_s: float | None, said: str) -> None:
    assert written(what, active, value_w, duration_s) == said


def test_figures_are_exact() -> None:
    assert [power(w) for w in (0, 999, 4235, 10_500, -300)] == ["0 W", "999 W", "4.235 kW", "10.5 kW", "300 W"]
    assert [span(s) for s in (0, 45, 90, 180, 5400, 7200, 86_400)] == ["0 s", "45 s", "90 s", "3 min", "1 h 30 min", "2 h", "24 h"]
