"""What is learnt of drivers: who is known, who is new, who stays longer than ever, and whom we take at his word."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.model.session import Preference
from chargebridge.planning.forecast.arrivals import expected_load
from chargebridge.planning.forecast.drivers import Habits, Visit, goals
from chargebridge.planning.forecast.grid import Calendar
from chargebridge.planning.problem import Horizon

BERLIN = Calendar("Europe/Berlin")
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)


def visit(driver: str, at: datetime, stay_h: float, kwh: float) -> Visit:
    return Visit(driver=driver, arrived_at=at, left_at=at + timedelta(hours=stay_h), energy_wh=kwh * 1000)


def working_days(weeks: int) -> list[datetime]:
    return [MONDAY + timedelta(weeks=week, days=day) for week in range(weeks) for day in range(5)]


def office(weeks: int = 4) -> list[Visit]:
    """Ann comes at seven to nine and leaves at 16:00, Bob stays one hour about noon; both on working days (UTC + 2 h). Saturdays Ann stays 2 h."""
    chance = np.random.default_rng(1)
    found = []
    for day in working_days(weeks):
        late = chance.uniform(-1, 1)
        found.append(visit("ann", day + timedelta(hours=6 + late), 8 - late + chance.normal(0, 0.1), 12 + chance.normal(0, 1)))
        found.append(visit("bob", day + timedelta(hours=10 + late), 1 + chance.normal(0, 0.1), 5))
    return found + [visit("ann", MONDAY + timedelta(weeks=w, days=5, hours=6), 2, 3) for w in range(weeks)]


NOW = MONDAY + timedelta(weeks=4, hours=6)


def test_a_regular_leaves_when_she_always_does() -> None:
    guess = Habits(office(), BERLIN).guess("ann", NOW, NOW)
    assert guess is not None
    assert abs(guess.leaves_at[1] - (NOW + timedelta(hours=8))) < timedelta(minutes=30)
    assert guess.energy_wh[1] == pytest.approx(12_000, abs=1000)
    assert guess.own_visits == 24
    assert "24 earlier visits of this driver" in guess.why


def test_who_leaves_by_the_clock_does_so_also_when_late() -> None:
    guess = Habits(office(), BERLIN).guess("ann", NOW + timedelta(hours=1), NOW + timedelta(hours=1))
    assert guess is not None
    assert abs(guess.leaves_at[1] - (NOW + timedelta(hours=8))) < timedelta(minutes=45)


def test_saturdays_are_told_by_saturdays() -> None:
    saturday = NOW + timedelta(days=5)
    guess = Habits(office(), BERLIN).guess("ann", saturday, saturday)
    assert guess is not None
    assert guess.leaves_at[1] - saturday < timedelta(hours=4)


def test_a_newcomer_is_told_by_the_others_and_less_surely() -> None:
    habits = Habits(office(), BERLIN)
    noon = NOW + timedelta(hours=4)
    new, bob = habits.guess("carl", noon, noon), habits.guess("bob", noon, noon)
    assert new is not None
    assert bob is not None
    assert "new" in new.why
    assert new.own_visits == 0
    assert new.leaves_at[1] - noon < timedelta(hours=3)
    assert new.leaves_at[2] - new.leaves_at[0] >= bob.leaves_at[2] - bob.leaves_at[0]
    assert Habits([], BERLIN).guess("carl", noon, noon) is None


def test_who_stays_longer_than_ever_is_not_gone() -> None:
    late = NOW + timedelta(hours=20)
    guess = Habits(office(), BERLIN).guess("ann", NOW, late, energy_wh=60_000)
    assert guess is not None
    assert all(at > late for at in (*guess.leaves_at, *guess.departures))
    assert guess.energy_wh == (60_000, 60_000, 60_000)


@given(
    hours=st.floats(0, 24 * 28),
    stayed_h=st.floats(0, 12),
    charged=st.floats(0, 30_000),
    driver=st.sampled_from(["ann", "bob", "carl", ""]),
)
def test_guesses_are_ordered_and_only_the_past_counts(hours: float, stayed_h: float, charged: float, driver: str) -> None:
    now = MONDAY + timedelta(hours=hours)
    here = now - timedelta(hours=stayed_h)
    known = [v for v in office() if v.left_at <= now]
    guess = Habits(office(), BERLIN).guess(driver, here, now, charged)
    assert guess == Habits(known, BERLIN).guess(driver, here, now, charged)
    if guess is not None:
        assert now < guess.leaves_at[0] <= guess.leaves_at[1] <= guess.leaves_at[2]
        assert charged <= guess.energy_wh[0] <= guess.energy_wh[1] <= guess.energy_wh[2]
        assert list(guess.departures) == sorted(guess.departures)


def test_departures_become_goals_and_what_the_driver_says_goes_first() -> None:
    guess = Habits(office(), BERLIN).guess("ann", NOW, NOW)
    assert guess is not None
    guessed = goals(Preference(), guess, has_wh=20_000)
    assert sum(goal.probability for goal in guessed) == pytest.approx(1.0)
    assert tuple(goal.at for goal in guessed) == guess.departures
    assert {goal.stored_wh for goal in guessed} == {20_000 + guess.energy_wh[1]}
    until = NOW + timedelta(hours=3)
    (said,) = goals(Preference(energy_min_wh=7000, target_at=until, price_cap_min=0.4), guess)
    assert (said.at, said.stored_wh, said.price_cap, said.probability) == (until, 7000, 0.4, 1.0)
    # who says that he needs nothing at all gets no goal, and who says how much but not when is told by his habits
    assert goals(Preference(energy_max_wh=5000), guess) == ()
    assert {goal.stored_wh for goal in goals(Preference(energy_min_wh=7000, energy_max_wh=9000), guess)} == {7000}


def test_cars_to_come_are_expected_when_they_come_and_not_twice() -> None:
    habits = Habits(office(6), BERLIN)
    now = MONDAY + timedelta(weeks=5, hours=4)
    day = Horizon(starts_at=now, steps_s=(900.0,) * 96)
    band = expected_load(habits, day, BERLIN, now=now, power_w=11_000.0, most_w=22_000.0)
    energy = sum(band.high) / 4
    assert energy > 12_000
    assert max(band.likely[4:16]) > 5000
    assert max(band.high[48:80]) == 0
    assert all(low <= likely <= high for low, likely, high in zip(band.low, band.likely, band.high, strict=True))
    without = expected_load(habits, day, BERLIN, now=now, power_w=11_000.0, most_w=22_000.0, here=("ann",))
    assert max(without.high[4:12]) == 0
    assert max(without.high[20:36]) > 0  # Bob still comes
    friday = MONDAY + timedelta(weeks=5, days=4, hours=20)
    weekend = expected_load(habits, Horizon(starts_at=friday, steps_s=(900.0,) * 96), BERLIN, now=friday, power_w=11_000.0, most_w=22_000.0)
    assert max(weekend.high) * 0.25 < 12_000 / 2  # two hours on a Saturday morning, no more
    known_only = Habits([v for v in habits.visits if v.left_at <= now], BERLIN)
    assert expected_load(known_only, day, BERLIN, now=now, power_w=11_000.0, most_w=22_000.0) == band
    assert set(expected_load(Habits([], BERLIN), day, BERLIN, now=now, power_w=11_000.0, most_w=22_000.0).high) == {22_000.0}
