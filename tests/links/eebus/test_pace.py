"""Allowances, and logs that a flood does not fill."""

from hypothesis import given
from hypothesis import strategies as st

from chargebridge.links.eebus.pace import Pace
from chargebridge.links.eebus.rare_log import MAX_NAMES, RareLog


@given(st.lists(st.floats(0, 2), min_size=1, max_size=100))
def test_no_more_goes_on_than_is_allowed(waits):
    pace, now, taken = Pace(2.0, 5.0, 0.0), 0.0, 0
    for wait in waits:
        now += wait
        taken += pace.may(now)
        assert taken <= 5 + 2 * now + 1e-6


@given(st.integers(1, 200))
def test_who_waits_as_told_keeps_the_pace(number):
    pace, now = Pace(10.0, 5.0, 0.0), 0.0
    for _ in range(number):
        now += pace.take(now)
    assert now >= (number - 5) / 10 - 1e-6


def test_a_flood_is_told_once_and_counted(capsys):
    now = [0.0]
    rare = RareLog(lambda: now[0])
    for _ in range(1000):
        rare.warning("a", "refused", reason="x")
    rare.warning("b", "refused", reason="y")
    now[0] = 11.0
    rare.warning("a", "refused", reason="x")
    said = capsys.readouterr().out
    assert said.count("refused") == 3
    assert "999" in said
    for number in range(2000):
        rare.warning(str(number), "refused")
    assert len(rare._told) == MAX_NAMES
