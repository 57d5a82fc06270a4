"""What the standing plan has for a car, as a wallbox by EEBUS tells it to the car."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from chargebridge.app.eebus import planned
from chargebridge.stations.eebus.ahead import Step

T0 = datetime(2026, 11, 21, 22, tzinfo=UTC)


def site(**plan):
    quarters = (T0, T0 + timedelta(minutes=15))
    made = {
        "alive": True,
        "starts": quarters,
        "steps_s": (900.0, 900.0),
        "price_per_kwh": (0.2, 0.4),
        "cars": [SimpleNamespace(point="b", power_w=(7000.0, 0.0))],
    }
    points = {("WB", 1): SimpleNamespace(point=SimpleNamespace(id="b")), ("CP", 1): SimpleNamespace(point=SimpleNamespace(id="a"))}
    return SimpleNamespace(
        service=SimpleNamespace(planning=SimpleNamespace(view=lambda: SimpleNamespace(**made | plan))),
        live=SimpleNamespace(at=lambda station, evse: points.get((station, evse))),
    )


def test_a_plan_is_told_step_by_step() -> None:
    first, second = planned(site(), "WB", 1)
    assert first == Step(start=T0, end=T0 + timedelta(minutes=15), power_w=7000.0, price=0.2)
    assert (second.power_w, second.price) == (0.0, 0.4)


@pytest.mark.parametrize(("plan", "station", "evse"), [({"alive": False}, "WB", 1), ({}, "CP", 1), ({}, "WB", 2)])
def test_where_nothing_is_planned_nothing_is_told(plan: dict[str, bool], station: str, evse: int) -> None:
    assert planned(site(**plan), station, evse) == ()
