"""The energy of a car's stay, from figures that begin anew, are told twice, are told wrongly, or are not told at all."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chargebridge.stations.eebus.register import JITTER_WH, Register, Source

T0 = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOST_W = 22_000.0


def told(*figures: tuple[float, float], source: Source = Source.SESSION) -> Register:
    """figures: (minutes, Wh)."""
    register = Register()
    for minutes, wh in figures:
        register = register.read(source, wh, T0 + timedelta(minutes=minutes), MOST_W)
    return register


def test_a_session_figure_is_the_energy() -> None:
    assert told((0, 0), (10, 1800), (20, 3600)).total_wh == 3600


def test_what_was_charged_before_we_came_belongs_to_the_stay() -> None:
    assert told((0, 5000), (10, 6800)).total_wh == 6800


def test_the_same_figure_told_again_counts_once() -> None:
    assert told((0, 0), (10, 1800), (10, 1800), (11, 1800)).total_wh == 1800


def test_a_figure_that_begins_anew_counts_on() -> None:
    assert told((0, 0), (30, 5000), (40, 0), (50, 1500)).total_wh == 6500


def test_it_began_anew_while_nobody_listened() -> None:
    assert told((0, 0), (30, 5000), (90, 2000), (100, 3500)).total_wh == 8500


def test_a_zero_between_two_good_figures_counts_nothing_twice() -> None:
    assert told((0, 0), (30, 5000), (30.1, 0), (30.2, 5020)).total_wh == 5020


def test_a_figure_rounded_another_way_is_no_beginning() -> None:
    assert told((0, 0), (30, 5000), (31, 4995), (32, 5100)).total_wh == 5100


def test_what_no_cable_carries_is_not_believed() -> None:
    assert told((0, 0), (10, 1800), (11, 180_000), (12, 2200)).total_wh == 2200


def test_of_the_wallbox_s_own_register_only_the_growth_counts() -> None:
    assert told((0, 1_234_000), (10, 1_235_800), source=Source.METER).total_wh == 1800


def test_a_better_source_takes_over_and_a_worse_one_is_not_listened_to() -> None:
    register = Register().reckon(6000, T0).reckon(6000, T0 + timedelta(minutes=1))
    assert register.total_wh == 100
    register = register.read(Source.METER, 50_000, T0 + timedelta(minutes=1), MOST_W)
    assert register.total_wh == 100
    register = register.read(Source.METER, 50_100, T0 + timedelta(minutes=2), MOST_W)
    assert register.total_wh == 200
    register = register.read(Source.SESSION, 230, T0 + timedelta(minutes=2), MOST_W)
    assert register.total_wh == 230
    assert register.read(Source.METER, 60_000, T0 + timedelta(minutes=3), MOST_W) == register
    assert register.reckon(6000, T0 + timedelta(minutes=9)) == register


def test_a_second_session_of_the_same_car_begins_at_nothing() -> None:
    register = told((0, 0), (30, 5000)).anew()
    assert register.total_wh == 0
    assert register.read(Source.SESSION, 5600, T0 + timedelta(minutes=40), MOST_W).total_wh == 600


FIGURES = st.one_of(st.floats(), st.floats(min_value=0, max_value=100_000))


@given(st.lists(st.tuples(st.sampled_from(Source), FIGURES, st.floats(min_value=-60, max_value=3600))))
def test_it_never_falls_and_never_grows_faster_than_a_cable_carries(lines: list[tuple[Source, float, float]]) -> None:
    register, at = Register(), T0
    for source, figure, later_s in lines:
        before, at = register, at + timedelta(seconds=later_s)
        register = register.reckon(figure, at) if source is Source.RECKONED else register.read(source, figure, at, MOST_W)
        assert register.total_wh >= before.total_wh
        if source is not Source.RECKONED and register.source is before.source and before.at is not None:
            since_h = max(0.0, (at - before.at).total_seconds()) / 3600
            assert register.total_wh - before.total_wh <= MOST_W * 2.0 * since_h + 50 + 1e-6


@given(st.lists(st.floats(min_value=0, max_value=1000), min_size=1), st.integers(min_value=0))
def test_one_beginning_anew_loses_nothing(steps: list[float], at: int) -> None:
    """The wallbox starts again once, its figure with it; all that was told on both sides of it counts."""
    register, figure, now = Register(), 0.0, T0
    register = register.read(Source.SESSION, 0.0, now, MOST_W)
    lost = at % len(steps)
    for number, more in enumerate(steps):
        figure, now = figure + more, now + timedelta(minutes=10)
        register = register.read(Source.SESSION, figure, now, MOST_W)
        if number == lost and figure > 2 * JITTER_WH:
            register = register.read(Source.SESSION, 0.0, now, MOST_W)
            figure = 0.0
    assert abs(register.total_wh - sum(steps)) < 1e-6
