"""Whatever a house does, a meter that is right is found right: no false alarm."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.meters.quality.true_meter import START, TrueMeter, run, steps

from chargebridge.meters.quality import Comparison, MeterChecker
from chargebridge.model.finding import Finding
from chargebridge.model.reading import Reading

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


@given(meter=METERS, load=LOADS, restart=st.integers(1, 600))
def test_no_finding_over_a_restart_of_ours(meter: TrueMeter, load: tuple[int, tuple[float, float], float], restart: int) -> None:
    seed, (low, high), every_s = load
    readings = list(meter.readings(steps(seed, low, high, max(every_s, meter.interval_s)), 3600, seed=seed))
    begun = MeterChecker("m")
    assert run(readings[:restart], begun) == []
    assert run(readings[restart + 2 :], MeterChecker("m", standing=begun.open)) == []


@given(
    parts=st.lists(st.tuples(st.integers(0, 100), st.sampled_from([(0, 40), (30, 600), (0, 11_000), (-9000, 0)])), min_size=1, max_size=4),
    house=LOADS,
)
def test_true_meters_below_a_true_meter_never_disagree(
    parts: list[tuple[int, tuple[float, float]]], house: tuple[int, tuple[float, float], float]
) -> None:
    loads = [steps(seed, low, high, 300) for seed, (low, high) in parts]
    own = steps(house[0], 0, 5000, 300)
    sources = {f"p{n}": load for n, load in enumerate(loads)} | {"main": lambda s: own(s) + sum(load(s) for load in loads)}
    comparison = Comparison("main", tuple(name for name in sources if name != "main"))
    told = (
        [replace(r, meter=name) for r in TrueMeter(interval_s=interval).readings(load, 3700, seed=n)]
        for n, ((name, load), interval) in enumerate(zip(sources.items(), (10.0, 5.0, 30.0, 10.0, 5.0), strict=False))
    )
    merged = sorted((r for source in told for r in source), key=lambda r: r.received_at)
    assert [v for r in merged for v in comparison.feed(r) if isinstance(v, Finding)] == []


FIGURES = (None, 0.0, 1.0, -5.0, float("nan"), float("inf"), 1e308, 1e-320, 230.0, 5000.0)
ENERGIES = (None, *(Decimal(text) for text in ("0", "5", "12345", "NaN", "sNaN", "Infinity", "1E+40", "1E+999999", "1E-999999")))


@given(seed=st.integers(0, 10_000))
def test_nonsense_upsets_no_check(seed: int) -> None:
    rng = random.Random(seed)
    checker, comparison, at = MeterChecker("m"), Comparison("m", ("m",)), START
    for _ in range(100):
        at = rng.choice((at, at + timedelta(seconds=rng.randint(0, 400)), START + timedelta(seconds=rng.randint(-4000, 4000))))
        figures = [rng.choice(FIGURES) for _ in range(10)]
        reading = Reading(
            meter="m",
            received_at=at,
            measured_at=rng.choice((None, at, START, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))),
            meter_number=rng.choice((None, "1", "2")),
            power_w=figures[0],
            power_w_phases=(figures[1], figures[2], figures[3]),
            current_a=(figures[4], figures[5], figures[6]),
            voltage_v=(figures[7], figures[8], figures[9]),
            energy_import_wh=rng.choice(ENERGIES),
            energy_export_wh=rng.choice(ENERGIES),
        )
        checker.feed(reading)
        list(comparison.feed(reading))
        checker.today()
