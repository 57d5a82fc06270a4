"""Between the demand of the cars and the grant of the site stand the equations of TF-EVC 3.2.6."""

import pytest
from small_site import NOON, at

from chargebridge.control.ems import grant
from chargebridge.control.timing import ESS_INTERVAL_S
from chargebridge.model.circuit import Battery
from chargebridge.model.decision import Demand
from chargebridge.model.state import BatteryState

BATTERY = Battery(
    id="b", name="Battery", circuit="house", charge_max_w=5000.0, discharge_max_w=5000.0, capacity_wh=10000.0, reserve_wh=2000.0
)


def state(power_w: float = 0.0, stored_wh: float | None = 8000.0, heard: float = 0.0) -> BatteryState:
    return BatteryState(battery="b", heard_at=at(heard), power_w=power_w, stored_wh=stored_wh)


@pytest.mark.parametrize(
    ("needed", "wished", "others", "most", "granted"),
    [
        (2000.0, 9000.0, 3000.0, 20000.0, 9000.0),
        (2000.0, 9000.0, 3000.0, 8000.0, 5000.0),
        (0.0, 9000.0, -4000.0, 4000.0, 8000.0),
        (0.0, 9000.0, 9000.0, 4000.0, 0.0),
        (0.0, 0.0, 1000.0, 4000.0, 0.0),
    ],
)
def test_granted_is_what_is_wished_within_what_the_grid_leaves(
    needed: float, wished: float, others: float, most: float, granted: float
) -> None:
    """3.2.6.1 and 3.2.6.2."""
    found, commands = grant(Demand(needed_w=needed, wished_w=wished), others, most, (), (), NOON)
    assert found.granted_w == granted
    assert not commands


def test_without_a_battery_what_is_short_is_told() -> None:
    found, _ = grant(Demand(needed_w=6000.0, wished_w=9000.0), 3000.0, 8000.0, (), (), NOON)
    assert (found.granted_w, found.short_w) == (5000.0, 1000.0)
    assert "1.0 kW" in found.reason


def test_the_battery_gives_what_is_needed_and_no_more() -> None:
    """3.2.6.3."""
    found, commands = grant(Demand(needed_w=6000.0, wished_w=9000.0), 3000.0, 8000.0, (BATTERY,), (state(),), NOON)
    assert [c.power_w for c in commands] == [-1000.0]
    assert (found.granted_w, found.battery_w, found.short_w) == (6000.0, 1000.0, 0.0)


def test_the_answer_stays_the_same_while_the_battery_gives() -> None:
    demand = Demand(needed_w=6000.0, wished_w=9000.0)
    found, commands = grant(demand, 2000.0, 8000.0, (BATTERY,), (state(power_w=-1000.0),), NOON)
    assert [c.power_w for c in commands] == [-1000.0]
    assert found.granted_w == 6000.0


def test_a_battery_that_charges_makes_way_first() -> None:
    demand = Demand(needed_w=6000.0, wished_w=6000.0)
    found, commands = grant(demand, 4000.0, 8000.0, (BATTERY,), (state(power_w=3000.0),), NOON)
    assert [c.power_w for c in commands] == [1000.0]
    assert found.granted_w == 6000.0


@pytest.mark.parametrize(
    ("stored", "able"), [(8000.0, 5000.0), (2000.0, 0.0), (2010.0, 10.0 * 3600 / ESS_INTERVAL_S), (None, 0.0), (float("nan"), 0.0)]
)
def test_power_and_reserve_of_the_battery_are_kept(stored: float | None, able: float) -> None:
    """3.2.6.4."""
    demand = Demand(needed_w=20000.0, wished_w=20000.0)
    found, commands = grant(demand, 0.0, 8000.0, (BATTERY,), (state(stored_wh=stored),), NOON)
    assert -sum(c.power_w for c in commands) == pytest.approx(able)
    assert found.short_w == pytest.approx(12000.0 - able)


def test_a_silent_battery_is_not_counted_on() -> None:
    found, commands = grant(Demand(needed_w=9000.0, wished_w=9000.0), 0.0, 8000.0, (BATTERY,), (state(heard=-100.0),), NOON)
    assert not commands
    assert found.short_w == 1000.0
