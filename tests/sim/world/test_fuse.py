"""The thermal image against the points that IEC 60898-1 (breakers) and IEC 60269-1 (gG fuses) fix."""

import pytest

from chargebridge.sim.world.fuse import BREAKER_B, FUSE_GG, Curve, ThermalImage

HOUR_S = 3600.0


def opens_after(image: ThermalImage, current_a: float, at_most_s: float, dt_s: float = 0.1) -> float | None:
    for k in range(round(at_most_s / dt_s)):
        if image.step(current_a, dt_s):
            return (k + 1) * dt_s
    return None


@pytest.mark.parametrize(("curve", "holds", "opens"), [(BREAKER_B, 1.13, 1.45), (FUSE_GG, 1.25, 1.6)])
def test_it_holds_the_non_tripping_current_for_an_hour_and_opens_at_the_tripping_current_within_one(
    curve: Curve, holds: float, opens: float
):
    image = ThermalImage(63.0, curve)
    assert opens_after(image, holds * 63.0, HOUR_S) is None
    assert image.peak_heat <= 1.0
    after = opens_after(image, opens * 63.0, HOUR_S)
    assert after is not None
    assert image.peak_heat > 1.0


@pytest.mark.parametrize("rated", [16.0, 32.0, 63.0])
def test_at_2_55_times_rated_current_a_breaker_opens_between_1_and_60_seconds(rated: float):
    after = opens_after(ThermalImage(rated), 2.55 * rated, 120)
    assert after is not None
    assert 1.0 < after < 60.0


def test_the_times_from_cold_that_the_module_states():
    stated = [(BREAKER_B, 1.45, 56), (BREAKER_B, 2.0, 23), (BREAKER_B, 2.55, 13), (FUSE_GG, 1.6, 170), (FUSE_GG, 2.0, 89)]
    for curve, multiple, seconds in stated:
        assert opens_after(ThermalImage(10.0, curve), multiple * 10, 300) == pytest.approx(seconds, abs=1.0)


def test_a_short_circuit_opens_at_once():
    assert ThermalImage(16.0).step(48.0, 0.01)


def test_the_result_does_not_depend_on_the_step():
    coarse, fine = ThermalImage(32.0), ThermalImage(32.0)
    coarse.step(40.0, 10.0)
    for _ in range(1000):
        fine.step(40.0, 0.01)
    assert coarse.theta == pytest.approx(fine.theta, rel=1e-9)
