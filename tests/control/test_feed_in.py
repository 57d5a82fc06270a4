"""Batteries under a limit of what is fed in: they hold back, take in what is too much, and are left alone where that is not needed."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.control.test_batteries import NOW, SITE, limit

from chargebridge.control.decide import decide
from chargebridge.model.decision import Decision
from chargebridge.model.limit import Direction, Limit, LimitedPower, OnNode, Unknown
from chargebridge.model.reading import Reading
from chargebridge.model.state import BatteryState, SiteState


def fed_in(power_w: float | None, **more: Any) -> Limit:
    bound = Unknown("silent", 2000.0) if power_w is None else LimitedPower(power_w)
    return msgspec.structs.replace(limit(0, OnNode("main")), id="lpp", bound=bound, direction=Direction.PRODUCTION, **more)


def decided(others_w: float, battery_w: float, *limits: Limit, stored_wh: float = 5000, heard_s: float = 0.0) -> Decision:
    """others_w: what the house draws less what its roof makes."""
    amps = (others_w + battery_w) / 690
    at = NOW - timedelta(seconds=heard_s)
    reading = Reading(meter="m", received_at=at, power_w=others_w + battery_w, current_a=(amps,) * 3, voltage_v=(230.0,) * 3)
    state = BatteryState(battery="b", heard_at=NOW, power_w=battery_w, stored_wh=stored_wh)
    return decide(SiteState(topology=SITE, readings=(reading,), batteries=(state,), limits=limits), NOW)


@pytest.mark.parametrize(
    ("others_w", "battery_w", "limit_w", "told_w"),
    [
        (500, -4000, 1000, -1500),  # gives 1 kW beyond the house
        (500, -1000, 1000, None),  # well within
        (-6000, 0, 2000, 4000),  # the roof makes too much: take it in
        (-6000, 4000, 2000, 4000),  # goes on to take it in
        (-6000, -1000, 0, 6000),  # as much as it can
        (-9000, 0, 0, 6000),
        (-1000, 0, 0, 1000),
        (1000, -1000, 0, -1000),  # what the house draws itself may be given
    ],
)
def test_a_battery_keeps_to_what_may_be_fed_in(others_w: float, battery_w: float, limit_w: float, told_w: float | None) -> None:
    commands = decided(others_w, battery_w, fed_in(limit_w)).batteries
    assert [round(c.power_w) for c in commands] == ([] if told_w is None else [told_w])


def test_a_full_battery_takes_nothing_in_and_the_excess_is_told() -> None:
    made = decided(-6000, 0, fed_in(2000), stored_wh=10_000)
    assert made.batteries == ()
    assert [a.text for a in made.alerts if a.severity == "error"] == ["Main feeds in 6.0 of 2.0 kW"]


def test_behind_a_silent_meter_nothing_is_given() -> None:
    made = decided(500, -4000, fed_in(1000), heard_s=60)
    assert [c.power_w for c in made.batteries] == [0]


def test_without_a_limit_or_with_one_that_has_ended_it_runs_its_own_programme() -> None:
    over = fed_in(0, duration_s=1.0, starts_at=NOW - timedelta(seconds=60), received_at=NOW - timedelta(seconds=60))
    assert decided(-6000, -4000).batteries == decided(-6000, -4000, over).batteries == ()


def test_a_limit_that_nobody_knows_holds_it_to_the_failsafe_value() -> None:
    assert [round(c.power_w) for c in decided(-6000, 0, fed_in(None)).batteries] == [4000]
