"""Whatever a house does, a meter that is right is found right: no false alarm."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from tests.meters.quality.true_meter import START, TrueMeter, run, steps

METERS = st.builds(
    TrueMeter,
    interval_s=st.sampled_from([1.0, 2.5, 5.0, 10.0, 30.0]),
    step_wh=st.sampled_from([1, 10, 100, 1000]),
    power_step_w=st.sampled_from([1.0, 10.0]),
    register_s=st.sampled_from([0.0, 0.0, 60.0, 900.0, 3600.0]),
    export=st.booleans(),
    clock=st.booleans(),
    clock_seldom=st.booleans(),
    phases=st.booleans(),
    lag_s=st.sampled_from([0.0, 10.0]),
    means=st.booleans(),
    energy_wh=st.floats(0, 99_999_999),
)
AUTUMN = datetime.fromisoformat("2026-10-24T23:30:00+00:00")
LOADS = st.tuples(
    st.integers(0, 10_000), st.sampled_from([(0, 0), (0, 40), (30, 600), (0, 22_000), (-9000, 6000), (-9000, -10)]), st.floats(2, 4000)
)


@given(meter=METERS, load=LOADS, start=st.sampled_from([START, AUTUMN]), hours=st.sampled_from([0.5, 1.5, 4.0]))
def test_no_finding_of_a_true_meter(meter: TrueMeter, load: tuple[int, tuple[float, float], float], start: datetime, hours: float) -> None:
    seed, (low, high), every_s = load
    profile = steps(seed, low, high, max(every_s, meter.interval_s))
    readings = meter.readings(profile, hours * 3600 if meter.interval_s > 1 else min(hours, 1.5) * 3600, seed=seed, start=start)
    assert run(readings) == []
