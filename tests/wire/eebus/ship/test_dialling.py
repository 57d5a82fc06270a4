"""Who dials, and which of two connections stays (guide 5)."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus.ship.dialling import dial_delay, keeps_new

skis = st.integers(0, 2**160 - 1).map(lambda number: f"{number:040x}")
LARGE, SMALL = "f" * 40, "0" * 40


def test_what_the_larger_ski_dialled_stays() -> None:
    assert keeps_new(SMALL, LARGE, incoming=True)
    assert keeps_new(LARGE, SMALL, incoming=False)
    assert not keeps_new(SMALL, LARGE, incoming=False)
    assert not keeps_new(LARGE, SMALL, incoming=True)


@given(skis, skis)
def test_both_sides_agree_whatever_order_the_two_came_in(one: str, other: str) -> None:
    if one != other:
        assert keeps_new(one, other, incoming=False) == keeps_new(other, one, incoming=True)
        # Had it been dialled the other way round, it would be judged the other way round: just one of the two stays.
        assert keeps_new(one, other, incoming=False) != keeps_new(other, one, incoming=False)


def test_delays_grow_and_then_stay() -> None:
    delays = [dial_delay(attempt) for attempt in range(5)]
    assert delays == [(0.0, 3.0), (3.0, 10.0), (10.0, 20.0), (10.0, 20.0), (10.0, 20.0)]
    assert all(first[1] <= second[1] for first, second in pairwise(delays))
