"""A car never draws more than equation 1.1.1.1 of TF-EVC allows, and each kind has the habits that it claims."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.sim.world.car import Car, CarKind, battery_rate_per_h
from chargebridge.sim.world.fleet import KINDS

V3 = (230.0, 230.0, 230.0)
DT_S = 0.2


def drive(car: Car, offers: list[tuple[float, float]], volts: tuple[float, ...] = V3) -> list[tuple[float, float]]:
    """Give ``offers`` (A, for seconds) one after the other; (offered, drawn) of every step."""
    seen, t_s = [], 0.0
    for offered, lasts_s in offers:
        car.pilot(offered, t_s)
        for _ in range(round(lasts_s / DT_S)):
            drawn = car.draw(t_s, DT_S, volts)
            car.charge(drawn * sum(volts) * DT_S)
            seen.append((offered, drawn))
            t_s += DT_S
    return seen


@given(
    st.sampled_from(sorted(set(KINDS) - {"stubborn"})),
    st.floats(0.05, 1.0),
    st.lists(st.floats(0, 32), min_size=1, max_size=6),
    st.integers(0, 9),
)
def test_power_is_at_most_the_minimum_of_point_car_and_battery_once_the_car_has_had_five_seconds(
    kind: str, soc: float, offers: list[float], seed: int
):
    car = Car("x", KINDS[kind], soc, seed)
    volts = V3[: car.kind.phases]
    steps = round(5.0 / DT_S)
    for offered in offers:
        seen = drive(car, [(offered, 8.0)], volts)
        for _, drawn in seen[steps:]:
            battery_a = battery_rate_per_h(car.soc - 1e-3) * car.kind.capacity_wh / car.kind.efficiency / sum(volts)
            assert drawn <= min(offered if offered >= 6 else 0.0, car.kind.maximum_a, battery_a) + 1e-9
        car.cut()
    assert 0 <= car.soc <= 1 + 1e-9


def test_a_normal_car_reaches_its_offer():
    car = Car("x", CarKind(name="k", capacity_wh=60_000, noise_a=0.0), 0.3, 1)
    assert drive(car, [(13.0, 30.0)])[-1][1] == pytest.approx(13.0)


@pytest.mark.parametrize("offered", [0.0, 5.9])
def test_below_six_amperes_it_pauses(offered: float):
    car = Car("x", KINDS["family"], 0.3, 1)
    assert drive(car, [(16.0, 20.0), (offered, 5.0)])[-1][1] == 0.0


def test_the_sleeper_wakes_minutes_after_a_pause():
    car = Car("x", KINDS["sleeper"], 0.3, 1)
    seen = drive(car, [(16.0, 20.0), (0.0, 10.0), (16.0, 170.0)])
    assert seen[round(20 / DT_S) - 1][1] > 15
    again = [drawn for _, drawn in seen[round(30 / DT_S) :]]
    first = next(i for i, drawn in enumerate(again) if drawn > 0) * DT_S
    assert 150 <= first <= 156


def test_the_lazy_car_ignores_small_raises_until_they_add_up():
    car = Car("x", KINDS["lazy"], 0.3, 1)
    assert drive(car, [(10.0, 20.0)])[-1][1] == pytest.approx(10.0, abs=0.3)
    assert drive_on(car, 11.0) == pytest.approx(10.0, abs=0.3)
    assert drive_on(car, 12.0) == pytest.approx(12.0, abs=0.3)
    assert drive_on(car, 11.0) == pytest.approx(11.0, abs=0.3)


def drive_on(car: Car, offered: float) -> float:
    return sum(drawn for _, drawn in drive(car, [(offered, 20.0)])[-20:]) / 20


def test_the_stubborn_car_keeps_its_current_until_the_contactor_cuts_it():
    car = Car("x", KINDS["stubborn"], 0.3, 1)
    assert drive_on(car, 16.0) == pytest.approx(16.0, abs=0.3)
    assert drive_on(car, 6.0) == pytest.approx(16.0, abs=0.3)
    car.cut()
    assert drive_on(car, 6.0) == pytest.approx(6.0, abs=0.3)


def test_it_tapers_only_near_full_and_stops_exactly_at_its_limit():
    car = Car("x", CarKind(name="k", capacity_wh=60_000, noise_a=0.0), 0.8, 1)
    assert drive(car, [(16.0, 30.0)])[-1][1] == pytest.approx(16.0)
    car.stored_wh = 0.985 * 60_000
    assert drive(car, [(16.0, 30.0)])[-1][1] < 12
    drive(car, [(16.0, 7200.0)])
    assert car.soc == pytest.approx(1.0, abs=1e-9)
    assert drive(car, [(16.0, 1.0)])[-1][1] == 0.0


def test_cars_of_one_seed_are_equal_and_of_another_seed_differ():
    runs = [drive(Car("x", KINDS["ripple"], 0.4, seed), [(16.0, 20.0), (8.0, 20.0)]) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
